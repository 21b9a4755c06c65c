# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run may work on, what it leaves to others because it is a part of the inventory, and what it goes on without seeing. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Collection, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.plugin_utils.blindness import ENDPOINTS, accepted
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged
from ansible_collections.certops.clm.plugins.plugin_utils.part import Part
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import listed

KEPT = 10
SLICE_HINT = (
    "In a slice every server of its deployments is needed. AWX cuts the servers too, so let each job have the whole inventory and "
    "take its deployments with -e clm_slices=4 -e clm_slice=1. "
)
CANARIES_FIRST = (
    "Let the canaries go first in one run that is not sliced, and the slices after it: "
    "ansible-playbook certops.clm.rotate --limit 'localhost,clm_canary,clm_servers'"
)
CUT_HERE = (
    "In jobs that AWX does not slice, -e clm_slices=4 -e clm_slice=1 and so on keep a small service whole in one slice. Fewer slices, or "
    "service: '' in the manifest for lineages that nobody has to be able to reach meanwhile, help too."
)
LIMIT_HINT = "Name the servers of the deployments in --limit too. "


@dataclass(frozen=True)
class Scope:
    """`mine` are the deployments in this run, of `managed` in all; `outside` is what is due and not in it, `absent` are the services
    of which it has nothing."""

    part: Part
    mine: Tuple[str, ...]
    managed: int
    outside: Tuple[str, ...] = ()
    absent: Tuple[str, ...] = ()

    def of(self, hosts: Sequence[str]) -> List[str]:
        """Those of the hosts that are in this run."""
        wanted = set(self.mine)
        return [host for host in hosts if host in wanted]

    def without_undeployed(self, facts: Mapping[str, Any]) -> Dict[str, Any]:
        """The facts of a part, which issues nothing that has no host: every part would issue it."""
        left = len(facts["to_issue"]) if self.part else 0
        return {**facts, "to_issue": [] if self.part else facts["to_issue"], "due": facts["due"] - left}

    def sentence(self, to_issue: Sequence[str] = ()) -> str:
        """What a person reads of a part, empty for a run of everything."""
        if not self.part:
            return ""
        text = f"Partial: {self.part.sentence}; {len(self.mine)} of {self.managed} managed deployments are in this run."
        if self.absent and self.mine:
            text += f" It has nothing of these services: {listed(self.absent)}."
        if not self.mine:
            text += " It has none of them, so that nothing was done here says nothing of them."
        left = [*self.outside, *(f"the lineage {name}" for name in to_issue)]
        if not left:
            return f"{text} Nothing that is due is left out of it."
        return f"{text} {len(left)} are due and left out of it: {listed(left)}."

    def event(self) -> Dict[str, Any]:
        """What the ledger keeps of it."""
        if not self.part:
            return {}
        return {"partial": True, "part": self.part.sentence, "in_run": len(self.mine), "left_out": len(self.outside)}

    def hint(self) -> str:
        """What helps when this part is blind."""
        return SLICE_HINT if self.part.sliced else LIMIT_HINT if self.part else ""


def scope_of(
    part: Part, judged: Mapping[str, Judged], due: Sequence[str], inventory: Collection[str], in_run: Optional[Collection[str]]
) -> Scope:
    """The scope of a run over these deployments, of which `due` are due."""
    services = {host: one.lineage.service for host, one in judged.items()}
    if not part:
        return Scope(part, tuple(judged), len(judged))
    mine = dict.fromkeys(part.members(list(judged), inventory, in_run, services))
    absent = {name for name in services.values() if name} - {services[host] for host in mine}
    return Scope(part, tuple(mine), len(judged), tuple(host for host in due if host not in mine), tuple(sorted(absent)))


def untried(judged: Iterable[Judged]) -> List[str]:
    """The lineages that have canaries, and whose deployments would now get a version that was proven nowhere."""
    found: Dict[str, bool] = {}
    for one in judged:
        wanted = one.standing.wanted
        if len(one.lineage.deployments) > 1 and (one.issue is not None or wanted is None or wanted.state != "proven"):
            found[one.lineage.name] = True
    return list(found)


def refuse_untried(part: Part, judged: Mapping[str, Judged], due: Sequence[str]) -> None:
    """ClmError when a slice would deploy what was proven nowhere: each slice would try it at once, and none of them first."""
    names = untried(judged[host] for host in due if host in judged) if part.sliced else []
    if names:
        text = f"{len(names)} lineages are to get a version that was proven nowhere yet, which a slice never tries: {listed(names)}"
        raise ClmError(f"{text}. Nothing was changed", hint=CANARIES_FIRST, runbook="refused")


def refuse_crowded(part: Part, judged: Mapping[str, Judged], due: Sequence[str]) -> None:
    """ClmError for a slice of somebody else's cut where all slices at once could hold more than a third of one of its services."""
    if not part.sliced or part.number:
        return
    totals = Counter(one.lineage.service for one in judged.values())
    waiting = Counter(one.lineage.service for one in judged.values() if one.due)
    mine = dict.fromkeys(judged[host].lineage.service for host in due if host in judged)
    crowded = [name for name in mine if name and min(part.slices, waiting[name]) > max(1, totals[name] // 3)]
    if crowded:
        told = listed([f"{name} ({waiting[name]} of {totals[name]} deployments are due)" for name in crowded])
        text = f"{part.slices} slices at once could hold more than a third of {told}"
        raise ClmError(f"{text}. Nothing was changed", hint=CUT_HERE, runbook="refused")


def gaps(looked: Mapping[str, Any], allowed: Collection[str] = ()) -> List[str]:
    """What `look_judge` says of sources that did not answer or found too little, without those that somebody allowed.

    Endpoints are left out: a run judges each of its own, and one that does not answer is what it may have come to mend.
    """
    found: Dict[str, str] = {}
    for key in ("silent", "fewer"):
        one = looked.get(key)
        found.update({str(name): str(text) for name, text in one.items()} if isinstance(one, Mapping) else {})
    return [text for name, text in found.items() if name != ENDPOINTS and not accepted(name, allowed)]


def went_on(not_seen: Sequence[str]) -> str:
    """What a person reads of what the run goes on without seeing."""
    return f"It goes on without having seen this: {'; '.join(not_seen[:KEPT])}." if not_seen else ""
