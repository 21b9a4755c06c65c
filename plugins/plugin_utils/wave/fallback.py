# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next issuer of a lineage's list, where the one before did not answer and every client trusts the next one's root already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Union

from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.contracts import Anchored, Answer, BatchIssuer, Issuer, IssueRequest
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import FAILED, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle

OpenIssuer = Callable[[Mapping[str, Any]], Issuer]
Ask = Callable[[Sequence[Lineage], Issuer], Dict[str, Outcome]]
Recorded = Callable[[Sequence[Mapping[str, Any]]], None]


class Watched:
    """An issuer that remembers why it did not answer a request, by lineage. What is wrong in a request is no such reason."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.silent: Dict[str, ClmError] = {}

    def identity(self) -> str:
        """The issuer's own."""
        return self._issuer.identity()

    def begin(self, request: IssueRequest) -> Answer:
        """The issuer's answer."""
        try:
            return self._issuer.begin(request)
        except ClmError as error:
            self._note(request, error)
            raise

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """The issuer's answers; one by one where it takes no batch."""
        if not isinstance(self._issuer, BatchIssuer):
            return [self._one(request) for request in requests]
        try:
            answers = self._issuer.begin_many(requests)
        except ClmError as error:
            for request in requests:
                self._note(request, error)
            raise
        for request, answer in zip(requests, answers):
            if isinstance(answer, ClmError):
                self._note(request, answer)
        return answers

    def resume(self, ref: str) -> Answer:
        """The issuer's answer to what it was asked before."""
        return self._issuer.resume(ref)

    def _one(self, request: IssueRequest) -> Union[Answer, ClmError]:
        try:
            return self.begin(request)
        except ClmError as error:
            return error

    def _note(self, request: IssueRequest, error: ClmError) -> None:
        if not isinstance(error, ConfigError):
            self.silent[request.lineage] = error


class WatchedAnchored(Watched):
    """The same for an issuer that knows its anchors: the returned chain is checked against them."""

    def anchors_pem(self) -> str:
        """The issuer's own."""
        return self._issuer.anchors_pem() if isinstance(self._issuer, Anchored) else ""


def in_turn(
    lineages: Sequence[Lineage], manifest: Manifest, open_issuer: OpenIssuer, ask: Ask, record: Recorded, run_id: str
) -> Dict[str, Outcome]:
    """One outcome for each lineage, all of one issuer and one list of fallbacks: asked of the first, what stays silent of the next."""
    names = (lineages[0].issuer, *lineages[0].fallback_issuers)
    outcomes: Dict[str, Outcome] = {}
    why: Dict[str, str] = {}
    rest = list(lineages)
    for number, name in enumerate(names):
        found, silent = _ask_one(rest, manifest, name, open_issuer, ask)
        outcomes.update({lineage: _told(outcome, name, why.get(lineage, "")) for lineage, outcome in found.items()})
        if number + 1 == len(names) or not silent:
            break
        rest, refused = _willing([one for one in rest if one.name in silent], manifest, names[number + 1], open_issuer)
        for lineage in rest:
            why[lineage.name] = f"{name} did not answer: {silent[lineage.name].message}"
        for lineage, reason in refused.items():
            outcomes[lineage] = replace(outcomes[lineage], message=f"{outcomes[lineage].message}. {reason}")
        if not rest:
            break
        record([_event(lineage, names[number + 1], why[lineage.name], run_id) for lineage in rest])
    return outcomes


def _ask_one(
    lineages: Sequence[Lineage], manifest: Manifest, name: str, open_issuer: OpenIssuer, ask: Ask
) -> Tuple[Dict[str, Outcome], Dict[str, ClmError]]:
    """Outcomes, and the errors of those that this issuer did not answer."""
    try:
        issuer = open_issuer(manifest.issuers[name])
        watched = WatchedAnchored(issuer) if isinstance(issuer, Anchored) else Watched(issuer)
        found = ask(lineages, watched)
    except ClmError as error:
        every = {lineage.name: failed("issue", error) for lineage in lineages}
        return every, {} if isinstance(error, ConfigError) else {lineage.name: error for lineage in lineages}
    return found, {lineage: error for lineage, error in watched.silent.items() if found[lineage].state == FAILED}


def _told(outcome: Outcome, issuer: str, why: str) -> Outcome:
    return replace(outcome, message=f"{outcome.message} {issuer} was asked, because {why}.".strip()) if why else outcome


def _willing(lineages: Sequence[Lineage], manifest: Manifest, name: str, open_issuer: OpenIssuer) -> Tuple[List[Lineage], Dict[str, str]]:
    """The lineages whose every client class trusts the issuer's root, and why the others may not go there."""
    good: List[Lineage] = []
    refused: Dict[str, str] = {}
    for lineage in lineages:
        reason = not_trusted(lineage, manifest, name, open_issuer)
        if reason:
            refused[lineage.name] = f"The fallback {name} was not asked: {reason}."
        else:
            good.append(lineage)
    return good, refused


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
    wanted = {(root.subject, root.spki_sha256) for root in roots.certificates}
    for one, bundle in classes.items():
        if not wanted & {(anchor.subject, anchor.spki_sha256) for anchor in bundle.certificates}:
            return f"the client class {one} does not trust its root"
    return ""


def _event(lineage: Lineage, issuer: str, why: str, run_id: str) -> Dict[str, Any]:
    return {
        "action": "fallback",
        "step": "issue",
        "run_id": run_id,
        "lineage": lineage.name,
        "issuer": issuer,
        "message": f"{issuer} is asked, because {why}",
        **lineage.labels,
    }
