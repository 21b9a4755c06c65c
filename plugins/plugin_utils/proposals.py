# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest entry for a discovered certificate would look like: a proposal, for a person to read and change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

import yaml

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import is_name, safe_name, slug
from ansible_collections.certops.clm.plugins.module_utils.keystores import FORMATS
from ansible_collections.certops.clm.plugins.module_utils.managers import manager_of
from ansible_collections.certops.clm.plugins.module_utils.manifest import parse_server_target
from ansible_collections.certops.clm.plugins.module_utils.server_kinds import _index as server_kinds
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.names import check_name, is_address
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place

MAX_ENDPOINTS = 20
UNDECIDED = "CHANGE-ME"
_LISTEN = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[^:\s/]*):)?(?P<port>[0-9]{1,5})\Z")
_ANY = ("", "*", "0.0.0.0", "::", "localhost")


@dataclass(frozen=True)
class Proposal:
    """An entry for `lineages`, as data and as YAML text with what was seen in comments; or why there is none."""

    name: str
    entry: Mapping[str, Any]
    text: str = ""
    refused: str = ""


def proposals(places: Sequence[Place], servers: Mapping[str, str], taken: Collection[str]) -> List[Proposal]:
    """One proposal for each certificate that unmanaged servers' files hold, by SHA-256, in the order found.

    `servers` has the address of each inventory host, `taken` the names that lineages have already.
    """
    groups: Dict[str, List[Place]] = {}
    for place in places:
        if place.certificate is not None and place.found.where.get("certificate_file") and not place.orphaned:
            groups.setdefault(place.certificate.sha256, []).append(place)
        elif place.found.where.get("layout") in FORMATS and not place.orphaned:
            groups[place.id] = [place]
    used = set(taken)
    result: List[Proposal] = []
    for group in groups.values():
        proposal = _proposal(group, servers, used) if group[0].certificate is not None else _of_keystore(group[0], servers, used)
        used.add(proposal.name)
        result.append(proposal)
    return result


def _proposal(group: Sequence[Place], servers: Mapping[str, str], used: Collection[str]) -> Proposal:
    certificate: Certificate = group[0].certificate
    names, left = names_of(certificate)
    name = lineage_name(names, certificate, used)
    known = next((place.lineage for place in group if place.lineage), "")
    if known:
        return Proposal(name, {}, refused=f"it is a version of the lineage {known}: add the deployment there by hand")
    manager = next((manager for manager in (manager_of(place.found.where) for place in group) if manager), "")
    if manager:
        hint = f"end that there and write the entry by hand, with take_over: true, to move it from {manager}"
        return Proposal(name, {}, refused=f"{manager} keeps it, so it is left alone: {hint}")
    if not names:
        return Proposal(name, {}, refused=f"it has no name that a server could have{left}")
    deployments = [deployment for deployment in (deployment_of(place, names, servers) for place in group) if deployment]
    if not deployments:
        where = ", ".join(sorted({place.found.server for place in group}))
        return Proposal(name, {}, refused=f"no place of it can be managed: is {where or 'its server'} in the inventory, with a key file?")
    entry = {"reviewed": False, "names": list(names), "take_over": True, "deployments": deployments}
    return Proposal(name, entry, text_of(name, entry, _comments(certificate, group, len(deployments), left) + _assumed(deployments)))


def _of_keystore(place: Place, servers: Mapping[str, str], used: Collection[str]) -> Proposal:
    """A keystore that only its password opens: its names are those of its connector, or for the reviewer to say."""
    where = place.found.where
    names, _left = _checked([str(name) for name in where.get("server_names") or ()])
    name = safe_name(f"{names[0] if names else 'keystore'} {place.id}")
    deployment = deployment_of(place, names, servers)
    if deployment is None:
        return Proposal(name, {}, refused=f"no place of it can be managed: is {place.found.server or 'its server'} in the inventory?")
    entry = {"reviewed": False, "names": list(names) or [UNDECIDED], "take_over": True, "deployments": [deployment]}
    comments = ["its certificate was not seen, so nobody has compared these names with it", place.found.error]
    return Proposal(name, entry, text_of(name, entry, [printable(line) for line in comments if line] + _assumed([deployment])))


def names_of(certificate: Certificate) -> Tuple[Tuple[str, ...], str]:
    """The names that may go into a request, and what is to be said of the others."""
    good, bad = _checked(certificate.names or (certificate.common_name,))
    bad = bad + len(certificate.other_names) if certificate.names else len(certificate.other_names)
    return good, f"; {bad} of its names cannot be asked for" if bad > 0 else ""


