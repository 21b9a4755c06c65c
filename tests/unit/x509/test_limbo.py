# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every chain of x509-limbo: nothing that it calls invalid without a mark is accepted, and every other difference has its reason."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.path import MAX_DEPTH, verify
from ansible_collections.certops.clm.tests.support.environment import not_there

ROOT = Path(__file__).resolve().parents[3]
VECTORS = Path(os.environ.get("CLM_VECTORS") or ROOT.parent / "shared" / "vectors") / "x509-limbo.json"

NO_REVOCATION = "revocation is looked at elsewhere, never while a path is built"
EKU = "RFC 5280 allows it (limbo's own rfc5280::eku::ee-without-eku), and clients take anyEKU beside serverAuth"
ACCEPTED = {
    "crl::revoked-certificate-with-crl": NO_REVOCATION,
    "crl::crlnumber-missing": NO_REVOCATION,
    "crl::crlnumber-critical": NO_REVOCATION,
    "crl::issuer-missing-crlsign": NO_REVOCATION,
    "rfc5280::aki::cross-signed-root-missing-aki": "an anchor is trusted as it is; refusing it breaks the valid cve::cve-2024-0567",
    "rfc5280::nc::permitted-dns-match-noncritical": "the web PKI allows it (limbo's own webpki::nc::permitted-dns-match-noncritical)",
    "webpki::eku::ee-anyeku": EKU,
    "webpki::eku::ee-without-eku": EKU,
    "webpki::eku::root-has-eku": "an anchor is trusted as it is",
}
# The three webpki::san::public-suffix-* cases are refused, but only for their common name: the public suffix list is needed to
# know such a wildcard, and no client but Chrome has it.
MARKS = ("pedantic-", "has-crl", "rfc5280-incompatible-with-webpki")

CN = "its common name is no alternative name, which webpki::cn::not-in-san calls invalid"
CA_LEAF = "cryptography refuses a CA as a leaf, as webpki::ca-as-leaf asks"
SELF_ISSUED = "cryptography does not leave self-issued intermediates out of the count of a path length"
REFUSED = {
    "crl::issuer-no-keyusage-extension": "cryptography demands the key usage of a CA, as the web PKI does",
    "pathlen::validation-ignores-pathlen-in-leaf": CA_LEAF,
    "rfc5280::ca-as-leaf": CA_LEAF,
    "pathlen::self-issued-certs-pathlen": SELF_ISSUED,
    "pathlen::max-chain-depth-1-self-issued": SELF_ISSUED,
    "rfc5280::nc::permitted-dn-match": "it has no alternative name, and a server is verified by one",
    "rfc5280::nc::permitted-dns-match-more": CN,
    "rfc5280::nc::permitted-ipv4-match": CN,
    "rfc5280::nc::permitted-ipv6-match": CN,
    "webpki::nc::nc-permits-dns-san-pattern": CN,
    "webpki::san::exact-localhost-ip-san": CN,
    "webpki::san::leftmost-wildcard-san": CN,
}

MISSING = f"it is not at {VECTORS}, so no chain was tried: set CLM_VECTORS to the folder of x509-limbo.json"


@pytest.fixture(autouse=True)
def vectors():
    """Without them no test here says anything."""
    if not VECTORS.is_file():
        not_there("x509-limbo", MISSING)


def cases():
    return json.loads(VECTORS.read_text())["testcases"] if VECTORS.is_file() else []


def judged(case):
    chain = [Certificate.from_pem(one) for one in [case["peer_certificate"], *case["untrusted_intermediates"]]]
    anchors = Bundle.of([pem.split(one)[0].der for one in case["trusted_certs"]])
    when = datetime.fromisoformat(case["validation_time"]) if case["validation_time"] else datetime.now(timezone.utc)
    depth = MAX_DEPTH if case["max_chain_depth"] is None else case["max_chain_depth"]
    usage = {"SERVER": "server_auth", "CLIENT": "client_auth"}[case["validation_kind"]]
    name = (case["expected_peer_name"] or {}).get("value")
    return verify(chain, anchors, name=name, when=when, usage=usage, max_depth=depth)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["id"])
def test_case(case):
    begin = time.process_time()
    result = judged(case)
    assert time.process_time() - begin < 2
    assert result.ok is (not result.findings) and result.ok is bool(result.path)
    if result.ok != (case["expected_result"] == "SUCCESS"):
        reasons = ACCEPTED if result.ok else REFUSED
        assert case["id"] in reasons, result.findings


def test_nothing_is_accepted_for_a_reason_that_limbo_does_not_know():
    unmarked = {case["id"] for case in cases() if case["expected_result"] == "FAILURE" and not case["features"]}
    assert len(unmarked) == 111 and not unmarked & set(ACCEPTED)
    marks = [mark for case in cases() if case["id"] in ACCEPTED for mark in case["features"]]
    assert len(marks) == len(ACCEPTED) and all(mark.startswith(MARKS) for mark in marks)


def test_every_difference_that_is_listed_is_one():
    differs = {case["id"]: judged(case).ok for case in cases() if judged(case).ok != (case["expected_result"] == "SUCCESS")}
    assert differs == {**dict.fromkeys(ACCEPTED, True), **dict.fromkeys(REFUSED, False)}
