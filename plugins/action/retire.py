# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a lineage, in the controller's own process."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Any, Callable, Dict, List, Mapping, Optional

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.edge import new_run_id, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.retire import Ending, lift, retire, retirement, sentence
from ansible_collections.certops.clm.plugins.module_utils.flows.revoke_only import compromised_of, counted, revoke
from ansible_collections.certops.clm.plugins.module_utils.ledger import Recorder
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, UNCHANGED, Answer, Outcome, as_dicts
from ansible_collections.certops.clm.plugins.module_utils.policy.duration import duration
from ansible_collections.certops.clm.plugins.module_utils.probe import probe_many
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.plugin_utils import retiring, whole_view
from ansible_collections.certops.clm.plugins.plugin_utils.edge import run_action
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.retired import retired_names, without
from ansible_collections.certops.clm.plugins.plugin_utils.tidying import revokers
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store

Act = Callable[[Any], Outcome]
MEND = "mend the ledger, then run certops.clm.retire -e clm_lineage=%s again, which does the rest and revokes nothing twice"


class ActionModule(ActionBase):
    """One lineage: first whether it may end and what is to be unbound, then, when servers have unbound it, its end."""

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
        manifest = load(args["manifest"])
        work = _Work(args, manifest, open_store(manifest.secret_store, utc_now), check_mode)
        with open_ledger(manifest, utc_now, check_mode, checkpoint=True) as ledger:
            acts: Dict[str, Act] = {"begun": work.begin, "retired": work.end, "lifted": work.lift}
            if ledger.shut:  # under break glass, or it would not be open at all
                acts = {"begun": work.begin_shut, "retired": work.revoke_only}
            if args["state"] not in acts:
                raise ClmError("the ledger cannot be written, so nothing is lifted", hint="mend the ledger first", runbook="ledger")
            answer = Answer({work.name: acts[args["state"]](ledger)})
        answer.more, answer.problem = {**ledger.facts, **work.more}, "; ".join(ledger.problems)
        return answer


class _Work:
    """What the three states share."""

    def __init__(self, args: Mapping[str, Any], manifest: Manifest, store: SecretStore, check_mode: bool) -> None:
        self._args, self._manifest, self._store, self._check_mode = args, manifest, store, check_mode
        self.name: str = str(args["lineage"])
        self._run_id = str(args["run_id"] or new_run_id())
        self._versions: List[StoredVersion] = store.versions(self.name)
        self._lineage: Optional[Lineage] = retiring.known_lineage(manifest, self._versions, self.name)
        self._unbind = retiring.unbind_of(self._lineage, self._versions, str(args["key"]))
        self.more: Dict[str, Any] = {"run_id": self._run_id, "unbind": self._unbind}

    def begin(self, ledger: Recorder) -> Outcome:
        """Refuse what is served or was not seen; says what is to be unbound, and records that it will be."""
        ended = retirement(self._versions)
        if ended is not None:
            return Outcome(UNCHANGED, "begin", message=sentence(self.name, ended))
        retiring.refuse_unissued(self.name, self._versions)
        self._judge()
        if self._lineage is not None:
            ledger.append(retiring.intents(self._lineage, self._unbind, self._run_id))
        count = sum(len(items) for items in self._unbind.values())
        message = f"nothing serves a version of {self.name}: {count} deployments are unbound, then {len(self._versions)} versions end"
        return Outcome(UNCHANGED, "begin", message=message)

    def end(self, ledger: Recorder) -> Outcome:
        """Judge what the servers did, look again, then end it."""
        removed = ()
        if retirement(self._versions) is None:
            self._judge()
            removed = self._judge_unbound(ledger)
            look = functools.partial(probe_many, timeout=self._args["timeout"])
            retiring.refuse_served(self.name, self._lineage, self._versions, retiring.look_again(self._lineage, look))
        lineage = self._lineage
        ending = Ending(
            self.name,
            key=str(self._args["key"]),
            reason=str(self._args["reason"]),
            labels=lineage.labels if lineage else {},
            compromised=lineage.compromised if lineage else (),
            removed=removed,
            endpoints=tuple(one.label for deployment in (lineage.deployments if lineage else ()) for one in deployment.endpoints),
        )
        asked = revokers(self._manifest, utc_now)
        return retire(
            ending,
            store=self._store,
            revokers=asked,
            ledger=ledger,
            clock=utc_now,
            run_id=self._run_id,
            check_mode=self._check_mode,
            pause=shown(),
        )

    def begin_shut(self, ledger: Recorder) -> Outcome:
        """While the ledger cannot be written nothing is unbound; refuses what `begin` does."""
        self._judge()
        self.more["unbind"] = {}
        message = f"the ledger cannot be written, so {self.name} does not end: what is valid of it is revoked, and nothing else is done"
        return Outcome(UNCHANGED, "begin", message=message)

    def revoke_only(self, ledger: Recorder) -> Outcome:
        """Revoke what is valid and nothing serves; it has failed even so, because the lineage goes on until the ledger is mended."""
        self._judge()
        look = functools.partial(probe_many, timeout=self._args["timeout"])
        retiring.refuse_served(self.name, self._lineage, self._versions, retiring.look_again(self._lineage, look))
        dead = {one.version: reason for one, reason in compromised_of(self._versions, self._lineage.compromised if self._lineage else ())}
        doomed = [(one, dead.get(one.version, str(self._args["reason"]))) for one in self._versions]
        labels = self._lineage.labels if self._lineage else {}
        how: Dict[str, Any] = {"store": self._store, "ledger": ledger, "clock": utc_now, "run_id": self._run_id, "pause": shown()}
        outcomes = revoke(self.name, doomed, revokers=revokers(self._manifest, utc_now), labels=labels, **how)
        self.more["revoked"] = as_dicts(outcomes)
        message = f"the ledger cannot be written, so {self.name} has not ended; {counted(outcomes)}"
        return Outcome(FAILED, "revoke", message=message, next_action=MEND % self.name, runbook_page=path_of("ledger"))

    def lift(self, ledger: Recorder) -> Outcome:
        """Give the name free again."""
        how: Dict[str, Any] = {"store": self._store, "ledger": ledger, "run_id": self._run_id, "check_mode": self._check_mode}
        return lift(self.name, clock=utc_now, pause=shown(), **how)

    def _judge(self) -> None:
        seen = load_observations(self._manifest.observations)
        live = without(self._manifest, retired_names(self._manifest, self._store))
        age = timedelta(seconds=duration(self._args["max_age"], "max_age"))
        found = {str(one): ["a source of the inventory found it"] for one in self._args["seen"]}
        retiring.refuse_served(self.name, self._lineage, self._versions, {**found, **whole_view.serving(seen)})
        retiring.refuse_standby(self.name, live)
        retiring.refuse_blind(live, self._lineage, seen, utc_now(), age, self._args["allow_blind"])
        missing = whole_view.missing_hosts(live, self._args["hosts"])
        if missing:
            text = f"the inventory of this run lacks {whole_view.said(missing)}, so nothing is retired"
            raise ClmError(text, hint=whole_view.PART_HINT)

    def _judge_unbound(self, ledger: Recorder) -> Any:
        if self._lineage is None:
            return ()
        unbound = untrusted(self._args["unbound"])
        outcomes, events = retiring.results(self._lineage, self._unbind, unbound, self._run_id)
        self.more["deployments"] = outcomes
        ledger.append(events)
        retiring.refuse_bound(outcomes, self._check_mode)
        return retiring.removed(outcomes)
