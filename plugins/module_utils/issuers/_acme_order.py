# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One order at an ACME CA (RFC 8555 section 7.4): made, looked at, finalized, fetched. Who proves its names is not known here."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..contracts import Answer, Challenge, Issued, IssueRequest, Pending
from ..errors import ClmError, ConfigError, MalformedError
from ..x509._crypto import serialization
from ..x509.chain import Chain
from ..x509.names import is_address
from ..x509.request import parse as parse_request
from ._acme_account import Account
from ._acme_ari import certificate_id
from ._acme_library import josepy, requests
from ._acme_problem import Problem, clean, from_data
from ._acme_wire import Reply, Wire

FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
LOST = (401, 403, 404)  # how CAs answer for an order that is not, or no longer, the account's


@dataclass
class Proof:
    """One name that is still to be proven; `problem` is why it could not be."""

    name: str
    url: str
    challenge_url: str
    challenge: Challenge
    problem: Optional[ClmError] = None


@dataclass
class Work:
    """One request on its way; `answer` set means that it has ended. `taken_up`: its order was made by an earlier run."""

    ref: str
    request: IssueRequest
    order: Dict[str, Any] = field(default_factory=dict)
    names: int = 0
    taken_up: bool = False
    proofs: List[Proof] = field(default_factory=list)
    left: List[Challenge] = field(default_factory=list)  # what that run may have published, and not taken away
    notes: List[str] = field(default_factory=list)
    answer: Optional[Union[Answer, ClmError]] = None


