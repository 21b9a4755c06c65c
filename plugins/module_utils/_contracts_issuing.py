# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contracts of issuers and challenges, as `contracts.py` hands them on. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, List, Mapping, Optional, Protocol, Sequence, Tuple, Union, runtime_checkable

from .errors import ClmError

# --- issuers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IssueRequest:
    """What an issuer is asked for. `request_id` is the idempotency token: asking twice with it gives one certificate.

    `csr_pem` is empty only where the key stays with the issuer (`KeyHolder`), which then makes one of `key_type`.
    `replaces_pem` is the certificate of this issuer that the new one follows, and `replaces_ref` the reference that it was answered
    under, empty when there is none. `published` has by file name every proof that somebody has meanwhile put where
    `Pending.challenges` said: None, or why it is not there.
    """

    request_id: str
    lineage: str
    csr_pem: str
    names: Tuple[str, ...]
    lifetime: int
    backdate: int = 0
    usages: Tuple[str, ...] = ("server_auth",)
    profile: str = ""
    replaces_pem: str = ""
    published: Mapping[str, Optional[ClmError]] = field(default_factory=dict)
    key_type: str = ""
    replaces_ref: str = ""


@dataclass(frozen=True)
class Issued:
    """The issuer answered: `chain_pem` is the leaf and then every intermediate, in order, without the root.

    `note` is what a person should hear of although all is well, empty when there is nothing.
    """

    chain_pem: str
    note: str = ""


@dataclass(frozen=True)
class Pending:
    """The issuer needs time or somebody: `ref` finds the request again, and is kept durably before anybody waits.

    `go_on` says that nothing has to be waited for: once `ref` is durable, the same run resumes with it. `challenges` are proofs that
    the caller has to publish before it asks again (see `challenges/_powers.py`).
    """

    ref: str
    challenges: Tuple[Mapping[str, Any], ...] = ()
    check_after: Optional[datetime] = None
    who_must_act: str = ""
    go_on: bool = False


Answer = Union[Issued, Pending]


@runtime_checkable
class Issuer(Protocol):
    """A CA that can be asked. A refusal is raised as ClmError; it never loses the request's key."""

    def begin(self, request: IssueRequest) -> Answer:
        """Ask for a certificate."""

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """Ask again for what `begin` left pending for the same request."""

    def identity(self) -> str:
        """A stable text: two issuers with one identity give interchangeable certificates."""


@runtime_checkable
class BatchIssuer(Protocol):
    """An issuer that answers many requests in one go."""

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """One answer for each request, in their order; an error is an answer, so that no neighbour is lost."""


@runtime_checkable
class KeyHolder(Protocol):
    """An issuer that makes every key itself and keeps it: it is asked by names, and what it issued is served by its `ref`."""

    def held_in(self) -> str:
        """Where it keeps them, in the words of the targets that can serve from there (`targets/_powers.py`, HeldBinder)."""

    def check(self, request: IssueRequest) -> None:
        """ClmError when it cannot be asked for this. Nobody is asked, nothing is written, and the request has no id yet."""


@runtime_checkable
class Anchored(Protocol):
    """An issuer that knows which trust anchors its certificates end at."""

    def anchors_pem(self) -> str:
        """The anchors as PEM; empty when there are none yet."""


@runtime_checkable
class Revoker(Protocol):
    """An issuer that can revoke."""

    def revoke(self, certificate_pem: str, reason: str) -> None:
        """Revoke; doing it again is no error."""


@runtime_checkable
class CaKey(Protocol):
    """A CA's private key that is kept where it cannot be read, such as in a KMS."""

    def key(self) -> Any:
        """It, as the library knows private keys: it signs, and gives its public key."""


# --- challenges -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Challenge:
    """One proof that an ACME CA asks for: `name` is the DNS name without its wildcard label, or the IP address."""

    name: str
    token: str
    key_authorization: str


@runtime_checkable
class Challenger(Protocol):
    """How control over names is shown. `kind` is the ACME word for it: http-01, dns-01, tls-alpn-01."""

    kind: str

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Make all of them visible to the CA; on return each is, or its place in the list says why not."""

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Take them away again, also those that were published in part or by a run that was killed; again is no error."""
