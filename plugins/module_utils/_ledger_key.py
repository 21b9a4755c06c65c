# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs checkpoints: an Ed25519 key in a private file, made on first use, and never in a result."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from typing import Any

from . import durable, files
from ._ledger_files import make_folder
from .errors import ConfigError, MalformedError, NotFoundError
from .x509._crypto import ed25519, require, serialization

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK)


def signing_key(path: str, known: bool) -> Any:
    """The private key in the file; one is made where there is none, unless it is `known` already where the checkpoints are."""
    require()
    try:
        return _load(path)
    except NotFoundError:
        pass
    if known:
        raise ConfigError(
            f"the key that signs checkpoints is gone: {path}, but its vkey is known already",
            hint="bring the file back from a backup, or give this writer a new writer_id: its chain then begins anew",
            field="ledger.checkpoints.key_file",
        )
    folder = os.path.dirname(os.path.abspath(path))
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        make_folder(folder, 0o700)
        create_once(path, pem, 0o600)
    except OSError as error:
        raise files.explain(error, path, "write the key that signs checkpoints to") from error
    return _load(path)


def _load(path: str) -> Any:
    data = files.read(path, 64 * 1024)
    field = "ledger.checkpoints.key_file"
    files.check_private(os.path.dirname(os.path.abspath(path)))
    if os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path} is open to others", field=field, hint=f"chmod 0600 {path}")
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise MalformedError(f"{path} holds no unencrypted Ed25519 key", field=field, hint="name another file: a key is made in it")
    return key


def create_once(path: str, data: bytes, mode: int) -> bool:
    """A file that is there whole or not at all, for the first who comes; False when somebody else was first. Raises OSError."""
    folder = os.path.dirname(path) or "."
    temporary = os.path.join(folder, f".{os.path.basename(path)[:100]}.{secrets.token_hex(4)}.tmp")
    files.write_new(temporary, data, mode)
    try:
        durable.sync((temporary,), ())
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _create(path, data, mode)
    finally:
        os.unlink(temporary)
    durable.sync((), (folder,))
    return True


def _create(path: str, data: bytes, mode: int) -> bool:
    """The same where files cannot be linked: a crash in the middle may leave a torn file."""
    try:
        files.write_new(path, data, mode)
    except FileExistsError:
        return False
    durable.sync((path,), (os.path.dirname(path) or ".",))
    return True
