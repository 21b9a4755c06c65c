# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a local CA's folder to what is wanted: settings, root, intermediate, a request signed for elsewhere, CRLs.

A CA certificate that is there is never made again by itself: every certificate below it would change its trust.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Dict, Mapping, Optional

from .. import files
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError
from ..masking import Secret
from ..outcome import DONE, FAILED, PENDING, PLANNED, UNCHANGED, Outcome, failed
from ..passphrase import refuse_short
from ..x509 import pem
from ..x509._crypto import UnsupportedAlgorithm, serialization, x509
from ..x509.certificate import rfc3339
from ..x509.key import spki_sha256
from ._local_ca_build import CaProfile, Publishing, ca_request, intermediate_certificate, root_certificate
from ._local_ca_crl import crl_due, describe_crl, write_crl
from ._local_ca_folder import INTERMEDIATE, ROOT, Folder, load_certificate

BOTH = "both"


@dataclass(frozen=True)
class Setup:
    """What is wanted of a CA folder.

    `part` says what lives here: both, root (which signs the CSR in `request` to `certificate`), or intermediate (whose signed
    certificate and root come in from `certificate` and `root_certificate`). Paths are empty where there is nothing to take.
    """

    folder: Folder
    root: CaProfile
    intermediate: CaProfile
    publishing: Publishing
    passphrase: Secret
    root_passphrase: Secret
    part: str = BOTH
    request: str = ""
    certificate: str = ""
    root_certificate: str = ""
    intermediate_key: Optional[Mapping[str, Any]] = None


def converge(setup: Setup, now: datetime, check_mode: bool) -> Dict[str, Outcome]:
    """Outcomes by part: settings, root, intermediate, request, root_crl, intermediate_crl, as far as they concern this folder."""
    if not check_mode:
        setup.folder.make()
    steps: Dict[str, Callable[[Setup, datetime, bool], Outcome]] = {"settings": _settings}
    if setup.part in (BOTH, ROOT):
        steps[ROOT] = _root
    if setup.part in (BOTH, INTERMEDIATE):
        steps[INTERMEDIATE] = _intermediate
    if setup.part == ROOT and setup.request:
        steps["request"] = _request
    outcomes: Dict[str, Outcome] = {}
    for name, step in steps.items():
        try:
            outcomes[name] = step(setup, now, check_mode)
        except ClmError as error:
            outcomes[name] = failed("setup", error)
            break
    if not any(outcome.state == FAILED for outcome in outcomes.values()):
        outcomes.update(_crls(setup, now, check_mode))
    return outcomes


def _settings(setup: Setup, now: datetime, check_mode: bool) -> Outcome:
    wanted = dict(setup.publishing.__dict__)
    before = setup.folder.settings()
    if before == wanted:
        return Outcome(UNCHANGED, "setup", before=before, after=wanted)
    if not check_mode:
        setup.folder.write_settings(wanted)
    return Outcome(PLANNED if check_mode else DONE, "setup", before=before, after=wanted)


def _root(setup: Setup, now: datetime, check_mode: bool) -> Outcome:
    folder = setup.folder
    found = folder.certificate(ROOT)
    if found is not None:
        return Outcome(UNCHANGED, "setup", before=_facts(found), after=_facts(found))
    _refuse_short(setup, ROOT)
    if check_mode:
        return Outcome(PLANNED, "setup", after=_plan(setup.root))
    key = _own_key(folder, ROOT, setup.root.key_type, setup.root_passphrase)
    made = root_certificate(setup.root, key, now)
    folder.write_certificate(ROOT, made)
    return Outcome(DONE, "setup", after=_facts(made))


def _intermediate(setup: Setup, now: datetime, check_mode: bool) -> Outcome:
    folder = setup.folder
    found, root = folder.certificate(INTERMEDIATE), folder.certificate(ROOT)
    came = _incoming(setup)
    if came is not None and (found is None or _sha256(came[0]) != _sha256(found)):
        return _take(setup, came[0], came[1], found, now, check_mode)
    if found is not None:
        return Outcome(UNCHANGED, "setup", before=_facts(found), after=_facts(found))
    _refuse_short(setup, INTERMEDIATE)
    if setup.part == INTERMEDIATE or (root is not None and not folder.has_key(ROOT)):
        return _ask(setup, check_mode)
    if check_mode:
        return Outcome(PLANNED, "setup", after=_plan(setup.intermediate))
    key = _intermediate_key(setup)
    root_key = folder.key(ROOT, setup.root_passphrase)
    made = intermediate_certificate(setup.intermediate, key.public_key(), folder.known(ROOT), root_key, setup.publishing, now)
    folder.write_certificate(INTERMEDIATE, made)
    return Outcome(DONE, "setup", after=_facts(made))


