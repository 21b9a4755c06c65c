# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployments of a manifest: where a lineage is served, checked field by field before anybody acts on it."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ._manifest_fields import TEMPLATED, Fields, literal, one_line, refuse
from ._manifest_providers import provider
from ._probe_values import SLOTS, Endpoint
from .errors import ClmError
from .identifiers import digest, slug
from .keystores import FORMATS, check_alias
from .server_kinds import _index as server_kinds
from .starttls import KINDS as STARTTLS_KINDS
from .starttls import NONE, TLS_PORT, port_of
from .x509.names import covers

SERVER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}\Z")
SERVER_TYPE = "server"
FILES = ("certificate_file", "key_file", "chain_file")
LAYOUTS: Mapping[str, Tuple[str, ...]] = {
    "fullchain": FILES[:2],
    "separate": FILES,
    "combined": FILES[:1],
    **dict.fromkeys(FORMATS, FILES[:1]),
}
RELOADS = ("systemd", "command", "signal", "haproxy_socket")
SIGNALS = ("HUP", "USR1", "USR2")
USUAL: Mapping[str, Any] = {"port": TLS_PORT, "starttls": NONE}
_HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}\Z")
_DIGITS = re.compile(r"[0-9.]+\Z")
_MODE = re.compile(r"0?[0-7]{3}\Z")
_KEY_MODE = re.compile(r"0?[0-7]{2}0\Z")  # nobody but owner and group
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?\Z")
_sorted = json.JSONEncoder(sort_keys=True).encode
_NOT_SERVERS = ("all", "ungrouped", "implicit")


@dataclass(frozen=True)
class Deployment:
    """One lineage on one target in one slot. `id` is stable as long as lineage, server, kind, file and slot are the same.

    `server` is empty for a target that is no managed server.
    """

    id: str
    lineage: str
    server: str
    target: Mapping[str, Any]
    endpoints: Tuple[Endpoint, ...]
    slot: str = "default"
    path: str = ""

    def as_item(self) -> Dict[str, Any]:
        """The deployment as `server_deployment` takes it: plain data, without the version."""
        return {
            "id": self.id,
            "lineage": self.lineage,
            "server": self.server,
            "target": dict(self.target),
            "endpoints": [endpoint.as_dict() for endpoint in self.endpoints],
            "slot": self.slot,
        }

    @property
    def certificate_file(self) -> str:
        """The file that holds the leaf on the server, empty for a target that has none."""
        return str(self.target.get("certificate_file", ""))

    @property
    def places(self) -> Tuple[Tuple[str, ...], ...]:
        """What this deployment alone may write: the files on its server, or the target with all its options."""
        if self.target["type"] != SERVER_TYPE:
            own = (self.lineage,) if _is_shared(self.target) else ()
            return ((self.target["type"], json.dumps(self.target, sort_keys=True), *own),)
        return tuple((self.server, str(self.target[key])) for key in FILES if self.target.get(key))


def _is_shared(target: Mapping[str, Any]) -> bool:
    """True where several lineages may name the same target: an option says `shared` for it being given (True) or not (False)."""
    from .targets import _index

    spec = _index.options_of(target["type"])
    return any(one["shared"] == bool(target.get(name)) for name, one in spec.items() if "shared" in one)


def server_name(value: Any, path: str) -> str:
    """The name of an inventory host, refused when it means something else in a host pattern or as a file name."""
    text = one_line(value, path)
    if not SERVER.match(text) or ".." in text or text.lower() in _NOT_SERVERS:
        refuse(path, f"{text!r} cannot be the name of a host", hint=literal(text) or "use the name that the inventory gives the server")
    return text


