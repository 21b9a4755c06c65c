# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What targets behind an API are proven by: new connections to every address of every endpoint, many places at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ..contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ..errors import ConfigError
from ..probe import COULD_NOT_LOOK as BLIND
from ..probe import Endpoint, Observation, probe_many
from ._server_proof import Pace as ServerPace

PACE_OPTIONS: Dict[str, Dict[str, Any]] = {
    "timeout": {"type": "float", "default": 30.0},
    "consecutive": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.2},
}
SHOWN = 4
MEND = "look at the place with the provider's own tools: a change that is slow needs a longer proof timeout; then run again"
AGAIN = "see that the endpoints can be reached from where this ran, then run again: it goes on from here"
Probe = Callable[[Sequence[Endpoint]], List[List[Observation]]]
Asked = Tuple[Sequence[Endpoint], str]


class Pace(ServerPace):
    """The pace that looks at servers have, out of the options of a task."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Pace:
        """The pace of a task's options; ConfigError names the one that makes no sense."""
        given = {name: type(spec["default"])(options.get(name) or spec["default"]) for name, spec in PACE_OPTIONS.items()}
        for name, value in given.items():
            if value <= 0:
                raise ConfigError("must be above zero", field=f"proof.{name}")
        return cls(**given)


@dataclass
class _Watch:
    """One place that is looked at: by address, how often in a row it showed the certificate, and the latest look at all of it."""

    endpoints: Sequence[Endpoint]
    sha256: str
    rows: Dict[Tuple[str, str], int] = field(default_factory=dict)
    last: List[Observation] = field(default_factory=list)

    def take(self, looks: Sequence[Sequence[Observation]]) -> None:
        self.last = [seen for row in looks for seen in row]
        keys = {(seen.endpoint.key, seen.address): seen.sha256 == self.sha256 for seen in self.last}
        self.rows = {key: self.rows.get(key, 0) + 1 if good else 0 for key, good in keys.items()}  # an address that is gone counts no more

    @property
    def hopeful(self) -> bool:
        return bool(self.rows) and min(self.rows.values()) > 0

    def settled(self, consecutive: int) -> bool:
        return bool(self.rows) and min(self.rows.values()) >= consecutive

    def proof(self, consecutive: int) -> Proof:
        if self.settled(consecutive):
            return Proof(SERVED, self.sha256)
        wrong = [seen for seen in self.last if seen.sha256 != self.sha256]
        for answer, bad in (
            (NOT_SERVED, [seen for seen in wrong if seen.answer != BLIND]),
            (COULD_NOT_LOOK, [seen for seen in wrong if seen.answer == BLIND]),
        ):
            if bad:
                shown = next((seen.sha256 for seen in bad if seen.sha256), "")
                return Proof(answer, shown, "; ".join(_detail(seen) for seen in bad[:SHOWN]))
        return Proof(COULD_NOT_LOOK, detail="the deployment names no endpoint")


def _detail(seen: Observation) -> str:
    return f"{seen.place} serves {seen.sha256}" if seen.sha256 else f"{seen.place}: {seen.error}"


class Witness:
    """Looks until everything is served or the time is over; `served` needs so many good looks in a row on every address."""

    def __init__(self, pace: Pace, probe: Probe = probe_many) -> None:
        self._pace, self._probe = pace, probe

    def prove_many(self, asked: Sequence[Asked]) -> List[Proof]:
        """One proof for each list of endpoints and SHA-256, in their order; all of them share the time."""
        pace = self._pace
        watches = [_Watch(endpoints, sha256) for endpoints, sha256 in asked]
        deadline, waiting = pace.now() + pace.timeout, [watch for watch in watches if watch.endpoints]
        while waiting:
            self._look(waiting)
            waiting = [watch for watch in waiting if not watch.settled(pace.consecutive)]
            if pace.now() >= deadline:  # what was good at last may become good often enough
                waiting = [watch for watch in waiting if watch.hopeful]
            if waiting:
                pace.sleep(pace.interval)
        return [watch.proof(pace.consecutive) for watch in watches]

    def _look(self, watches: Sequence[_Watch]) -> None:
        looks = iter(self._probe([endpoint for watch in watches for endpoint in watch.endpoints]))
        for watch in watches:
            watch.take([next(looks) for _endpoint in watch.endpoints])


def endpoints_of(where: Mapping[str, Any]) -> List[Endpoint]:
    """The endpoints of a place; ConfigError names the one that is wrong."""
    return [Endpoint.from_dict(one, f"endpoints[{at}]") for at, one in enumerate(where.get("endpoints") or ())]
