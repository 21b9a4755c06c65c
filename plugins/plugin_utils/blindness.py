# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much every source found, against what it found in the last look that was accepted.

A source that answers and finds little is as blind as one that does not answer: a configuration that nobody includes any more, a
list that was cut, an account that may see nothing. The numbers are kept in a small file beside the observations.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Collection, Dict, List, Mapping, Tuple

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import ANSWERED, Observations
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339

ALL = "all"
VERSION = 1
LEAST_SHARE = 0.5
ENDPOINTS = "endpoints"
MANIFEST = "manifest"
COUNTS = "counts"  # the file of the numbers itself
LOOKED_AT = "findings"  # counted by server
ACCEPT = "-e '{\"clm_accept_fewer\": [%s]}'"
RECOVERY = f"if that is right, accept it once with {ACCEPT}"


@dataclass(frozen=True)
class Kept:
    """The numbers of the last accepted look by source; `retired` are the lineages that had ended by then."""

    found: Mapping[str, int] = field(default_factory=dict)
    retired: Tuple[str, ...] = ()
    first: bool = False

    def without(self, less: Mapping[str, int]) -> Kept:
        """The same, where sources may have fallen by these numbers."""
        return replace(self, found={name: max(0, found - less.get(name, 0)) for name, found in self.found.items()})


@dataclass(frozen=True)
class Counted:
    """This look: the numbers of every source that answered, the names of all that are configured, and the most that one can find."""

    found: Mapping[str, int]
    configured: Tuple[str, ...]
    most: Mapping[str, int] = field(default_factory=dict)


def load(path: str) -> Kept:
    """The numbers of the last accepted look; ConfigError when the file is damaged."""
    try:
        data = json.loads(files.read(path)) if os.path.lexists(path) else None
        if data is None:
            return Kept(first=True)
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']}")
        return Kept({str(name): int(count) for name, count in data["found"].items()}, tuple(map(str, data["retired"])))
    except (ClmError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "remove it to begin anew: then the next look has nothing to be compared with"
        raise ConfigError(f"{path}, with what every source found last, cannot be read: {error}", hint=hint) from None


def save(path: str, found: Mapping[str, int], retired: Collection[str], now: datetime) -> None:
    """Keep the numbers, durably and whole or not at all."""
    data = {"version": VERSION, "accepted_at": rfc3339(now), "found": dict(found), "retired": sorted(retired)}
    files.write(path, (json.dumps(data, sort_keys=True, indent=1) + "\n").encode(), mode=0o644)


def count(manifest: Manifest, seen: Observations, sources: Mapping[str, Mapping[str, Any]]) -> Counted:
    """The numbers of a look at the manifest; `sources` is what the inventory says of its own.

    The manifest is a source as well: a file that it includes may have been cut.
    """
    found: Dict[str, int] = {MANIFEST: len(manifest.deployments)}
    configured = [MANIFEST, ENDPOINTS, *(f"server {name}" for name in manifest.servers)]
    for name in manifest.servers:
        look = seen.servers.get(name)
        if look is not None and look.reached and not look.kept_from:
            found[f"server {name}"] = len({_place(finding) for finding in look.findings if finding.get("chain_pem")})
    endpoints = {endpoint.key for deployment in manifest.deployments for endpoint in deployment.endpoints}
    found[ENDPOINTS] = sum(any(row.answer == ANSWERED for row in seen.endpoints.get(key, ())) for key in endpoints)
    for name, source in sources.items():
        if source.get("type") != LOOKED_AT:
            configured.append(f"source {name}")
            if not source.get("error"):
                found[f"source {name}"] = int(source.get("found") or 0)
    return Counted(found, tuple(configured), {ENDPOINTS: len(endpoints)})


def _place(finding: Mapping[str, Any]) -> str:
    """What is one place, however many configurations name it."""
    where = finding.get("where")
    file = where.get("certificate_file") if isinstance(where, Mapping) else ""
    return str(file) if file else json.dumps(where, sort_keys=True, default=str)


def ended(manifest: Manifest, retired: Collection[str]) -> Dict[str, int]:
    """How much less is to be found because these lineages have ended."""
    less: Dict[str, int] = {}
    for deployment in manifest.deployments:
        if deployment.lineage in retired:
            less[MANIFEST] = less.get(MANIFEST, 0) + 1
            less[ENDPOINTS] = less.get(ENDPOINTS, 0) + len(deployment.endpoints)
            if deployment.server:
                name = f"server {deployment.server}"
                less[name] = less.get(name, 0) + 1
    return less


def fewer(kept: Kept, counted: Counted, gone: Collection[str], least_share: float) -> Dict[str, str]:
    """By source, one sentence where it found no more than the share of what it found last, or is configured no more.

    `gone` are sources that nobody misses: servers that the manifest does not name any more, or of another part of the inventory.
    """
    found: Dict[str, str] = {}
    for name, last in kept.found.items():
        before = min(last, counted.most.get(name, last))
        if before <= 0 or name in gone:
            continue
        text = ""
        if name in counted.found:
            now = counted.found[name]
            if now == 0 or (now < before and now <= least_share * before):
                text = f"{label(name)} {_found(name, now)}, and {before} in the last accepted look"
        elif name not in counted.configured:
            text = f"{label(name)} is not configured any more, and found {before} certificates in the last accepted look"
        if text:
            found[name] = f"{text}; {RECOVERY % json.dumps(short(name))}"
    return found


def accepted(name: str, names: Collection[str]) -> bool:
    """Whether somebody named it, with or without what kind of source it is."""
    return bool({ALL, name, short(name)} & set(map(str, names)))


def lost(path: str, lineage: str) -> str:
    """One sentence for numbers that are not there, though a lineage was rotated, and so looked at, before."""
    text = f"nobody knows how much was found before: {path} is not there, though {lineage} was rotated before; let it outlive the run"
    return f"{text} (observations in the manifest says where it lies), or begin anew once with {ACCEPT % json.dumps(COUNTS)}"


def updated(kept: Kept, counted: Counted, refused: Collection[str], unasked: Collection[str]) -> Dict[str, int]:
    """The numbers to keep now: what was refused, did not answer or was not asked stays as it was."""
    old = {name: last for name, last in kept.found.items() if name in refused or name in unasked or name in counted.configured}
    return {**old, **{name: now for name, now in counted.found.items() if name not in refused}}


def label(name: str) -> str:
    """The source as a sentence names it."""
    return {ENDPOINTS: "the endpoints of the manifest together", MANIFEST: "the manifest"}.get(name, name)


def _found(name: str, number: int) -> str:
    return f"names {number} deployments" if name == MANIFEST else f"found {number} certificates"


def short(name: str) -> str:
    """The name that a person gives: a server by its own."""
    return name[len("server ") :] if name.startswith("server ") else name


def share(value: Any) -> float:
    """A share from 0 to below 1; ConfigError otherwise."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 1:
        hint = "0.5 refuses a source that found half of what it found last, or less"
        raise ConfigError(f"{str(value)[:20]!r} is no share", hint=hint, field="least_share")
    return number


def silent(sources: Mapping[str, Mapping[str, Any]]) -> Dict[str, str]:
    """By source of the inventory, the error of each that did not answer."""
    return {f"source {name}": f"source {name} did not answer: {one['error']}" for name, one in sources.items() if one.get("error")}


def first(names: Collection[str], most: int = 10) -> str:
    """The first of them as one text, and how many more."""
    listed: List[str] = list(names)[:most]
    return "; ".join(listed) + (f"; and {len(names) - most} more" if len(names) > most else "")