def parse_deployment(data: Any, path: str, lineage: str, names: Sequence[str], base: str) -> Deployment:
    """One item of `deployments`; defaults are applied, unknown fields refused."""
    fields = Fields(data, path)
    target = parse_target(fields.take("target", {}), fields.at("target"), base)
    server = fields.take("server", "")
    if not server and target["type"] == SERVER_TYPE:
        fields.lacks("server", "is needed", hint="the name that the inventory gives the server")
    if server or target["type"] == SERVER_TYPE:
        server = server_name(server, fields.at("server"))
    slot = fields.name("slot", "default")
    kind = target.get("kind", target["type"])
    where = [lineage, server, kind, target.get("certificate_file", target), slot]
    name = f"{slug(f'{lineage}-{server or kind}')}-{digest(_sorted(where))}"
    usual = server_kinds.options_of(kind)["endpoint"]["default"] if target["type"] == SERVER_TYPE else USUAL
    endpoints = [parse_endpoint(item, at, names, usual, slot) for at, item in fields.items("endpoints")]
    if not endpoints:
        fields.lacks("endpoints", "at least one endpoint is needed: what is served there is the proof")
    fields.finish()
    return Deployment(name, lineage, server, target, tuple(endpoints), slot, path)


def parse_endpoint(data: Any, path: str, names: Sequence[str], usual: Mapping[str, Any], slot: str) -> Endpoint:
    """An endpoint; `usual` is the server kind's, the server name is by default the lineage's first name that is not a wildcard."""
    fields = Fields(data, path)
    host = one_line(fields.take("host", ""), fields.at("host"))
    if not host:
        fields.lacks("host", "is needed: the name or address to connect to")
    if not _HOST.match(host):
        refuse(fields.at("host"), f"{host!r} is no name or address to connect to", hint=literal(host))
    ask_for = next((name for name in names if not name.startswith("*") and not _is_address(name)), "")
    sni = fields.text("server_name", ask_for)
    starttls = fields.choice("starttls", STARTTLS_KINDS, usual["starttls"])
    clean = {
        "host": host,
        "port": fields.number("port", usual["port"] if starttls == usual["starttls"] else port_of(starttls), 1, 65535),
        "server_name": sni,
        "starttls": starttls,
        "addresses": fields.texts("addresses"),
        "slot": slot if slot in SLOTS else "default",
    }
    fields.finish()
    if sni and not SERVER.match(sni):
        hint = literal(sni) if sni.isascii() else "write an internationalised name in its xn-- form"
        refuse(fields.at("server_name"), f"{sni!r} is no name to ask for", hint=hint)
    if sni and names and not any(covers(name, sni) for name in names):
        could = f"no certificate for {', '.join(names[:5])} could be proven there"
        refuse(fields.at("server_name"), f"{sni!r} is none of the lineage's names: {could}", hint="ask for one of them, or add this one")
    try:
        return Endpoint.from_dict(clean, path)
    except ClmError as error:
        refuse(error.field or path, error.message, hint=error.hint)


def _is_address(name: str) -> bool:
    return ":" in name or _DIGITS.match(name) is not None


def parse_target(data: Any, path: str, base: str) -> Dict[str, Any]:
    """A target: a managed server when it names no other type, else what the type's own options say."""
    if not isinstance(data, Mapping) or data.get("type", SERVER_TYPE) == SERVER_TYPE:
        return parse_server_target(data, path)
    from .targets import _index

    return provider(data, path, base, _index.NAMES, _index.options_of)


