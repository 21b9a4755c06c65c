# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment on a managed server, read once from plain data and checked. Standard library only: it travels to managed hosts."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from .. import starttls
from ..contracts import Where
from ..errors import ConfigError
from ..identifiers import is_name, meant
from ..keystores import FORMATS, Keystore, check_alias
from ..server_kinds import _index as kinds

CERTIFICATE, KEY, CHAIN = "certificate", "key", "chain"
LAYOUTS: Mapping[str, Tuple[str, ...]] = {
    "fullchain": (CERTIFICATE, KEY),
    "separate": (CERTIFICATE, KEY, CHAIN),
    "combined": (CERTIFICATE,),
    "pkcs12": (CERTIFICATE,),
    "jks": (CERTIFICATE,),
}
RELOADS = ("systemd", "command", "signal", "haproxy_socket")
SLOTS = ("default", "rsa", "ecdsa")
FILLED = ("{certificate_file}", "{key_file}")
TARGET_FIELDS = frozenset(
    "type kind layout certificate_file key_file chain_file owner group mode key_mode check reload server"
    " alias password_file former_password_file".split()
)


@dataclass(frozen=True)
class Endpoint:
    """Where a new connection shows what is served; `addresses` empty means every address that `host` has on this server."""

    host: str
    port: int
    server_name: str = ""
    starttls: str = "none"
    addresses: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """The server program of a deployment: deployments with the same check and reload share one validation and one reload."""

    check: Tuple[str, ...]
    how: str
    what: Tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """One deployment's place; `files` is role -> path. None for owner, group and modes: what is there is kept."""

    id: str
    layout: str
    files: Mapping[str, str]
    program: Program
    endpoints: Tuple[Endpoint, ...]
    slot: str = "default"
    owner: Optional[str] = None
    group: Optional[str] = None
    mode: Optional[int] = None
    key_mode: Optional[int] = None
    keystore: Optional[Keystore] = None

    @property
    def one_file(self) -> bool:
        """True where the key stands in the same file as the certificate."""
        return KEY not in LAYOUTS[self.layout]

    def mode_of(self, role: str) -> Optional[int]:
        """The mode asked for the file of that role, None when none was; a file with everything is a key file."""
        return self.key_mode if role == KEY or self.one_file else self.mode


def place_of(where: Where) -> Place:
    """The place that a deployment item describes; ConfigError names the field."""
    name = where.get("id")
    if not is_name(name):
        raise ConfigError(f"{str(name)[:130]!r} is no name of a deployment", field="id")
    target = _mapping(where.get("target"), "target")
    unknown = sorted(key for key, value in target.items() if key not in TARGET_FIELDS and value is not None)
    if unknown:
        raise ConfigError(f"unknown fields: {', '.join(unknown)}", field="target", hint=meant(unknown[0], sorted(TARGET_FIELDS)))
    if target.get("type", "server") != "server":
        raise ConfigError(f"{target.get('type')!r} is not a managed server", field="target.type")
    layout = target.get("layout") or "fullchain"
    if not isinstance(layout, str) or layout not in LAYOUTS:
        raise ConfigError(f"unknown layout {layout!r}", field="target.layout", hint="one of " + ", ".join(LAYOUTS))
    slot = where.get("slot") or "default"
    program = _program(target)
    if program.how == "haproxy_socket" and layout != "combined":
        raise ConfigError("haproxy's socket takes one file: layout combined", field="target.layout")
    return Place(
        id=str(name),
        layout=layout,
        files=_files(target, layout),
        program=program,
        endpoints=endpoints_of(where.get("endpoints"), "endpoints"),
        slot=slot if isinstance(slot, str) and slot in SLOTS else "default",
        owner=_text(target, "owner"),
        group=_text(target, "group"),
        mode=_mode(target, "mode"),
        key_mode=_mode(target, "key_mode"),
        keystore=_keystore(target, layout),
    )