def _ask(setup: Setup, check_mode: bool) -> Outcome:
    """The request is in the folder and somebody has to bring it to the root."""
    path = setup.folder.file("intermediate.csr")
    plan = {**_plan(setup.intermediate), "request": path}
    if check_mode and not os.path.exists(path):
        return Outcome(PLANNED, "setup", after=plan)
    who = f"whoever holds the root's key signs {path} (certops.clm.local_ca with part: root)"
    then = "run this again with certificate and root_certificate naming the signed certificate and the root"
    if os.path.exists(path):
        return Outcome(UNCHANGED, "setup", before=plan, after=plan, message=f"waiting: {who}", next_action=then)
    key = _intermediate_key(setup)
    request = ca_request(setup.intermediate, key).public_bytes(serialization.Encoding.PEM)
    files.write(path, request, mode=0o644)
    return Outcome(PENDING, "setup", after=plan, message=f"the root's key is elsewhere: {who}", next_action=then)


def _incoming(setup: Setup) -> Optional[Any]:
    """The signed intermediate and its root where they have come, None before."""
    if setup.part == ROOT or not setup.certificate:
        return None
    try:
        signed = load_certificate(files.read(setup.certificate), setup.certificate)
    except NotFoundError:
        return None
    root = setup.folder.certificate(ROOT)
    if setup.root_certificate:
        root = load_certificate(files.read(setup.root_certificate), setup.root_certificate)
    if root is None:
        raise ConfigError("the root that signed the intermediate is not known here", field="root_certificate")
    return signed, root


def _take(setup: Setup, signed: Any, root: Any, found: Any, now: datetime, check_mode: bool) -> Outcome:
    folder = setup.folder
    check_intermediate(signed, root, spki_sha256(folder.signing_key(INTERMEDIATE, lambda: setup.passphrase)), now)
    known = folder.certificate(ROOT)
    if known is not None and _sha256(known) != _sha256(root):
        raise ConfigError(f"{folder.path} already has another root", hint="a new root is a new CA folder", field="root_certificate")
    before, after = _facts(found) if found is not None else {}, _facts(signed)
    if check_mode:
        return Outcome(PLANNED, "setup", before=before, after=after)
    folder.write_certificate(ROOT, root)
    folder.write_certificate(INTERMEDIATE, signed)
    files.remove(folder.file("intermediate.csr"))
    return Outcome(DONE, "setup", before=before, after=after)


def check_intermediate(signed: Any, root: Any, key_spki_sha256: str, now: datetime) -> None:
    """Refuse, with what is wrong, a certificate that cannot be this CA's intermediate below that root."""
    if spki_sha256(signed.public_key()) != key_spki_sha256:
        raise ConfigError("the certificate is for another key than the request's", field="certificate")
    for certificate, field in ((root, "root_certificate"), (signed, "certificate")):
        if not _may_sign(certificate):
            raise ConfigError("this is no CA certificate: it may not sign certificates and CRLs", field=field)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ConfigError("it is not valid now", field=field, hint="look at its dates and at this machine's clock")
    _check_signed_by(root, root, "root_certificate", "the root is not signed by itself")
    _check_signed_by(signed, root, "certificate", "the certificate is not signed by that root")


def _check_signed_by(certificate: Any, issuer: Any, field: str, problem: str) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{problem} ({error})", field=field) from None
    except Exception as error:  # InvalidSignature has no message
        raise ConfigError(problem, field=field) from error


def _may_sign(certificate: Any) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return bool(basic.ca and usage.key_cert_sign and usage.crl_sign)


