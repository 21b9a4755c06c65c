# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who was woken up is told of a deployment: which, what happened, what is served now and until when, what next. Pure."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, DONE, FAILED, PENDING, ROLLED_BACK, UNCHANGED
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation
from ansible_collections.certops.clm.plugins.module_utils.runbooks import name_of, page_of, path_of
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import leaf_facts
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, positive

NOBODY = ("deploy", "issuer", "refused", "window")  # pages that step back once what is served has expired
PLAYBOOKS = {"blind": "discover", "compromised": "impact", "ledger": "rotate", "store": "rotate"}
LIMITED = re.compile(r"--limit '([a-z_,]+)'")
# Compiled here, in the process that every host's verdict is forked from, and not in each of them anew.
NAME_OF_BYTES, SHA256 = re.compile(r"[0-9a-f]{16}"), re.compile(r"\b([0-9a-f]{16})[0-9a-f]{48}\b")
NAMED = re.compile(r"certops\.clm\.(adopt|discover|impact|retire|rollback|rotate)\b")


class Served(NamedTuple):
    """A leaf that is served, and its notAfter (RFC 3339); both empty where nobody knows."""

    sha256: str = ""
    until: str = ""


def seen_at(observations: Iterable[Observation]) -> Served:
    """What the connections of one deployment showed: of several leaves the one that ends first."""
    found = [Served(one.sha256, _until(one.chain_der[0])) for one in observations if one.sha256 and one.chain_der]
    return min(found, key=lambda one: one.until or "9", default=Served())


def _until(der: bytes) -> str:
    try:
        when = leaf_facts(der).not_after
    except ClmError:
        return ""
    return rfc3339(when) if when else ""


def told(
    outcomes: Mapping[str, OutcomeDict], plan: Mapping[str, Any], seen: Mapping[str, Served], now: datetime, inventories: Sequence[str] = ()
) -> Dict[str, OutcomeDict]:
    """The outcomes with lineage, place, served_sha256, served_until, runbook_page, runbook, and a command in next_action."""
    return {host: _told(host, outcome, plan, seen.get(host), now, inventories) for host, outcome in outcomes.items()}


def _told(
    host: str, outcome: OutcomeDict, plan: Mapping[str, Any], seen: Optional[Served], now: datetime, inventories: Sequence[str]
) -> OutcomeDict:
    item = plan.get("items", {}).get(host) or plan.get("waiting", {}).get(host) or {}
    lineage = str(item.get("lineage", ""))
    labels = item.get("labels") or plan.get("lineages", {}).get(lineage, {}).get("labels", {})
    served = seen if seen and seen.sha256 else _as_last_seen(outcome)
    page = page_for(outcome, served, now, item.get("issue"))
    action = str(outcome["next_action"])
    if page and "Command: " not in action:
        action = f"{ended(action)} Command: `{_command(action, page, served, inventories)}`".strip()
    return {
        **outcome,
        "next_action": action,
        "lineage": lineage,
        "place": _place(host, item),
        "served_sha256": served.sha256,
        "served_until": served.until,
        "runbook_page": page,
        "runbook": str(labels.get("runbook") or ""),
    }


def page_for(outcome: Mapping[str, Any], served: Served, now: datetime, planned: Any = None) -> str:
    """The page of an outcome: where what is served has expired, clients are hurt already, and that comes first.

    `planned` is the reason to issue that the wave was planned with, for an outcome that has none of its own.
    """
    reason = outcome.get("reason") or planned
    word = str(reason.get("word", "")) if isinstance(reason, Mapping) else ""
    page = page_of(str(outcome["state"]), str(outcome["step"]), word, str(outcome.get("runbook_page") or ""))
    until = moment_of(served.until)
    waits = outcome["state"] in (FAILED, PENDING, DEFERRED)
    return path_of("expired") if waits and until and until <= now and name_of(page) in NOBODY else page


def _as_last_seen(outcome: Mapping[str, Any]) -> Served:
    """What is served as far as the steps know; nothing where one changed it, and nobody saw what came of that."""
    before, after = outcome["before"], outcome["after"]
    facts: Mapping[str, Any] = {}
    if outcome["state"] in (DONE, UNCHANGED, ROLLED_BACK):
        facts = after if after.get("sha256") or outcome["state"] == ROLLED_BACK else before
    elif outcome["state"] in (FAILED, PENDING, DEFERRED) and not after.get("swapped") and outcome["step"] not in ("restore", "bind"):
        facts = before
    return Served(str(facts.get("sha256") or ""), str(facts.get("not_after") or ""))


