# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An issuer that is asked in turn with others: it remembers what it did not answer, and who is as good as it."""

from __future__ import annotations

from functools import partial
from typing import Callable, Container, Dict, List, Optional, Sequence, Tuple, Union

from ansible_collections.certops.clm.plugins.module_utils.contracts import (
    Anchored,
    Answer,
    BatchIssuer,
    Issuer,
    IssueRequest,
    KeyHolder,
    SecretStore,
)
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers._powers import AccountHolder, BatchResumer, Pause


class Watched:
    """An issuer that remembers why it did not answer a request, by lineage. What is wrong in a request is no such reason.

    `away` is why it could not even say who it is. `accepted` has the identities that are as good as its own, by lineage.
    """

    def __init__(self, issuer: Issuer, accepted: Callable[[str], Container[str]]) -> None:
        self._issuer = issuer
        self._accepted = accepted
        self.silent: Dict[str, ClmError] = {}
        self.away: Optional[ClmError] = None

    def identity(self) -> str:
        """The issuer's own."""
        return self._said(self._issuer.identity)

    def begin(self, request: IssueRequest) -> Answer:
        """The issuer's answer."""
        return self._heard(request.lineage, lambda: self._issuer.begin(request))

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """The issuer's answers; one by one where it takes no batch."""
        if not isinstance(self._issuer, BatchIssuer):
            return [self._one(partial(self.begin, request)) for request in requests]
        return self._many(requests, partial(self._issuer.begin_many, requests))

    def _many(self, requests: Sequence[IssueRequest], ask: Callable[[], List[Union[Answer, ClmError]]]) -> List[Union[Answer, ClmError]]:
        try:
            answers = ask()
        except ClmError as error:
            for request in requests:
                self._note(request.lineage, error)
            raise
        for request, answer in zip(requests, answers):
            if isinstance(answer, ClmError):
                self._note(request.lineage, answer)
        return answers

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """The issuer's answer to what it was asked before."""
        return self._heard(request.lineage, lambda: self._issuer.resume(ref, request))

    def resume_many(self, refs: Sequence[Tuple[str, IssueRequest]]) -> List[Union[Answer, ClmError]]:
        """The issuer's answers to what it was asked before; one by one where it takes no batch."""
        if not isinstance(self._issuer, BatchResumer):
            return [self._one(partial(self.resume, ref, request)) for ref, request in refs]
        return self._many([request for _ref, request in refs], partial(self._issuer.resume_many, refs))

    def keep_in(self, store: SecretStore, pause: Optional[Pause] = None) -> None:
        """The issuer's account is kept there, where it needs one."""
        if isinstance(self._issuer, AccountHolder):
            self._issuer.keep_in(store, pause)

    def stands_for(self, lineage: str, identity: str) -> bool:
        """True for every issuer that the lineage may have: a run beside this one may have got its certificate from the next one."""
        return identity in self._accepted(lineage)

    @staticmethod
    def _one(ask: Callable[[], Answer]) -> Union[Answer, ClmError]:
        try:
            return ask()
        except ClmError as error:
            return error

    def _heard(self, lineage: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except ClmError as error:
            self._note(lineage, error)
            raise

    def _note(self, lineage: str, error: ClmError) -> None:
        if not isinstance(error, ConfigError):
            self.silent[lineage] = error

    def _said(self, ask: Callable[[], str]) -> str:
        try:
            return ask()
        except ClmError as error:
            self.away = None if isinstance(error, ConfigError) else error
            raise


class WatchedAnchored(Watched):
    """The same for an issuer that knows its anchors: the returned chain is checked against them."""

    def anchors_pem(self) -> str:
        """The issuer's own."""
        return self._said(self._issuer.anchors_pem) if isinstance(self._issuer, Anchored) else ""


class WatchedHolder(Watched):
    """The same for an issuer that keeps the keys."""

    def held_in(self) -> str:
        """Where the issuer keeps them."""
        return self._said(self._issuer.held_in) if isinstance(self._issuer, KeyHolder) else ""

    def check(self, request: IssueRequest) -> None:
        """What the issuer says of a request that nobody is asked yet."""
        if isinstance(self._issuer, KeyHolder):
            self._issuer.check(request)


class WatchedAnchoredHolder(WatchedAnchored, WatchedHolder):
    """The same for an issuer that does both."""


def watched(issuer: Issuer, accepted: Callable[[str], Container[str]]) -> Watched:
    """The issuer with these powers, and with its own."""
    if isinstance(issuer, KeyHolder):
        return WatchedAnchoredHolder(issuer, accepted) if isinstance(issuer, Anchored) else WatchedHolder(issuer, accepted)
    return WatchedAnchored(issuer, accepted) if isinstance(issuer, Anchored) else Watched(issuer, accepted)
