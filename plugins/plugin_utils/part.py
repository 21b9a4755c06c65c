# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run is of a part of the inventory only: `--limit`, or one slice of several, and which deployments are in it.

AWX tells a sliced job nothing of its slice: the inventory of the job just lacks the other hosts. So somebody must say so, in
`-e clm_slices`; without that, a server that the inventory lacks is a mistake, and not a slice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence

from ansible import context
from ansible.utils.vars import load_extra_vars

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.observations import ANSWERED

DECLARED = ("clm_slices", "awx_job_slice_count", "tower_job_slice_count")
MOST = 1000
SHOWN = 200


@dataclass(frozen=True)
class Part:
    """`limit` is what `--limit` says, empty for none. `number` is the slice that we cut ourselves, 0 where somebody else did."""

    limit: str = ""
    slices: int = 1
    number: int = 0

    def __bool__(self) -> bool:
        return bool(self.limit) or self.slices > 1

    @property
    def sliced(self) -> bool:
        """True when hosts of the inventory may be in another slice."""
        return self.slices > 1

    @property
    def sentence(self) -> str:
        """What the run is limited to, empty when it is not."""
        parts = [f"limited to {self.limit[:SHOWN]!r} (--limit)"] if self.limit else []
        if self.sliced:
            parts.append(f"slice {self.number} of {self.slices}" if self.number else f"one of {self.slices} slices")
        return " and ".join(parts)

    def members(
        self,
        deployments: Sequence[str],
        inventory: Collection[str],
        in_run: Optional[Collection[str]] = None,
        services: Optional[Mapping[str, str]] = None,
    ) -> List[str]:
        """The deployments that this run may work on; `in_run` are the hosts that `--limit` leaves, None when nobody knows."""
        found = list(deployments)
        if self.sliced:
            mine = set(self.cut(found, services or {})) & set(inventory)
            found = [name for name in found if name in mine]
        if self.limit and in_run is not None:
            wanted = set(in_run)
            found = [name for name in found if name in wanted]
        return found

    def cut(self, deployments: Sequence[str], services: Mapping[str, str]) -> List[str]:
        """Every count-th of them by name, from our number on, so that all slices of one manifest have each exactly once.

        A service of which one deployment in each slice would be more than a third is whole in the slice of its first.
        """
        if not self.number:
            return list(deployments)
        totals = Counter(services.get(name, "") for name in deployments)
        homes: Dict[str, int] = {}
        mine = []
        for place, name in enumerate(sorted(deployments)):
            service = services.get(name, "")
            if service and self.share(totals[service]) == 1:
                place = homes.setdefault(service, place)
            if place % self.slices == self.number - 1:
                mine.append(name)
        return mine

    def share(self, total: int) -> int:
        """How many slices work on a service with so many deployments at once: all of them, or one on a small service of our own cut."""
        return 1 if self.number and total // 3 < self.slices else self.slices


WHOLE = Part()


def part_of(extra: Mapping[str, Any], limit: Any = "") -> Part:
    """The part that extra variables and `--limit` name; ConfigError for a slice that is not there."""
    declared = next((name for name in DECLARED if extra.get(name) not in (None, "")), "")
    slices = _number(extra[declared], declared) if declared else 1
    number = _number(extra["clm_slice"], "clm_slice") if extra.get("clm_slice") not in (None, "") else 0
    if number and (not declared or number > slices):
        hint = "-e clm_slices=4 -e clm_slice=2 is the second of four"
        raise ConfigError(f"there is no slice {number} of {slices}", hint=hint, field="clm_slice")
    return Part(str(limit or ""), slices, number)


def part_of_run(loader: Any, variables: Mapping[str, Any]) -> Part:
    """The part of the run that a task is in. Only extra variables count, since the inventory reads no others."""
    return part_of(load_extra_vars(loader), variables.get("ansible_limit") or context.CLIARGS.get("subset"))


def _number(value: Any, name: str) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        raise ConfigError(f"{str(value)[:20]!r} is no number from 1 to {MOST}", field=name)
    return number


def keep_unasked(data: Dict[str, Any], earlier: Mapping[str, Any], asked: Mapping[str, Any], part: Part) -> None:
    """Put into a partial look what was seen before of the servers that this run did not ask, with the time of that look."""
    data["part"] = part.sentence
    before = str(earlier.get("taken_at") or "")
    servers = earlier.get("servers")
    for name, row in servers.items() if isinstance(servers, Mapping) else ():
        if name in data["servers"] and not asked.get(name) and isinstance(row, Mapping):
            data["servers"][name] = {**row, "kept_from": str(row.get("kept_from") or before)}
    endpoints = earlier.get("endpoints")
    for key, row in endpoints.items() if isinstance(endpoints, Mapping) else ():
        by = row.get("from") if isinstance(row, Mapping) else ""
        if key in data["endpoints"] and by in data["servers"] and not asked.get(by) and not _answered(data["endpoints"][key]):
            data["endpoints"][key] = {**row, "kept_from": str(row.get("kept_from") or before)}


def _answered(row: Mapping[str, Any]) -> bool:
    return any(seen["answer"] == ANSWERED for seen in row["observations"])
