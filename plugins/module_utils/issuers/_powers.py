# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What some issuers can do beyond the contract; flows ask for each with isinstance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Callable, List, Optional, Protocol, Sequence, Tuple, Union, runtime_checkable

from ..contracts import Answer, IssueRequest, SecretStore
from ..errors import ClmError
from ..masking import Secret

Pause = Callable[[float, str], None]  # seconds, and what is waited for


@runtime_checkable
class BatchResumer(Protocol):
    """An issuer that goes on with many requests in one go."""

    def resume_many(self, refs: Sequence[Tuple[str, IssueRequest]]) -> List[Union[Answer, ClmError]]:
        """One answer for each reference, in their order; an error is an answer, so that no neighbour is lost."""


@runtime_checkable
class AccountHolder(Protocol):
    """An issuer that needs a key of its own to be asked: it keeps it as a lineage of the secret store."""

    def keep_in(self, store: SecretStore, pause: Optional[Pause] = None) -> None:
        """Say where, before anything is asked; `pause` waits while another run makes the same account, None does not wait."""


@dataclass(frozen=True)
class Hint:
    """When an issuer wants a certificate to be renewed: between `start` and `end`; ask again after `ask_again`.

    `alone`: until `end` the issuer renews it without being asked. `successor` is the SHA-256 of what it has put in its place already.
    """

    start: datetime
    end: datetime
    ask_again: datetime
    explanation_url: str = ""
    alone: bool = False
    successor: str = ""


@runtime_checkable
class RenewalHinter(Protocol):
    """An issuer that says when it wants a certificate to be renewed."""

    def window(self, certificate_pem: str) -> Optional[Hint]:
        """The window of this certificate; None when the issuer offers none. ClmError: no answer, which hinders no renewal."""


@runtime_checkable
class SelfRenewer(Protocol):
    """An issuer that keeps the keys, and renews by itself what it issued: under the same reference then stands another certificate."""

    def renewal(self, ref: str, certificate_pem: str) -> Optional[Hint]:
        """What it does with the certificate that it issued under that reference; None where it leaves the renewal to us."""


@runtime_checkable
class KeyRevoker(Protocol):
    """An issuer that also revokes for whoever has the certificate's private key."""

    def revoke_by_key(self, certificate_pem: str, reason: str, key: Secret) -> None:
        """Revoke; doing it again is no error."""