class Orders:
    """The orders of one account."""

    def __init__(self, wire: Wire, account: Account, options: Mapping[str, Any]) -> None:
        self._wire = wire
        self._account = account
        self._profile = str(options.get("profile") or "")
        self._preferred = str(options.get("preferred_chain") or "")

    def begin(self, request: IssueRequest) -> Pending:
        """A new order; nothing is issued for it before it is resumed."""
        csr = parse_request(request.csr_pem)
        if set(csr.names) != set(request.names):
            raise ConfigError("the names in the CSR are not the ones that are asked for", field="csr")
        payload: Dict[str, Any] = {"identifiers": [_identifier(name) for name in request.names]}
        if self._profile:
            payload["profile"] = self._offered()
        url = self._wire.resource("newOrder")
        if request.replaces_pem and self._wire.directory.get("renewalInfo"):
            try:
                return Pending(self._account.post(url, {**payload, "replaces": certificate_id(request.replaces_pem)}).location, go_on=True)
            except (Problem, MalformedError):
                pass  # replaced already, or unknown to this CA: that hinders no renewal
        return Pending(self._account.post(url, payload).location, go_on=True)

    def look(self, work: Work, kind: str) -> None:
        """The order as it is, and what is to be proven by challenges of this kind; a dead order is followed by a new one."""
        try:
            work.order = self._account.post(work.ref).data
        except Problem as problem:
            if problem.status not in LOST:
                raise
            work.answer = self.begin(work.request)
            return
        asked = {clean(one.get("value"), 253) for one in work.order.get("identifiers") or () if isinstance(one, Mapping)}
        if work.order.get("status") == "invalid" or asked != {_identifier(name)["value"] for name in work.request.names}:
            work.answer = self.begin(work.request)
        elif work.order.get("status") == "pending":
            self._look_at_names(work, kind)
        if work.taken_up:
            self._look_behind(work, kind)

    def _look_behind(self, work: Work, kind: str) -> None:
        """Proofs that this run does not publish itself, and so would not take away."""
        own = {proof.url for proof in work.proofs} if work.answer is None else set()
        signer, _kid = self._account.opened()
        for url in (str(url) for url in work.order.get("authorizations") or ()):
            try:
                found = {} if url in own else self._account.post(url).data
            except ClmError as error:
                work.notes.append(f"what an earlier run published for {url[:200]} is not known: {error.message}")
                continue
            name = clean((found.get("identifier") or {}).get("value"), 253)
            tokens = [str(one.get("token") or "") for one in _challenges(found) if one.get("type") == kind]
            work.left += [Challenge(name, token, f"{token}.{signer.thumbprint()}") for token in tokens if token]

    def _look_at_names(self, work: Work, kind: str) -> None:
        urls = [str(url) for url in work.order.get("authorizations") or ()]
        work.names = len(urls)
        for url in urls:
            found = self._account.post(url).data
            status = found.get("status")
            if status == "pending":
                work.proofs.append(self._proof(url, found, kind))
            elif status != "valid":
                work.answer = self.begin(work.request)
                return

    def _proof(self, url: str, found: Mapping[str, Any], kind: str) -> Proof:
        name = clean((found.get("identifier") or {}).get("value"), 253)
        shown = f"*.{name}" if found.get("wildcard") else name
        challenges = _challenges(found)
        for one in challenges:
            if one.get("type") == kind:
                token = str(one.get("token") or "")
                signer, _kid = self._account.opened()
                return Proof(shown, url, str(one.get("url")), Challenge(name, token, f"{token}.{signer.thumbprint()}"))
        offered = ", ".join(sorted(clean(one.get("type"), 40) for one in challenges)) or "none"
        problem = ConfigError(f"the CA offers no {kind} challenge for it, only {offered}", field="issuer.challenge")
        return Proof(shown, url, "", Challenge(name, "", ""), problem)

    def tell(self, proof: Proof, seconds: float) -> None:
        """Tell the CA that the proof is there, and wait for what it says; an error is the proof's problem."""
        try:
            self._account.post(proof.challenge_url, {})
            reply = self._await(proof.url, ("pending", "processing"), seconds)
            data = reply.data
        except ClmError as error:
            proof.problem = error
            return
        if data.get("status") in ("pending", "processing"):
            proof.problem = ClmError(f"the CA did not check it within {seconds:.0f} seconds")
        elif data.get("status") != "valid":
            errors = [one.get("error") for one in _challenges(data)]
            proof.problem = next((from_data(400, error) for error in errors if isinstance(error, Mapping)), ConfigError("it is not valid"))

    def finish(self, work: Work, seconds: float) -> None:
        """Finalize the order and fetch the certificate; Pending where the CA takes longer than that."""
        waited, told = 0.0, False
        pause = FIRST_WAIT
        while True:
            status = work.order.get("status")
            if status == "invalid":
                raise from_data(400, work.order.get("error") or {"detail": "the order became invalid"})
            if status == "valid":
                work.answer = self._fetched(work)
                return
            if status == "ready" and not told:
                told = True
                work.order = self._finalized(work)
                continue
            if waited >= seconds:
                who = f"the CA, whose order is still {clean(status, 40)} after {seconds:.0f} seconds"
                work.answer = Pending(work.ref, who_must_act=who)
                return
            self._wire.sleep(pause)
            reply = self._account.post(work.ref)
            waited += pause
            work.order, pause = reply.data, _next(pause, reply, seconds - waited)

    def _finalized(self, work: Work) -> Dict[str, Any]:
        der = parse_request(work.request.csr_pem).native.public_bytes(serialization.Encoding.DER)
        try:
            return self._account.post(str(work.order.get("finalize")), {"csr": josepy.encode_b64jose(der)}).data
        except Problem as problem:
            if problem.kind != "orderNotReady":
                raise
            return {**work.order, "status": "pending"}

    def _await(self, url: str, waiting: Sequence[str], seconds: float) -> Reply:
        """The resource once it is in none of these states, or as it is after that many seconds."""
        waited, pause = 0.0, FIRST_WAIT
        while True:
            reply = self._account.post(url)
            if reply.data.get("status") not in waiting or waited >= seconds:
                return reply
            self._wire.sleep(pause)
            waited += pause
            pause = _next(pause, reply, seconds - waited)

    def _offered(self) -> str:
        profiles = (self._wire.directory.get("meta") or {}).get("profiles")
        if not isinstance(profiles, Mapping) or self._profile not in profiles:
            known = ", ".join(sorted(clean(one, 60) for one in profiles or ())) or "none"
            raise ConfigError(f"the CA has no profile {self._profile!r}", field="issuer.profile", hint=f"it offers {known}")
        return self._profile

    def _fetched(self, work: Work) -> Issued:
        reply = self._account.post(str(work.order.get("certificate")))
        chain = _chain(reply)
        leaf = chain.leaf
        if leaf.spki_sha256 != parse_request(work.request.csr_pem).spki_sha256:
            raise ConfigError("the order was finalized with another key", field="csr", hint="force a new version of the lineage")
        if not self._preferred:
            return Issued(chain.pem, "; ".join(work.notes))
        chains = [chain, *(_chain(self._account.post(url)) for url in _alternates(reply))]
        ends = [_end(one) for one in chains]
        for one, end in zip(chains, ends):
            if self._preferred in end:
                return Issued(one.pem, "; ".join(work.notes))
        work.notes.append(f"no chain ends at {self._preferred!r}, the CA offers {', '.join(sorted({end for end, _cn in ends}))}")
        return Issued(chain.pem, "; ".join(work.notes))


def _challenges(found: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    return [one for one in found.get("challenges") or () if isinstance(one, Mapping)]


def _identifier(name: str) -> Dict[str, str]:
    return {"type": "ip" if is_address(name) else "dns", "value": str(ipaddress.ip_address(name)) if is_address(name) else name}


def _next(pause: float, reply: Reply, left: float) -> float:
    """How long to wait before the next look: what the CA asks for, or longer each time, and never longer than what is left."""
    wanted = reply.retry_after if reply.retry_after is not None else pause * 1.6
    return max(FIRST_WAIT, min(wanted, LONGEST_WAIT, left))


def _chain(reply: Reply) -> Chain:
    return Chain.parse(reply.body)


def _alternates(reply: Reply) -> Tuple[str, ...]:
    links = requests.utils.parse_header_links(reply.headers.get("Link", ""))
    return tuple(str(one["url"]) for one in links if one.get("rel") == "alternate" and one.get("url"))[:8]


def _end(chain: Chain) -> Tuple[str, str]:
    """The issuer at which a chain ends: its whole name and its common name."""
    issuer = chain.certificates[-1].issuer
    parts = [part.strip()[3:] for part in issuer.split(",") if part.strip().startswith("CN=")]
    return issuer, parts[0] if parts else ""
