# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's KMS, with and without the patch."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def test_a_digest_is_signed_as_it_is(lab):
    server, mended = lab
    server.reset()
    client = server.client("kms")
    key = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    digest = hashlib.sha256(b"a certificate").digest()
    signature = client.sign(KeyId=key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    public = serialization.load_der_public_key(client.get_public_key(KeyId=key)["PublicKey"])
    try:
        public.verify(signature, b"a certificate", ec.ECDSA(hashes.SHA256()))
        good = True
    except InvalidSignature:
        good = False
    assert good is mended
