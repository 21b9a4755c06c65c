# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sources found that the manifest does not name: certificates at places that nobody asked us to manage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Set, Tuple

from ansible_collections.certops.clm.plugins.module_utils._manifest_deployments import SERVER_TYPE
from ansible_collections.certops.clm.plugins.module_utils.contracts import Found
from ansible_collections.certops.clm.plugins.module_utils.identifiers import digest, slug
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.targets import _index as targets
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

STORE = "secret_store"
ENDPOINT = ("host", "port", "server_name", "starttls")


@dataclass(frozen=True)
class Place:
    """A certificate at a place. `lineage` is the one whose version it is, empty when the store does not know it;
    `orphaned` means that nothing is known to serve what lies there; `error` says why there is no certificate."""

    id: str
    found: Found
    chain: Tuple[Certificate, ...] = ()
    lineage: str = ""
    orphaned: bool = False

    @property
    def certificate(self) -> Any:
        """The leaf, None when there is none."""
        return self.chain[0] if self.chain else None


def places(founds: Iterable[Found], manifest: Manifest, known: Mapping[str, str]) -> List[Place]:
    """Every place outside the manifest, each once, in the order found. `known` maps a SHA-256 to the lineage that has it."""
    managed, deployed_to = _managed(manifest), _Targets(manifest)
    result: Dict[str, Place] = {}
    for found in founds:
        key = _key(found)
        if key in managed or _is_blind(found) or (found.source == STORE and not _is_orphan(found, manifest)):
            continue
        name = place_id(found)
        chain = tuple(Certificate.parse(der) for der in found.chain_der)
        lineage = str(found.where.get("lineage", "")) if found.source == STORE else known.get(chain[0].sha256, "") if chain else ""
        if deployed_to.has(found, lineage):
            continue
        if name not in result or (chain and not result[name].chain):
            result[name] = Place(name, found, chain, lineage, found.source == STORE or _is_unbound(found))
    return list(result.values())


def place_id(found: Found) -> str:
    """A stable name for the place, safe whatever the source found there."""
    key = json.dumps(_key(found), sort_keys=True, default=str)
    words = [str(part) for part in _key(found)[1:] if isinstance(part, (str, int))]
    return f"{slug('found-' + '-'.join(words))}-{digest(key)}"


def _key(found: Found) -> Tuple[Any, ...]:
    """What makes a place the same place in every look, and the same as a deployment's."""
    where = found.where
    if found.source == STORE:
        return (STORE, str(where.get("lineage")))
    if where.get("place"):
        return ("place", found.source, str(where["place"]))
    if where.get("certificate_file"):
        return ("file", found.server, str(where["certificate_file"]))
    if "host" in where and "port" in where:
        return ("endpoint", *(str(where.get(key) or "") for key in ENDPOINT))
    return ("other", found.source, found.server, json.dumps(where, sort_keys=True, default=str))


def _managed(manifest: Manifest) -> Set[Tuple[Any, ...]]:
    managed: Set[Tuple[Any, ...]] = set()
    for deployment in manifest.deployments:
        managed.update(("file", *place) for place in deployment.places if len(place) == 2)
        managed.update(("endpoint", end.host, str(end.port), end.server_name, end.starttls) for end in deployment.endpoints)
    return managed


class _Targets:
    """The targets of the manifest, found by what a source says of a place; each combination of options is indexed once."""

    def __init__(self, manifest: Manifest) -> None:
        self._deployments = [one for one in manifest.deployments if one.target["type"] != SERVER_TYPE]
        self._indices: Dict[Tuple[str, ...], Dict[Tuple[str, ...], Set[str]]] = {}

    def has(self, found: Found, lineage: str) -> bool:
        """True where the manifest deploys there; where lineages share the place, only for the lineage's own certificate."""
        claims = found.where.get("targets")
        for claim in claims if self._deployments and isinstance(claims, (list, tuple)) else ():
            said = {str(key): repr(value) for key, value in claim.items() if key not in ("type", "shared")}
            owners = self._index((str(claim.get("type")), *sorted(said))).get(tuple(said[key] for key in sorted(said)), set())
            if lineage in owners if claim.get("shared") else owners:
                return True
        return False

    def _index(self, key: Tuple[str, ...]) -> Dict[Tuple[str, ...], Set[str]]:
        """By the values of these options, the lineages that are deployed to that type of target."""
        if key not in self._indices:
            kind, *names = key
            index: Dict[Tuple[str, ...], Set[str]] = {}
            for one in self._deployments:
                if one.target["type"] == kind:
                    usual = {name: spec.get("default") for name, spec in targets.options_of(kind).items()}
                    values = {**usual, **one.target}
                    index.setdefault(tuple(repr(values.get(name)) for name in names), set()).add(one.lineage)
            self._indices[key] = index
        return self._indices[key]


def _is_blind(found: Found) -> bool:
    """A record that only says that nobody could look: at an endpoint, at a server, or into its configuration."""
    where = found.where
    unread = found.server and not where.get("certificate_file")
    return not found.chain_der and bool(found.error) and bool(where.get("answer") == "could_not_look" or unread)


def _is_orphan(found: Found, manifest: Manifest) -> bool:
    """The current version of a lineage that the manifest does not name."""
    return found.where.get("lineage") not in manifest.lineages and bool(found.where.get("current"))


def _is_unbound(found: Found) -> bool:
    """A file that no server's configuration was seen to use, or what its source says is bound nowhere."""
    where = found.where
    if where.get("bound") is False:
        return True
    return "certificate_file" in where and not any(where.get(key) for key in ("config_file", "listen", "server_names"))
