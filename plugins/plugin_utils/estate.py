# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the inventory knows before any host is made: manifest, judgements, what was found, and where it is blind."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, MutableMapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Found, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, chain_der, load
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as stores
from ansible_collections.certops.clm.plugins.module_utils.sources import _index as sources
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import CERTIFICATE, encode
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, judge_all, rollout_order
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place, places

LOCAL = ("findings", "secret_store")  # read from local files each time, never cached
Cache = MutableMapping[str, Any]


@dataclass(frozen=True)
class Estate:
    """`judged` is in rollout order; `blind` has one sentence for everything that could not be looked at."""

    manifest: Manifest
    observations_file: str
    judged: Tuple[Judged, ...]
    places: Tuple[Place, ...]
    blind: Tuple[str, ...] = field(default_factory=tuple)


def survey(
    manifest: Manifest, specs: Sequence[Mapping[str, Any]], clock: Clock, *, observations_file: str = "", cache: Optional[Cache] = None
) -> Estate:
    """Look at everything that the sources give. A source that does not answer is said in `blind`; it never empties the rest.

    `cache` keeps what sources beyond local files found, by source; None: they are asked.
    """
    now = clock()
    path = observations_file or manifest.observations
    blind: List[str] = []
    observations = _guard(lambda: load(path), blind, "observations", Observations())
    blind += observations.blind_at()
    store = open_store(manifest, clock)
    judged = judge_all(manifest, observations, store, now)
    blind += [f"lineage {name}: {error}" for name, error in {one.lineage.name: one.standing.error for one in judged}.items() if error]
    founds: List[Found] = []
    for index, spec in enumerate(specs):
        founds += _ask(index, spec, {"path": path, "store": store}, clock, cache, blind)
    known = {sha256: one.lineage.name for one in judged for sha256 in one.standing.known}
    found = places(founds, manifest, known)
    return Estate(manifest, path, tuple(rollout_order(judged)), tuple(found), tuple(dict.fromkeys(blind)))


def open_store(manifest: Manifest, clock: Clock) -> SecretStore:
    """The manifest's secret store."""
    return stores.create(manifest.secret_store["type"], _rest(manifest.secret_store), clock)


def _rest(options: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in options.items() if key != "type"}


def _guard(read: Callable[[], Any], blind: List[str], name: str, default: Any) -> Any:
    try:
        return read()
    except ClmError as error:
        blind.append(f"{name}: {error}")
        return default


def _ask(
    index: int, spec: Mapping[str, Any], given: Mapping[str, Any], clock: Clock, cache: Optional[Cache], blind: List[str]
) -> List[Found]:
    """What one source found; with an error it is blind, and what it found before is kept."""
    kind = str(spec.get("type") or "")
    if kind not in sources.NAMES:
        raise ConfigError(f"{kind!r} is no source", hint=f"one of {', '.join(sources.NAMES)}", field=f"sources[{index}].type")
    options = {**{key: given[key] for key in sources.options_of(kind) if key in given}, **_rest(spec)}
    unknown = sorted(set(options) - set(sources.options_of(kind)))
    if unknown:
        raise ConfigError("there is no such option", field=f"sources[{index}].{unknown[0]}")
    key = f"{index} {kind}"
    if cache is not None and kind not in LOCAL and key in cache:
        return [_from_data(item) for item in cache[key]]
    found: List[Found] = []
    complete = _guard(lambda: _collect(sources.create(kind, options, clock).find(), found), blind, f"source {kind}", False)
    if complete and cache is not None and kind not in LOCAL:
        cache[key] = [_to_data(item) for item in found]
    blind += [f"source {kind}: {_label(item)}: {item.error}" for item in found if item.where.get("answer") == "could_not_look"]
    return found


def _collect(items: Iterator[Found], found: List[Found]) -> bool:
    found.extend(items)
    return True


def _label(item: Found) -> str:
    return f"{item.where.get('host')}:{item.where.get('port')}"


def _to_data(item: Found) -> Dict[str, Any]:
    chain = [encode(CERTIFICATE, der) for der in item.chain_der]
    return {"source": item.source, "where": dict(item.where), "chain_pem": chain, "server": item.server, "error": item.error}


def _from_data(item: Mapping[str, Any]) -> Found:
    return Found(str(item["source"]), dict(item["where"]), chain_der(item["chain_pem"]), str(item["server"]), str(item["error"]))


def resolve_beside(file: str, value: str) -> str:
    """A path as an inventory file gives it: relative to the file's folder."""
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(file)), os.path.expanduser(value)))


def summary(estate: Estate, now: datetime) -> Dict[str, Any]:
    """The numbers of the estate."""
    upcoming = sorted(one.next_due for one in estate.judged if one.next_due is not None and not one.due)
    return {
        "seen": sum(one.served is not None for one in estate.judged) + sum(bool(place.chain) for place in estate.places),
        "managed": len(estate.judged),
        "unmanaged": sum(not place.orphaned for place in estate.places),
        "orphaned": sum(place.orphaned for place in estate.places),
        "due": sum(one.due for one in estate.judged),
        "held": sum(one.held for one in estate.judged),
        "blind": len(estate.blind),
        "next_due": upcoming[0].strftime("%Y-%m-%dT%H:%M:%SZ") if upcoming else "",
    }
