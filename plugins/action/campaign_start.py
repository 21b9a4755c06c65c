# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Begins a rotation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.plugin_utils.clocks import refuse_wrong_clock
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, judge_all
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.going_back import GoneBack
from ansible_collections.certops.clm.plugins.plugin_utils.holds import first_end
from ansible_collections.certops.clm.plugins.plugin_utils.part import Part, part_of_run
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.report.gather import write_report
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing, issuer_identities, standings, undeployed
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import GOING_BACK, reason_to_ignore
from ansible_collections.certops.clm.plugins.plugin_utils.wave import start, waits, way_back
from ansible_collections.certops.clm.plugins.plugin_utils.wave.base import utc_now
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import (
    open_ledger,
    open_store,
    refuse_ephemeral_places,
    refuse_unshared_store,
)
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import KEPT, Scope, refuse_crowded, refuse_untried, scope_of, went_on
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scope import gaps as gaps_of


class ActionModule(ActionBase):
    """Runs on the controller, where nothing has happened yet: here a failure may stop everything."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            part = part_of_run(self._loader, task_vars or {})
            result.update(_begin(args, load(args["manifest"]), part, bool(self._task.check_mode)))
        except ClmError as error:
            result.update(refused(error, self._task.args))
        return result


def _begin(args: Mapping[str, Any], manifest: Manifest, part: Part, check_mode: bool) -> Dict[str, Any]:
    now = utc_now()
    refuse_ephemeral_places(manifest, utc_now)
    if part.sliced:
        refuse_unshared_store(manifest, utc_now)
    begun, scope = _in_scope(_look(args, manifest, now), args, part)
    if not args["going_back"]:  # nothing is issued then, and no date decides
        refuse_wrong_clock(begun.seen, args["allow_blind"])
    not_seen = _refuse_blind(begun, scope, args, manifest)
    _refuse_left_out(begun, scope, args, manifest, now)
    if not args["going_back"]:  # what is gone back to was proven before
        refuse_untried(part, begun.mine, begun.due)
    refuse_crowded(part, begun.judged, begun.due)
    run_id = args["run_id"] or start.new_run_id(now)
    found = start.sizes(begun.due, begun.canaries, begun.judged, args["waves"], part)
    whole = start.summary(begun.mine, begun.undeployed, begun.due, begun.canaries, now, begun.ignored)
    facts = scope.without_undeployed(whole)
    with open_ledger(manifest, utc_now, check_mode) as ledger:
        ledger.append([{**event, **scope.event(), **_unseen(not_seen)} for event in start.events(run_id, facts)])
    report = {} if check_mode or ledger.shut else write_report(manifest, open_store(manifest.secret_store, utc_now), run_id, now)["files"]
    back = args["going_back"]
    waves = way_back.waves_of(begun.due, begun.canaries, found)
    said = way_back.sentence(back, facts, waves) if back else start.sentence(facts, found, part)
    said = f"{said} {start.unordered(begun.due, begun.judged)}".strip()
    return {
        "changed": False,
        "run_id": run_id,
        "summary": facts,
        "report": report,
        "due": begun.due,
        "canaries": begun.canaries,
        "to_issue": facts["to_issue"],
        "tries": way_back.tries([begun.judged[host] for host in begun.due], open_store(manifest.secret_store, utc_now)) if back else [],
        "not_seen": untrusted(not_seen if back else []),
        "msg": untrusted(" ".join(filter(None, (said, scope.sentence(whole["to_issue"]), went_on(not_seen))))),
        **ledger.facts,
        "warnings": [*ledger.facts.get("warnings", ()), *ledger.problems],
        **found,
    }


def _in_scope(begun: _Begun, args: Mapping[str, Any], part: Part) -> Tuple[_Begun, Scope]:
    """What is due in this run, and what it leaves out because it is a part."""
    due = begun.due if args["going_back"] else [host for host, one in begun.mine.items() if one.due]
    scope = scope_of(part, begun.mine, due, args["servers"], args["in_run"])
    return (replace(begun, due=scope.of(begun.due), canaries=scope.of(begun.canaries)) if part else begun), scope


def _refuse_blind(begun: _Begun, scope: Scope, args: Mapping[str, Any], manifest: Manifest) -> List[str]:
    """ClmError when this run would be blind; returns what it goes on without, since somebody allowed it or wants to go back."""
    mine = {host: begun.mine[host] for host in scope.mine}
    undeployed = () if scope.part else begun.undeployed
    allowed, looked = args["allow_blind"], args["looked"]
    spots = start.blind_spots(begun.seen, mine, args["servers"], allowed, undeployed)
    gaps = [] if args["going_back"] else gaps_of(looked, allowed)
    if spots or gaps:
        message = f"{start.blind_message([*spots, *gaps])}. {first_end(manifest, begun.seen, utc_now())}"
        raise ClmError(message.rstrip("."), hint=scope.hint() + start.BLIND_HINT, runbook="blind")
    return [*start.blind_spots(begun.seen, mine, args["servers"], (), undeployed), *gaps_of(looked)]


def _refuse_left_out(begun: _Begun, scope: Scope, args: Mapping[str, Any], manifest: Manifest, now: datetime) -> None:
    missing = [] if args["going_back"] else scope.of(start.left_out(begun.judged, begun.due, now))
    missing = waits.without_just_opened(missing, begun.judged, manifest.schedule, now, begun.ignored)
    if missing:
        text = f"{len(missing)} deployments are due, but not in clm_due: {', '.join(missing[:5])}"
        raise ClmError(text, hint=start.LEFT_OUT_HINT, runbook="blind")


def _unseen(not_seen: Sequence[str]) -> Dict[str, Any]:
    return {"not_seen": list(not_seen[:KEPT])} if not_seen else {}


@dataclass(frozen=True)
class _Begun:
    """What the campaign begins with: `mine` are the judged deployments that it may work on, `ignored` is why no window counts."""

    seen: Observations
    judged: Mapping[str, Judged]
    mine: Mapping[str, Judged]
    undeployed: Sequence[Standing]
    due: Sequence[str]
    canaries: Sequence[str]
    ignored: str = ""


def _look(args: Mapping[str, Any], manifest: Manifest, now: datetime) -> _Begun:
    """Everything judged; a rollback as though it were done, and only for its own lineages."""
    back = args["going_back"]
    way_back.refuse_unknown(manifest, back)
    seen = load_observations(manifest.observations)
    store = GoneBack(open_store(manifest.secret_store, utc_now), back)
    identities = issuer_identities(manifest, utc_now)
    ignored = GOING_BACK if back else reason_to_ignore(args["ignore_windows"])
    judged = {one.deployment.id: one for one in judge_all(manifest, seen, store, now, identities=identities, ignore_windows=ignored)}
    if back:
        mine = {host: replace(one, issue=None) for host, one in judged.items() if one.lineage.name in back}  # nothing is issued
        way_back.refuse_dead(standings(manifest, [manifest.lineages[name] for name in back], store, now, identities))
        return _Begun(seen, judged, mine, (), **way_back.due_of(mine, back), ignored=ignored)
    alone = standings(manifest, undeployed(manifest), store, now, identities)
    return _Begun(seen, judged, judged, alone, args["due"], args["canaries"], ignored)