def parse_server_target(data: Any, path: str) -> Dict[str, Any]:
    """The target of a managed server as `server_deployment` takes it; what is not given is left out."""
    fields = Fields(data, path)
    fields.choice("type", (SERVER_TYPE,), SERVER_TYPE)
    kind = fields.choice("kind", server_kinds.NAMES)
    if not kind:
        fields.lacks("kind", f"is needed: one of {', '.join(server_kinds.NAMES)}")
    target: Dict[str, Any] = {"type": SERVER_TYPE, "kind": kind}
    for key in FILES:
        target[key] = _absolute(fields, key)
    guess = "separate" if target["chain_file"] else "fullchain" if target["key_file"] else "combined"
    target["layout"] = fields.choice("layout", tuple(LAYOUTS), guess) or guess
    if LAYOUTS[target["layout"]] == FILES[:1] and target["key_file"] == target["certificate_file"]:
        target["key_file"] = ""  # said twice
    _check_layout(target, fields)
    _take_keystore(fields, target)
    for key, pattern in (("owner", _OWNER), ("group", _OWNER), ("mode", _MODE), ("key_mode", _KEY_MODE)):
        target[key] = fields.text(key)
        if target[key] and not pattern.match(target[key]):
            refuse(fields.at(key), f"{target[key]!r} is not possible here")
    target["check"] = list(fields.texts("check"))
    target["reload"] = parse_reload(fields.take("reload", {}), fields.at("reload"))
    if target["reload"].get("haproxy_socket") and target["layout"] != "combined":
        refuse(fields.at("layout"), "haproxy's socket takes one file: layout combined")
    if not target["reload"] and not server_kinds.options_of(kind)["reload"]["default"]:
        fields.lacks("reload", f"is needed for kind {kind}", hint=f"one of {', '.join(RELOADS)}")
    fields.finish()
    return {key: value for key, value in target.items() if value}


def _absolute(fields: Fields, key: str) -> str:
    path = fields.text(key)
    if not path:
        return path
    if literal(path):
        refuse(fields.at(key), f"{path!r} is no path of a file", hint=TEMPLATED)
    if not path.startswith("/") or path.startswith("//") or posixpath.normpath(path) != path or path == "/":
        refuse(fields.at(key), f"{path!r} must be an absolute path without '.', '..' and double slashes")
    return path


def _check_layout(target: Mapping[str, Any], fields: Fields) -> None:
    wanted = LAYOUTS[target["layout"]]
    for key in FILES:
        if key in wanted and not target[key]:
            fields.lacks(key, f"is needed for layout {target['layout']}")
        if key not in wanted and target[key]:
            refuse(fields.at(key), f"has no use in layout {target['layout']}")
    files = [target[key] for key in wanted]
    if len(set(files)) != len(files):
        refuse(fields.path, f"layout {target['layout']} needs different files")


def _take_keystore(fields: Fields, target: Dict[str, Any]) -> None:
    """Alias and password files, which keystores alone have."""
    target["alias"] = check_alias(fields.text("alias"))
    for key in ("password_file", "former_password_file"):
        target[key] = _absolute(fields, key)
        if target[key] and target["layout"] not in FORMATS:
            refuse(fields.at(key), f"has no use in layout {target['layout']}")
    if target["layout"] in FORMATS and not target["password_file"]:
        refuse(fields.at("password_file"), f"is needed for layout {target['layout']}: the file on the server that holds its password")
    if target["alias"] and target["layout"] not in FORMATS:
        refuse(fields.at("alias"), f"has no use in layout {target['layout']}")


def parse_reload(data: Any, path: str) -> Dict[str, Any]:
    """How the server is told to take the new files; empty when the kind's default is wanted."""
    if not data:
        return {}
    fields = Fields(data, path)
    given: List[str] = [key for key in RELOADS if isinstance(data, Mapping) and data.get(key)]
    reload: Dict[str, Any] = {}
    for key in ("systemd", "signal"):
        reload[key] = fields.text(key)
    reload["command"] = list(fields.texts("command"))
    for key in ("pid_file", "haproxy_socket"):
        reload[key] = _absolute(fields, key)
    fields.finish()
    if len(given) != 1:
        refuse(path, f"needs exactly one of {', '.join(RELOADS)}")
    if reload["signal"] and (reload["signal"] not in SIGNALS or not reload["pid_file"]):
        refuse(path, f"signal is one of {', '.join(SIGNALS)} and needs pid_file")
    if reload["pid_file"] and not reload["signal"]:
        refuse(fields.at("pid_file"), "has a use only with signal")
    if reload["systemd"] and not re.match(r"[A-Za-z0-9_][A-Za-z0-9_.@\\:-]{0,200}\Z", reload["systemd"]):
        refuse(fields.at("systemd"), f"{reload['systemd']!r} is no name of a unit")
    return {key: value for key, value in reload.items() if value}
