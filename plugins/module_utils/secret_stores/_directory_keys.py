# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys at rest: as given, or PKCS#8 encrypted with a passphrase that lies outside the store.

`passphrase.check` in the store's folder is the key of nobody, encrypted with the store's passphrase when it was first used: it
says that keys are encrypted here, and with what, so that a wrong or missing passphrase is found before anything is written.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Iterator, Optional, Tuple

from .. import files
from .._ledger_key import create_once
from ..errors import ConfigError, MalformedError
from ..masking import Secret
from ..passphrase import SOURCES, passphrase_of
from ._directory_version import KEY
from ._powers_copies import KeysAtRest

__all__ = ("SOURCES", "AtRest", "check_passphrase", "passphrase_of", "seal", "unseal")

ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
CHECK = "passphrase.check"
_FIELD = "secret_store"
LOOKED_AT = 50  # keys, in a store that has no passphrase.check
_SOURCES = "give the store's passphrase_file, passphrase_env or passphrase_command"


def seal(key: Secret, passphrase: Optional[Secret]) -> bytes:
    """The bytes to keep for the key; MalformedError when it is no PEM private key."""
    if b"PRIVATE KEY-----" not in key.reveal():
        raise MalformedError("what was given as private key is no PEM private key")
    if passphrase is None:
        return key.reveal()
    from ..x509 import key as keys

    return keys.to_pem(keys.load(key), passphrase).reveal()


def unseal(data: bytes, passphrase: Optional[Secret], spki_sha256: str) -> Secret:
    """The key as unencrypted PKCS#8 PEM; MalformedError when it is not the key with that SPKI SHA-256 (empty: any)."""
    from ..x509 import key as keys

    encrypted = ENCRYPTED in data
    if encrypted and passphrase is None:
        raise ConfigError("the key is encrypted at rest", hint=_SOURCES, field=_FIELD)
    key = keys.load(Secret(data), passphrase if encrypted else None)
    if spki_sha256 and keys.spki_sha256(key) != spki_sha256:
        raise MalformedError("the key that is kept is not the one of the certificate")
    return keys.to_pem(key)


def check_passphrase(store: str, passphrase: Optional[Secret]) -> None:
    """Refuse to write to the store's folder without its passphrase, or with another one; the first one used is remembered."""
    path = f"{store}/{CHECK}"
    known = os.path.exists(path)
    if not known:
        path = next((path for path, encrypted in islice(_keys(store), LOOKED_AT) if encrypted), "")
    if not path and passphrase is None:
        return
    if passphrase is None:
        problem = f"the keys in {store} are encrypted, and no passphrase is given: nothing was written"
        raise ConfigError(problem, hint=_SOURCES, field=_FIELD)
    if path:
        _refuse_other(path, passphrase, store)
    else:
        passphrase.reveal()  # a source that gives none is found before anything is written
    if not known:
        _remember(f"{store}/{CHECK}", passphrase)


def _refuse_other(path: str, passphrase: Secret, store: str) -> None:
    from ..x509 import key as keys

    try:
        keys.load(Secret(files.read(path, 65536)), passphrase)
    except MalformedError:
        hint = f"give the one that they were encrypted with; if it is the right one, {path} is damaged"
        raise ConfigError(f"this is not the passphrase of the keys in {store}: nothing was written", hint=hint, field=_FIELD) from None


def _remember(path: str, passphrase: Secret) -> None:
    from ..x509 import key as keys

    data = keys.to_pem(keys.generate("ecdsa-p256"), passphrase).reveal()
    try:
        first = create_once(path, data, 0o600)
    except OSError as error:
        raise files.explain(error, path, "write") from error
    if not first:  # somebody else was, with a passphrase of theirs
        _refuse_other(path, passphrase, os.path.dirname(path))


class AtRest:
    """What a store in a folder can say of its keys without reading one."""

    path: str

    def keys_at_rest(self) -> KeysAtRest:
        """How many keys lie there encrypted, and how many in clear."""
        encrypted = clear = 0
        for _path, sealed in _keys(self.path):
            encrypted, clear = (encrypted + 1, clear) if sealed else (encrypted, clear + 1)
        return KeysAtRest(encrypted, clear)


def _keys(store: str) -> Iterator[Tuple[str, bool]]:
    """The path of every key, and whether it is encrypted."""
    for lineage in _names(f"{store}/lineages"):
        for version in _names(f"{store}/lineages/{lineage}/versions"):
            path = f"{store}/lineages/{lineage}/versions/{version}/{KEY}"
            try:
                with open(path, "rb") as file:
                    yield path, ENCRYPTED in file.read(64)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise files.explain(error, path, "read") from error


def _names(folder: str) -> Iterator[str]:
    try:
        return iter(sorted(os.listdir(folder)))
    except (FileNotFoundError, NotADirectoryError):
        return iter(())
    except OSError as error:
        raise files.explain(error, folder, "read") from error
