# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys at rest: as given, or PKCS#8 encrypted with a passphrase that lies outside the store."""

from __future__ import annotations

import os
import stat
from typing import Any, Mapping, Optional

from .. import files
from ..errors import ConfigError, MalformedError
from ..masking import Secret

ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
SHORTEST_PASSPHRASE = 20  # PKCS#8 stretches it little: it has to be strong by itself


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
        raise ConfigError("the key is encrypted at rest", hint="give the store's passphrase_file or passphrase_env", field="secret_store")
    key = keys.load(Secret(data), passphrase if encrypted else None)
    if spki_sha256 and keys.spki_sha256(key) != spki_sha256:
        raise MalformedError("the key that is kept is not the one of the certificate")
    return keys.to_pem(key)


def passphrase_of(options: Mapping[str, Any], store: str, environment: Mapping[str, str]) -> Optional[Secret]:
    """The passphrase that the options name, None when they name none; never one that lies in the store itself."""
    path, variable = options.get("passphrase_file"), options.get("passphrase_env")
    if path and variable:
        raise ConfigError("give passphrase_file or passphrase_env, not both", field="secret_store")
    if path:
        return _usable(_from_file(str(path), store), "passphrase_file")
    if variable:
        if variable not in environment:
            raise ConfigError(f"the environment has no {variable}", field="secret_store.passphrase_env")
        return _usable(environment[variable].encode(), "passphrase_env")
    return None


def _from_file(path: str, store: str) -> bytes:
    inside = os.path.realpath(store)
    if os.path.commonpath((os.path.realpath(path), inside)) == inside:
        raise ConfigError(
            "the passphrase lies in the store that it protects",
            field="secret_store.passphrase_file",
            hint="keep it where the store's backup does not go",
        )
    data = files.read(path, 4096)
    if os.stat(path).st_mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ConfigError(f"{path} is open to others", field="secret_store.passphrase_file", hint=f"chmod 0600 {path}")
    return data


def _usable(value: bytes, field: str) -> Secret:
    text = value.rstrip(b"\r\n")
    if len(text) < SHORTEST_PASSPHRASE:
        raise ConfigError(
            f"the passphrase is shorter than {SHORTEST_PASSPHRASE} bytes",
            field=f"secret_store.{field}",
            hint="make one with: openssl rand -base64 32",
        )
    return Secret(text)
