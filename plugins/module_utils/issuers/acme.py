# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any CA that speaks ACME (RFC 8555): an order is made, found again by its URL, proven, finalized and fetched.

`begin` only makes the order, and says to go on at once; so the flow has the order's URL durably before anything is issued for it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar, Union

from .. import files
from ..challenges import _index as challenges
from ..challenges._powers import HandsOut
from ..contracts import Answer, Challenge, Challenger, Clock, IssueRequest, Pending, SecretStore
from ..errors import ClmError, ConfigError, UnavailableError
from ..masking import Secret
from ..nested import options_of
from ..x509.bundle import Bundle
from . import _acme_ari as ari
from ._acme_account import ACCOUNT, Account
from ._acme_order import Orders, Proof, Work
from ._acme_revoke import revoke
from ._acme_wire import Signer, Wire
from ._powers import Hint, Pause

NAME = "acme"
OPTIONS: Dict[str, Any] = {
    **ACCOUNT,
    "anchors": {"type": "path", "default": "public"},
    "challenge": {"type": "dict", "required": True, "provider": (challenges.NAMES, challenges.options_of)},
    "profile": {"type": "str"},
    "preferred_chain": {"type": "str"},
    "concurrency": {"type": "int", "default": 8},
    "validation_timeout": {"type": "int", "default": 120},
    "order_timeout": {"type": "int", "default": 120},
}
PUBLIC = "public"
T = TypeVar("T")


def identity_of(directory: str) -> str:
    """The identity of the CA with that directory."""
    return f"{NAME}:{directory.split('://')[-1].rstrip('/')}"


def create(options: Mapping[str, Any], clock: Clock) -> Acme:
    """The CA of that directory; nothing is asked before it is used. ConfigError when an option is wrong."""
    options = {**{name: spec.get("default") for name, spec in OPTIONS.items()}, **{k: v for k, v in options.items() if v is not None}}
    directory = str(options["directory"])
    if not directory.startswith("https://"):
        raise ConfigError(f"{directory[:120]!r} is no https:// URL", field="issuer.directory")
    for name in ("concurrency", "validation_timeout", "order_timeout"):
        if int(options[name]) < 1:
            raise ConfigError("must be at least 1", field=f"issuer.{name}")
    kind, own = options_of(challenges, options["challenge"], "issuer.challenge")
    wire = Wire(directory, str(options.get("ca_file") or ""), int(options["concurrency"]), clock)
    return Acme(wire, options, challenges.create(kind, own, clock), clock)


class Acme:
    """Issuer, BatchIssuer, BatchResumer, AccountHolder, RenewalHinter, Anchored, Revoker and KeyRevoker."""

    def __init__(self, wire: Wire, options: Mapping[str, Any], challenger: Challenger, clock: Clock) -> None:
        self._wire = wire
        self._options = options
        self._challenger = challenger
        self._clock = clock
        self.account = Account(wire, options)
        self._orders = Orders(wire, self.account, options)
        self._begun: Set[str] = set()  # orders of this object's own

    def identity(self) -> str:
        """The directory without its scheme: one CA's staging and its real one differ, and accounts do not."""
        return identity_of(self._wire.url)

    def anchors_pem(self) -> str:
        """The roots that its certificates have to end at."""
        anchors = str(self._options["anchors"])
        return (Bundle.public() if anchors == PUBLIC else Bundle.parse(files.read(anchors))).pem

    def keep_in(self, store: SecretStore, pause: Optional[Pause] = None) -> None:
        """The account's key is kept there."""
        self.account.keep_in(store, pause)

    def begin(self, request: IssueRequest) -> Answer:
        """A new order, to be gone on with at once."""
        return _one(self.begin_many([request]))

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """Go on with an order as far as it goes."""
        return _one(self.resume_many([(ref, request)]))

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """An order for each."""
        self.account.opened()
        works = [Work("", request) for request in requests]

        def begin(work: Work) -> None:
            work.answer = self._orders.begin(work.request)

        self._each(begin, works)
        return self._answers(works)

    def resume_many(self, refs: Sequence[Tuple[str, IssueRequest]]) -> List[Union[Answer, ClmError]]:
        """Every order as far as it goes: all proofs are published together, and taken away together whatever happens."""
        self.account.opened()
        works = [Work(ref, request, taken_up=ref not in self._begun) for ref, request in refs]
        self._each(lambda work: self._orders.look(work, self._challenger.kind), works)
        self._take_away([(work, one) for work in works for one in work.left])
        if isinstance(self._challenger, HandsOut):
            for work in works:
                _hand_out(work, self._challenger)
        self._prove([work for work in works if work.answer is None and work.proofs])
        self._each(partial(self._orders.finish, seconds=self._options["order_timeout"]), works)
        return self._answers(works)

    def window(self, certificate_pem: str) -> Optional[Hint]:
        """When the CA wants the certificate to be renewed; None where it offers no renewal information."""
        return ari.hint(self._wire, certificate_pem, self._clock())

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Revoke by the account; doing it again is no error."""
        self.account.opened()
        revoke(partial(self.account.post, self._wire.resource("revokeCert")), certificate_pem, reason)

    def revoke_by_key(self, certificate_pem: str, reason: str, key: Secret) -> None:
        """Revoke by the certificate's own key; no account is needed for it."""
        signer = Signer(key)
        url = self._wire.resource("revokeCert")
        revoke(lambda payload: self._wire.post(url, payload, signer), certificate_pem, reason)

    def _answers(self, works: Sequence[Work]) -> List[Union[Answer, ClmError]]:
        self._begun.update(work.answer.ref for work in works if isinstance(work.answer, Pending))
        return [_answer(work) for work in works]

    def _take_away(self, left: Sequence[Tuple[Work, Challenge]]) -> None:
        """What a run published that was killed before it took it away; where that fails it hinders nothing, and a note says so."""
        problems = self._challenger.withdraw([challenge for _work, challenge in left]) if left else []
        for (work, challenge), error in zip(left, problems):
            if error is not None:
                work.notes.append(f"an earlier run's proof for {challenge.name} could not be taken away: {error.message}")

    def _prove(self, works: Sequence[Work]) -> None:
        """The CA is told of what is published, and every work that lacks a proof has ended."""
        proofs = [(work, proof) for work in works for proof in work.proofs if proof.problem is None]
        published = [proof.challenge for _work, proof in proofs]
        try:
            for (_work, proof), problem in zip(proofs, self._challenger.publish(published)):
                proof.problem = problem
            there = [proof for _work, proof in proofs if proof.problem is None]
            self._spread(lambda proof: self._orders.tell(proof, self._options["validation_timeout"]), there)
        finally:
            left = self._challenger.withdraw(published)
            for (work, proof), error in zip(proofs, left):
                if error is not None:
                    work.notes.append(f"the proof for {proof.name} could not be taken away: {error.message}")
        for work in works:
            work.answer = _refusal(work)

    def _each(self, act: Callable[[Work], None], works: Sequence[Work]) -> None:
        """Act on every work that has not ended; an error ends its own."""

        def guarded(work: Work) -> None:
            try:
                act(work)
            except ClmError as error:
                work.answer = error

        self._spread(guarded, [work for work in works if work.answer is None])

    def _spread(self, act: Callable[[T], None], items: Sequence[T]) -> None:
        """Act on all, never more at once than `concurrency` says: that is the one queue of the account."""
        with ThreadPoolExecutor(max_workers=int(self._options["concurrency"]), thread_name_prefix="clm-acme") as pool:
            list(pool.map(act, items))


