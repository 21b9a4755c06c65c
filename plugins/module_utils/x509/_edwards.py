# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths over CAs with Ed25519 or Ed448 keys, which cryptography's verifier refuses as the web PKI does: OpenSSL judges them.

A private PKI may have them; browsers accept none of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Sequence, Tuple

from ._crypto import hashes
from .certificate import Certificate

try:
    from OpenSSL import crypto
except ImportError:
    crypto = None

KEYS = ("ed25519", "ed448")


def verify_row(
    leaf: Certificate, row: Sequence[Certificate], anchors: Sequence[Certificate], when: datetime, usage: str
) -> Tuple[Tuple[str, ...], str]:
    """The SHA-256s from the leaf to one of the anchors and "", or nothing and what is wrong; names are not judged."""
    if crypto is None:
        return (), "paths over Ed25519 and Ed448 CAs need the Python package pyOpenSSL (pip install pyOpenSSL)"
    for one in row:
        if one.extended_key_usage and usage not in one.extended_key_usage:
            return (), f"the extended key usage of {one.subject!r} lacks {usage}"
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    store.set_time(when)
    try:
        for one in anchors:
            store.add_cert(crypto.X509.from_cryptography(one.native))
        given = [crypto.X509.from_cryptography(one.native) for one in row]
        found = crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf.native), given).get_verified_chain()
    except (crypto.X509StoreContextError, crypto.Error, ValueError, TypeError) as error:
        return (), f"OpenSSL says: {error}"
    return tuple(one.to_cryptography().fingerprint(hashes.SHA256()).hex() for one in found), ""
