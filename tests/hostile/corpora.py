# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpora of certificates, keys, requests and CRLs. `make(folder)` has them all by name; keys are the same in every run.

Keystores (JKS, PKCS 12, PKCS 7) are among them, though no code here reads one: keystores.py.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect import inspect
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_crl import crl_due, describe_crl, write_crl
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_folder import Folder
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem, request
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.plugins.module_utils.x509.names import check_names
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.tests.hostile import asn1, keystores, malformed
from ansible_collections.certops.clm.tests.hostile.tally import LONGEST_SENTENCE, MISTAKE, RECORD, REFUSED, Case, cuts, damaged, flips
from ansible_collections.certops.clm.tests.unit.x509 import test_limbo

NOW = datetime(2026, 11, 5, 12, tzinfo=timezone.utc)
NAME = "a.example.com"
ANCHORS = Bundle.of([asn1.ROOT])
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LEAF, ABOVE = Certificate.parse(asn1.LEAF), Certificate.parse(asn1.ABOVE)
CHAIN = LEAF.pem + ABOVE.pem
ZLINT = Path(os.environ.get("GOMODCACHE") or Path.home() / "go/pkg/mod") / "github.com/zmap/zlint/v3@v3.7.3/testdata"
PASSPHRASE = Secret(b"correct horse battery staple")
# Corpora that found what is not mended yet.
OPEN: Dict[str, str] = {}
# What is odd in these harms nobody, and every client takes it.
TAKEN = {
    "unique identifiers": "RFC 5280 section 4.1.2.8 lets a reader take them",
    "begins in the year 1": "it began long ago: GeneralizedTime is right for what UTCTime cannot say",
    "ends in the year 9999": "RFC 5280 section 4.1.2.5: it has no well-defined end; how long it may live is for the policy to say",
    "unknown": "RFC 5280 section 4.2: an extension that is not critical may be ignored",
    "thousand extensions": "the same, a thousand times",
    "key identifier empty": "it only helps to find a path, and the leaf is nobody's issuer",
    "authority empty": "it only helps to find a path; one that names another issuer is refused",
    "information access of no URL": "nothing here, and no browser, fetches what it names",
}


def certificate(der: bytes, good: bytes = b"") -> str:
    """One certificate by every way that reads one; `good` is what it was before it was damaged."""
    found = Certificate.parse(der)
    facts = found.as_dict()
    json.dumps(facts, allow_nan=False)
    assert all(one.isprintable() and len(one) < LONGEST_SENTENCE for one in found.malformed), found.malformed
    for read in (pem.leaf_facts, lambda _der: Bundle.of([_der]).faults, lambda _der: Chain.parse([_der, asn1.ABOVE]).check_signatures()):
        refused_or(partial(read, der))
    result = verify([found, ABOVE], ANCHORS, name=NAME, when=NOW)
    assert all(one.isprintable() and len(one) < LONGEST_SENTENCE for one in result.findings), result.findings
    return MISTAKE if result.ok and der != good else RECORD


def refused_or(read: Callable[[], Any]) -> Any:
    """What it reads, None when it refuses."""
    try:
        return read()
    except ClmError:
        return None


def intermediate(der: bytes) -> str:
    result = verify([LEAF, Certificate.parse(der)], ANCHORS, name=NAME, when=NOW)
    return MISTAKE if result.ok else RECORD


def chain(text: bytes) -> str:
    """A chain as a file: the module's record is always there; a chain is taken only when it is the very same two certificates."""
    _outcomes, facts = inspect([{"id": "x", "content": text.decode("utf-8", "surrogateescape")}], lambda: NOW)
    assert facts["x"] and json.dumps(facts)
    for der in [one["sha256"] for one in facts["x"]]:
        assert not der or len(der) == 64
    found = refused_or(lambda: Chain.parse(text))
    if found is None:
        return REFUSED
    result = verify(found.certificates, ANCHORS, name=NAME, when=NOW)
    whole = [one.der for one in found.certificates] == [asn1.LEAF, asn1.ABOVE]
    lost = len(found.certificates) < 2 and text not in (LEAF.pem.encode(), LEAF.pem.encode()[:-1])
    return MISTAKE if (result.ok and not whole) or (lost and not found.notes) else RECORD


def private_key(data: bytes, passphrase: Optional[Secret], public: Any) -> str:
    """A key that is taken for the one it was must sign what that one's public half verifies."""
    try:
        read = keys.load(Secret(data), passphrase)
    except ClmError as error:
        assert not error.__cause__ and "horse" not in str(error)
        raise
    if keys.spki_sha256(read) != keys.spki_sha256(public):
        return RECORD
    return RECORD if proves(read, public) else MISTAKE


