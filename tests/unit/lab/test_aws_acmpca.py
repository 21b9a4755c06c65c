# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's Private CA, with and without the patches."""

from __future__ import annotations

import datetime

import botocore.exceptions
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.request import build
from ansible_collections.certops.clm.tests.lab.private_ca import SIGNING, private_ca

VALIDITY = {"Type": "DAYS", "Value": 3}


def asked(client, arn, **more):
    csr = build(keys.generate("ecdsa-p256"), ("a.lab.example",)).encode()
    given = {"CertificateAuthorityArn": arn, "Csr": csr, "SigningAlgorithm": SIGNING["EC_prime256v1"], "Validity": VALIDITY, **more}
    return client.issue_certificate(**given)["CertificateArn"]


def code(act, **arguments):
    """What AWS calls the refusal, empty when it was none."""
    try:
        act(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_key_validity_template_token_and_state_count(lab):
    server, mended = lab
    server.reset()
    client, arn = server.client("acm-pca"), private_ca(server)
    own = x509.load_pem_x509_certificate(client.get_certificate_authority_certificate(CertificateAuthorityArn=arn)["Certificate"].encode())
    assert isinstance(own.public_key(), ec.EllipticCurvePublicKey) is mended
    template = "arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1"
    made = asked(client, arn, TemplateArn=template, IdempotencyToken="one")
    assert (asked(client, arn, TemplateArn=template, IdempotencyToken="one") == made) is mended
    found = {"CertificateAuthorityArn": arn, "CertificateArn": made}
    assert (code(client.get_certificate, **found) == "RequestInProgressException") is mended
    leaf = x509.load_pem_x509_certificate(client.get_certificate(**found)["Certificate"].encode())
    left = leaf.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)
    assert (left < datetime.timedelta(days=4)) is mended
    usages = [one.value for one in leaf.extensions if one.oid == x509.ExtensionOID.EXTENDED_KEY_USAGE]
    assert (usages == [x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH])]) is mended
    short = private_ca(server, mode="SHORT_LIVED_CERTIFICATE")
    refused = {"CertificateAuthorityArn": short, "Csr": b"", "SigningAlgorithm": "SHA256WITHECDSA"}
    csr = build(keys.generate("ecdsa-p256"), ("a.lab.example",)).encode()
    assert (code(client.issue_certificate, **{**refused, "Csr": csr}, Validity={"Type": "DAYS", "Value": 8}) != "") is mended
    waiting = private_ca(server, active=False)
    arguments = {**refused, "CertificateAuthorityArn": waiting, "Csr": csr, "Validity": VALIDITY}
    assert (code(client.issue_certificate, **arguments) == "InvalidStateException") is mended


def test_what_it_never_issued_is_not_revoked_and_what_it_did_once(lab):
    server, mended = lab
    server.reset()
    client, arn = server.client("acm-pca"), private_ca(server, crl_bucket="crls")
    stranger = {"CertificateAuthorityArn": arn, "CertificateSerial": "0a:0b", "RevocationReason": "SUPERSEDED"}
    assert (code(client.revoke_certificate, **stranger) == "ResourceNotFoundException") is mended
    found = {"CertificateAuthorityArn": arn, "CertificateArn": asked(client, arn)}
    code(client.get_certificate, **found)
    number = f"{x509.load_pem_x509_certificate(client.get_certificate(**found)['Certificate'].encode()).serial_number:040x}"
    own = {**stranger, "CertificateSerial": ":".join(number[at : at + 2] for at in range(0, 40, 2)).upper()}
    assert code(client.revoke_certificate, **own) == ""
    assert (code(client.revoke_certificate, **own) == "RequestAlreadyProcessedException") is mended
    assert (server.client("s3").list_objects_v2(Bucket="crls")["KeyCount"] == 1) is mended
    if mended:
        assert code(client.get_certificate, **found) == "", "it can still be read"
