# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mozilla's server-side TLS guideline, modern configuration: what it says of certificates."""

from __future__ import annotations

PRESET = {
    "title": "Mozilla server-side TLS guideline 6.0, modern",
    "source": "https://ssl-config.mozilla.org/guidelines/6.0.json",
    "date": "2026-04-06",
    "lifetimes": [{"from": "0001-01-01", "seconds": 90 * 86_400}],
    "key_types": ["ecdsa-p256", "ecdsa-p384"],
    "signatures_refused": ["rsa-md5", "rsa-sha1", "ecdsa-sha1", "dsa-sha1"],
}
