# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CRL of a local CA: one full CRL with number and AKI, without an issuing distribution point (RFC 5280 section 5.2)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Tuple

from .. import durable, files
from ..errors import ConfigError, MalformedError
from ..x509 import pem
from ..x509._crypto import serialization, x509
from ..x509._show import instant, quietly
from ..x509.der import has_whole_signature
from ..x509.key import digest_for
from ._local_ca_folder import Folder

CLOCK_SKEW = 300
REASONS = {
    "unspecified": "unspecified",
    "key_compromise": "keyCompromise",
    "affiliation_changed": "affiliationChanged",
    "superseded": "superseded",
    "cessation_of_operation": "cessationOfOperation",
    "privilege_withdrawn": "privilegeWithdrawn",
}


@dataclass(frozen=True)
class Revoked:
    """One revoked certificate, as revoked.jsonl keeps it; moments are RFC 3339 in UTC."""

    serial: int
    reason: str
    at: str
    not_after: str


def read_revoked(folder: Folder) -> List[Revoked]:
    """Every revocation, oldest first."""
    path = folder.file("revoked.jsonl")
    if not os.path.exists(path):
        return []
    try:
        found = [json.loads(line) for line in files.read(path, 1 << 30).splitlines(keepends=True) if line.endswith(b"\n")]
        return [Revoked(int(one["serial"], 16), one["reason"], one["at"], one["not_after"]) for one in found]
    except (ValueError, KeyError, TypeError):
        raise MalformedError(f"{path} cannot be read", hint="restore the CA's folder from its backup") from None


def add_revoked(folder: Folder, certificate: Any, reason: str, now: datetime) -> bool:
    """Record a revocation durably; False when the certificate was revoked before. ConfigError for a reason no leaf may have."""
    if reason not in REASONS:
        raise ConfigError(f"unknown revocation reason {reason!r}", hint="one of " + ", ".join(REASONS), field="reason")
    if any(one.serial == certificate.serial_number for one in read_revoked(folder)):
        return False
    line = {
        "serial": f"{certificate.serial_number:x}",
        "reason": reason,
        "at": _text(now),
        "not_after": _text(certificate.not_valid_after_utc),
    }
    path = folder.file("revoked.jsonl")
    kept = files.read(path, 1 << 30) if os.path.exists(path) else b""
    whole = kept[: kept.rfind(b"\n") + 1]  # what a crash tore was never answered for
    files.write(path, whole + json.dumps(line, sort_keys=True).encode("ascii") + b"\n", mode=0o600)
    durable.sync_folder(folder.path)
    return True


def read_crl(folder: Folder, ca: str) -> Optional[Any]:
    """The CRL as it was last written, None when there is none."""
    path = folder.file(f"{ca}.crl")
    if not os.path.exists(path):
        return None
    data = files.read(path, 1 << 30)
    try:
        crl = x509.load_der_x509_crl(data)
        whole = has_whole_signature(data) and quietly(lambda: _is_readable(crl))
    except Exception:  # damaged bytes raise anything: ValueError, InvalidVersion, ExtensionNotFound, ...
        raise MalformedError(f"{path} is not a CRL", hint="remove it: it is written again") from None
    if not whole:
        raise MalformedError(f"{path} is damaged", hint="remove it: it is written again")
    return crl


def crl_due(folder: Folder, ca: str, certificate: Any, now: datetime) -> str:
    """Why a new CRL has to be written, in words; empty when the one that is there is good."""
    crl = read_crl(folder, ca)
    if crl is None:
        return "there is none yet"
    if not crl.is_signature_valid(certificate.public_key()):
        return "the one that is there is of another key"
    if now >= crl.last_update_utc + (crl.next_update_utc - crl.last_update_utc) / 2:
        return "half of its time is over"
    listed = {one.serial_number for one in crl}
    wanted = {one.serial for one in _to_list(folder, ca, crl.next_update_utc - crl.last_update_utc, now)}
    return "a certificate was revoked" if wanted - listed else ""


def write_crl(folder: Folder, ca: str, certificate: Any, key: Any, lifetime: int, now: datetime) -> Tuple[int, int]:
    """Write the CRL; returns its number and how many certificates it lists."""
    old = read_crl(folder, ca)
    number = _number(old) + 1 if old is not None else 1
    ski = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update((now - timedelta(seconds=CLOCK_SKEW)).replace(microsecond=0))
        .next_update((now + timedelta(seconds=lifetime)).replace(microsecond=0))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), False)
        .add_extension(x509.CRLNumber(number), False)
    )
    listed = _to_list(folder, ca, timedelta(seconds=lifetime), now)
    for one in listed:
        builder = builder.add_revoked_certificate(_entry(one))
    der = builder.sign(key, digest_for(key)).public_bytes(serialization.Encoding.DER)
    with files.Batch() as batch:
        batch.write(folder.file(f"{ca}.crl.pem"), pem.encode("X509 CRL", der).encode("ascii"), mode=0o644)
        batch.write(folder.file(f"{ca}.crl"), der, mode=0o644)
    return number, len(listed)


def describe_crl(folder: Folder, ca: str) -> Dict[str, Any]:
    """The public facts of the CRL that is there, empty when there is none."""
    crl = read_crl(folder, ca)
    if crl is None:
        return {}
    dates = {"this_update": _text(crl.last_update_utc), "next_update": _text(crl.next_update_utc)}
    return {"number": _number(crl), **dates, "revoked": len(crl)}


def _to_list(folder: Folder, ca: str, lifetime: timedelta, now: datetime) -> List[Revoked]:
    """A revoked certificate stays listed until one CRL beyond its end (RFC 5280 section 3.3): two lifetimes are kept.

    Only the intermediate's leaves are revoked here; the root's CRL is empty.
    """
    if ca != "intermediate":
        return []
    return [one for one in read_revoked(folder) if instant(one.not_after) + 2 * lifetime > now]


def _entry(one: Revoked) -> Any:
    builder = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(instant(one.at))
    if one.reason != "unspecified":  # RFC 5280 section 5.3.1: unspecified is said by leaving the reason out
        builder = builder.add_extension(x509.CRLReason(x509.ReasonFlags(REASONS[one.reason])), False)
    return builder.build()


def _is_readable(crl: Any) -> bool:
    """True when everything in it that is used here is there and can be read; raises what the library raises."""
    return _number(crl) >= 0 and crl.next_update_utc > crl.last_update_utc and all(one.serial_number for one in crl)


def _number(crl: Any) -> int:
    return int(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)


def _text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
