# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lineages of a manifest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

from ._manifest_deployments import Deployment, parse_deployment, server_name
from ._manifest_fields import Fields, refuse, sha256
from .identifiers import is_name, meant
from .x509.names import check_names

CRITICALITIES = ("low", "medium", "high", "critical")
KEY_ORIGINS = ("store", "host", "issuer")
Known = Mapping[str, Tuple[str, ...]]
LABELS = ("owner", "service", "environment", "criticality", "runbook", "consumers")


@dataclass(frozen=True)
class Lineage:
    """One named certificate.

    `service` is the lineage's own name when nobody gave one; `forced` and `reuse_key` are reasons in words, empty when
    not set; `window` is its change window, empty when it may be changed at any time; `compromised` has the SHA-256s of
    certificates that are never to be served again. `fallback_issuers` are asked in their order where the issuer does not
    answer; `standby` is the issuer of the lineage `NAME.standby`, which is `standby_for` this one.
    """

    name: str
    names: Tuple[str, ...]
    issuer: str
    profile: str
    owner: str = ""
    service: str = ""
    environment: str = ""
    criticality: str = "medium"
    runbook: str = ""
    consumers: Tuple[str, ...] = ()
    key_origin: str = "store"
    take_over: bool = False
    forced: str = ""
    reuse_key: str = ""
    compromised: Tuple[str, ...] = ()
    deployments: Tuple[Deployment, ...] = ()
    path: str = ""
    window: str = ""
    fallback_issuers: Tuple[str, ...] = ()
    standby: str = ""
    standby_for: str = ""

    @property
    def labels(self) -> Dict[str, Any]:
        """Who cares for it, as ledger, report, metrics and host variables carry it."""
        return {key: list(value) if isinstance(value := getattr(self, key), tuple) else value for key in LABELS}


def expand(entries: Sequence[Tuple[str, str, Any]]) -> Iterator[Tuple[str, str, Any]]:
    """The entries, where one with `for_servers` becomes one for each server: `{server}` in its texts is the server."""
    for name, path, data in entries:
        if not isinstance(data, Mapping) or "for_servers" not in data:
            yield name, path, data
            continue
        fields = Fields(data, path)
        servers = [server_name(item, at) for at, item in fields.items("for_servers")]
        rest = fields.rest()
        for server in servers:
            each = f"{name}-{server}".lower()
            if not is_name(each):
                refuse(path, f"{each!r} is no name for a lineage")
            yield each, f"{path}({server})", _fill(rest, server)


def _fill(data: Any, server: str) -> Any:
    if isinstance(data, str):
        return data.replace("{server}", server)
    if isinstance(data, Mapping):
        return {key: _fill(value, server) for key, value in data.items()}
    if isinstance(data, list):
        return [_fill(value, server) for value in data]
    return data


def parse_lineage(name: str, data: Any, path: str, *, base: str, defaults: Mapping[str, Any], known: Known) -> Lineage:
    """One entry of `lineages`, with the manifest's defaults; issuer, profile and consumers must be among the known."""
    fields = Fields(data, path, defaults)
    names = _names(fields)
    lineage = Lineage(
        name=name,
        names=names,
        issuer=_known(fields, "issuer", known),
        profile=_known(fields, "profile", known),
        owner=fields.text("owner"),
        service=fields.text("service", name),
        environment=fields.text("environment"),
        criticality=fields.choice("criticality", CRITICALITIES, "medium"),
        runbook=fields.text("runbook"),
        consumers=_consumers(fields, known["consumers"]),
        key_origin=fields.choice("key_origin", KEY_ORIGINS, "store"),
        take_over=fields.flag("take_over"),
        forced=fields.text("forced"),
        reuse_key=fields.text("reuse_key"),
        compromised=tuple(sha256(item, at) for at, item in fields.items("compromised")),
        deployments=tuple(parse_deployment(item, at, name, names, base) for at, item in fields.items("deployments")),
        path=path,
        window=_window(fields, known.get("window", ())),
        fallback_issuers=_others(fields, "fallback_issuers", fields.texts("fallback_issuers"), known),
        standby=fields.text("standby"),
    )
    _others(fields, "standby", (lineage.standby,) if lineage.standby else (), known)
    fields.finish()
    _check_host_key(lineage)
    return lineage


def standby_of(lineage: Lineage) -> Lineage:
    """The lineage that is kept ready for this one: the same names, another issuer and another key, served nowhere."""
    if lineage.key_origin != "store":
        refuse(f"{lineage.path}.standby", "needs a key that the secret store keeps: key_origin store")
    if not lineage.consumers:
        refuse(f"{lineage.path}.standby", "needs consumers: nobody knows else who would trust it")
    name = f"{lineage.name}.standby"
    if not is_name(name):
        refuse(f"{lineage.path}.standby", f"{name!r} is no name for a lineage: take a shorter one")
    return replace(
        lineage, name=name, issuer=lineage.standby, fallback_issuers=(), standby="", standby_for=lineage.name, deployments=(), forced="",
        reuse_key="",
    )  # fmt: skip


def _others(fields: Fields, key: str, names: Sequence[str], known: Known) -> Tuple[str, ...]:
    """Issuers beside the lineage's own: known, each once, and another than that."""
    for name in names:
        if name not in known["issuer"]:
            refuse(fields.at(key), f"there is no issuer {name!r}", hint=meant(name, known["issuer"]))
        if name == fields.text("issuer") or list(names).count(name) > 1:
            refuse(fields.at(key), f"{name!r} is asked already: another issuer is needed")
    return tuple(names)


def _names(fields: Fields) -> Tuple[str, ...]:
    given = fields.texts("names")
    if not given:
        fields.lacks("names", "at least one name is needed")
    return check_names(given, fields.at("names"))


def _known(fields: Fields, key: str, known: Known) -> str:
    value = fields.text(key)
    if not value:
        fields.lacks(key, "is needed, here or in defaults")
    if value not in known[key]:
        refuse(fields.at(key), f"there is no {key} {value!r}", hint=meant(value, known[key]))
    return value


def _window(fields: Fields, windows: Tuple[str, ...]) -> str:
    window = fields.text("window")
    if window and window not in windows:
        refuse(fields.at("window"), f"there is no window {window!r}", hint=meant(window, windows))
    return window


def _consumers(fields: Fields, classes: Tuple[str, ...]) -> Tuple[str, ...]:
    consumers = fields.texts("consumers")
    for index, consumer in enumerate(consumers):
        if consumer not in classes:
            at = f"{fields.at('consumers')}[{index}]"
            refuse(at, f"there is no client class {consumer!r}", hint=meant(consumer, classes))
    return consumers


def _check_host_key(lineage: Lineage) -> None:
    servers: List[str] = [deployment.server for deployment in lineage.deployments]
    if lineage.key_origin == "host" and (len(set(servers)) != 1 or not servers[0]):
        refuse(
            f"{lineage.path}.key_origin",
            f"a key made on its host never leaves it: the lineage needs exactly one server, not {len(set(servers))}",
            hint="for_servers makes one lineage for each server",
        )
    if lineage.key_origin == "host" and lineage.reuse_key:
        refuse(f"{lineage.path}.reuse_key", "is not possible with key_origin host")