def proves(key: Any, public: Any) -> bool:
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(key.sign(b"x"), b"x")
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(key.sign(b"x", ec.ECDSA(hashes.SHA256())), b"x", ec.ECDSA(hashes.SHA256()))
        return True
    except Exception:
        return False


def csr(text: bytes, good: bytes) -> str:
    """A request with other content than the signed one must not count as signed."""
    read = request.parse(text.decode("utf-8", "surrogateescape"))
    names = (read.names, refused_or(lambda: read.spki_sha256), refused_or(lambda: read.key_type))
    same = read.native.tbs_certrequest_bytes == good
    return MISTAKE if read.signature_ok and not same else RECORD if names else REFUSED


def crl(folder: Folder, path: Path, data: bytes, ca: Any) -> str:
    """The CA's own CRL, damaged on its disk, is written again or refused, never published as good."""
    path.write_bytes(data)
    describe_crl(folder, "root")
    return RECORD if crl_due(folder, "root", ca, NOW) else MISTAKE


def crls(place: Path) -> Iterator[Case]:
    found = asn1.extensions(ED25519, ED25519, ca=True)
    der = asn1.certificate(asn1.common("root"), asn1.common("root"), asn1.ROOT_KEY, asn1.ROOT_KEY, found, spki=asn1.spki_of(ED25519))
    folder, ca = Folder(str(place)), x509.load_der_x509_certificate(der)
    write_crl(folder, "root", ca, ED25519, 7 * 86400, NOW)
    path = place / "root.crl"
    for what, data in damaged(path.read_bytes()):
        yield what, partial(crl, folder, path, data, ca)


def key_cases() -> Iterator[Case]:
    """Every cut and flip of small keys, clear and encrypted; every 31st flip of an RSA key, whose reading takes long."""
    for name, key in (("EC", asn1.LEAF_KEY), ("Ed25519", ED25519)):
        for passphrase in (None, PASSPHRASE):
            text, clear = keys.to_pem(key, passphrase).reveal(), passphrase is None
            (block,) = pem.split(text, allow=pem.KEY_LABELS)
            for what, data in cuts(text):
                yield f"{name}, PEM {what}", partial(private_key, data, passphrase, key.public_key())
            for what, der in flips(block.der, 1 if clear else 3):
                yield f"{name}, DER {what}", partial(private_key, pem.encode(block.label, der).encode(), passphrase, key.public_key())
    big = of_mersenne(1279, 607)
    (block,) = pem.split(keys.to_pem(big).reveal(), allow=pem.KEY_LABELS)
    for what, der in flips(block.der, 31):
        yield f"RSA, DER {what}", partial(private_key, pem.encode(block.label, der).encode(), None, big.public_key())


def of_mersenne(one: int, two: int) -> Any:
    """The RSA key of two primes that everybody knows."""
    p, q, e = 2**one - 1, 2**two - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def request_cases() -> Iterator[Case]:
    text = request.build(ED25519, [NAME, "192.0.2.1"], NAME)
    good = request.parse(text).native.tbs_certrequest_bytes
    (block,) = pem.split(text, allow=(pem.REQUEST,))
    for what, data in cuts(text.encode()[:-1]):
        yield f"PEM {what}", partial(csr, data, good)
    for what, der in flips(block.der):
        yield f"DER {what}", partial(csr, pem.encode(pem.REQUEST, der).encode(), good)


def malformed_cases() -> Iterator[Case]:
    for what, der in malformed.kinds():
        yield what, partial(certificate, der, der if what in TAKEN else b"")


def zlint_cases() -> Iterator[Case]:
    """What zlint tests itself with, where `make test` brought it: real oddities of real CAs, none of them below our root."""
    for path in sorted(ZLINT.glob("*.pem")):
        text = path.read_bytes()
        yield path.name, partial(certificate_file, text[max(text.find(b"-----BEGIN"), 0) :])


def certificate_file(text: bytes) -> str:
    verdicts = {certificate(block.der) for block in pem.split(text)}
    return MISTAKE if MISTAKE in verdicts else RECORD


def limbo_cases() -> Iterator[Case]:
    """Each chain is judged as limbo says, or differs for a reason that test_limbo.py lists."""
    for case in test_limbo.cases():
        yield case["id"], partial(limbo, case)


def limbo(case: Dict[str, Any]) -> str:
    accepted = test_limbo.judged(case).ok
    wrong = accepted and case["expected_result"] == "FAILURE" and not (case["features"] and case["id"] in test_limbo.ACCEPTED)
    return MISTAKE if wrong else RECORD if accepted else REFUSED


