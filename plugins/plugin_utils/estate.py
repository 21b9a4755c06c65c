# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that the inventory knows before any host is made: manifest, judgements, what was found, and where it is blind."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Mapping, MutableMapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, Clock, Found, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, chain_der, load
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as stores
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._powers_copies import Copied
from ansible_collections.certops.clm.plugins.module_utils.sources import _index as sources
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import CERTIFICATE, encode
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, judge_all, rollout_order
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place, place_id, places
from ansible_collections.certops.clm.plugins.plugin_utils.retired import without
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, issuer_identities, standings, undeployed

LOCAL = ("findings", "secret_store")  # read from local files each time, never cached
Cache = MutableMapping[str, Any]


@dataclass(frozen=True)
class Estate:
    """`judged` is in rollout order, `undeployed` the lineages that have no deployment, `retired` those that have ended.

    The manifest is without the latter.

    `blind` has one sentence for everything that could not be looked at. `sources` has by number and type how many places each
    source found with a certificate, and its error when it did not answer.
    """

    manifest: Manifest
    observations_file: str
    judged: Tuple[Judged, ...]
    places: Tuple[Place, ...]
    blind: Tuple[str, ...] = field(default_factory=tuple)
    undeployed: Tuple[Standing, ...] = ()
    retired: Tuple[str, ...] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def survey(
    manifest: Manifest,
    specs: Sequence[Mapping[str, Any]],
    clock: Clock,
    *,
    observations_file: str = "",
    cache: Optional[Cache] = None,
    ignore_windows: str = "",
) -> Estate:
    """Look at everything that the sources give. A source that does not answer is said in `blind`; it never empties the rest.

    `cache` keeps what sources beyond local files found, by source; None: they are asked. `ignore_windows` is why no change
    window counts, empty when they do.
    """
    now = clock()
    path = observations_file or manifest.observations
    blind: List[str] = []
    observations = _guard(lambda: load(path), blind, "observations", Observations())
    blind += observations.blind_at()
    store = open_store(manifest, clock)
    blind += store.unreachable() if isinstance(store, Copied) else ()
    identities = issuer_identities(manifest, clock)
    judged = judge_all(manifest, observations, store, now, identities=identities, ignore_windows=ignore_windows)
    alone = standings(manifest, undeployed(manifest), store, now, identities)
    every = {standing.lineage.name: standing for standing in (*(one.standing for one in judged), *alone)}
    blind += [f"lineage {name}: {standing.error}" for name, standing in every.items() if standing.error]
    retired = tuple(name for name in manifest.lineages if name not in every)
    live = without(manifest, retired)
    founds: List[Found] = []
    answers: Dict[str, Dict[str, Any]] = {}
    for index, spec in enumerate(specs):
        asked, error = _ask(index, spec, {"path": path, "store": store}, clock, cache)
        blind += [f"source {spec['type']}: {error}"] if error else []
        blind += [f"source {spec['type']}: {_label(item)}: {item.error}" for item in asked if _is_unseen(item)]
        answers[f"{index} {spec['type']}"] = {"type": spec["type"], "found": _number_of_places(asked), "error": error}
        founds += asked
    known = {sha256: name for name, standing in every.items() for sha256 in standing.known}
    found = places(founds, live, known)
    return Estate(live, path, tuple(rollout_order(judged)), tuple(found), tuple(dict.fromkeys(blind)), tuple(alone), retired, answers)


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


def _ask(index: int, spec: Mapping[str, Any], given: Mapping[str, Any], clock: Clock, cache: Optional[Cache]) -> Tuple[List[Found], str]:
    """What one source found, also before its error, which is empty when there is none.

    Only what is whole is cached: a source that could not see everything is asked again.
    """
    kind = str(spec.get("type") or "")
    if kind not in sources.NAMES:
        raise ConfigError(f"{kind!r} is no source", hint=f"one of {', '.join(sources.NAMES)}", field=f"sources[{index}].type")
    options = {**{key: given[key] for key in sources.options_of(kind) if key in given}, **_rest(spec)}
    unknown = sorted(set(options) - set(sources.options_of(kind)))
    if unknown:
        raise ConfigError("there is no such option", field=f"sources[{index}].{unknown[0]}")
    key = f"{index} {kind}"
    if cache is not None and kind not in LOCAL and key in cache:
        return [_from_data(item) for item in cache[key]], ""
    found: List[Found] = []
    error = _collect(lambda: sources.create(kind, options, clock).find(), found)
    if not error and cache is not None and kind not in LOCAL and not any(map(_is_unseen, found)):
        cache[key] = [_to_data(item) for item in found]
    return found, error


def _collect(find: Callable[[], Iterator[Found]], found: List[Found]) -> str:
    """Every record into `found`; the error that ended it, empty for none. One source never takes the inventory with it."""
    try:
        found.extend(find())
    except ClmError as error:
        return str(error)
    except Exception as error:  # what an SDK raises is nothing that we could list
        return f"{error.__class__.__name__}: {error}"[:500]
    return ""


def _is_unseen(item: Found) -> bool:
    return item.where.get("answer") == COULD_NOT_LOOK


def _number_of_places(found: Sequence[Found]) -> int:
    """At how many places there is a certificate; the versions of a lineage in a store are one."""
    return len({place_id(item) for item in found if item.chain_der})


def _label(item: Found) -> str:
    return str(item.where.get("label") or "") or f"{item.where.get('host')}:{item.where.get('port')}"


def _to_data(item: Found) -> Dict[str, Any]:
    chain = [encode(CERTIFICATE, der) for der in item.chain_der]
    return {"source": item.source, "where": dict(item.where), "chain_pem": chain, "server": item.server, "error": item.error}


def _from_data(item: Mapping[str, Any]) -> Found:
    return Found(str(item["source"]), dict(item["where"]), chain_der(item["chain_pem"]), str(item["server"]), str(item["error"]))


def resolve_beside(file: str, value: str) -> str:
    """A path as an inventory file gives it: relative to the file's folder."""
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(file)), os.path.expanduser(value)))


def summary(estate: Estate, now: datetime) -> Dict[str, Any]:
    """The numbers of the estate; a lineage that has no deployment is seen in the secret store, managed and due there."""
    upcoming = [one.next_due for one in estate.judged if one.next_due is not None and not one.due]
    upcoming += [one.next_due for one in estate.undeployed if one.next_due is not None and one.issue is None]
    seen = sum(one.served is not None for one in estate.judged) + sum(bool(place.chain) for place in estate.places)
    return {
        "seen": seen + sum(bool(one.chain) for one in estate.undeployed),
        "managed": len(estate.judged) + len(estate.undeployed),
        "unmanaged": sum(not place.orphaned for place in estate.places),
        "orphaned": sum(place.orphaned for place in estate.places),
        "undeployed": len(estate.undeployed),
        "due": sum(one.due for one in estate.judged) + sum(one.issue is not None for one in estate.undeployed),
        "waiting": sum(one.waiting for one in estate.judged),
        "retired": len(estate.retired),
        "held": sum(one.held for one in estate.judged),
        "blind": len(estate.blind),
        "next_due": rfc3339(min(upcoming)) if upcoming else "",
    }
