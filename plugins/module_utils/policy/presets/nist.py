# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NIST SP 800-57 part 1 revision 5 (strengths, cryptoperiods), SP 1800-16 (owners) and IR 8547 (the end of RSA-2048 and P-256)."""

from __future__ import annotations

PRESET = {
    "title": "NIST SP 800-57 part 1 rev. 5, SP 1800-16, IR 8547 (draft)",
    "source": "https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final",
    "date": "2020-05-04",
    # A private authentication key is used for one to two years; with a new key at each renewal that is the lifetime.
    "lifetimes": [{"from": "0001-01-01", "seconds": 366 * 86_400}],
    # At least 112 bits of security.
    "key_types": [
        "rsa>=2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87",
    ],
    "signatures_refused": ["rsa-md5", "rsa-sha1", "ecdsa-sha1", "dsa-sha1", "dsa-sha256"],
    "labels_required": ["owner"],
    "deprecated_after": {"date": "2030-12-31", "key_types": ["rsa-2048", "ecdsa-p256"]},
}  # fmt: skip
