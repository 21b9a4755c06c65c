# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a passphrase comes from: a file (which ansible-vault may have encrypted), the environment, a command, or a value.

A value, and a file of ansible-vault, are taken only in the controller's own process, which has the vault secrets of the run:
a module would have the value in its file on disk, and has no vault secrets. A command runs when the passphrase is first needed.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from . import files
from .commands import head
from .errors import ClmError, ConfigError, NotFoundError
from .masking import Secret

SOURCES: Dict[str, Dict[str, Any]] = {
    "passphrase_file": {"type": "path", "no_log": False},
    "passphrase_env": {"type": "str", "no_log": False},
    "passphrase_command": {"type": "list", "elements": "str", "no_log": False},
    "passphrase": {"type": "str", "no_log": True},
}
SHORTEST = 20  # bytes; PKCS#8 stretches it little: it has to be strong by itself
LARGEST, SECONDS = 4096, 30
VAULTED = b"$ANSIBLE_VAULT;"
_GENERATE = "make one with: openssl rand -base64 32"
_vault: List[Callable[[str], bytes]] = []


class Fetched(Secret):
    """A secret that is fetched when it is first revealed, once."""

    __slots__ = ("_fetch",)
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch: Optional[Callable[[], bytes]] = fetch

    def reveal(self) -> bytes:
        """The bytes; whatever `fetch` raises the first time, and again the next."""
        if self._fetch is not None:
            super().__init__(self._fetch())
            self._fetch = None
        return super().reveal()


def use_vault(read: Callable[[str], bytes]) -> None:
    """From now on files of ansible-vault are read by `read(path)`; this process is the controller's own."""
    _vault[:] = [read]


def passphrase_of(
    options: Mapping[str, Any], environment: Mapping[str, str], *, protects: Sequence[str] = (), field: str = "secret_store"
) -> Optional[Secret]:
    """The passphrase of the one source that the options name, None when they name none.

    ConfigError for two sources, for a source that lies in one of the folders that it `protects`, and for one that is too short.
    """
    given = [name for name in SOURCES if options.get(name)]
    if not given:
        return None
    if len(given) > 1:
        raise ConfigError(f"give one of {', '.join(given)}, not {len(given)} of them", field=field or given[0])
    (name,) = given
    place, value = f"{field}.{name}" if field else name, options[name]
    if name == "passphrase_file":
        return _from_file(str(value), protects, place)
    if name == "passphrase_command":
        return _from_command(value, protects, place)
    if name == "passphrase_env":
        if value not in environment:
            raise ConfigError(f"the environment has no {value}", field=place)
        return Secret(_usable(environment[value].encode(), place))
    if not _vault:
        raise ConfigError(
            "a module would have it in its file on disk, so it is not taken as a value here",
            field=place,
            hint="give passphrase_file, passphrase_env or passphrase_command, or use the action certops.clm.certificate",
        )
    return Secret(_usable(str(value).encode(), place))


def refuse_inside(path: str, folders: Sequence[str], field: str) -> None:
    """ConfigError when the file, by any of its names that can be known, lies in one of the folders."""
    for folder in folders:
        inside = os.path.realpath(folder)
        if os.path.commonpath((os.path.realpath(path), inside)) == inside or _linked(path, inside):
            hint = "keep it where that folder's backup does not go"
            raise ConfigError(f"the passphrase lies in {folder}, which it protects", field=field, hint=hint)


def _linked(path: str, folder: str) -> bool:
    """True when a hard link to the file lies below the folder."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    if found.st_nlink < 2 or not stat.S_ISREG(found.st_mode):
        return False
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                if os.path.samestat(os.lstat(os.path.join(parent, name)), found):
                    return True
            except FileNotFoundError:
                continue
    return False


def _from_file(path: str, protects: Sequence[str], field: str) -> Secret:
    path = os.path.abspath(os.path.expanduser(path))
    refuse_inside(path, protects, field)
    data = read_named(path, field)
    if data.startswith(VAULTED):  # who may read it matters less: it is encrypted
        return Fetched(lambda: _usable(read_vaulted(path, field), field))
    refuse_open(path, field)
    return Secret(_usable(data, field))


def secret_of_file(path: str, field: str) -> Secret:
    """One line that somebody else made, as a CA's or a name server's key: from a file that is not open to others, or ansible-vault's."""
    path = os.path.abspath(os.path.expanduser(path))
    data = read_named(path, field, hint="look at the path; it is one of the controller")
    if data.startswith(VAULTED):
        data = read_vaulted(path, field)
    else:
        refuse_open(path, field)
    text = data.strip()
    if not text or b"\n" in text or b"\0" in text:
        raise ConfigError(f"{path} must hold one line, the key", field=field)
    return Secret(text)


def read_named(path: str, field: str, hint: str = f"look at the path; for something new, {_GENERATE}") -> bytes:
    """The bytes of the file that an option names; NotFoundError names the option."""
    try:
        return files.read(path, 65536)
    except NotFoundError:
        raise NotFoundError(f"there is no file {path}", field=field, hint=hint) from None


def refuse_open(path: str, field: str) -> None:
    """ConfigError when others than its owner (and a group that may only read it) may use the file."""
    if os.stat(path).st_mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ConfigError(f"{path} is open to others", field=field, hint=f"chmod 0600 {path}")


def read_vaulted(path: str, field: str) -> bytes:
    """What ansible-vault encrypted in the file; ConfigError where this process has no vault secrets, or wrong ones."""
    if not _vault:
        raise ConfigError(
            f"{path} is encrypted with ansible-vault, and a module has no vault secrets to decrypt it",
            field=field,
            hint="use the action certops.clm.certificate or the playbooks, or give this module passphrase_command or another file",
        )
    try:
        return _vault[0](path)
    except ClmError as error:
        raise ConfigError(f"{path}: {error.message}", field=field, hint=error.hint) from None


def _from_command(value: Any, protects: Sequence[str], field: str) -> Secret:
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) and word and "\0" not in word for word in value):
        raise ConfigError("must be a list of words: the program and its arguments, without a shell", field=field)
    argv = [str(word) for word in value]
    for word in argv:
        if os.path.isabs(word):
            refuse_inside(word, protects, field)
    return Fetched(lambda: _usable(_output(argv, field), field))


def _output(argv: List[str], field: str) -> bytes:
    """What the command prints; what it says of errors is never shown, for it may quote the passphrase."""
    hint = "run it by hand as the user who runs Ansible, and look what it says"
    try:
        done = head(argv, SECONDS, LARGEST + 1)
    except ClmError as error:
        raise ConfigError(f"the command gave no passphrase: {error.message}", field=field, hint=hint) from None
    if done.code or len(done.output) > LARGEST:
        problem = f"{argv[0]} printed more than {LARGEST} bytes" if len(done.output) > LARGEST else f"{argv[0]} ended with {done.code}"
        raise ConfigError(f"the command gave no passphrase: {problem}", field=field, hint=hint)
    return done.output


def _usable(value: bytes, field: str) -> bytes:
    text = value.rstrip(b"\r\n")
    if b"\n" in text or b"\0" in text or len(text) > LARGEST:
        raise ConfigError(f"a passphrase is one line of at most {LARGEST} bytes", field=field, hint=_GENERATE)
    refuse_short(text, field)
    return text


def refuse_short(passphrase: bytes, field: str) -> None:
    """ConfigError for a passphrase that is too short for something new to be kept under it."""
    if len(passphrase) < SHORTEST:
        raise ConfigError(f"the passphrase is shorter than {SHORTEST} bytes", field=field, hint=_GENERATE)
