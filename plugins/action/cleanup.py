# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drops the versions that nobody wants and nothing serves, in the controller's own process."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, Mapping, Sequence

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.edge import new_run_id, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup import Tidied, clean, facts_of
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup_copies import Found, drop_copies
from ansible_collections.certops.clm.plugins.module_utils.flows.revoke_only import compromised_of, counted, revoke
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.outcome import UNCHANGED, Answer, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.policy.duration import duration
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.plugin_utils import whole_view
from ansible_collections.certops.clm.plugins.plugin_utils.edge import run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.retired import retired_names, without
from ansible_collections.certops.clm.plugins.plugin_utils.tidying import dates, revokers, sentence, tidied
from ansible_collections.certops.clm.plugins.plugin_utils.tidying_copies import copies, copies_said, ended, foreign, places
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store

MEND = "Next: mend the ledger, then run certops.clm.cleanup again, which does the rest. Runbook: " + path_of("ledger")


class ActionModule(ActionBase):
    """Batch: one outcome for each version, failing at the end when one failed, and as a whole when the look was not whole."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        super().run(tmp, task_vars)
        self._variables: Mapping[str, Any] = task_vars or {}
        return run_action(self, self._work, runbook="ending")

    def _work(self, args: Mapping[str, Any], check_mode: bool) -> Mapping[str, Outcome]:
        whole_view.refuse_part(self._variables)
        now = utc_now()
        manifest = load(args["manifest"])
        store = open_store(manifest.secret_store, utc_now)
        over = retired_names(manifest, store)
        live = without(manifest, over)
        seen = load_observations(manifest.observations)
        spots = [*untrusted(args["blind"])]
        spots += whole_view.blind_spots(live, seen, now, _span(args, "max_age")).values()
        spots += [f"{name} is not in the inventory of this run" for name in whole_view.missing_hosts(live, args["hosts"])]
        if spots:
            raise ClmError(f"not everything was seen, so nothing is dropped: {whole_view.said(spots)}", hint=whole_view.BLIND_HINT)
        work = tidied(live, store, now)
        found, refs = copies([*work["lineages"], *ended(manifest, over)], places(manifest, utc_now), store)
        used = {**{str(one): "a source of the inventory found it" for one in args["seen"]}, **foreign(args["lying"], refs)}
        used.update(whole_view.in_use(seen))
        answer = Answer(work["errors"])
        how: Dict[str, Any] = {
            "store": store,
            "revokers": revokers(manifest, utc_now),
            "in_use": used,
            "clock": utc_now,
            "run_id": str(args["run_id"] or new_run_id()),
            "pause": shown(),
        }
        with open_ledger(manifest, utc_now, check_mode, checkpoint=True) as ledger:
            if ledger.shut:
                return _revoked(work["lineages"], ledger, answer, how)
            first = _compromised_first(work["lineages"], ledger, {**how, "check_mode": check_mode})
            keep: Dict[str, Any] = {"dates": dates(manifest), "retention": _span(args, "retention"), "ledger": ledger, **how}
            lying = _drop_copies(work["lineages"], found, keep, check_mode)
            answer.update(clean(work["lineages"], check_mode=check_mode, **keep))
            answer.update({name: one for name, one in first.items() if name not in answer or answer[name].state == UNCHANGED})
        facts = facts_of(answer)
        others = sum(name not in manifest.lineages for name in store.lineages())
        answer.more = {**ledger.facts, "summary": facts, "said": sentence(facts, others) + copies_said(lying)}
        answer.problem = "; ".join(ledger.problems)
        answer.update(lying)
        return answer


def _span(args: Mapping[str, Any], name: str) -> timedelta:
    return timedelta(seconds=duration(args[name], name))


def _drop_copies(lineages: Sequence[Tidied], found: Sequence[Found], keep: Dict[str, Any], check_mode: bool) -> Dict[str, Outcome]:
    """Copies go before their versions; what a copy shows to be in use is in use for the versions too, whose `keep` learns it."""
    if not any(one.copies or one.outcomes for one in found):
        return {}
    verdicts = clean(lineages, check_mode=True, **keep)
    done: Dict[str, Outcome] = {}
    more = {name: keep[name] for name in ("in_use", "store", "ledger", "clock", "run_id", "pause")}
    for one in found:
        outcomes, stay = drop_copies(one, verdicts, check_mode=check_mode, **more)
        done.update(outcomes)
        keep["in_use"] = {**stay, **keep["in_use"]}
    return done


def _compromised_first(lineages: Sequence[Tidied], ledger: Any, how: Mapping[str, Any]) -> Dict[str, Outcome]:
    """What is compromised and served nowhere is revoked at once: retention is a way back, and there is none to a stolen key."""
    done: Dict[str, Outcome] = {}
    for one in lineages:
        try:
            doomed = compromised_of(how["store"].versions(one.lineage), one.compromised)
            unused = [(version, reason) for version, reason in doomed if version.sha256 not in how["in_use"]]
            done.update(revoke(one.lineage, unused, ledger=ledger, labels=one.labels, **how))
        except ClmError as error:
            done[one.lineage] = failed("revoke", error)
    return done


def _revoked(lineages: Sequence[Tidied], ledger: Any, answer: Answer, how: Mapping[str, Any]) -> Answer:
    """While the ledger cannot be written, under break glass: what is compromised is revoked, nothing is dropped, and the task fails."""
    for one in lineages:
        try:
            doomed = compromised_of(how["store"].versions(one.lineage), one.compromised)
            answer.update(revoke(one.lineage, doomed, ledger=ledger, labels=one.labels, **how))
        except ClmError as error:
            answer[one.lineage] = failed("revoke", error)
    said = f"The ledger cannot be written, so nothing was dropped; of what is compromised, {counted(answer)}"
    answer.more, answer.problem = {**ledger.facts, "summary": {}, "said": said}, f"{said}. {ledger.shut}. {MEND}"
    return answer
