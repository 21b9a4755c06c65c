# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from what was served to the anchors of a client class, judged as its clients would: nothing is fetched or guessed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Iterator, List, Optional, Sequence, Set, Tuple

from ..errors import ClmError
from . import _edwards
from ._crypto import UnsupportedAlgorithm, hashes, require_verification, verification, x509
from ._show import one_line, plain, rfc3339
from .bundle import Bundle
from .certificate import Certificate
from .chain import MAX_PEER_CERTIFICATES, is_signed_by
from .faults import intermediate_faults, leaf_faults
from .names import check_name, covers, is_address

MAX_DEPTH = 8
MAX_PATHS = 16
MAX_STEPS = 256


@dataclass(frozen=True)
class PathResult:
    """`ok` with the SHA-256s from leaf to anchor in `path`, or not, with a sentence for each finding."""

    ok: bool
    findings: Tuple[str, ...] = ()
    path: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What a path is asked for."""

    name: str
    when: datetime
    usage: str
    max_depth: int


def verify(
    chain: Sequence[Certificate],
    anchors: Bundle,
    *,
    name: Optional[str],
    when: datetime,
    usage: str = "server_auth",
    max_depth: int = MAX_DEPTH,
) -> PathResult:
    """Whether a client that trusts `anchors` accepts the chain, leaf first, for `name` at `when` (aware, in UTC).

    `name` None: any of the leaf's own names will do. `usage` is server_auth or client_auth; a client's name is not judged.
    Never raises for what the certificates hold. At most 16 certificates are looked at; no revocation is.
    """
    require_verification()
    if not chain:
        return PathResult(False, ("no certificate was served",))
    if len(chain) > MAX_PEER_CERTIFICATES:
        return PathResult(False, (f"{len(chain)} certificates were served, more than {MAX_PEER_CERTIFICATES} are not looked at",))
    leaf, rest = chain[0], list({one.der: one for one in chain[1:] if one.der != chain[0].der}.values())
    if leaf.native is None:
        return PathResult(False, (f"the certificate cannot be read: {'; '.join(leaf.malformed[:2])}",))
    findings = leaf_faults(leaf, usage)
    usable = [one for one in rest if one.native is not None and not intermediate_faults(one)]
    path, problem = _search(leaf, usable, anchors, Question(_peer(leaf, name, usage), when, usage, max_depth))
    if problem and not (findings and "EKU" in problem):
        findings += _diagnosis(leaf, rest, anchors, name if usage == "server_auth" else None, when) or [f"no path: {problem}"]
    return PathResult(not findings, tuple(findings), path if not findings else ())


def _peer(leaf: Certificate, name: Optional[str], usage: str) -> str:
    """The name to verify for; with none given, one of the leaf's own."""
    if name is not None or usage != "server_auth":
        return name or ""
    return next((one.replace("*", "x", 1) if one.startswith("*.") else one for one in leaf.names), "")


def _search(leaf: Certificate, pool: Sequence[Certificate], anchors: Bundle, question: Question) -> Tuple[Tuple[str, ...], str]:
    """The first path that the library accepts and "", or nothing and its complaint about the first one that leads to an anchor.

    The library is given one row of certificates at a time, no key in it twice: before version 47 it does not come back from
    sixteen certificates that sign each other. A peer whose certificates lead to an anchor in more than 16 ways is hostile.
    """
    subjects = {one.fields.subject for one in anchors.certificates if one.fields is not None}
    problem = ""
    for row in islice(_rows(leaf, pool, subjects, question.max_depth), MAX_PATHS):
        path, complaint = _build(leaf, row, anchors, question)
        if path:
            return path, ""
        problem = problem or complaint
    return (), problem or "its issuers do not lead to a trust anchor"


def _rows(leaf: Certificate, pool: Sequence[Certificate], subjects: Set[bytes], max_depth: int) -> Iterator[Tuple[Certificate, ...]]:
    """Rows of intermediates whose names lead from the leaf to an anchor, the shortest first; at most 256 steps are looked at."""
    rows: List[Tuple[Certificate, ...]] = [()]
    for row in rows:  # grows while it is read
        end = row[-1] if row else leaf
        if end.fields is not None and end.fields.issuer in subjects:
            yield row
        if len(row) < max_depth and len(rows) < MAX_STEPS:
            keys = {one.spki_sha256 for one in row}
            rows += [(*row, one) for one in pool if _linked(one, end) and one.spki_sha256 not in keys]