def costly_cases() -> Iterator[Case]:
    """Much of everything: what it costs grows with its size, and stays below the limit."""
    many = [f"n{number}.example.com" for number in range(10_000)]
    der, mega = asn1.leaf(names=asn1.dns(*many)), 1 << 20
    yield "a certificate of 10,000 names", lambda: certificate(der, der)
    yield "10,000 names checked", lambda: RECORD if len(check_names(many)) == 10_000 else MISTAKE
    yield "a request of 10,000 names", lambda: RECORD if len(request.parse(request.build(asn1.LEAF_KEY, many)).names) == 10_000 else MISTAKE
    yield "a bundle of 10,000 certificates", lambda: RECORD if len(Bundle.parse(LEAF.pem * 10_000).certificates) == 1 else MISTAKE
    texts = {
        "beginnings": b"-----BEGIN A-----\n" * (mega // 2), "base64 without an end": b"-----BEGIN A-----\n" + b"A" * 32 * mega,
        "headers": b"-----BEGIN A-----\n" + b"A:\n" * 8 * mega, "almost headers": b"-----BEGIN A-----\n" + b"Aaaaaaaaaaa\n" * 2 * mega,
        "padding": b"-----BEGIN A-----\nAAAA=" + b" \n" * 8 * mega + b"=" + b"\n " * 8 * mega, "dashes": b"-" * 32 * mega,
        "spaces": b"-----BEGIN A-----" + b" \t" * 16 * mega, "blocks without an end": b"-----BEGIN A-----\nAAAA\n" * mega,
        "empty lines": b"\n" * 32 * mega, "an end": b"END " + b"A " * 16 * mega + b"\n", "blocks": LEAF.pem.encode() * 30_000,
    }  # fmt: skip
    for what, text in texts.items():
        yield f"PEM of many {what}", partial(split, text)
    for what, text in COSTLY_KEYS.items():
        yield f"a key that asks for {what}", partial(costly_key, text)


def split(text: bytes) -> str:
    return RECORD if pem.split(text) else MISTAKE


def costly_key(der: bytes) -> str:
    keys.load(Secret(pem.encode("ENCRYPTED PRIVATE KEY", der).encode()), PASSPHRASE)
    return MISTAKE


def encrypted(kind: str, *numbers: int) -> bytes:
    """An encrypted key whose key derivation has these numbers behind its salt (RFC 8018 appendix A, RFC 7914 section 7)."""
    inner = asn1.seq(asn1.oid(kind), asn1.seq(asn1.octets(b"salt" * 4), *(asn1.integer(one) for one in numbers), *PRF.get(kind, ())))
    cipher = asn1.seq(asn1.oid("2.16.840.1.101.3.4.1.42"), asn1.octets(bytes(16)))
    return asn1.seq(asn1.seq(asn1.oid("1.2.840.113549.1.5.13"), asn1.seq(inner, cipher)), asn1.octets(bytes(64)))


PBKDF2, SCRYPT = "1.2.840.113549.1.5.12", "1.3.6.1.4.1.11591.4.11"
PRF = {PBKDF2: (asn1.seq(asn1.oid("1.2.840.113549.2.9"), b"\x05\x00"),)}
COSTLY_KEYS = {
    "thirty million rounds": encrypted(PBKDF2, 30_000_000),
    "four billion rounds": encrypted(PBKDF2, (1 << 32) - 1),
    "2^62 rounds": encrypted(PBKDF2, 1 << 62),
    "a gigabyte of scrypt": encrypted(SCRYPT, 1 << 20, 8, 1),
    "scrypt a million times": encrypted(SCRYPT, 1 << 14, 8, 1 << 20),
    "rounds of the old kind": asn1.seq(
        asn1.seq(asn1.oid("1.2.840.113549.1.12.1.3"), asn1.seq(asn1.octets(b"salt" * 2), asn1.integer(30_000_000))), asn1.octets(bytes(64))
    ),
}


def make(place: Path) -> Dict[str, Iterator[Case]]:
    """Every corpus by its name; `place` is an empty folder."""
    return {
        "certificate, every cut and bit flip": ((what, partial(certificate, der)) for what, der in damaged(asn1.LEAF)),
        "intermediate, every cut and bit flip": ((what, partial(intermediate, der)) for what, der in damaged(asn1.ABOVE)),
        "chain in PEM, every cut and bit flip": ((what, partial(chain, text)) for what, text in damaged(CHAIN.encode())),
        "private keys in PEM, cuts and bit flips": key_cases(),
        "request in PEM, every cut and bit flip": request_cases(),
        "CRL of the local CA, every cut and bit flip": crls(place),
        "keystores (JKS, PKCS 12, PKCS 7), every cut, bit flips": keystores.cases(place, NOW),
        "certificates malformed by hand": malformed_cases(),
        "certificates of zlint's own tests": zlint_cases(),
        "chains of x509-limbo": limbo_cases(),
        "ten thousand names, and texts that cost time": costly_cases(),
    }
