# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA's key in AWS KMS: it is made there, and never leaves. What is signed goes out as its hash."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NoReturn, Optional

from .. import aws
from ..contracts import CaKey, Clock
from ..errors import ConfigError, MalformedError
from ..x509._crypto import ec, hashes, require, rsa, serialization

NAME = "aws_kms"
OPTIONS: Dict[str, Any] = {
    "key_id": {"type": "str", "required": True, "no_log": False},
    **aws.ONE,
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "The key of an intermediate": [
        {
            "Action": ["kms:GetPublicKey", "kms:Sign"],
            "Resource": "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555",
        }
    ]
}
ALGORITHMS = {
    ("rsa", "sha256"): "RSASSA_PKCS1_V1_5_SHA_256",
    ("ec", "sha256"): "ECDSA_SHA_256",
    ("ec", "sha384"): "ECDSA_SHA_384",
    ("ec", "sha512"): "ECDSA_SHA_512",
}


def create(options: Mapping[str, Any], clock: Clock) -> CaKey:
    """The key of that id, ARN or alias; nothing is asked before it is used."""
    return AwsKms(options)


class AwsKms:
    """A CaKey in KMS."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._id = str(options["key_id"])
        self._client: Any = None

    def key(self) -> Any:
        """A private key as the library knows them; ConfigError when KMS has none that can sign certificates."""
        require()
        with aws.told("kms GetPublicKey"):
            answer = self._sdk().get_public_key(KeyId=self._id)
        if answer["KeyUsage"] != "SIGN_VERIFY":
            text = f"the key {self._id} of KMS is for {answer['KeyUsage']}"
            raise ConfigError(text, hint="make one for SIGN_VERIFY", field="intermediate_key")
        public = serialization.load_der_public_key(answer["PublicKey"])
        if isinstance(public, ec.EllipticCurvePublicKey):
            return _ec_key(public, self._sign)
        if isinstance(public, rsa.RSAPublicKey):
            return _rsa_key(public, self._sign)
        raise ConfigError(f"the key {self._id} of KMS is neither ECDSA nor RSA", field="intermediate_key")

    def _sign(self, kind: str, data: bytes, algorithm: Any) -> bytes:
        """The signature of the data, whose hash alone goes to KMS."""
        name = ALGORITHMS.get((kind, algorithm.name))
        if name is None:
            raise ConfigError(f"KMS signs no {algorithm.name} with this key", field="intermediate_key")
        hashed = hashes.Hash(algorithm)
        hashed.update(data)
        with aws.told("kms Sign"):
            answer = self._sdk().sign(KeyId=self._id, Message=hashed.finalize(), MessageType="DIGEST", SigningAlgorithm=name)
        signature: bytes = answer["Signature"]
        return signature

    def _sdk(self) -> Any:
        if self._client is None:
            parts = self._id.split(":")
            region = parts[3] if len(parts) > 5 else self._options.get("region")
            account, found = aws.account({**self._options, "region": region})
            self._client = account.client("kms", found)
        return self._client


def _never(what: str) -> NoReturn:
    raise MalformedError(f"a key of KMS {what}")


class _InKms:
    """What a private key of the library is asked for beside its signature; it stands before the library's own class."""

    def __init__(self, public: Any) -> None:
        self._public = public

    key_size = property(lambda self: self._public.key_size)

    def public_key(self) -> Any:
        return self._public

    def private_numbers(self) -> Any:
        _never("never leaves it")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        _never("never leaves it")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Optional[Dict[Any, Any]] = None) -> Any:
        return self


def _ec_key(public: Any, signed: Any) -> Any:
    """An ECDSA key that signs by KMS; the class is made here, since only here the library is known to be there."""

    class EcKey(_InKms, ec.EllipticCurvePrivateKey):
        """Made in KMS."""

        curve = property(lambda self: public.curve)

        def sign(self, data: Any, signature_algorithm: Any) -> bytes:
            found: bytes = signed("ec", bytes(data), signature_algorithm.algorithm)
            return found

        def exchange(self, algorithm: Any, peer_public_key: Any) -> bytes:
            _never("signs, and agrees on no key")

    return EcKey(public)


def _rsa_key(public: Any, signed: Any) -> Any:
    """An RSA key that signs by KMS."""

    class RsaKey(_InKms, rsa.RSAPrivateKey):
        """Made in KMS."""

        def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
            found: bytes = signed("rsa", bytes(data), algorithm)
            return found

        def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:
            _never("signs, and decrypts nothing")

    return RsaKey(public)
