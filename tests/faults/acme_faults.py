# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only an ACME CA and a DNS do: renewal information that is no use (F16), and records that do not spread or stay behind (F28)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Callable, Dict, List

from . import invariants
from .ca_proxy import RENEWAL, Answered
from .invariants import Broken

if TYPE_CHECKING:
    from .cell import Cell

FLOOR = 59.0  # seconds between two questions about one certificate whatever the CA asks for: a minute, by a clock of whole seconds
HOURS = 6 * 3600.0  # after an answer that is none
DAY = 86400


@dataclass(frozen=True)
class Renewal:
    """`bad` changes what the CA answers; one certificate is asked about no sooner again than `apart` seconds after it."""

    name: str
    means: str
    bad: Callable[[Answered], Answered]
    apart: float

    def prepare(self, cell: Cell) -> None:
        """Every answer of this cell: the CA stays as it is."""
        cell.world.service.proxy.rewrite = (RENEWAL, self.bad)

    def judge(self, cell: Cell) -> Broken:
        """It hindered nothing, as I7 and I8 say; and the CA is asked neither at once again nor never again."""
        proxy = cell.world.service.proxy
        run = cell.world.rotate()
        broken = [f"F16: a run with nothing due ended with {run.rc} and changed {run.changed()}"] if run.rc or run.changed() else []
        asked = questions(proxy)
        gaps = [later - earlier for when in asked.values() for earlier, later in zip(when, when[1:])]
        broken += [] if asked else ["F16: the CA was never asked for renewal information"]
        broken += [f"F16: it was asked again after {gap:.0f} s" for gap in gaps if gap < self.apart]
        return broken + _asked_again(cell)


def questions(proxy: Any) -> Dict[str, List[float]]:
    """When the CA was asked about each certificate."""
    found: Dict[str, List[float]] = {}
    for path, when in proxy.renewals:
        found.setdefault(path, []).append(when)
    return found


def _asked_again(cell: Cell) -> Broken:
    """Twenty-five hours later it is asked again, whatever it said: a day is the longest silence."""
    later = {"CLM_FAULT_CLOCK": str(cell.world.place / "clock"), "LD_PRELOAD": str(cell.gate.shim)}
    (cell.world.place / "clock").write_text(str(DAY + 3600))
    before = {path: len(when) for path, when in questions(cell.world.service.proxy).items()}
    cell.world.on_server(later)
    cell.world.rotate(env=later)
    cell.world.on_server({})
    after = questions(cell.world.service.proxy)
    return [] if any(len(when) > before.get(path, 0) > 0 for path, when in after.items()) else ["F16: a day later it is not asked again"]


def malformed(answer: Answered) -> Answered:
    status, headers, _body = answer
    return status, headers, b'{"suggestedWindow": {"start": '


def backwards(answer: Answered) -> Answered:
    status, headers, body = answer
    window = json.loads(body)["suggestedWindow"]
    return status, headers, json.dumps({"suggestedWindow": {"start": window["end"], "end": window["start"]}}).encode()


def wait(seconds: int) -> Callable[[Answered], Answered]:
    return lambda answer: (answer[0], {**answer[1], "Retry-After": str(seconds)}, answer[2])


RENEWALS = (
    Renewal("ARI malformed", "half an object of JSON as renewal information", malformed, HOURS),
    Renewal("ARI backwards", "a window that ends before it starts", backwards, HOURS),
    Renewal("ARI again in 1 s", "Retry-After of one second", wait(1), FLOOR),
    Renewal("ARI again in 30 d", "Retry-After of thirty days", wait(30 * DAY), FLOOR),
)


def leaf_of(cell: Cell) -> str:
    """The PEM of the certificate that is current."""
    end = "-----END CERTIFICATE-----\n"
    chain = (cell.world.place / "store" / "lineages" / "api" / "current" / "chain.pem").read_text()
    return chain.partition(end)[0] + end


def over(cell: Cell) -> None:
    """The CA wants the current one to have been renewed yesterday; nobody forces anything."""
    cell.world.service.pebble.move_window(leaf_of(cell), timedelta(days=-2), timedelta(days=-1))


def asked_for(cell: Cell) -> Broken:
    """What is served in the end was issued because the CA asked for it."""
    end = cell.looks["in the end"]
    found = [event for data in end.chains.values() for event in invariants.events(data) if event.get("sha256") == end.served]
    reasons = {event.get("reason") for event in found if event.get("action") == "outcome"}
    return [] if reasons == {"ari_window"} else [f"F16: it was issued for {sorted(map(str, reasons))}, not for its CA's window"]


# --- DNS (F28) ---


def apart(cell: Cell) -> None:
    """The secondary answers, and does not get what the primary has."""
    cell.world.service.split()


def together(cell: Cell) -> None:
    """What the failed run left is noted; then the secondary follows again."""
    cell.noted = cell.world.service.texts()
    cell.world.service.join()


def nothing_stayed(cell: Cell) -> Broken:
    return [f"F28: the failed run left the TXT records {cell.noted}"] if cell.noted else []


def somebodys(cell: Cell) -> None:
    """Another client has a value at the same name."""
    cell.world.service.add_foreign()