def _request(setup: Setup, now: datetime, check_mode: bool) -> Outcome:
    """Sign another folder's request with the root that is here; the same request is not signed twice."""
    if not setup.certificate:
        raise ConfigError("where shall the signed certificate go", field="certificate")
    csr = _load_request(setup.request)
    if check_mode and setup.folder.certificate(ROOT) is None:
        return Outcome(PLANNED, "setup", after=_plan(setup.intermediate))
    root = setup.folder.known(ROOT)
    if os.path.exists(setup.certificate):
        signed = load_certificate(files.read(setup.certificate), setup.certificate)
        check_intermediate(signed, root, spki_sha256(csr.public_key()), now)
        return Outcome(UNCHANGED, "setup", before=_facts(signed), after=_facts(signed))
    if check_mode:
        return Outcome(PLANNED, "setup", after=_plan(setup.intermediate))
    root_key = setup.folder.key(ROOT, setup.root_passphrase)
    made = intermediate_certificate(setup.intermediate, csr.public_key(), root, root_key, setup.publishing, now)
    files.write(setup.certificate, made.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return Outcome(DONE, "setup", after=_facts(made))


def _load_request(path: str) -> Any:
    blocks = pem.split(files.read(path), allow=(pem.REQUEST,), limit=1)
    try:
        csr = x509.load_der_x509_csr(blocks[0].der)
        good = csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise MalformedError(f"{path} cannot be read: {error}", field="request") from None
    if not good:
        raise MalformedError(f"{path} is not signed by its own key", field="request")
    return csr


def _crls(setup: Setup, now: datetime, check_mode: bool) -> Dict[str, Outcome]:
    """A CRL of each CA whose key and certificate are here."""
    outcomes: Dict[str, Outcome] = {}
    passphrases = {ROOT: setup.root_passphrase, INTERMEDIATE: setup.passphrase}
    for ca, passphrase in passphrases.items():
        certificate = setup.folder.certificate(ca)
        if certificate is None or not setup.folder.has_key(ca):
            continue
        due = crl_due(setup.folder, ca, certificate, now)
        before = describe_crl(setup.folder, ca)
        if due and not check_mode:
            key = setup.folder.signing_key(ca, lambda secret=passphrase: secret)  # type: ignore[misc]
            write_crl(setup.folder, ca, certificate, key, setup.publishing.crl_lifetime, now)
        state = UNCHANGED if not due else PLANNED if check_mode else DONE
        message = f"a new CRL: {due}" if due else ""
        outcomes[f"{ca}_crl"] = Outcome(state, "crl", before=before, after=describe_crl(setup.folder, ca), message=message)
    return outcomes


def _refuse_short(setup: Setup, ca: str) -> None:
    """A new key is kept under a passphrase as long as that of a store; a key that is there opens with the one that it has."""
    if setup.folder.has_key(ca) or (ca == INTERMEDIATE and setup.intermediate_key):
        return
    own = ca == ROOT and setup.root_passphrase.reveal() != setup.passphrase.reveal()
    wanted = setup.root_passphrase if ca == ROOT else setup.passphrase
    refuse_short(wanted.reveal(), "root_passphrase_file" if own else "passphrase_file")


def _own_key(folder: Folder, ca: str, key_type: str, passphrase: Secret) -> Any:
    """The CA's key: the one that a stopped run left, else a new one."""
    return folder.key(ca, passphrase) if folder.has_key(ca) else folder.new_key(ca, key_type, passphrase)


def _intermediate_key(setup: Setup) -> Any:
    """Its key, here or where a service keeps it."""
    if setup.folder.has_key(INTERMEDIATE):
        return setup.folder.signing_key(INTERMEDIATE, lambda: setup.passphrase)
    if setup.intermediate_key:
        return setup.folder.hold(INTERMEDIATE, setup.intermediate_key)
    return setup.folder.new_key(INTERMEDIATE, setup.intermediate.key_type, setup.passphrase)


def _sha256(certificate: Any) -> str:
    return pem.sha256(certificate.public_bytes(serialization.Encoding.DER))


def _facts(certificate: Any) -> Mapping[str, Any]:
    return {
        "sha256": _sha256(certificate),
        "subject": certificate.subject.rfc4514_string(),
        "not_after": rfc3339(certificate.not_valid_after_utc),
        "spki_sha256": spki_sha256(certificate.public_key()),
    }


def _plan(profile: CaProfile) -> Mapping[str, Any]:
    return {"subject": profile.common_name, "key_type": profile.key_type, "lifetime": profile.lifetime}