def _place(host: str, item: Mapping[str, Any]) -> str:
    """Where it is, as a person would look for it."""
    deployment = item.get("deployment") or {}
    ends = [Endpoint.from_dict(one).label for one in deployment.get("endpoints", ())]
    where = str(item.get("server") or deployment.get("target", {}).get("type") or host)
    return f"{where}, {ends[0]}{' and others' if len(ends) > 1 else ''}" if ends else where


def _command(action: str, page: str, served: Served, inventories: Sequence[str]) -> str:
    """The command line to go on with, with the inventories of this run: the playbook that the next action names, else the page's."""
    name = name_of(page)
    found = NAMED.search(action)
    playbook = found.group(1) if found else PLAYBOOKS.get(name, "rotate")
    words = ["ansible-playbook", *(word for one in inventories for word in ("-i", one)), f"certops.clm.{playbook}"]
    words += ["-e", f"clm_impact_sha256={served.sha256 or 'SHA256'}"] if playbook == "impact" else []
    limited = LIMITED.search(action)
    words += ["--limit", limited.group(1)] if limited else []
    words += ["-e", "clm_ignore_windows='WHY IT CANNOT WAIT'"] if name == "window" else []
    return " ".join(shlex.quote(word) for word in words)


def completed(outcome: Mapping[str, Any], variables: Mapping[str, Any], now: datetime) -> OutcomeDict:
    """The outcome of a host of which the wave had no plan, with what the inventory knows of it; nothing was changed there then."""
    if outcome.get("lineage") or not variables.get("clm_lineage"):
        return dict(outcome)
    known = {name: str(variables.get(f"clm_{name}") or "") for name in ("lineage", "server", "sha256", "not_after", "runbook")}
    served = Served(known["sha256"], known["not_after"]) if outcome.get("step") == "plan" else Served()
    found = {"lineage": known["lineage"], "place": known["server"] or str(outcome.get("place") or ""), "runbook": known["runbook"]}
    page = page_for(outcome, served, now)
    return {**outcome, **found, "served_sha256": served.sha256, "served_until": served.until, "runbook_page": page}


def sentence(outcome: Mapping[str, Any], clock: Clock, host: str = "") -> str:
    """What a person reads in the line of the host, whatever is missing in the outcome. The steps' messages begin with the host's own
    name, which its line has already."""
    lineage, place = (str(outcome.get(name) or "") for name in ("lineage", "place"))
    after = outcome.get("after")
    request = after.get("request_id") if isinstance(after, Mapping) else ""
    who = f"{lineage} on {place}: " if lineage else f"{place}: " if place else ""
    parts = [f"{who}{outcome.get('state')} at step {outcome.get('step')}{f' (request {request})' if request else ''}."]
    message = str(outcome.get("message") or "")
    if host and who and message.startswith(f"{host}: "):
        message = message[len(host) + 2 :]
        message = message if NAME_OF_BYTES.match(message) else message[:1].upper() + message[1:]
    parts.append(ended(SHA256.sub(r"\1...", message)))
    if not positive(outcome):
        parts += _next(outcome, clock())
    return " ".join(part for part in parts if part)


def _next(outcome: Mapping[str, Any], now: datetime) -> List[str]:
    page, own = str(outcome.get("runbook_page") or ""), str(outcome.get("runbook") or "")
    return [
        served_text(Served(str(outcome.get("served_sha256") or ""), str(outcome.get("served_until") or "")), now),
        f"Next: {ended(str(outcome['next_action']))}" if outcome.get("next_action") else "",
        f"Runbook: {page}" + (f", and your own: {own}" if own else "") if page else "",
    ]


def ended(text: str) -> str:
    """The text as a sentence that has an end."""
    return text if not text or text[-1] in ".!?:" else f"{text}."


def served_text(served: Served, now: datetime, verb: str = "Served") -> str:
    """What is served (or kept, by the verb) and until when, in words and in time that is left."""
    if not served.sha256:
        return f"{verb} now: not known."
    what = f"{verb} now: SHA-256 {served.sha256[:16]}..."
    until = moment_of(served.until)
    if until is None:
        return f"{what}, until a date that is not known."
    when = f"{until:%Y-%m-%d %H:%M} UTC"
    if until <= now:
        return f"{what}, EXPIRED at {when} ({span(now - until)} ago): clients refuse it."
    return f"{what}, until {when} (in {span(until - now)})."


def span(length: timedelta) -> str:
    """A length of time as somebody reads a clock: '3 days 4 h', '4 h 20 min', '12 min'."""
    minutes = max(0, int(length.total_seconds())) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} day{'' if days == 1 else 's'} {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
