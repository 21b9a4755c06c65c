# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Private CA under the contract of issuers, and what is its own, against the lab's emulator (tier B)."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers import aws_pca
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.private_ca import private_ca
from ansible_collections.certops.clm.tests.unit.contracts.issuer import IssuerContract, request_for

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


class TestAwsPca(IssuerContract):
    provider = aws_pca

    @pytest.fixture(autouse=True)
    def _lab(self, lab):
        self.lab, self.made, self.now = lab, {}, datetime.datetime.now(datetime.timezone.utc)

    def options(self, folder):
        if folder not in self.made:
            self.made[folder] = private_ca(self.lab)
        return {"certificate_authority_arn": self.made[folder]}


def issuer(arn, sleep=lambda _seconds: None, **more):
    aws_pca.create({"certificate_authority_arn": arn, **more}, lambda: NOW)
    given = {name: spec.get("default") for name, spec in aws_pca.OPTIONS.items()}
    return aws_pca.AwsPca({**given, "certificate_authority_arn": arn, **more}, lambda: NOW, sleep)


def issued(one, request):
    answer = one.begin(request)
    assert isinstance(answer, Pending) and answer.go_on
    done = one.resume(answer.ref, request)
    assert isinstance(done, Issued)
    return Chain.parse(done.chain_pem)


def test_validity_usages_and_algorithm_are_what_was_asked_for(lab):
    request = request_for()
    both = ("client_auth", "server_auth")
    for key, template, usage in (("EC_prime256v1", None, both[1:]), ("RSA_2048", "EndEntityCertificate/V1", both)):
        leaf = issued(issuer(private_ca(lab, key=key), template=template), request).leaf
        assert leaf.not_after == NOW + datetime.timedelta(seconds=request.lifetime - 1)
        assert leaf.not_before == NOW - datetime.timedelta(seconds=request.backdate)
        assert tuple(sorted(leaf.extended_key_usage)) == usage
        assert ("ecdsa" if key.startswith("EC") else "rsa") in leaf.signature.lower()


def test_a_passthrough_template_takes_what_the_csr_asks_for_and_others_do_not(lab):
    arn, request, key = private_ca(lab), request_for(), ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in request.names]), False)
    builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CODE_SIGNING]), False)
    csr = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    for template, passed in ((None, False), ("BlankEndEntityCertificate_CSRPassthrough/V1", True)):
        asked = dataclasses.replace(request, request_id=f"shop/{int(passed):06d}-00000001", csr_pem=csr)  # by its id AWS knows it again
        leaf = issued(issuer(arn, template=template), asked).leaf
        usage = (x509.ExtendedKeyUsageOID.CODE_SIGNING.dotted_string,) if passed else ("server_auth",)
        assert (leaf.extended_key_usage, set(leaf.names), leaf.must_staple) == (usage, set(request.names), passed)


def test_a_short_lived_ca_and_one_that_is_not_active_say_so_before_anything_is_asked(lab):
    short, pending = private_ca(lab, mode="SHORT_LIVED_CERTIFICATE"), private_ca(lab, active=False)
    lab.forget_calls()
    with pytest.raises(ConfigError, match="7 days"):
        issuer(short).begin(request_for())
    with pytest.raises(ConfigError, match="PENDING_CERTIFICATE"):
        issuer(pending).begin(request_for())
    assert "acm-pca:IssueCertificate" not in lab.calls()
    week = aws_pca.IssueRequest(**{**vars(request_for()), "lifetime": 6 * 86400})
    assert issued(issuer(short), week).leaf.not_after < NOW + datetime.timedelta(days=7)


def test_what_takes_longer_is_pending_and_fetched_later(lab):
    arn = private_ca(lab)
    request, slept = request_for(), []
    ref = issuer(arn).begin(request).ref
    lab.faults({"match": "acm-pca:GetCertificate", "times": 4, "code": "RequestInProgressException"})
    answer = issuer(arn, slept.append, issue_timeout=3).resume(ref, request)
    assert isinstance(answer, Pending) and answer.ref == ref and not answer.go_on and answer.check_after > NOW and len(slept) == 3
    assert isinstance(issuer(arn).resume(ref, request), Issued)


def test_many_at_once_with_a_third_of_the_calls_throttled_and_asked_twice_by_the_sdk(lab):
    one = issuer(private_ca(lab))
    requests = [request_for(f"n{number}/000001-00000000", names=(f"n{number}.example.com",)) for number in range(12)]
    lab.forget_calls()
    lab.faults({"match": "acm-pca:*", "share": 0.3, "code": "ThrottlingException"})
    refs = [answer.ref for answer in one.begin_many(requests)]
    answers = one.resume_many(list(zip(refs, requests)))
    lab.faults()
    assert all(isinstance(answer, Issued) for answer in answers) and len(set(refs)) == 12
    assert [answer.ref for answer in one.begin_many(requests)] == refs, "the request id is the idempotency token"
    assert lab.calls()["acm-pca:DescribeCertificateAuthority"] <= 10


def test_revoked_for_its_reason_and_visible_in_the_crl(lab):
    one = issuer(private_ca(lab, crl_bucket="crls"))
    chain = issued(one, request_for())
    one.revoke(chain.pem, "key_compromise")
    one.revoke(chain.pem, "key_compromise")
    (name,) = [row["Key"] for row in lab.client("s3").list_objects_v2(Bucket="crls")["Contents"]]
    crl = x509.load_der_x509_crl(lab.client("s3").get_object(Bucket="crls", Key=name)["Body"].read())
    (row,) = list(crl)
    assert f"{row.serial_number:x}" == chain.leaf.serial and chain.leaf.crl_urls[0].endswith(name)
    assert row.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise


def test_wrong_options_and_refusals_say_what_to_do(lab):
    for wrong, field in (({"certificate_authority_arn": "x"}, "certificate_authority_arn"), ({"issue_timeout": 0}, "issue_timeout")):
        with pytest.raises(ConfigError) as caught:
            aws_pca.create({"certificate_authority_arn": "arn:aws:acm-pca:a:1:certificate-authority/x", **wrong}, lambda: NOW)
        assert field in caught.value.field
    one = issuer(private_ca(lab))
    lab.faults({"match": "acm-pca:*", "share": 1, "code": "AccessDeniedException"})
    with pytest.raises(ClmError) as caught:
        one.begin(request_for())
    assert "acm-pca:DescribeCertificateAuthority" in caught.value.hint
