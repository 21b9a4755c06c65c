# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys: made, written and read; their bytes leave only as `Secret`."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..errors import ConfigError, MalformedError
from ..masking import Secret
from . import pem as _pem
from ._crypto import ec, ed448, ed25519, hashes, mldsa, require, require_ml_dsa, rsa, serialization
from ._key_cost import check_cost
from .algorithms import key_type_of

__all__ = ("KEY_TYPES", "digest_for", "generate", "key_type_of", "load", "spki_sha256", "to_pem")

KEY_TYPES = (
    "rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448", "ml-dsa-44", "ml-dsa-65",
    "ml-dsa-87",
)  # fmt: skip


def generate(key_type: str) -> Any:
    """A new private key of one of KEY_TYPES; ConfigError for another word, MissingLibraryError where ML-DSA needs a newer library."""
    require()
    if key_type not in KEY_TYPES:
        raise ConfigError(f"unknown key type {key_type!r}", hint=f"one of {', '.join(KEY_TYPES)}", field="key_type")
    if key_type == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    if key_type == "ecdsa-p384":
        return ec.generate_private_key(ec.SECP384R1())
    if key_type == "ecdsa-p521":
        return ec.generate_private_key(ec.SECP521R1())
    if key_type == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if key_type == "ed448":
        return ed448.Ed448PrivateKey.generate()
    if key_type.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(key_type[4:]))
    require_ml_dsa()
    kinds: Dict[str, Any] = {"44": mldsa.MLDSA44PrivateKey, "65": mldsa.MLDSA65PrivateKey, "87": mldsa.MLDSA87PrivateKey}
    return kinds[key_type[7:]].generate()


def digest_for(key: Any) -> Optional[Any]:
    """The hash that a signature with this key takes, as strong as the key; None where the algorithm brings its own."""
    kind = key_type_of(key)
    if kind.startswith(("ed2", "ed4", "ml-dsa")):
        return None
    return {"ecdsa-p384": hashes.SHA384, "ecdsa-p521": hashes.SHA512}.get(kind, hashes.SHA256)()


def to_pem(key: Any, passphrase: Optional[Secret] = None) -> Secret:
    """The key as PKCS#8 PEM, encrypted when there is a passphrase."""
    encryption: Any = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase.reveal())
    return Secret(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))


def load(pem: Secret, passphrase: Optional[Secret] = None) -> Any:
    """The private key of exactly one PEM block; MalformedError when it is none or the passphrase does not fit.

    The message never quotes what was read.
    """
    require()
    data = pem.reveal()
    if b"-----BEGIN EC PARAMETERS-----" not in data:  # `openssl ecparam -genkey` writes them before the key
        (block,) = _pem.split(data, allow=_pem.KEY_LABELS, limit=1)
        if block.label == "ENCRYPTED PRIVATE KEY":
            check_cost(block.der)
    try:
        return serialization.load_pem_private_key(data, passphrase.reveal() if passphrase is not None else None)
    except TypeError:
        problem = "is not encrypted, but a passphrase is given" if passphrase is not None else "is encrypted, and no passphrase is given"
    except Exception:  # damaged bytes raise anything: ValueError, UnsupportedAlgorithm, InternalError, ...
        problem = "cannot be read" if passphrase is None else "cannot be read: wrong passphrase, or damaged"
    raise MalformedError(f"the private key {problem}")


def spki_sha256(key: Any) -> str:
    """Lower-case hex SHA-256 of the SubjectPublicKeyInfo of a private or public key."""
    public = key.public_key() if hasattr(key, "public_key") else key
    return _pem.sha256(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
