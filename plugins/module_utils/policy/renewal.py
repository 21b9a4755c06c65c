# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When and why a certificate is issued again: one decision for every issuer, always with its reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Optional, Protocol, Tuple

from ..outcome import Reason
from ..x509.certificate import Certificate, rfc3339
from .duration import DAY, in_words
from .policy import Policy, check_certificate
from .profile import Profile

SHORT = 10 * DAY
SKEW = timedelta(minutes=15)
SPREAD = 20  # the window is a twentieth of the life long


class WantedLike(Protocol):
    """What the decision needs of a wanted lineage."""

    @property
    def lineage(self) -> str:
        """Its name, which also places it in its window."""

    @property
    def names(self) -> Tuple[str, ...]:
        """Canonical names."""

    @property
    def profile(self) -> Profile:
        """What a new request would ask for."""


@dataclass(frozen=True)
class Window:
    """When a certificate is renewed: at `moment`, which lies between `start` and `end` at a place of the lineage's own."""

    start: datetime
    end: datetime
    moment: datetime


class Foretold(Tuple[datetime, datetime]):
    """The window of an issuer that renews by itself: before it ends the certificate's age is no reason to ask for another one.

    `successor` is the SHA-256 of what the issuer has put in its place already, empty as long as it has not.
    """

    successor = ""


def place(lineage: str) -> float:
    """The lineage's place between 0 and 1, always the same: it spreads lineages that were issued together."""
    return int.from_bytes(hashlib.sha256(lineage.encode("utf-8", "replace")).digest()[:7], "big") / float(1 << 56)


def renewal_window(not_before: datetime, not_after: datetime, lineage: str, renew_before: int = 0) -> Window:
    """The window that ends when a third of the life is left (half below 10 days), or `renew_before` seconds if that is more.

    `renew_before` is capped at two thirds of the life, or a short certificate would be due as soon as it was issued.
    """
    start, end, spread = _span(not_before, not_after, renew_before)
    return Window(start, end, start + timedelta(seconds=int(spread * place(lineage))))


