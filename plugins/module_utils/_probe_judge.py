# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what was seen what was wanted? Three answers: served, not served, could not look. No I/O and no clock."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from typing import Collection, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from ._probe_values import ANSWERED, COULD_NOT_LOOK, Observation
from .contracts import NOT_SERVED, SERVED, Proof
from .x509.bundle import Bundle
from .x509.certificate import Certificate, rfc3339
from .x509.chain import MAX_PEER_CERTIFICATES
from .x509.names import covers
from .x509.path import verify

Chain = Tuple[Certificate, ...]


@dataclass(frozen=True)
class Judgement:
    """The answer over every address, and one sentence for everything that is wrong; `sha256` is what was served.

    Where addresses differ, `sha256` is the first one that is not what was wanted; empty when nothing was served.
    """

    answer: str
    sha256: str = ""
    findings: Tuple[str, ...] = ()

    @property
    def detail(self) -> str:
        """All findings as one text."""
        return "; ".join(self.findings)

    @property
    def proof(self) -> Proof:
        """The judgement as targets answer."""
        return Proof(self.answer, self.sha256, self.detail)


@dataclass(frozen=True)
class Expected:
    """What is wanted of an endpoint: any of `sha256s` (empty: any certificate), `name` (empty: not asked for), and a path
    from what is served to the anchors of every client class."""

    sha256s: FrozenSet[str]
    name: str
    anchors: Mapping[str, Bundle]


def wanted(sha256: Union[str, Collection[str]], name: str = "", anchors: Optional[Mapping[str, Bundle]] = None) -> Expected:
    """An Expected from one SHA-256 or several; no anchors: no path is asked for."""
    several = [sha256] if isinstance(sha256, str) else sha256
    return Expected(frozenset(one.lower() for one in several if one), name, anchors or {})


def judge(
    observations: Sequence[Observation],
    *,
    sha256: Union[str, Collection[str]],
    name: str,
    anchors: Mapping[str, Bundle],
    when: datetime,
) -> Judgement:
    """Served: every address showed the certificate, the name and a path for every client class, at `when`.

    Not served: at least one address showed something else. Could not look: nothing wrong was seen, but not all was seen.
    """
    return judge_expected(observations, wanted(sha256, name, anchors), when)


def judge_expected(observations: Sequence[Observation], expected: Expected, when: datetime) -> Judgement:
    """As `judge`, with what is wanted in one value."""
    faults: Dict[str, List[Observation]] = {}
    blind: Dict[str, List[Observation]] = {}
    known: Dict[Tuple[bytes, ...], List[str]] = {}
    for seen in observations:
        if seen.answer == COULD_NOT_LOOK:
            blind.setdefault(seen.error, []).append(seen)
            continue
        if seen.chain_der not in known or seen.answer != ANSWERED:
            known[seen.chain_der] = _faults(seen, expected, when)
        for fault in known[seen.chain_der]:
            faults.setdefault(fault, []).append(seen)
    findings = _sentences(faults) + _sentences(blind)
    if faults:
        return Judgement(NOT_SERVED, next(iter(faults.values()))[0].sha256, findings)
    served = next((seen.sha256 for seen in observations if seen.sha256), "")
    if blind or not observations:
        return Judgement(COULD_NOT_LOOK, served, findings or ("no address was looked at",))
    return Judgement(SERVED, served)


def _sentences(grouped: Mapping[str, Sequence[Observation]]) -> Tuple[str, ...]:
    """One sentence for each fault, with every address that has it."""
    return tuple(f"{_places(seen)}: {fault}" for fault, seen in grouped.items())


def _places(seen: Sequence[Observation]) -> str:
    endpoint = seen[0].endpoint
    addresses = [one.address for one in seen if one.address not in ("", endpoint.host)]
    return f"{endpoint.label} at {', '.join(addresses)}" if addresses else endpoint.label


def _faults(seen: Observation, expected: Expected, when: datetime) -> List[str]:
    if seen.answer != ANSWERED:
        return [seen.error]
    chain = tuple(Certificate.parse(der) for der in seen.chain_der)
    if expected.sha256s and seen.sha256 not in expected.sha256s:
        return [_another(chain[0], expected.sha256s)]
    found = too_many(seen) + validity(chain[0], when)
    if expected.name:
        found += name_fault(chain[0], expected.name)
    return found + path_faults(chain, expected.anchors, when)


def _another(leaf: Certificate, sha256s: FrozenSet[str]) -> str:
    until = f", valid until {rfc3339(leaf.not_after)}" if leaf.not_after else ""
    names = f" for {shown_names(leaf)}" if leaf.names else ""
    return (
        f"serves another certificate, SHA-256 {leaf.sha256}{names}{until}, not {' or '.join(sorted(sha256s))}: "
        "the server did not take the new one, or something else answers here"
    )


def shown_names(leaf: Certificate, most: int = 5) -> str:
    """The first names of a certificate as one text, and how many more there are."""
    more = len(leaf.names) - most
    return ", ".join(leaf.names[:most]) + (f" and {more} more" if more > 0 else "")


def too_many(seen: Observation) -> List[str]:
    """A finding when a peer sent more certificates than are taken."""
    if seen.sent <= MAX_PEER_CERTIFICATES:
        return []
    return [f"sends {seen.sent} certificates, of which only the first {MAX_PEER_CERTIFICATES} are looked at: mend its chain file"]


def validity(leaf: Certificate, when: datetime) -> List[str]:
    """A finding when the leaf is not valid at `when`; RFC 5280, 4.1.2.5: both dates are inside the validity."""
    if leaf.not_before is None or leaf.not_after is None:
        return ["the dates of the certificate cannot be read: " + "; ".join(leaf.malformed)]
    if when > leaf.not_after:
        return [f"the certificate {leaf.sha256} expired at {rfc3339(leaf.not_after)}"]
    if when < leaf.not_before:
        return [f"the certificate {leaf.sha256} is not valid before {rfc3339(leaf.not_before)}: a wrong clock, or deployed too early"]
    return []


def name_fault(leaf: Certificate, name: str) -> List[str]:
    """A finding when the certificate does not name `name`; the common name does not count (RFC 9525, 2)."""
    asked = name.rstrip(".").split("%")[0]
    try:
        asked, pool = str(ipaddress.ip_address(asked)), leaf.ip_addresses
    except ValueError:
        pool = leaf.dns_names
    if any(covers(one, asked) for one in pool):
        return []
    named = f"it is for {shown_names(leaf)}" if leaf.names else "it names no host at all"
    return [f"the certificate is not for {asked}: {named}"]


def path_faults(chain: Chain, anchors: Mapping[str, Bundle], when: datetime) -> List[str]:
    """A finding for each client class whose anchors cannot be reached by what was served, and nothing else."""
    found = []
    for client_class, bundle in anchors.items():
        result = verify(chain, bundle, name=None, when=when)
        if not result.ok:
            why = "; ".join(result.findings) or "no path was found"
            found.append(f"clients of class {client_class!r} cannot verify it with the {len(chain)} certificates sent: {why}")
    return found
