# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows in a rotation: what is said before the first wave, what a wave leaves for later, and what went ahead anyway. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.module_utils.manifest import Schedule
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, UNCHANGED, Outcome
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import OVERRIDE, Timer
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict

SHOWN = 5
LATELY = timedelta(minutes=5)


def facts(judged: Mapping[str, Judged], due: Sequence[str], ignored: str = "") -> Dict[str, Any]:
    """Which deployments wait, for what and until when, and how many go ahead outside of their window."""
    waiting = [one for one in judged.values() if one.waiting and one.timing is not None]
    openings = [one.timing.opens for one in waiting if one.timing is not None and one.timing.opens is not None]
    urgent = {host: _sentence(judged[host]) for host in due if host in judged and _sentence(judged[host])}
    return {
        "waiting": [one.deployment.id for one in waiting],
        "waiting_for": list(dict.fromkeys(_sentence(one) for one in waiting))[:SHOWN],
        "next_opening": rfc3339(min(openings)) if openings else "",
        "overridden": list(urgent),
        "overridden_for": list(dict.fromkeys(urgent.values()))[:SHOWN],
        "ignore_windows": ignored,
    }


def sentences(found: Mapping[str, Any]) -> str:
    """The same for people, empty where no window is closed."""
    text = ""
    if found["waiting"]:
        opens = f"the first opening is at {found['next_opening']}" if found["next_opening"] else "no opening is known"
        text += f" {len(found['waiting'])} wait for their change window, {opens}: {listed(found['waiting'])}"
        text += f" ({'; '.join(found['waiting_for'])}). To go ahead now: -e clm_ignore_windows='why'. Runbook: {path_of('window')}."
    if found["overridden"]:
        text += f" {len(found['overridden'])} of them are worked on outside of their change window: {listed(found['overridden'])}"
        text += f" ({'; '.join(found['overridden_for'])})."
    return text


def counted(found: Mapping[str, Any]) -> Dict[str, Any]:
    """What the ledger keeps of it for the whole run."""
    why = {"ignore_windows": found["ignore_windows"]} if found["ignore_windows"] else {}
    return {"waiting": len(found["waiting"]), "overridden": len(found["overridden"]), **why}


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def without_just_opened(hosts: Sequence[str], judged: Mapping[str, Judged], schedule: Schedule, now: datetime, ignored: str) -> List[str]:
    """The hosts without those whose window opened in the last minutes, while the inventory was read."""
    timer = Timer(schedule, now - LATELY, ignored)
    waited = []
    for host in hosts:
        one = judged[host]
        meta = one.standing.wanted.meta if one.standing.wanted else {}
        timing = timer.judge(one.lineage, one.issue, one.deploy, one.served, meta)
        if timing is not None and timing.waits:
            waited.append(host)
    return [host for host in hosts if host not in waited]


def deferral(judged: Judged, served: Mapping[str, Any]) -> Outcome:
    """The outcome of a deployment whose window closed before its wave came."""
    now = f"Served there is {served['sha256'][:16]}... until {served['not_after'] or 'nobody knows when'}." if served else ""
    message = f"{judged.lineage.name} waits: {_sentence(judged)}. Nothing was changed. {now}".strip()
    reason = judged.issue or judged.deploy
    return Outcome(DEFERRED, "plan", reason=reason, before=served, message=message, next_action=OVERRIDE)


def deferred_item(judged: Judged, served: Mapping[str, Any]) -> Dict[str, Any]:
    """What the record says of it."""
    return {"lineage": judged.lineage.name, "server": judged.deployment.server, "before": dict(served), "labels": judged.lineage.labels}


def override_of(judged: Judged) -> str:
    """Why the deployment is changed outside of its window, empty when that is open."""
    return _sentence(judged) if judged.timing is not None and not judged.timing.waits else ""


def with_overrides(outcomes: Mapping[str, OutcomeDict], plan: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes, whose messages say where a window was overridden and why."""
    after = {}
    for host, outcome in outcomes.items():
        override = plan["items"].get(host, {}).get("override", "") if outcome["state"] != UNCHANGED else ""
        message = f"{outcome['message']} Outside of its window: {override}.".strip() if override else outcome["message"]
        after[host] = {**outcome, "message": message}
    return after


def _sentence(judged: Judged) -> str:
    return judged.timing.sentence if judged.timing is not None else ""