@lru_cache(maxsize=64)
def _span(not_before: datetime, not_after: datetime, renew_before: int) -> Tuple[datetime, datetime, int]:
    """Where the window lies, and its length in seconds: the same for all that were issued together."""
    life = max(int((not_after - not_before).total_seconds()) + 1, 1)
    left = max(life // (2 if life < SHORT else 3), min(renew_before, 2 * life // 3))
    spread = life // SPREAD
    end = not_after.replace(microsecond=0) + timedelta(seconds=1 - left)
    return end - timedelta(seconds=spread), end, spread


def next_due(
    certificate: Certificate, lineage: str, policy: Optional[Policy] = None, ari_window: Optional[Tuple[datetime, datetime]] = None
) -> Optional[datetime]:
    """When the certificate falls due if nothing but time changes; None when its dates cannot be read (it is due now)."""
    if certificate.not_before is None or certificate.not_after is None:
        return None
    asked, own = _instants(certificate, certificate.not_before, certificate.not_after, lineage, policy, ari_window)
    return own if asked is None else min(asked, own)


def _instants(
    certificate: Certificate,
    not_before: datetime,
    not_after: datetime,
    lineage: str,
    policy: Optional[Policy],
    ari_window: Optional[Tuple[datetime, datetime]],
) -> Tuple[Optional[datetime], datetime]:
    """(When its CA wants it renewed, None where it said nothing of use; when it is due by its age.)

    The instant in the CA's window is each certificate's own, and kept while the window moves. With an answer from the CA our own
    window is only the backstop: its end.
    """
    window = renewal_window(not_before, not_after, lineage, policy.renew_before if policy else 0)
    if isinstance(ari_window, Foretold):
        return None, ari_window[0] if ari_window.successor else ari_window[1]
    if ari_window is None or ari_window[0] >= ari_window[1]:
        return None, window.moment
    start, end = ari_window
    return start + (end - start) * place(certificate.sha256), window.end


def earliest_due(certificate: Certificate, policy: Policy) -> Optional[datetime]:
    """Before this no lineage's certificate with these dates falls due by its age; None when its dates cannot be read."""
    if certificate.not_before is None or certificate.not_after is None:
        return None
    return _span(certificate.not_before, certificate.not_after, policy.renew_before)[0]


def reason_to_renew(
    wanted: WantedLike,
    current: Optional[Certificate],
    *,
    policy: Policy,
    now: datetime,
    issuer_identity: str = "",
    current_issuer: str = "",
    spki_sha256: str = "",
    revoked: bool = False,
    compromised: bool = False,
    forced: str = "",
    ari_window: Optional[Tuple[datetime, datetime]] = None,
) -> Optional[Reason]:
    """Why a new certificate is to be issued, the most urgent reason first; None when the current one is good.

    Issuers are compared when both identities are given, the key when `spki_sha256` says which one is wanted. An ARI window
    that ends before it starts is no answer (RFC 9773 section 4.2).
    """
    if current is None:
        return Reason("missing", f"{wanted.lineage} has no certificate yet")
    if current.not_before is None or current.not_after is None:
        return Reason("missing", f"the current certificate of {wanted.lineage} cannot be read: {'; '.join(current.malformed)}")
    if compromised:
        return Reason("compromised", "its private key is declared compromised")
    if revoked:
        return Reason("revoked", "it is revoked")
    if forced:
        return Reason("forced", f"asked for: {forced}")
    return (
        _from_the_future(wanted.lineage, current, now)
        or _expiring(wanted.lineage, current, policy, now, ari_window)
        or _names_changed(wanted, current)
        or _key_changed(wanted.profile, current, spki_sha256)
        or _issuer_changed(issuer_identity, current_issuer)
        or _against_policy(wanted.profile, current, policy, now)
    )


def _from_the_future(lineage: str, current: Certificate, now: datetime) -> Optional[Reason]:
    """One that is valid later serves nobody until then; clocks that differ a little do that too, and are waited for."""
    if current.not_before is None or current.not_before - now <= SKEW:
        return None
    wait = in_words(int((current.not_before - now).total_seconds()))
    return Reason("missing", f"what {lineage} has is not valid before {rfc3339(current.not_before)}, {wait} from now")


def _expiring(
    lineage: str, current: Certificate, policy: Policy, now: datetime, ari_window: Optional[Tuple[datetime, datetime]]
) -> Optional[Reason]:
    if current.not_before is None or current.not_after is None:
        return None
    if now > current.not_after:
        return Reason("expiring", f"it expired at {rfc3339(current.not_after)}")
    asked, due = _instants(current, current.not_before, current.not_after, lineage, policy, ari_window)
    if ari_window is not None and asked is not None and now >= asked:
        return Reason("ari_window", f"its CA asks for a renewal between {rfc3339(ari_window[0])} and {rfc3339(ari_window[1])}")
    if now < due:
        return None
    if isinstance(ari_window, Foretold) and ari_window.successor:
        return Reason("ari_window", f"its issuer has renewed it by itself: {ari_window.successor[:16]}... took its place")
    left = in_words(int((current.not_after - now).total_seconds()) + 1)
    return Reason("expiring", f"it expires at {rfc3339(current.not_after)}, {left} from now, and was due at {rfc3339(due)}")


def _names_changed(wanted: WantedLike, current: Certificate) -> Optional[Reason]:
    has, wants = {name.lower() for name in current.names}, set(wanted.names)
    if has == wants:
        return None
    parts = []
    if wants - has:
        parts.append(f"without {_few(wants - has)}")
    if has - wants:
        parts.append(f"with {_few(has - wants)}, no longer wanted")
    return Reason("names_changed", f"it is {' and '.join(parts)}")


def _few(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def _key_changed(profile: Profile, current: Certificate, spki_sha256: str) -> Optional[Reason]:
    if current.key_type != profile.key_type:
        return Reason("key_changed", f"its key is {current.key_type}, the profile {profile.name} asks for {profile.key_type}")
    if spki_sha256 and spki_sha256 != current.spki_sha256:
        return Reason("key_changed", f"its key is not the one wanted (SPKI SHA-256 {spki_sha256[:16]}...)")
    return None


def _issuer_changed(wanted: str, current: str) -> Optional[Reason]:
    if not wanted or not current or wanted == current:
        return None
    return Reason("issuer_changed", f"it was issued by {current}, wanted is {wanted}")


def _against_policy(profile: Profile, current: Certificate, policy: Policy, now: datetime) -> Optional[Reason]:
    findings = check_certificate(policy, current, now, by_renewal=True)
    findings += [f"the usage {one} of profile {profile.name} is missing" for one in profile.usages if one not in current.extended_key_usage]
    return Reason("policy", "; ".join(findings)) if findings else None