def _mapping(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError("a dictionary belongs here", field=field)
    return value


def _text(target: Mapping[str, Any], name: str) -> Optional[str]:
    value = target.get(name)
    return None if value is None or value == "" else str(value)


def _mode(target: Mapping[str, Any], name: str) -> Optional[int]:
    """Octal text, or the number that YAML made of an unquoted one; nobody but owner and group may ever read a key file."""
    value = target.get(name)
    if value is None or value == "":
        return None
    try:
        mode = value if isinstance(value, int) and not isinstance(value, bool) else int(str(value), 8)
    except ValueError:
        raise ConfigError(f"{value!r} is no octal mode", field=f"target.{name}", hint='write it as text, as in "0644"') from None
    if not 0 < mode <= 0o777 or (name == "key_mode" and mode & 0o007):
        raise ConfigError(f"{mode:04o} is no mode for this file", field=f"target.{name}")
    return mode


def _keystore(target: Mapping[str, Any], layout: str) -> Optional[Keystore]:
    """How a keystore is opened; None for files in PEM, which have no alias and no password."""
    passwords = [str(target.get(name) or "") for name in ("password_file", "former_password_file")]
    if layout not in FORMATS:
        if target.get("alias") or any(passwords):
            raise ConfigError(f"layout {layout} has no alias and no password", field="target.layout", hint="pkcs12 and jks have")
        return None
    for path in filter(None, passwords):
        if not path.startswith("/") or "\0" in path or os.path.normpath(path) != path:
            raise ConfigError(f"{path!r} is no absolute, normalised path", field="target.password_file")
    if not passwords[0]:
        raise ConfigError(f"layout {layout} needs the file on the server that holds its password", field="target.password_file")
    return Keystore(layout, check_alias(str(target.get("alias") or "")), *passwords)


def _files(target: Mapping[str, Any], layout: str) -> Mapping[str, str]:
    files: Dict[str, str] = {}
    for role in (CERTIFICATE, KEY, CHAIN):
        field = f"{role}_file"
        path = target.get(field)
        if role not in LAYOUTS[layout]:
            if path:
                raise ConfigError(f"layout {layout} has no {field}", field=f"target.{field}")
            continue
        if not isinstance(path, str) or not path.startswith("/") or "\0" in path or "\n" in path or os.path.normpath(path) != path:
            raise ConfigError(f"{path!r} is no absolute, normalised path", field=f"target.{field}")
        if path in files.values():
            raise ConfigError(
                f"{path} is named twice", field=f"target.{field}", hint="one file with certificate and key is layout: combined"
            )
        files[role] = path
    return files


def argv_of(value: Any, field: str) -> Tuple[str, ...]:
    """A command as a list of words; never a shell line."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(word, str) and "\0" not in word for word in value):
        raise ConfigError("a command is a list of words, it is never given to a shell", field=field)
    return tuple(value)


def _program(target: Mapping[str, Any]) -> Program:
    kind = str(target.get("kind") or "generic")
    defaults = kinds.options_of(kind)
    check, reload = target.get("check"), target.get("reload")
    check = defaults["check"]["default"] if check is None else check
    reload = _filled(defaults["reload"]["default"], target) if reload is None else _mapping(reload, "target.reload")
    how, what = _reload(reload)
    return Program(argv_of(check, "target.check"), how, what)


def _filled(reload: Mapping[str, Any], target: Mapping[str, Any]) -> Mapping[str, Any]:
    """A kind's default reload, in whose command `{certificate_file}` stands for the deployment's."""
    words = [str(target.get(word[1:-1]) or "") if word in FILLED else word for word in reload.get("command", ())]
    return {**reload, "command": words} if words else reload


def _reload(reload: Mapping[str, Any]) -> Tuple[str, Tuple[str, ...]]:
    """(how, its words) from exactly one of the four ways."""
    given = [how for how in RELOADS if reload.get(how)]
    rest = sorted(set(reload) - set(RELOADS) - {"pid_file"})
    if len(given) != 1 or rest:
        raise ConfigError("exactly one of " + ", ".join(RELOADS) + " says how the server reloads", field="target.reload")
    how = given[0]
    if how == "command":
        return how, argv_of(reload[how], "target.reload.command")
    if how != "signal":
        return how, (str(reload[how]),)
    name, pid_file = str(reload[how]).upper(), reload.get("pid_file")
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name not in signal.Signals.__members__ or not isinstance(pid_file, str) or not pid_file.startswith("/"):
        raise ConfigError("a signal name and the absolute path of a pid_file belong here", field="target.reload.signal")
    return how, (name, pid_file)


def endpoints_of(value: Any, field: str) -> Tuple[Endpoint, ...]:
    """At least one endpoint: without one nothing could ever be proven."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ConfigError("at least one endpoint belongs here, or nothing can be proven", field=field)
    return tuple(_endpoint(_mapping(entry, f"{field}[{number}]"), f"{field}[{number}]") for number, entry in enumerate(value))


def _endpoint(entry: Mapping[str, Any], field: str) -> Endpoint:
    host, kind = entry.get("host"), entry.get("starttls") or "none"
    try:
        port = int(entry.get("port") or 0)
    except (TypeError, ValueError):
        port = 0
    if not isinstance(host, str) or not host or not 0 < port < 65536:
        raise ConfigError("host and port (1 to 65535) belong here", field=field)
    if not isinstance(kind, str) or kind not in starttls.KINDS:
        raise ConfigError(f"unknown kind {kind!r}", field=f"{field}.starttls", hint="one of " + ", ".join(starttls.KINDS))
    addresses = texts_of(entry, "addresses")
    return Endpoint(host, port, str(entry.get("server_name") or ""), kind, addresses)


def dead_of(where: Where) -> FrozenSet[str]:
    """The SHA-256s that are never put back at this place."""
    return frozenset(sha256.lower() for sha256 in texts_of(where, "dead"))


def texts_of(data: Mapping[str, Any], name: str) -> Tuple[str, ...]:
    """A list of texts; whatever is no list is none."""
    value = data.get(name)
    return tuple(str(entry) for entry in value) if isinstance(value, (list, tuple)) else ()


def mapping_of(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A dictionary; whatever is none is an empty one."""
    value = data.get(name)
    return value if isinstance(value, Mapping) else {}
