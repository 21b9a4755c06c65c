# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lineages that no deployment serves: issued into the secret store, one outcome each, while the waves go their own way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, FAILED, PENDING, PLANNED, UNCHANGED, Outcome
from ansible_collections.certops.clm.plugins.module_utils.policy.patience import can_wait
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import split
from ansible_collections.certops.clm.plugins.plugin_utils.wave.issue import OpenIssuer, issue_lineages
from ansible_collections.certops.clm.plugins.plugin_utils.wave.record import LABELS
from ansible_collections.certops.clm.plugins.plugin_utils.wave.standbys import refused_standbys
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import Served, ended, served_text

NO_TIME = "what is kept holds no longer than 12 hours or a quarter of its life."
NOTHING = "nothing is kept that would hold until then."
ANSWER = "Have that answered, then run certops.clm.rotate again: it goes on where this one stopped and issues nothing twice."
THEN = "Then run certops.clm.rotate again: it goes on where this one stopped and issues nothing twice."
RUN_AGAIN = "Mend that, then run certops.clm.rotate again: it goes on where this one stopped and issues nothing twice."


def lineages_of(manifest: Manifest, names: Sequence[str]) -> List[Lineage]:
    """The lineages of these names; ConfigError for one that a wave is to renew, or that nobody knows."""
    for name in names:
        lineage = manifest.lineages.get(name)
        if lineage is None or lineage.deployments:
            why = "has deployments: a wave renews it" if lineage else "is not in the manifest"
            raise ConfigError(f"the lineage {name!r} {why}", field="lineages")
    return [manifest.lineages[name] for name in names]


def issue_undeployed(
    lineages: Sequence[Lineage], manifest: Manifest, *, store: SecretStore, open_issuer: OpenIssuer, clock: Clock, **how: Any
) -> Dict[str, Outcome]:
    """One outcome for each lineage by its name; the new version is the current one, for nobody is there to prove it."""
    issued = refused_standbys(lineages, manifest, open_issuer)
    good = [one for one in lineages if one.name not in issued]
    issued.update(issue_lineages(good, manifest, {}, store=store, open_issuer=open_issuer, clock=clock, promote=True, **how))
    return {name: _last_word(outcome, store, name, clock()) for name, outcome in issued.items()}


def _last_word(outcome: Outcome, store: SecretStore, name: str, now: datetime) -> Outcome:
    """What waits for an issuer stays so from run to run, and has failed when too little life is left in what is kept.

    Where nothing is kept yet there is nothing to hold until then: a run that leaves a lineage without a certificate is not green.
    """
    if outcome.state == UNCHANGED and outcome.reason is not None and not outcome.after.get("sha256"):
        outcome = replace(outcome, state=PENDING)  # asked for by an earlier run: the flow has nothing new to say
    if outcome.after.get("challenges"):
        return outcome  # it is ours to publish them, and to ask again in this run
    if outcome.state in (PENDING, DEFERRED) and not can_wait(_life(outcome.before), now):
        message = f"{ended(outcome.message)} There is no time left to wait: {NO_TIME if outcome.before else NOTHING}"
        outcome = replace(outcome, state=FAILED, message=message.strip(), next_action=ANSWER)
    if outcome.state != FAILED:
        return outcome
    before = outcome.before or _kept(store, name)
    kept = "" if outcome.message.endswith(NOTHING) else _kept_text(before, now)
    message = f"{ended(outcome.message)} {kept}".strip()
    return replace(outcome, before=before, message=message, next_action=_again(outcome.next_action))


def _again(action: str) -> str:
    """What to do, down to the playbook that goes on from there."""
    return action if "certops.clm.rotate" in action else f"{ended(action)} {THEN if action else RUN_AGAIN}".strip()


def _kept(store: SecretStore, name: str) -> Dict[str, Any]:
    """Facts of the current version, empty where there is none or it cannot be read."""
    try:
        current = store.load(name)
        if current is None or not current.chain_pem:
            return {}
        leaf = Certificate.parse(split(current.chain_pem)[0].der)
    except (ClmError, ValueError):
        return {}
    return {"sha256": leaf.sha256, "not_after": "" if leaf.not_after is None else rfc3339(leaf.not_after)}


def _kept_text(facts: Mapping[str, Any], now: datetime) -> str:
    """What the secret store has meanwhile, for people."""
    kept = Served(str(facts.get("sha256") or ""), str(facts.get("not_after") or ""))
    return served_text(kept, now, "Kept") if kept.sha256 else "No certificate of it is kept."


def _life(facts: Mapping[str, Any]) -> Tuple[Optional[datetime], ...]:
    """notBefore and notAfter, None where they could not be read."""
    return tuple(moment_of(facts.get(name)) for name in ("not_before", "not_after"))


def events(manifest: Manifest, outcomes: Mapping[str, Outcome], run_id: str) -> List[Dict[str, Any]]:
    """The ledger's last word on each lineage of a run, as waves write it for each deployment."""
    return [
        {
            "action": "outcome",
            "step": outcome.step,
            "run_id": run_id,
            "request_id": outcome.after.get("request_id", ""),
            "lineage": name,
            "version": outcome.after.get("version", ""),
            "sha256": outcome.after.get("sha256", ""),
            "spki_sha256": outcome.after.get("spki_sha256", ""),
            "before_sha256": outcome.before.get("sha256", ""),
            "state": outcome.state,
            "reason": outcome.reason.word if outcome.reason else "",
            "message": outcome.message,
            "next_action": outcome.next_action,
            "runbook_page": outcome.as_dict()["runbook_page"],
            **{label: manifest.lineages[name].labels.get(label, "") for label in LABELS},
        }
        for name, outcome in outcomes.items()
        if outcome.state not in (PLANNED, UNCHANGED)
    ]


def lines(outcomes: Mapping[str, Outcome]) -> List[str]:
    """One line for a person for each lineage."""
    return [_line(name, outcome) for name, outcome in outcomes.items()]


def _line(name: str, outcome: Outcome) -> str:
    text = f"{name}: {outcome.state}"
    if outcome.reason is not None:
        text += f" ({outcome.reason.sentence})"
    after = outcome.after
    if after.get("sha256"):
        text += f", SHA-256 {after['sha256']} until {after.get('not_after')}"
    if outcome.message:
        text += f": {outcome.message}"
    text = f"{ended(text)} Next: {outcome.next_action}" if outcome.next_action else text
    page = outcome.as_dict()["runbook_page"]
    return f"{ended(text)} Runbook: {page}" if page else text
