# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may only be done after everybody was asked and everybody answered: is this look whole, and what did it see where.

Nothing that was not seen is ever taken for unused: a part of the inventory, an old look and a server that did not answer are
all reasons to change nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Collection, Dict, Iterator, List, Mapping, Sequence, Tuple

from ansible import context

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import ANSWERED, Observations, Seen
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import sha256, split

NAMED = 10
PART_HINT = "run it again for the whole inventory: without --limit, in a job that is not sliced"
BLIND_HINT = "let everything that is named be reached, then run again; what is gone for good belongs out of the manifest"
SLICES = ("clm_slices", "awx_job_slice_count", "tower_job_slice_count")


def refuse_part(task_vars: Mapping[str, Any]) -> None:
    """ConfigError when this run sees a part of the inventory only: `--limit`, or a slice that says so."""
    limit = task_vars.get("ansible_limit") or context.CLIARGS.get("subset")
    if limit:
        raise ConfigError("this run is limited to a part of the inventory (--limit), so nothing was changed", hint=PART_HINT)
    for name in SLICES:
        if str(task_vars.get(name, "1")) not in ("", "0", "1"):
            raise ConfigError(f"this is one of {str(task_vars[name])[:20]} slices of a job, so nothing was changed", hint=PART_HINT)


def missing_hosts(manifest: Manifest, hosts: Collection[str]) -> List[str]:
    """The deployments and servers of the manifest that the inventory lacks: so does a slice, and one that judges otherwise."""
    wanted = (*(deployment.id for deployment in manifest.deployments), *manifest.servers)
    known = set(hosts)
    return [name for name in wanted if name not in known]


def blind_spots(manifest: Manifest, seen: Observations, now: datetime, max_age: timedelta) -> Dict[str, str]:
    """By name (a server, or the id of a deployment) one sentence for everything that this look did not see."""
    spots: Dict[str, str] = {}
    if seen.taken_at is None or now - seen.taken_at > max_age or seen.taken_at - now > timedelta(minutes=5):
        when = f"at {rfc3339(seen.taken_at)}" if seen.taken_at else "never"
        spots["observations"] = f"the last look at everything was {when}, which is not of this run"
    if seen.part:
        spots["observations"] = f"the last look was {seen.part}, and not at everything"
    for name in dict.fromkeys((*manifest.servers, *seen.servers)):
        look = seen.servers.get(name)
        problem = "it was not asked" if look is None else "" if look.reached else look.error or "it was not reached"
        if not problem and look is not None:
            problem = look.error or "; ".join(look.unread)
        if problem:
            spots[name] = f"{name}: {problem}"
    for deployment in manifest.deployments:
        for endpoint in deployment.endpoints:
            rows = seen.endpoints.get(endpoint.key) or (Seen("", "", error="nobody has looked"),)
            unseen = next((row for row in rows if row.answer != ANSWERED or not row.chain_pem), None)
            if unseen is not None:
                spots.setdefault(deployment.id, f"{deployment.id}: {endpoint.label}: {unseen.error or 'no certificate was seen'}")
    return spots


def said(spots: Sequence[str]) -> str:
    """The spots as one text, the first ten by name."""
    more = f"; and {len(spots) - NAMED} more" if len(spots) > NAMED else ""
    return "; ".join(spots[:NAMED]) + more


def in_use(seen: Observations) -> Dict[str, str]:
    """The SHA-256 of every leaf that was served, or lies where a server was found to keep certificates, with the first place."""
    found: Dict[str, str] = {}
    for digest, place in _all_leaves(seen):
        if digest:
            found.setdefault(digest, place[:300])
    return found


def serving(seen: Observations) -> Dict[str, List[str]]:
    """The SHA-256 of every leaf that was served, with all its places; what only lies in a file is not in it."""
    found: Dict[str, List[str]] = {}
    for digest, place in _served(seen):
        places = found.setdefault(digest, [])
        if digest and place not in places:
            places.append(place)
    return found


def _all_leaves(seen: Observations) -> Iterator[Tuple[str, str]]:
    yield from _served(seen)
    for name, look in seen.servers.items():
        for finding in look.findings:
            where = finding.get("where")
            file = where.get("certificate_file") if isinstance(where, Mapping) else None
            yield _leaf(finding.get("chain_pem")), f"{name} keeps it in {file or 'a place without a name'}"


def _served(seen: Observations) -> Iterator[Tuple[str, str]]:
    for key, rows in seen.endpoints.items():
        for row in rows:
            yield _leaf(row.chain_pem) or row.sha256, f"{_label(key)} serves it"
    for name, look in seen.servers.items():
        for one in look.served:
            endpoint = one.get("endpoint")
            place = f"{endpoint.get('host')}:{endpoint.get('port')}" if isinstance(endpoint, Mapping) else "an endpoint"
            yield str(one.get("sha256") or ""), f"{place} serves it, as seen by {name}"


def _label(key: str) -> str:
    host, port, name, _starttls = (*key.split("|"), "", "", "")[:4]
    return f"{host}:{port}" + (f" ({name})" if name and name != host else "")


def _leaf(chain_pem: Any) -> str:
    try:
        return sha256(split(str(next(iter(chain_pem or ()), "")), limit=16)[0].der)
    except (ClmError, IndexError, TypeError, ValueError):
        return ""
