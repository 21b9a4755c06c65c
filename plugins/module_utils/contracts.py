# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provider is: small protocols, and the values that cross them. Optional powers are protocols of their own.

Standard library only: this file travels to managed hosts. Certificates cross the contracts as PEM text, so that no
provider has to agree with another one on a library's objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Callable, Collection, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple, Union, runtime_checkable

from ._contracts_issuing import (
    Anchored,
    Answer,
    BatchIssuer,
    CaKey,
    Challenge,
    Challenger,
    Issued,
    Issuer,
    IssueRequest,
    KeyHolder,
    Pending,
    Revoker,
)
from ._contracts_trust import HeldList, Removable, RevocationLists, Trusted, TrustStore, Verification, Verifier
from .masking import Secret

# What stands in a file of its own, and is a contract like the others.
__all__ = [
    "Anchored", "Answer", "BatchIssuer", "CaKey", "Challenge", "Challenger", "HeldList", "Issued", "Issuer", "IssueRequest", "KeyHolder",
    "Pending", "Removable", "RevocationLists", "Revoker", "TrustStore", "Trusted", "Verification", "Verifier",
]  # fmt: skip

Clock = Callable[[], datetime]
Where = Mapping[str, Any]


# --- secret stores ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeyRef:
    """Where a private key is, never the key itself."""

    store: str
    lineage: str
    version: str
    spki_sha256: str


DROPPED, RETIRED = "dropped", "retired"
VERSION_STATES = ("pending", "issued", "proven", "rejected", DROPPED, RETIRED)


@dataclass(frozen=True)
class StoredVersion:
    """One version of a lineage as the store keeps it.

    `state` is pending (key durable, no certificate yet), issued, proven (served and proven somewhere, or issued with no
    deployment to prove it at), rejected (failed its proof), dropped (superseded, its key is destroyed) or retired (its lineage
    has ended: while the newest version is, nothing of it is issued or served). `key` is set only on the way in; reading a key is
    `SecretStore.key`. `meta` is JSON data without secrets: request_id, ref, issuer, names, profile, evidence, ...
    """

    lineage: str
    version: str
    state: str
    spki_sha256: str = ""
    sha256: str = ""
    chain_pem: str = ""
    csr_pem: str = ""
    key: Optional[Secret] = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def held(self) -> str:
        """How the issuer that keeps the key names this version, empty where the key is ours."""
        return str(self.meta.get("ref") or "") if self.meta.get("key_origin") == "issuer" else ""


@dataclass(frozen=True)
class Lease:
    """The right to write to a lineage until `expires`; `fence` grows with every lease of the lineage."""

    lineage: str
    owner: str
    fence: int
    expires: datetime


@dataclass(frozen=True)
class Busy:
    """Somebody else has the lineage until `until`, or its current version is not the expected one (`until` None)."""

    lineage: str
    owner: str
    message: str
    until: Optional[datetime] = None