def _checked(names: Sequence[str]) -> Tuple[Tuple[str, ...], int]:
    """(The names that may go into a request, how many may not.)"""
    good: Dict[str, bool] = {}
    bad = set()
    for name in names:
        try:
            good[check_name(name)] = True
        except ClmError:
            bad.add(name)
    return tuple(good), len(bad)


def lineage_name(names: Sequence[str], certificate: Certificate, used: Collection[str]) -> str:
    """The first name, with a hash where that is no name of a lineage or another one has it."""
    first = names[0].replace("*", "wildcard") if names else "certificate"
    plain = slug(first)
    return plain if is_name(plain) and plain == first and plain not in used else safe_name(f"{first} {certificate.sha256}")


def deployment_of(place: Place, names: Sequence[str], servers: Mapping[str, str]) -> Optional[Dict[str, Any]]:
    """The deployment of one place, None when it could not be managed as it was found."""
    where, server = place.found.where, place.found.server
    if server not in servers:
        return None
    target: Dict[str, Any] = {"kind": str(where.get("kind") or "generic"), "certificate_file": str(where["certificate_file"])}
    if where.get("key_file") and where["key_file"] != where["certificate_file"]:
        target["key_file"] = str(where["key_file"])
    if where.get("layout") in FORMATS:
        target.update(layout=str(where["layout"]), password_file=f"/{UNDECIDED}")
    try:
        if not server_kinds.options_of(target["kind"])["reload"]["default"]:
            target["reload"] = {"systemd": UNDECIDED}
        parse_server_target(target, "target")
    except ClmError:
        return None
    return {"server": server, "target": target, "endpoints": _endpoints(where, names, servers[server])}


def _endpoints(where: Mapping[str, Any], names: Sequence[str], address: str) -> List[Dict[str, Any]]:
    """Where the server listens with it, and by which name it is asked for."""
    listens = [text for text in where.get("listen") or () if isinstance(text, str)]
    sni = next((name for name in names if not name.startswith("*") and not is_address(name)), "")
    found: List[Dict[str, Any]] = []
    for text in listens[:MAX_ENDPOINTS]:
        match = _LISTEN.match(text.split()[0] if text.split() else "")
        if match is None or not 0 < int(match["port"]) < 65536:
            continue
        host = (match["host"] or "").strip("[]")
        # a loopback address of the server is another machine's for the controller
        elsewhere = host.startswith("127.") and not address.startswith("127.")
        endpoint: Dict[str, Any] = {"host": address if host in _ANY or elsewhere else host}
        endpoint["port"] = int(match["port"])
        if sni:
            endpoint["server_name"] = sni
        if endpoint not in found:
            found.append(endpoint)
    usual = server_kinds.options_of(str(where.get("kind") or "generic"))["endpoint"]["default"]
    return found or [{"host": address, "port": usual["port"], **({"server_name": sni} if sni else {})}]


def _comments(certificate: Certificate, group: Sequence[Place], count: int, left: str) -> List[str]:
    expires = rfc3339(certificate.not_after) if certificate.not_after else "unknown"
    lines = [
        f"SHA-256 {certificate.sha256}",
        f"subject {certificate.subject or '-'}, issued by {certificate.issuer or 'unknown'}",
        f"key {certificate.key_type}, expires {expires}, found at {len(group)} places{left}",
    ]
    if count < len(group):
        lines.append(f"{len(group) - count} of these places cannot be managed as they were found, and are not below")
    return [printable(line) for line in lines]


def _assumed(deployments: Sequence[Mapping[str, Any]]) -> List[str]:
    """How each kind of server is told of new files where its entry does not say so: nobody has asked the host whether that is its way."""
    kinds = dict.fromkeys(str(one["target"]["kind"]) for one in deployments if "reload" not in one["target"])
    ways = [(kind, server_kinds.options_of(kind)["reload"]["default"]) for kind in kinds]
    return [
        f"assumed: {kind} is reloaded by {' '.join(way.get('command') or ('systemctl', 'reload', way['systemd']))}; else say target.reload"
        for kind, way in ways
    ]


def printable(text: str) -> str:
    """One line for a comment: what an attacker wrote into a certificate must not end the comment."""
    return "".join(char if char.isprintable() else "?" for char in text)[:300]


def text_of(name: str, entry: Mapping[str, Any], comments: Sequence[str]) -> str:
    """The entry in YAML, below its comments."""
    dumped = yaml.safe_dump({name: dict(entry)}, sort_keys=False, default_flow_style=False, allow_unicode=False, width=1000)
    lines = [f"# {comment}" for comment in comments] + dumped.splitlines()
    return "".join(f"  {line}\n" for line in lines)
