# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a CA returned is the answer to what was asked: key, names, validity, usages, chain, and the CA itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from ..contracts import Anchored, Issuer, StoredVersion
from ..errors import ConfigError, MalformedError, PolicyError
from ..policy.policy import Policy, check_certificate
from ..policy.renewal import earliest_due, next_due
from ..x509 import pem
from ..x509._crypto import x509
from ..x509.certificate import Certificate, rfc3339
from ..x509.chain import MAX_PEER_CERTIFICATES, Chain, is_signed_by
from ._issue_values import Job, Wanted, leaf_of

STAGING = re.compile(r"\bstaging\b|\bfake\b", re.IGNORECASE)  # how public CAs call theirs
CLOCK_SKEW = timedelta(minutes=5)
_HINT = "nothing was deployed; ask the CA what it did, the key and the request are kept"


class Checker:
    """Checks the answers of one issuer; what its certificates share (intermediates, anchors) is looked at once."""

    def __init__(self, issuer: Issuer) -> None:
        text = issuer.anchors_pem() if isinstance(issuer, Anchored) else ""
        self._anchors = [Certificate.parse(block.der) for block in pem.split(text)] if text else []
        self._above: Dict[str, Tuple[Tuple[Certificate, ...], str]] = {}  # by its text as it came: what it holds, and its PEM

    def check(self, chain_pem: str, job: Job, spki_sha256: str, now: datetime) -> Tuple[str, Certificate]:
        """The chain in order and without its root, and its leaf; ClmError says what is wrong with the answer.

        `spki_sha256` is empty where the issuer made the key: which one is then its word alone, but not which kind.
        """
        wanted, policy = job.wanted, job.policy
        leaf, above, above_pem = self._chain(chain_pem)
        if not spki_sha256:
            _check_held(leaf, wanted)
        elif leaf.spki_sha256 != spki_sha256:
            raise ConfigError(f"the CA's certificate is for another key ({leaf.spki_sha256[:16]}...) than the request's", hint=_HINT)
        if not above and self._anchors:
            self._check_anchored(leaf)
        elif above and not is_signed_by(leaf, above[0]):
            raise ConfigError(f"the certificate is not signed by {above[0].subject!r}, which came with it", hint=_HINT)
        _check_dates(leaf, wanted, policy, now)
        _check_kind(leaf, wanted)
        findings = check_certificate(policy, leaf, now, by_renewal=True) if policy.rules else []
        if findings:
            raise PolicyError(findings, hint=_HINT)
        _refuse_staging(leaf, job.current)
        _refuse_dead(leaf, job.dead_keys)
        return leaf.pem + above_pem, leaf

    def _chain(self, chain_pem: str) -> Tuple[Certificate, Tuple[Certificate, ...], str]:
        """The leaf and what is above it, also as PEM; a text that stood behind another leaf before is not judged again."""
        end = chain_pem.find("-----END CERTIFICATE-----\n") + 26
        rest = chain_pem[end:]
        if end > 25 and rest in self._above:
            return (Certificate.from_pem(chain_pem[:end]), *self._above[rest])
        chain = Chain.parse(chain_pem)
        self._check_above(chain.intermediates)
        ordered = [block.der for block in pem.split(chain_pem, limit=MAX_PEER_CERTIFICATES)][:1] == [chain.leaf.der]
        if end > 25 and ordered and chain.intermediates:
            self._above[rest] = chain.intermediates, chain.intermediates_pem
        return chain.leaf, chain.intermediates, chain.intermediates_pem

    def _check_above(self, above: Sequence[Certificate]) -> None:
        for below, issuer in zip(above, above[1:]):
            if not is_signed_by(below, issuer):
                raise MalformedError(f"{below.subject!r} is not signed by {issuer.subject!r}, which came with it", hint=_HINT)
        if above and self._anchors:
            self._check_anchored(above[-1])

    def _check_anchored(self, last: Certificate) -> None:
        if not any(is_signed_by(last, anchor) for anchor in self._anchors):
            known: List[str] = [anchor.subject for anchor in self._anchors[:3]]
            more = f" and {len(self._anchors) - 3} more" if len(self._anchors) > 3 else ""
            raise ConfigError(f"the chain ends at {last.issuer!r}, another CA than the issuer's {', '.join(known)}{more}", hint=_HINT)


def _refuse_staging(leaf: Certificate, current: Optional[StoredVersion]) -> None:
    """ConfigError for a certificate of a CA that calls itself a staging one, where the current one is of a real CA."""
    if current is None or not current.chain_pem or not STAGING.search(leaf.issuer) or STAGING.search(leaf_of(current).issuer):
        return
    hint = "point the issuer to the CA's real directory, or try the staging CA with a lineage of its own"
    raise ConfigError(f"the certificate is of a staging CA ({leaf.issuer}), and the current one is not: it would replace it", hint=hint)


def _refuse_dead(leaf: Certificate, dead_keys: FrozenSet[str]) -> None:
    """ConfigError for a certificate whose key is declared compromised, which only an issuer that keeps the key could give."""
    if leaf.spki_sha256 in dead_keys:
        raise ConfigError("the CA's certificate is for a key that is declared compromised", hint=_HINT)


def _check_held(leaf: Certificate, wanted: Wanted) -> None:
    if leaf.key_type != wanted.profile.key_type:
        raise ConfigError(f"the CA's certificate is for a key of type {leaf.key_type}, not {wanted.profile.key_type}", hint=_HINT)


def _check_dates(leaf: Certificate, wanted: Wanted, policy: Policy, now: datetime) -> None:
    """Valid now, and not due again at once: that would be issued anew in every run."""
    first = earliest_due(leaf, policy)
    if leaf.not_before is None or first is None:
        raise ConfigError("the dates of the CA's certificate cannot be read", hint=_HINT)
    if leaf.not_before > now + CLOCK_SKEW:
        raise ConfigError(
            f"the CA's certificate is valid only from {rfc3339(leaf.not_before)}", hint="look at this machine's clock and at the CA's"
        )
    due = next_due(leaf, wanted.lineage, policy) if first <= now else None
    if due is not None and due <= now:
        raise ConfigError(f"the CA's certificate is due again since {rfc3339(due)}", hint="ask the CA for a longer life, or a fresh one")


def _check_kind(leaf: Certificate, wanted: Wanted) -> None:
    """A certificate for servers or clients with exactly the names and at least the usages that were asked for."""
    if leaf.other_names or set(leaf.names) != set(wanted.names):
        raise ConfigError(f"the CA's certificate is for other names ({_few(leaf)}) than were asked for", hint=_HINT)
    missing = [usage for usage in wanted.profile.usages if usage not in leaf.extended_key_usage]
    if missing:
        raise ConfigError(f"the CA's certificate lacks the usage {missing[0]}", hint=_HINT)
    if leaf.is_ca:
        raise ConfigError("the CA returned a CA certificate where one for a server was asked for", hint=_HINT)
    if leaf.extensions is None or x509.PrecertPoison in leaf.extensions:  # RFC 6962 section 3.1
        raise ConfigError("the CA returned a precertificate, or one that cannot be read", hint=_HINT)


def _few(leaf: Certificate) -> str:
    names = [*leaf.names, *leaf.other_names]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