@runtime_checkable
class SecretStore(Protocol):
    """Where private keys and versions are kept. What was saved is durable once `flush` has returned, not before."""

    def identity(self) -> str:
        """A stable text that names the store."""

    def begin(self, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        """Take the lineage if nobody has it and its current version is `expected_current` (None: has none yet)."""

    def new_version(self, lineage: str) -> str:
        """An id for the next version; ids sort in the order in which they were made."""

    def save(self, lease: Lease, version: StoredVersion) -> None:
        """Write or replace a version; refuses a fence older than the newest with BusyError. A key once saved stays."""

    def promote(self, lease: Lease, version: str) -> None:
        """Make a version the current one, at once and whole; refuses an older fence."""

    def end(self, lease: Lease) -> None:
        """Give the lineage back; a lease that was lost meanwhile is no error."""

    def flush(self) -> None:
        """Return when everything saved and promoted so far would survive a power cut."""

    def load(self, lineage: str, version: Optional[str] = None) -> Optional[StoredVersion]:
        """A version without its key, by default the current one; None when there is none."""

    def key(self, ref: KeyRef) -> Secret:
        """The private key, PEM PKCS#8 in bytes, checked against `ref.spki_sha256`; NotFoundError when it is not there."""

    def versions(self, lineage: str) -> List[StoredVersion]:
        """Every version, oldest first, without keys; a damaged one is still listed, with meta['malformed']."""

    def current(self, lineage: str) -> Optional[str]:
        """The id of the current version, None when there is none."""

    def lineages(self) -> Iterator[str]:
        """The names of all lineages."""


# --- targets ---------------------------------------------------------------------------------------------------------

SERVED = "served"
NOT_SERVED = "not_served"
COULD_NOT_LOOK = "could_not_look"


@dataclass(frozen=True)
class Proof:
    """What a new connection showed. `sha256` is what was served, empty when nothing was; `detail` is one sentence."""

    answer: str
    sha256: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Version:
    """What a target is given: the chain as PEM (leaf first) and a reference to the key, never a bare key.

    `held` is set where an issuer keeps the key: what it calls the certificate there. Then there is no `key`, and a target that needs one
    refuses the version before it writes.
    """

    sha256: str
    chain_pem: str
    spki_sha256: str
    key: Optional[KeyRef] = None
    staged_key: str = ""
    held: str = ""


@dataclass(frozen=True)
class Deployed:
    """What a place holds now: `ref` is what `bind` takes to bring it back."""

    sha256: str
    ref: str
    chain_pem: str = ""
    not_after: Optional[datetime] = None


@runtime_checkable
class Target(Protocol):
    """A kind of place that serves a certificate. Where put is bind, `replaces_in_place` is True and put waits for bind."""

    replaces_in_place: bool

    def read(self, where: Where) -> Optional[Deployed]:
        """What is bound there now, None when nothing is."""

    def put(self, where: Where, version: Version) -> str:
        """Store the version; returns the ref to bind."""

    def bind(self, where: Where, ref: str) -> None:
        """Make the place serve what `ref` names."""

    def prove(self, where: Where, sha256: str) -> Proof:
        """Look with new connections whether the certificate is served."""


@runtime_checkable
class Prefetcher(Protocol):
    """A target that answers many `read`s from one listing."""

    def prefetch(self, wheres: Sequence[Where]) -> None:
        """List once for all of them."""


@runtime_checkable
class Dropper(Protocol):
    """A target that puts each version as a copy of its own, which stays there when another one is bound."""

    def copies(self, where: Where, sha256s: Collection[str]) -> Mapping[str, str]:
        """By ref the SHA-256 of those of these that lie where the place puts its versions, in use or not."""

    def users(self, where: Where, ref: str) -> Sequence[str]:
        """Who uses the copy, as far as can be told; empty when nobody does. Writes nothing."""

    def drop(self, where: Where, ref: str) -> None:
        """Delete the copy; refuses while anything uses it, and what no lineage put there."""


# --- sources ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """A certificate that a source found at a place. `where` is plain data from outside, never trusted as code.

    Of `where` these are understood: `place`, a stable id; `bound`, False where nothing serves it; `labels`, owner and the like;
    `managed_by`, who else renews it; `copy_ref`, the ref of what lies where targets put versions and nothing serves it; `targets`, as which
    target types with which options a manifest would name the place, `shared` where several lineages can be there; `answer` could_not_look
    with `label`, what nobody could look at; `certificate_file`, `host`, `port`.

    `chain_der` is what was found there, leaf first and unparsed, at most 16 certificates; empty with `error` set when the
    source could see the place but not the certificate.
    """

    source: str
    where: Mapping[str, Any]
    chain_der: Tuple[bytes, ...] = ()
    server: str = ""
    error: str = ""


@runtime_checkable
class Source(Protocol):
    """Where certificates are discovered. A source that cannot answer raises ClmError: blind is not empty."""

    def find(self) -> Iterator[Found]:
        """Everything there is, without an order."""
