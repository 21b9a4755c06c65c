# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth saying of an endpoint although nothing is broken yet. No I/O and no clock."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List, Sequence

from ._probe_judge import Chain
from ._probe_values import ANSWERED, Observation
from .x509.certificate import Certificate, rfc3339

OLD_PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1")
LIFE_LEFT = 0.25  # below this part of its life a certificate should have been renewed, whatever its lifetime


def remarks(observations: Sequence[Observation], when: datetime) -> List[str]:
    """One sentence for each thing to mend in time, in a fixed order; empty when there is none."""
    answered = [seen for seen in observations if seen.answer == ANSWERED]
    found: List[str] = _differences(answered)
    for seen in answered:
        chain = tuple(Certificate.parse(der) for der in seen.chain_der)
        found += _protocol(seen) + _life(chain[0], when) + _order(chain)
    return list(dict.fromkeys(found))


def _differences(answered: Sequence[Observation]) -> List[str]:
    by_leaf: Dict[str, List[str]] = {}
    for seen in answered:
        by_leaf.setdefault(seen.sha256, []).append(seen.address)
    if len(by_leaf) < 2:
        return []
    parts = [f"{', '.join(addresses)} serves {sha256}" for sha256, addresses in by_leaf.items()]
    return ["its addresses serve different certificates: " + "; ".join(parts)]


def _protocol(seen: Observation) -> List[str]:
    if seen.protocol not in OLD_PROTOCOLS:
        return []
    return [f"it speaks {seen.protocol} to a client that offers TLS 1.3: RFC 8996 forbids that protocol"]


def _life(leaf: Certificate, when: datetime) -> List[str]:
    if leaf.not_before is None or leaf.not_after is None or not leaf.not_before <= when <= leaf.not_after:
        return []  # a finding says so already
    life = (leaf.not_after - leaf.not_before).total_seconds()
    if life <= 0 or (leaf.not_after - when).total_seconds() >= LIFE_LEFT * life:
        return []
    return [f"less than a quarter of its life is left: the certificate expires at {rfc3339(leaf.not_after)}"]


def _order(chain: Chain) -> List[str]:
    """RFC 5246, 7.4.2 asks for leaf, then each issuer in order; RFC 8446, 4.4.2 wants it still."""
    found = []
    if len({one.sha256 for one in chain}) < len(chain):
        found.append("it sends a certificate twice")
    if len(chain) > 1 and chain[-1].self_issued:
        found.append("it sends the root along, which no client needs")
    if any(lower.issuer != upper.subject for lower, upper in zip(chain, chain[1:])):
        found.append("the certificates it sends are not in order (leaf, then each issuer), which strict clients refuse")
    return found
