# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next issuer of a lineage's list, where the one before did not answer and every client trusts the next one's root already."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Callable, Container, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.contracts import Anchored, Issuer
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, FAILED, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import is_signed_by
from ansible_collections.certops.clm.plugins.plugin_utils.wave.watched import Watched, watched

OpenIssuer = Callable[[Mapping[str, Any]], Issuer]
Ask = Callable[[Sequence[Lineage], Issuer], Dict[str, Outcome]]
Recorded = Callable[[Sequence[Mapping[str, Any]]], None]


class _Accepted:
    """By lineage, the identities of all issuers that it may have, each asked once; one that cannot tell is none of them."""

    def __init__(self, lineages: Sequence[Lineage], manifest: Manifest, open_issuer: OpenIssuer) -> None:
        self._names = {one.name: (one.issuer, *one.fallback_issuers, *((one.standby,) if one.standby else ())) for one in lineages}
        self._manifest, self._open = manifest, open_issuer
        self._known: Dict[str, str] = {}

    def __call__(self, lineage: str) -> Container[str]:
        return [identity for identity in map(self._identity, self._names[lineage]) if identity]

    def _identity(self, name: str) -> str:
        if name not in self._known:
            try:
                self._known[name] = self._open(self._manifest.issuers[name]).identity()
            except (ClmError, OSError):
                self._known[name] = ""
        return self._known[name]


def in_turn(
    lineages: Sequence[Lineage], manifest: Manifest, open_issuer: OpenIssuer, ask: Ask, record: Recorded, run_id: str
) -> Dict[str, Outcome]:
    """One outcome for each lineage, all of one issuer and one list of fallbacks: asked of the first, what stays silent of the next."""
    accepted = _Accepted(lineages, manifest, open_issuer)
    outcomes: Dict[str, Outcome] = {}
    why: Dict[str, List[str]] = {one.name: [] for one in lineages}
    left = list(lineages)
    for name in (lineages[0].issuer, *lineages[0].fallback_issuers):
        refused = {} if name == lineages[0].issuer else _refusals(left, manifest, name, open_issuer)
        for lineage, reason in refused.items():
            outcomes[lineage] = _with(outcomes[lineage], name, reason)
            why[lineage].append(f"{name} must not be asked: {reason}")
        asked = [one for one in left if one.name not in refused]
        unrecorded = _record(record, [_event(one, name, why[one.name], run_id) for one in asked if why[one.name]])
        if unrecorded is not None:
            return {**outcomes, **{one.name: _unrecorded(outcomes[one.name], unrecorded, name) for one in asked}}
        found, silent = _ask_one(asked, partial(open_issuer, manifest.issuers[name]), accepted, ask) if asked else ({}, {})
        outcomes.update({lineage: _told(outcome, name, why[lineage]) for lineage, outcome in found.items()})
        for lineage, error in silent.items():
            why[lineage].append(f"{name} did not answer: {error.message}")
        left = [one for one in left if one.name in silent or one.name in refused]
    return outcomes


def _record(record: Recorded, events: Sequence[Mapping[str, Any]]) -> Optional[ClmError]:
    """Why the ledger did not take it: then nobody is asked, and what the issuer before has answered stays as it is."""
    try:
        if events:
            record(events)
    except ClmError as error:
        return error
    return None


def _unrecorded(outcome: Outcome, error: ClmError, following: str) -> Outcome:
    message = f"{outcome.message}. The fallback {following} was not asked, since that could not be recorded: {error.message}"
    problem = ClmError(message, hint=error.hint, runbook=error.runbook or "ledger")
    return failed(outcome.step, problem, reason=outcome.reason, before=outcome.before)


def _ask_one(
    lineages: Sequence[Lineage], opened: Callable[[], Issuer], accepted: _Accepted, ask: Ask
) -> Tuple[Dict[str, Outcome], Dict[str, ClmError]]:
    """Outcomes, and the errors of those that this issuer did not answer; what the store does not say is no silence of the issuer."""
    issuer: Optional[Watched] = None
    try:
        issuer = watched(opened(), accepted)
        found = ask(lineages, issuer)
    except ClmError as error:
        every = {lineage.name: failed("issue", error) for lineage in lineages}
        away = not isinstance(error, ConfigError) if issuer is None else issuer.away is error
        return every, {lineage.name: error for lineage in lineages} if away else {}
    return found, {lineage: error for lineage, error in issuer.silent.items() if found[lineage].state in (FAILED, DEFERRED)}


def _with(outcome: Outcome, fallback: str, reason: str) -> Outcome:
    """The outcome with the reason why this fallback was not asked, and what to do about it."""
    message = f"{outcome.message}{'' if outcome.message.endswith('.') else '.'} The fallback {fallback} was not asked: {reason}."
    action = f"Mend the issuer, or have every client class trust {fallback} first, then run certops.clm.rotate again."
    return replace(outcome, message=message, next_action=outcome.next_action or action)


def _told(outcome: Outcome, issuer: str, why: Sequence[str]) -> Outcome:
    return replace(outcome, message=f"{outcome.message} {issuer} was asked, because {'; '.join(why)}.".strip()) if why else outcome


def _refusals(lineages: Sequence[Lineage], manifest: Manifest, name: str, open_issuer: OpenIssuer) -> Dict[str, str]:
    """By lineage, why it must not be issued by that issuer; lineages whose every client class trusts its root are not in it."""
    reasons = {lineage.name: not_trusted(lineage, manifest, name, open_issuer) for lineage in lineages}
    return {lineage: reason for lineage, reason in reasons.items() if reason}


def not_trusted(lineage: Lineage, manifest: Manifest, name: str, open_issuer: OpenIssuer) -> str:
    """Why a lineage must not be issued by that issuer, empty when every client class that it names trusts its root already."""
    if not lineage.consumers:
        return f"{lineage.name} names no client class under consumers, so nobody knows who trusts its root"
    try:
        issuer = open_issuer(manifest.issuers[name])
        pem = issuer.anchors_pem() if isinstance(issuer, Anchored) else ""
        roots = Bundle.parse(pem) if pem else Bundle.public() if not isinstance(issuer, Anchored) else Bundle()
        classes = load_anchors({one: manifest.client_classes[one] for one in lineage.consumers}, "client_classes")
    except ClmError as error:
        return str(error)
    if not roots.certificates:
        return "it has no root yet"
    for one, bundle in classes.items():
        missing = _missing(roots, bundle)
        if missing:
            return f"the client class {one} does not trust its root {missing!r}"
    return ""


def _missing(roots: Bundle, trusted: Bundle) -> str:
    """The subject of a root that is not trusted, empty when all are: of several nobody knows by which one it will issue.

    One that a trusted one signed is an intermediate that somebody put beside its root.
    """
    have = {(anchor.subject, anchor.spki_sha256) for anchor in trusted.certificates}
    for root in roots.certificates:
        above = [anchor for anchor in trusted.certificates if anchor.subject == root.issuer]
        if (root.subject, root.spki_sha256) not in have and not any(is_signed_by(root, anchor) for anchor in above):
            return root.subject
    return ""


def _event(lineage: Lineage, issuer: str, why: Sequence[str], run_id: str) -> Dict[str, Any]:
    return {
        "action": "fallback",
        "step": "issue",
        "run_id": run_id,
        "lineage": lineage.name,
        "issuer": issuer,
        "message": f"{issuer} is asked, because {'; '.join(why)}",
        **lineage.labels,
    }
