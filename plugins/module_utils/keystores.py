# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores of Java, JKS and PKCS#12: one certificate with its key under an alias, read and written without a Java.

Standard library only, and for PKCS#12 the openssl command: this file travels to managed hosts.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Sequence, Tuple

from . import _keystore_jks as jks
from . import _keystore_pkcs12 as pkcs12
from . import files
from ._keystore_values import Opened
from .errors import ClmError, ConfigError, MalformedError, NotFoundError
from .masking import Secret

FORMATS: Tuple[str, ...] = ("pkcs12", "jks")
NEW_ALIAS = "server"
MAX_PASSWORD = 1024
_ALIAS = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_. -]{0,99}\Z")

__all__ = ["FORMATS", "NEW_ALIAS", "Keystore", "Opened", "check_alias"]


@dataclass(frozen=True)
class Keystore:
    """How a place's keystore is opened. `alias` empty: the one that it has is kept. `former_password_file`: what it may still have.

    The password files are on the managed host: no password ever comes through Ansible.
    """

    format: str
    alias: str
    password_file: str
    former_password_file: str = ""

    def opened(self, data: bytes) -> Opened:
        """What is in these bytes, by the password or by the former one; MalformedError when neither opens them."""
        try:
            return self._opened(data, self.password_file)
        except MalformedError:
            if not self.former_password_file:
                raise
            return self._opened(data, self.former_password_file)

    def opens(self, data: bytes) -> bool:
        """True when the present password opens it, and its alias is the wanted one: else it is to be written again."""
        try:
            alias = self._opened(data, self.password_file).alias
        except ClmError:
            return False
        return self.alias.lower() in ("", alias.lower())  # Java keeps them in lower case

    def sealed(self, chain_der: Sequence[bytes], key: Secret, alias: str, now: datetime) -> bytes:
        """A new keystore with this certificate and key and nothing else; `alias` is the present one."""
        name = self.alias or alias or NEW_ALIAS
        if self.format == "jks":
            return jks.seal(name.lower(), chain_der, key, password_of(self.password_file), now)
        return pkcs12.seal(name, chain_der, key, password_of(self.password_file))

    def _opened(self, data: bytes, password_file: str) -> Opened:
        password = password_of(password_file)
        if jks.is_one(data):  # also where the format is to change
            return jks.unseal(data, password)
        return pkcs12.unseal(data, password)


def password_of(path: str) -> Secret:
    """The first line of a password file; ConfigError when there is none, or it is too short for a Java, or everybody may read it."""
    try:
        data = files.read(path, MAX_PASSWORD)
        mode = os.stat(path).st_mode
    except NotFoundError:
        raise ConfigError(f"the password file {path} is not on this server", field="target.password_file") from None
    except OSError as error:
        raise files.explain(error, path, "read") from error
    line = data.split(b"\n")[0].rstrip(b"\r")
    if len(line) < 6:
        raise ConfigError(f"the first line of {path} is no password of at least 6 characters", field="target.password_file")
    if mode & 0o007:
        raise ConfigError(f"everybody may read the password file {path}", hint=f"chmod o= {path}", field="target.password_file")
    return Secret(line)


def check_alias(alias: str) -> str:
    """An alias that may stand in a command; ConfigError for one that may not."""
    if alias and not _ALIAS.match(alias):
        raise ConfigError(f"{alias[:100]!r} is no alias of a keystore", field="target.alias")
    return alias
