# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own rule for services that know each other by a private CA: short lives, a new key each time, both usages."""

from __future__ import annotations

PRESET = {
    "title": "certops.clm private mTLS",
    "source": "https://csrc.nist.gov/pubs/sp/1800/16/final",
    "date": "2026-11-01",
    "lifetimes": [{"from": "0001-01-01", "seconds": 30 * 86_400}],
    "key_types": [
        "rsa>=2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87",
    ],
    "signatures_refused": ["rsa-md5", "rsa-sha1", "rsa-sha224", "ecdsa-sha1", "ecdsa-sha224", "dsa-sha1", "dsa-sha256"],
    "usages_allowed": ["server_auth", "client_auth"],
    "reuse_key_refused": True,
}  # fmt: skip
