# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CA/Browser Forum TLS Baseline Requirements, as far as a subscriber can see them."""

from __future__ import annotations

PRESET = {
    "title": "CA/Browser Forum TLS Baseline Requirements 2.2.6",
    "source": "https://github.com/cabforum/servercert/blob/main/docs/BR.md",
    "date": "2026-03-31",
    # Section 6.3.2: by the date of issue, in days of 86,400 seconds with both ends counted.
    "lifetimes": [
        {"from": "0001-01-01", "seconds": 398 * 86_400},
        {"from": "2026-03-15", "seconds": 200 * 86_400},
        {"from": "2027-03-15", "seconds": 100 * 86_400},
        {"from": "2029-03-15", "seconds": 47 * 86_400},
    ],
    # Section 6.1.5 and 6.1.6: the modulus is a multiple of 8 bits, which every "rsa>=" demands.
    "key_types": ["rsa>=2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521"],
    "signatures_refused": ["rsa-md5", "rsa-sha1", "rsa-sha224", "ecdsa-sha1", "ecdsa-sha224", "dsa-sha1", "dsa-sha256"],
    "usages_required": ["server_auth"],
    "usages_allowed": ["server_auth", "client_auth"],
    "common_name_in_names": True,
    "serial_checked": True,
    # Section 7.1.2.11.2: a short-lived certificate (7 days since 2026-03-15) needs no CRL.
    "crl_above": 7 * 86_400,
    # No names of the reverse zones since 2026-03-15.
    "suffixes_refused": [".in-addr.arpa", ".ip6.arpa"],
}
