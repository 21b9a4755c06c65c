# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs that web servers of managed hosts show to a CA: which lead of a wave publishes what on which host, and what came of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.published import Published, Row, heard, merged, rows_of, together
from ansible_collections.certops.clm.plugins.plugin_utils.answers import TRY, gave_none
from ansible_collections.certops.clm.plugins.plugin_utils.wave.trail import OutcomeDict, why_not

ByLead = Dict[str, List[Row]]
NO_HOST = "name its web servers under challenge.hosts of the issuer, for it has no deployment on a server, then run the rotation again"
THEN = "then run certops.clm.rotate again: it goes on with the same order and issues nothing twice"


def handed_out(
    plan: Mapping[str, Any], manifest: Manifest, issued: Mapping[str, Outcome], groups: Mapping[str, Sequence[str]]
) -> Tuple[Dict[str, Outcome], Dict[str, ByLead]]:
    """The outcomes, with those failed whose proofs have no place; and by lead what to `publish`, and what to `withdraw` in the end.

    A proof that names no host belongs on the servers of all deployments of its lineage. Nothing is in it where nobody waits for one.
    """
    known = {host for hosts in groups.values() for host in hosts}
    servers = {name: servers_of(manifest, name) for name, outcome in issued.items() if _proofs(outcome)}
    outcomes, publish, withdraw = placed(issued, servers, known)
    if not withdraw:
        return outcomes, {}
    return outcomes, {"publish": shared_out(plan, publish), "withdraw": shared_out(plan, withdraw)}


def servers_of(manifest: Manifest, lineage: str) -> List[str]:
    """The servers that a lineage is deployed on, or the one that it stands by for: they answer for its names."""
    found = manifest.lineages[lineage]
    served = manifest.lineages[found.standby_for] if found.standby_for else found
    return list(dict.fromkeys(one.server for one in served.deployments if one.server))


def _proofs(outcome: Outcome) -> bool:
    return bool(outcome.after.get("challenges") or outcome.after.get("withdraw"))


def placed(
    issued: Mapping[str, Outcome], servers: Mapping[str, Sequence[str]], known: Collection[str]
) -> Tuple[Dict[str, Outcome], List[Row], List[Row]]:
    """The outcomes, what is to be published, and all that is to be withdrawn; `servers` by lineage, `known` are the inventory's hosts."""
    outcomes: Dict[str, Outcome] = {}
    publish: List[Row] = []
    withdraw: List[Row] = []
    for name, outcome in issued.items():
        wanted = rows_of(outcome.after.get("challenges") or (), servers.get(name, ()))
        left = rows_of(outcome.after.get("withdraw") or (), servers.get(name, ()))
        outcomes[name] = _refused(name, outcome, wanted, known)
        publish += wanted if outcomes[name].state == outcome.state else []
        withdraw += [row for row in left if row["host"] in known]
    return outcomes, merged(publish), merged(publish, withdraw)


def _refused(name: str, outcome: Outcome, rows: Sequence[Row], known: Collection[str]) -> Outcome:
    """The outcome; failed where a host is none of the inventory (delegate_to would try it over SSH by that name), or there is none."""
    strange = next((row["host"] for row in rows if row["host"] not in known), "")
    if strange:
        error = ConfigError(f"{name}: {strange!r}, which is to show its proofs to the CA, is not a host of the inventory")
    elif outcome.after.get("challenges") and not rows:
        error = ConfigError(f"{name}: nobody knows which web servers are to show its proofs to the CA", hint=NO_HOST)
    else:
        return replace(outcome, after={key: value for key, value in outcome.after.items() if key != "withdraw"})
    return failed("issue", error, reason=outcome.reason, before=outcome.before)


def shared_out(plan: Mapping[str, Any], rows: Sequence[Row]) -> ByLead:
    """By lead its rows: those of its own server, and of servers that have no lead in this wave each lead its part."""
    leads = {item["server"]: item["lead"] for item in plan["items"].values() if item["lead"]}
    able = list(dict.fromkeys(leads.values())) or list(plan["hosts"][:1])
    found: ByLead = {}
    for number, row in enumerate(rows):
        found.setdefault(leads.get(row["host"]) or able[number % len(able)], []).append(row)
    return found


def answers(publish: Mapping[str, Sequence[Row]], results: Mapping[str, Any]) -> Published:
    """By file, what the leads' tasks say of it: a row that got no answer is not published."""
    each = [(row, one) for lead, rows in publish.items() for row, one in _each(rows, results.get(lead))]
    return together(_with_next(heard(row, one, why_not(one)), _mend(row, one)) for row, one in each)


def _each(rows: Sequence[Row], result: Any) -> List[Tuple[Row, Any]]:
    """Each row with its part of a lead's result, or with all of that where it has no such parts."""
    given = result.get("results") if isinstance(result, Mapping) else None
    return list(zip(rows, given if isinstance(given, list) and len(given) == len(rows) else [result] * len(rows)))


def with_left(outcomes: Mapping[str, OutcomeDict], asked: Mapping[str, Any], results: Mapping[str, Any]) -> Dict[str, OutcomeDict]:
    """The outcomes; a proof that a web server still shows is told by the host whose lineage it was for, else by its lead."""
    whose = {file: host for host, outcome in asked.get("outcomes", {}).items() for file in _files(outcome)}
    left: Dict[str, List[str]] = {}
    for lead, rows in asked.get("withdraw", {}).items():
        for row, one in _each(rows, results.get(lead)):
            for file, error in heard(row, one, why_not(one), "taken away").items():
                if error is not None:
                    left.setdefault(whose.get(file, lead), []).append(error.message)
    return {host: {**outcome, "message": _told(outcome["message"], left[host])} if host in left else dict(outcome)
            for host, outcome in outcomes.items()}  # fmt: skip


def _told(message: str, left: Sequence[str]) -> str:
    more = f" ({len(left) - 1} more like it)" if len(left) > 1 else ""
    first = left[0].rstrip(".")
    return f"{message} {first[:1].upper()}{first[1:]}{more}. Nothing needs it any more: remove it there.".strip()


def _with_next(published: Published, mend: str) -> Published:
    return {
        file: None if error is None else ConfigError(error.message, hint=f"{error.hint or mend}, {THEN}")
        for file, error in published.items()
    }


def _mend(row: Row, result: Any) -> str:
    """What to do about a host that gave no answer of its own."""
    if gave_none(result):
        return TRY.replace("SERVER", row["host"])
    away = isinstance(result, Mapping) and result.get("unreachable")
    return f"let the controller reach {row['host']} again, or name other hosts under challenge.hosts of the issuer" if away else "mend that"


def waiting(plan: Mapping[str, Any], asked: Mapping[str, Any]) -> Dict[str, Any]:
    """The plan with the items alone whose lineages wait for what was published."""
    files = {file for rows in asked["publish"].values() for row in rows for file in row["files"]}
    items = {host: item for host, item in plan["items"].items() if files & _files(asked["outcomes"].get(host, {}))}
    return {**plan, "items": items, "refused": {}}


def _files(outcome: Mapping[str, Any]) -> Collection[str]:
    return {str(one["file"]) for one in outcome.get("after", {}).get("challenges") or ()}


def gone_on(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> Dict[str, Any]:
    """The answer of the step as a whole: what it said first, and of what waited then what it says now."""
    work = {lead: [*asked["work"].get(lead, ()), *answer["work"].get(lead, ())] for lead in {**asked["work"], **answer["work"]}}
    parts = {name: {**asked[name], **answer[name]} for name in ("outcomes", "versions")}
    return {**answer, **parts, "work": work}
