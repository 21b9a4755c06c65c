# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report says, as plain data: the page, the JSON and the CSV are all made from this."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.runbooks import name_of
from ansible_collections.certops.clm.plugins.plugin_utils.report.words import (
    STATE_TEXT,
    TONES,
    ago,
    count,
    day,
    life_left,
    minute,
    safe_url,
    short,
    span,
    visible,
    with_short_hashes,
)

MOVED = ("done",)
NOT_GOOD = ("failed", "rolled_back", "unproven", "pending", "deferred")
MAX_UNMANAGED = 200


def build(
    *,
    places: Sequence[Mapping[str, Any]],
    lineages: Sequence[Mapping[str, Any]],
    unmanaged: Sequence[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
    ledger: Mapping[str, Any],
    now: datetime,
    run_id: str = "",
    title: str = "Certificates",
    not_seen: Sequence[str] = (),
    part: str = "",
) -> Dict[str, Any]:
    """The whole report. places and lineages are facts of now, events are the ledger's events of run_id.

    not_seen has one sentence for everything that nobody could look at, part what the run or the look was limited to.
    """
    outcomes = _last_outcomes(events)
    rows = [_place(place, outcomes.get(str(place["id"])), now) for place in places]
    report: Dict[str, Any] = {
        "title": visible(title),
        "run_id": visible(run_id),
        "generated_at": minute(now),
        "moved": [row for row in rows if row["outcome_state"] in MOVED],
        "failed": [_failure(row) for row in rows if row["outcome_state"] in NOT_GOOD],
        "lineages": sorted((_lineage(item, now) for item in lineages), key=_by_urgency),
        "places": rows,
        "unmanaged": [_unmanaged(item) for item in unmanaged[:MAX_UNMANAGED]],
        "unmanaged_more": max(0, len(unmanaged) - MAX_UNMANAGED),
        "ledger_text": _ledger_text(ledger),
        "ledger": dict(ledger),
        "not_seen": [visible(text) for text in dict.fromkeys(not_seen)],
        "part": visible(part),
    }
    report.update(_head(report, ran=bool(outcomes), now=now, unmanaged=len(unmanaged)))
    return report


def lineage_id(name: str) -> str:
    """The id of the row of a lineage that has no deployment; with a space, which no deployment's id has."""
    return f"lineage {name}"


def _last_outcomes(events: Iterable[Mapping[str, Any]]) -> Dict[str, Mapping[str, Any]]:
    """The last outcome of each deployment, and of each lineage where an event is of no deployment."""
    outcomes = [event for event in events if event.get("action") == "outcome"]
    return {str(event.get("deployment") or lineage_id(str(event.get("lineage", "")))): event for event in outcomes}


def _place(place: Mapping[str, Any], event: Optional[Mapping[str, Any]], now: datetime) -> Dict[str, Any]:
    state, tone = _state(place, event)
    row = {
        "id": str(place["id"]),
        "lineage": visible(place["lineage"]),
        "names": _names_text(place.get("names", ()), SHOWN_IN_CSV),
        "issuer": visible(place.get("issuer") or ""),
        "server": visible(place.get("server") or ""),
        "place": visible(place.get("place") or place["id"]),
        "endpoints_text": visible(", ".join(place.get("endpoints", ()))),
        "served_sha256": visible(place.get("served_sha256") or ""),
        "served_short": short(place.get("served_sha256")) or ("nowhere" if "kept_sha256" in place else "not seen"),
        "served_until": minute(place.get("served_until")),
        "kept_sha256": visible(place.get("kept_sha256") or ""),
        "served_text": _served_text(place, now),
        "answer": visible(place.get("answer") or ""),
        "state": state,
        "state_text": STATE_TEXT.get(state, state),
        "tone": tone,
        "outcome_state": "",
        "why": visible(place.get("why") or ""),
        "why_text": with_short_hashes(visible(place.get("why") or "")),
        "waits": visible(place.get("waits") or ""),
        "opens": minute(place.get("opens")),
    }
    row.update({name: visible(place.get(name) or "") for name in ("owner", "service", "environment", "criticality")})
    row["runbook"] = safe_url(place.get("runbook"))
    row["consumers"] = ", ".join(visible(name) for name in place.get("consumers", ()))
    row.update(_from_event(event))
    return row


def _from_event(event: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    event = event or {}
    return {
        "outcome_state": visible(event.get("state", "")),
        "step": visible(event.get("step", "")),
        "message": visible(event.get("message", "")),
        "message_text": with_short_hashes(visible(event.get("message", ""))),
        "next_action": visible(event.get("next_action", "")),
        "runbook_page": name_of(str(event.get("runbook_page", ""))) and str(event["runbook_page"]),
        "reason_text": visible(event.get("reason", "")),
        "before_short": short(event.get("before_sha256")),
        "after_short": short(event.get("sha256")),
        "before_sha256": visible(event.get("before_sha256") or ""),
        "after_sha256": visible(event.get("sha256") or ""),
    }


def _state(place: Mapping[str, Any], event: Optional[Mapping[str, Any]]) -> Tuple[str, str]:
    """What to call the place now: what happened in this run first, else what was seen."""
    if event and event.get("state") in TONES and event["state"] != "unchanged":
        return str(event["state"]), TONES[str(event["state"])]
    if place.get("answer") == "could_not_look":
        return "could_not_look", "bad"
    if place.get("held"):
        return "held", "warn"
    if place.get("waits"):
        return "waiting", "warn"
    if place.get("why"):
        return "due", "warn"
    if place.get("kept_sha256"):
        return "kept", "good"
    return ("good", "good") if place.get("served_sha256") else ("not_seen", "warn")


def _served_text(place: Mapping[str, Any], now: datetime) -> str:
    sha256, until = place.get("served_sha256"), place.get("served_until")
    if "kept_sha256" in place:
        kept, until = place["kept_sha256"], place.get("kept_until")
        return f"Kept now: {short(kept)}" + (f", {span_until(until, now)}." if until else ".") if kept else "None is kept yet."
    if not sha256:
        return "Nothing was seen served there."
    return f"Served now: {short(sha256)}" + (f", {span_until(until, now)}." if until else ".")


def span_until(until: datetime, now: datetime) -> str:
    """'holds for another 3 days' or 'expired 2 hours ago'."""
    return f"holds for another {span(until - now)}" if until > now else f"expired {ago(now - until)}"


def _failure(row: Mapping[str, Any]) -> Dict[str, Any]:
    tone = "warn" if row["outcome_state"] in ("pending", "deferred") else "bad"
    return {**row, "tone": tone, "state_text": STATE_TEXT.get(row["outcome_state"], row["outcome_state"])}


def _lineage(item: Mapping[str, Any], now: datetime) -> Dict[str, Any]:
    before, after = item.get("not_before"), item.get("not_after")
    percent = life_left(before, after, now)
    context = (item.get("service"), item.get("environment"), item.get("criticality"), item.get("issuer"))
    return {
        "lineage": visible(item["lineage"]),
        "names_text": _names_text(item.get("names", ())),
        "left_text": "no certificate yet" if after is None else (span(after - now) if after > now else f"expired {ago(now - after)}"),
        "left_percent": percent,
        "tone": "bad" if after is None or percent is None or percent < 15 else "warn" if item.get("reason") else "good",
        "next_due_text": day(item.get("next_due")) if item.get("next_due") else "now",
        "not_after": minute(after),
        "sha256": visible(item.get("sha256") or ""),
        "reason_text": visible(item.get("reason") or ""),
        "advice_text": "; ".join(visible(text) for text in item.get("advice", ())),
        "owner": visible(item.get("owner") or ""),
        "context_text": " · ".join(visible(part) for part in context if part),
        "sort": (item.get("next_due") or now, str(item["lineage"])),
    }


def _names_text(names: Sequence[Any], shown: int = 5) -> str:
    """The first of the names, which may be ten thousand."""
    return ", ".join(visible(name) for name in names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _by_urgency(item: Dict[str, Any]) -> Any:
    return item.pop("sort")


def _unmanaged(item: Mapping[str, Any]) -> Dict[str, str]:
    return {
        "place": visible(item.get("place", "")),
        "names_text": _names_text(item.get("names", ())),
        "issuer": visible(item.get("issuer", "")),
        "not_after": minute(item.get("not_after")),
        "sha256": visible(item.get("sha256") or ""),
    }


def _ledger_text(ledger: Mapping[str, Any]) -> str:
    if not ledger:
        return "none is configured."
    if not ledger.get("ok"):
        return f"BROKEN: {visible(ledger.get('problem', ''))}"
    size = f"{count(int(ledger.get('events', 0)), 'event')} in {count(int(ledger.get('chains', 1)), 'chain')}"
    if ledger.get("state") == "anchored":
        return f"{size}, whole from the first line to the last and anchored: it is what its signed checkpoints say."
    return (
        f"{size}, whole from the first line to the last, but unanchored: without checkpoints in a second place nobody could tell a rewrite."
    )


def _head(report: Mapping[str, Any], *, ran: bool, now: datetime, unmanaged: int) -> Dict[str, Any]:
    bad = [row for row in report["failed"] if row["tone"] == "bad"]
    waiting = [row for row in report["places"] if row["state"] == "due"]
    later = [row for row in report["places"] if row["state"] == "waiting"]
    held = [row for row in report["places"] if row["state"] == "held"]
    blind = [row for row in report["places"] if row["state"] == "could_not_look"]
    moved = [row for row in report["moved"] if row["outcome_state"] == "done"]
    unseen = len(report["not_seen"])
    broken = bad or blind or unseen or not report["ledger"].get("ok", True)
    tone = "bad" if broken else "warn" if waiting or later or held or report["failed"] else ""
    tiles = [
        (len(report["places"]), "places managed"),
        (len(moved), "moved in this run"),
        (len(bad), "failed or undone"),
        (len(waiting), "still due"),
        (len(later), "wait for their window"),
        (len(held), "foreign, left alone"),
        (len(blind), "could not be looked at"),
        (unmanaged, "seen, not managed"),
    ]
    return {
        "tone": tone,
        "headline": _not_whole(unseen)
        if unseen and not bad and not blind
        else _headline(len(moved), len(bad), len(waiting), len(blind), ran, len(later), len(held)),
        "subline": _subline(report["lineages"], len(waiting), [row["opens"] for row in later]),
        "tiles": [{"number": number, "label": label} for number, label in tiles],
    }


def _not_whole(unseen: int) -> str:
    return f"{count(unseen, 'look')} failed, so nobody knows whether this is everything"


def _headline(moved: int, bad: int, waiting: int, blind: int, ran: bool, later: int, held: int) -> str:
    if bad:
        return f"{count(bad, 'place')} did not get a new certificate; {moved} did"
    if blind:
        return f"{count(blind, 'place')} could not be looked at"
    if waiting:
        return f"{count(waiting, 'place')} still due" + (f", {moved} moved" if moved else "")
    if later:
        return f"{count(later, 'place')} to be changed when the change window opens" + (f", {moved} moved" if moved else "")
    if held:
        return f"{count(held, 'place')} left alone: what is served there is foreign" + (f", {moved} moved" if moved else "")
    if ran and moved:
        return f"{count(moved, 'place')} moved to a new certificate, none failed"
    return "Nothing is due"


def _subline(lineages: Sequence[Mapping[str, Any]], waiting: int, openings: Sequence[str]) -> str:
    if not lineages:
        return "The manifest names no certificate."
    if waiting:
        return "Run the rotation again to go on: it takes up what is left, and issues nothing twice."
    if openings:
        known = sorted(opens for opens in openings if opens)
        first = f"The first opening is at {known[0]}" if known else "No opening is known"
        return f"{first}; before that nothing is changed unless it is urgent, or with -e clm_ignore_windows='why'."
    return f"Next renewal: {lineages[0]['lineage']}, {lineages[0]['next_due_text']}."


def rows_for_csv(report: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """One flat row for each place, in the columns of CSV_COLUMNS; what is seen and not managed comes last, without an id."""
    rows = [*report["places"], *(_seen_row(row) for row in report["unmanaged"])]
    if report["unmanaged_more"]:
        rows.append({"place": f"and {report['unmanaged_more']} more that are not managed", "state": "unmanaged"})
    return [{name: row.get(name, "") for name in CSV_COLUMNS} for row in rows]


def _seen_row(row: Mapping[str, str]) -> Dict[str, str]:
    names = {"names": row["names_text"], "served_sha256": row["sha256"], "served_until": row["not_after"]}
    return {"place": row["place"], "issuer": row["issuer"], "state": "unmanaged", **names}


SHOWN_IN_CSV = 100
CSV_COLUMNS = (
    "id", "lineage", "names", "issuer", "server", "place", "endpoints_text", "state", "why", "outcome_state", "step", "served_sha256",
    "served_until", "kept_sha256", "before_sha256", "after_sha256", "waits", "reason_text", "message", "next_action", "runbook_page",
    "owner", "service", "environment", "criticality", "runbook", "consumers",
)  # fmt: skip
