# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may become a trust anchor, and which revocation list may stand beside it; what may not is named, all of it at once. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, Sequence

from ..errors import ConfigError, MalformedError, PolicyError
from ..x509._show import plain
from ..x509.bundle import Bundle
from ..x509.certificate import Certificate, rfc3339
from ..x509.revocation_list import RevocationList

HEX = frozenset("0123456789abcdef")


def bundle_of(files: Sequence[str], now: datetime, key_types: Sequence[str]) -> Bundle:
    """The anchors in these PEM files; an error names each file or certificate that holds no anchor, or none with such a key."""
    ders: List[bytes] = []
    for name in files:
        found = _parsed(name)
        if found.malformed:
            raise MalformedError(f"{name}: {'; '.join(found.malformed)}", hint="take out what cannot be read", field="anchors")
        ders.extend(one.der for one in found.certificates)
    if not ders:
        raise ConfigError("no anchor is named, and a trust store without one trusts nobody", field="anchors")
    bundle = Bundle.of(ders)
    findings = [text for one in bundle.certificates for text in _faults(one, now, key_types)]
    if findings:
        raise PolicyError(findings, hint="take it out of the files, or name the right ones: nothing was changed", field="anchors")
    return bundle


def _parsed(name: str) -> Bundle:
    try:
        return Bundle.parse(read_file(name, "anchors"))
    except MalformedError as error:
        raise MalformedError(f"{name}: {error.message}", hint=error.hint, field="anchors") from error


def read_file(name: str, field: str) -> bytes:
    """The bytes of a file, at most 64 MiB and one; ConfigError when it cannot be read."""
    try:
        with open(name, "rb") as stream:
            return stream.read(64 * 1024 * 1024 + 1)
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}", hint="name files on the host where this runs", field=field) from error


def _faults(certificate: Certificate, now: datetime, key_types: Sequence[str]) -> List[str]:
    name = named(certificate)
    if not certificate.is_ca:
        return [f"{name} is no CA by its basic constraints, so it is a leaf and no anchor"]
    if certificate.key_usage and "key_cert_sign" not in certificate.key_usage:
        return [f"{name} may sign no certificates by its key usage"]
    if key_types and certificate.key_type not in key_types:
        return [f"{name} has a key of type {certificate.key_type}, and only {', '.join(key_types)} are taken there"]
    if certificate.not_after is None or certificate.not_before is None:
        return [f"{name} has dates that cannot be read"]
    return [f"{name} expired at {rfc3339(certificate.not_after)}"] if certificate.not_after < now else []


def named(certificate: Certificate) -> str:
    """A certificate in a sentence."""
    return f"{certificate.sha256[:16]}... ({plain(certificate.subject) or 'no subject'})"


def fingerprints(given: Iterable[str]) -> List[str]:
    """The SHA-256 of a task, each once, lower-case and without colons; ConfigError names what is none."""
    found = [one.replace(":", "").strip().lower() for one in given]
    bad = [one[:80] for one in found if len(one) != 64 or set(one) - HEX]
    if bad or not found:
        hint = "name each anchor by the SHA-256 of its DER, 64 hex digits, as the result has them"
        raise ConfigError(f"{bad[0]!r} is no SHA-256" if bad else "no anchor is named", hint=hint, field="sha256")
    return list(dict.fromkeys(found))


def lists_of(files: Sequence[str], anchors: Bundle, now: datetime) -> List[RevocationList]:
    """The revocation lists in these files, each signed by one of the anchors and still current; an error names the file."""
    found: Dict[str, RevocationList] = {}
    for name in files:
        one = _list(name)
        fault = _list_fault(one, anchors, now)
        if fault:
            hint = "fetch the newest list of that CA: nothing was changed"
            raise ConfigError(f"{name} (issued by {one.issuer}): {fault}", hint=hint, field="revocation_lists")
        found[one.sha256] = one
    return list(found.values())


def _list(name: str) -> RevocationList:
    try:
        return RevocationList.parse(read_file(name, "revocation_lists"))
    except MalformedError as error:
        raise MalformedError(f"{name}: {error.message}", hint=error.hint, field="revocation_lists") from error


def _list_fault(one: RevocationList, anchors: Bundle, now: datetime) -> str:
    if one.is_delta:
        return "it is a delta, and says only what changed since another list"
    if one.next_update is None or one.next_update < now:
        return f"it counted until {rfc3339(one.next_update)}" if one.next_update else "it does not say until when it counts"
    if not any(one.signed_by(anchor) for anchor in anchors.certificates):
        return "none of the anchors issued and signed it"
    return ""


def shown(bundle: Bundle, lists: Sequence[RevocationList]) -> Dict[str, Any]:
    """Both as results and diffs carry them."""
    rows = [
        {
            "sha256": one.sha256,
            "subject": plain(one.subject),
            "not_before": rfc3339(one.not_before) if one.not_before else "",
            "not_after": rfc3339(one.not_after) if one.not_after else "",
        }
        for one in bundle.certificates
    ]
    found: Dict[str, Any] = {"anchors": rows}
    if lists:
        found["revocation_lists"] = [one.as_dict() for one in sorted(lists, key=lambda one: one.sha256)]
    return found