def _build(leaf: Certificate, row: Sequence[Certificate], anchors: Bundle, question: Question) -> Tuple[Tuple[str, ...], str]:
    """The path's SHA-256s and "", or nothing and the library's complaint."""
    if anchors.store is None or leaf.native is None:
        return (), "there is no usable trust anchor"
    end = row[-1] if row else leaf
    named = [one for one in anchors.certificates if one.sha256 not in anchors.faults and _linked(one, end)]
    if not named:
        return (), "no trust anchor has the name and the key identifier of its last issuer"
    if any(one.key_type in _edwards.KEYS for one in [*row, *named]):
        return _build_edwards(leaf, row, named, question)
    try:
        builder = verification.PolicyBuilder().store(anchors.store).time(question.when).max_chain_depth(question.max_depth)
        others = [one.native for one in row if one.native is not None]
        if question.usage == "server_auth":
            found: Sequence[Any] = builder.build_server_verifier(_subject(question.name)).verify(leaf.native, others)
        else:
            found = builder.build_client_verifier().verify(leaf.native, others).chain
    except (verification.VerificationError, ClmError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        return (), one_line(error).partition(" (encountered")[0]
    return tuple(one.fingerprint(hashes.SHA256()).hex() for one in found), ""


def _build_edwards(
    leaf: Certificate, row: Sequence[Certificate], anchors: Sequence[Certificate], question: Question
) -> Tuple[Tuple[str, ...], str]:
    if len(row) > question.max_depth:
        return (), "the chain is too long"
    if question.usage == "server_auth" and not any(covers(one, question.name) for one in leaf.names):
        return (), "the name does not fit"
    return _edwards.verify_row(leaf, row, anchors, question.when, question.usage)


def _subject(name: str) -> Any:
    checked = check_name(name)
    if checked.startswith("*."):
        raise ValueError("a wildcard is no name that a client asks for")
    return x509.IPAddress(ipaddress.ip_address(checked)) if is_address(checked) else x509.DNSName(checked)


def _diagnosis(leaf: Certificate, rest: Sequence[Certificate], anchors: Bundle, name: Optional[str], when: datetime) -> List[str]:
    """What a person would look for first; empty when it is something else, and the library's complaint has to do."""
    found = _dates(leaf, when)
    if name is not None and not any(covers(one, name) for one in leaf.names):
        shown = ", ".join(plain(one, 80) for one in leaf.names[:5]) or "it has none"
        found.append(f"the name {plain(name)} is not among its names ({shown})")
    return found + _gap(leaf, rest, anchors, when)


def _dates(certificate: Certificate, when: datetime) -> List[str]:
    if certificate.not_before is None or certificate.not_after is None:
        return ["its dates cannot be read"]
    if when > certificate.not_after:
        return [f"it expired at {rfc3339(certificate.not_after)}"]
    return [f"it is not valid before {rfc3339(certificate.not_before)}"] if when < certificate.not_before else []


def _gap(leaf: Certificate, rest: Sequence[Certificate], anchors: Bundle, when: datetime) -> List[str]:
    """Where the names stop leading on from what was served, and what is wrong with what they lead over."""
    found: List[str] = []
    at, seen = leaf, {leaf.der}
    while not _known(at, anchors):
        above = next((one for one in rest if one.der not in seen and _issued(one, at)), None)
        if above is None:
            return found + [_missing(at)]
        faults = intermediate_faults(above) + _dates(above, when)
        found += [f"the intermediate {plain(above.subject) or above.sha256[:16]!r}: {one}" for one in faults]
        seen.add(above.der)
        at = above
    return found + _anchor_problems(at, anchors, when)


def _anchor_problems(at: Certificate, anchors: Bundle, when: datetime) -> List[str]:
    """What is wrong with the anchors that the names end at; empty when one of them is good."""
    found: List[str] = []
    for one in anchors.certificates:
        if _issued(one, at):
            faults = _dates(one, when) + ([anchors.faults[one.sha256]] if one.sha256 in anchors.faults else [])
            if not is_signed_by(at, one):
                faults = ["it has the issuer's name, but another key made the signature"]
            if not faults:
                return []
            found += [f"the anchor {plain(one.subject)!r}: {fault}" for fault in faults]
    return found


def _known(certificate: Certificate, anchors: Bundle) -> bool:
    return any(one.der == certificate.der or _issued(one, certificate) for one in anchors.certificates)


def _issued(issuer: Certificate, certificate: Certificate) -> bool:
    """True when the names fit; whether it signed is the library's business."""
    return issuer.fields is not None and certificate.fields is not None and issuer.fields.subject == certificate.fields.issuer


def _linked(issuer: Certificate, certificate: Certificate) -> bool:
    """True when the names fit and the key identifiers, where both are there, are the same: OpenSSL follows no other."""
    return _issued(issuer, certificate) and (not issuer.ski or not certificate.aki or issuer.ski == certificate.aki)


def _missing(at: Certificate) -> str:
    if at.self_issued:
        return f"the chain ends at the root {plain(at.subject)!r}, which is no trust anchor here"
    return f"the certificate of its issuer {plain(at.issuer)!r} was not served and is no trust anchor here"