def _hand_out(work: Work, challenger: HandsOut) -> None:
    """Pending while a proof is not known to be published, or not to be; what could not be published is its problem."""
    handed: List[Mapping[str, Any]] = []
    for proof in sorted(work.proofs, key=lambda one: one.name) if work.answer is None else ():
        token = proof.challenge.token
        try:
            if proof.problem is None and token in work.request.published:
                proof.problem = work.request.published[token]
            elif proof.problem is None:
                handed.append(challenger.handed_out(proof.challenge))
        except ClmError as error:
            proof.problem = error
    if handed and any(proof.problem is not None for proof in work.proofs):
        work.answer = _refusal(work)  # nothing is published for an order that cannot be proven
    elif handed:
        names = ", ".join(str(one["name"]) for one in handed[:5]) + (f" and {len(handed) - 5} more" if len(handed) > 5 else "")
        work.answer = Pending(work.ref, tuple(handed), who_must_act=f"the proofs of {names}, which are to be published on web servers")


def _refusal(work: Work) -> Optional[ClmError]:
    """Which names could not be proven, and why; None when all are."""
    bad: List[Proof] = [proof for proof in work.proofs if proof.problem is not None]
    if not bad:
        return None
    said = "; ".join(f"{proof.name}: {_text(proof)}" for proof in bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
    good = work.names - len(bad)
    split = f"mend it, or split the lineage: the other {good} name(s) wait only for {bad[0].name}, give it a lineage of its own"
    first = bad[0].problem
    hint = split if good else (first.hint if first is not None else "")
    waits = [proof.problem.retry_after for proof in bad if isinstance(proof.problem, UnavailableError)]
    after = max((wait for wait in waits if wait is not None), default=None)
    if after is not None and len(waits) == len(bad):  # nothing is wrong with them: the CA only wants to be asked later
        message = f"{len(bad)} of {work.names} names are not proven yet: {said}"
        return UnavailableError(message, field=work.request.lineage, retry_after=after)
    kinds = [ConfigError if isinstance(proof.problem, ConfigError) else ClmError for proof in bad]
    kind = ConfigError if all(one is ConfigError for one in kinds) else ClmError
    return kind(f"{len(bad)} of {work.names} names could not be proven: {said}", hint=hint, field=work.request.lineage)


def _text(proof: Proof) -> str:
    detail = getattr(proof.problem, "detail", "")
    return str(detail) if detail else proof.problem.message if proof.problem is not None else ""


def _answer(work: Work) -> Union[Answer, ClmError]:
    if work.answer is None:
        return ClmError("the order came to no end", hint="this is a defect of certops.clm: please report it")
    return work.answer


def _one(answers: List[Union[Answer, ClmError]]) -> Answer:
    (answer,) = answers
    if isinstance(answer, ClmError):
        raise answer
    return answer
