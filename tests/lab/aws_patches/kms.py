# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS: a message that is a digest is signed as it is."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.kms.responses import KmsResponse

from aws_patches import patch


@patch
def kms_digest() -> None:
    """With MessageType DIGEST the message is not hashed once more.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html (MessageType)
    """
    before = KmsResponse.sign

    def sign(self: Any) -> str:
        algorithm, digest = self._get_param("SigningAlgorithm"), self._get_param("Message")
        if self._get_param("MessageType") != "DIGEST" or "PSS" in algorithm:
            return str(before(self))
        key = self.kms_backend.describe_key(self._get_param("KeyId"))
        hashed = utils.Prehashed(getattr(hashes, "SHA" + algorithm.rpartition("_")[2])())
        ways = (padding.PKCS1v15(), hashed) if algorithm.startswith("RSA") else (ec.ECDSA(hashed),)
        data = base64.b64decode(digest) if isinstance(digest, str) else digest
        signature = key.private_key.private_key.sign(data, *ways)
        return json.dumps({"KeyId": key.arn, "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": algorithm})

    KmsResponse.sign = sign
