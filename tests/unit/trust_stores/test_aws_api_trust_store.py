# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutual TLS of API Gateway holds to the contract, against the lab's emulator (tier B), and what is its own."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import converge
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_api_trust_store
from ansible_collections.certops.clm.tests.lab.anchors import anchor, sha256_of, write_anchors
from ansible_collections.certops.clm.tests.lab.aws_places import rest_domain
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, EAST, ApiPlace
from ansible_collections.certops.clm.tests.lab.ca import pem_of
from ansible_collections.certops.clm.tests.unit.contracts.trust_store import TrustStoreContract


class TestRest(TrustStoreContract):
    provider = aws_api_trust_store
    wrong = (("api", {"api": "soap"}), ("timeout", {"timeout": -1}))

    @pytest.fixture
    def place(self, aws):
        return ApiPlace(aws, "rest")


class TestHttp(TrustStoreContract):
    provider = aws_api_trust_store

    @pytest.fixture
    def place(self, aws):
        return ApiPlace(aws, "http")


def task(place, folder, *anchors, state="present", check_mode=False, **options):
    """The outcome of one task, and what it remarks."""
    params = {"state": state, "anchors": [str(folder / f"{name}.pem") for name in anchors], "sha256": None, **place.options, **options}
    answer = converge(params, store=aws_api_trust_store.create(params, utc_now), clock=utc_now, check_mode=check_mode)
    return answer[params["domain_name"]], answer.more["remarks"]


def test_nobody_is_locked_out_by_a_task_that_does_not_say_so(aws, tmp_path):
    place = ApiPlace(aws, "rest")
    write_anchors(tmp_path)
    for check_mode in (True, False):
        outcome, _remarks = task(place, tmp_path, "one", enable_mutual_tls=False, check_mode=check_mode)
        assert outcome.state == "failed" and "every client without a certificate is refused" in outcome.next_action
    rest_domain(aws, "edge.example.com", aws.hold("edge.example.com", region=EAST)[0], edge=True)
    edge, _remarks = task(place, tmp_path, "one", domain_name="edge.example.com")
    assert edge.state == "failed" and "edge-optimised" in edge.message
    lost, _remarks = task(place, tmp_path, "one", domain_name="lost.example.com")
    assert lost.state == "failed" and "lost.example.com" in lost.message and place.mutual == {}
    assert not aws.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]


def test_the_certificate_of_the_domain_stays_and_warnings_are_remarked(aws, tmp_path):
    place = ApiPlace(aws, "http")
    cas = write_anchors(tmp_path)
    http = aws.client("apigatewayv2")
    before = http.get_domain_name(DomainName=place.name)["DomainNameConfigurations"]
    body = pem_of(cas["one"][1], anchor("lab old", days=-3)[1]).encode()
    place.take(f"s3://{BUCKET}/hand.pem", aws.client("s3").put_object(Bucket=BUCKET, Key="hand.pem", Body=body)["VersionId"])
    outcome, remarks = task(place, tmp_path, "two", state="added")
    assert outcome.state == "done" and len(place.held()) == 3, outcome
    assert any("lab old" in one and "has expired" in one for one in remarks)
    assert http.get_domain_name(DomainName=place.name)["DomainNameConfigurations"][0]["CertificateArn"] == before[0]["CertificateArn"]


def test_a_bundle_without_a_version_is_in_doubt_and_one_that_is_gone_too(aws, tmp_path):
    place = ApiPlace(aws, "http")
    cas = write_anchors(tmp_path)
    place.by_hand()
    place.take(f"s3://{BUCKET}/hand.pem")
    for state in ("added", "present"):
        outcome, _remarks = task(place, tmp_path, "one", state=state)
        assert outcome.state == "failed" and "without a version" in outcome.message and "nothing was changed" in outcome.message
    assert task(place, tmp_path, "one", replace_unknown=True)[0].state == "done" and place.held() == [sha256_of(cas["one"])]
    aws.client("s3").delete_object(Bucket=BUCKET, Key=f"certops-clm/{place.name}.pem", VersionId=place.mutual["truststoreVersion"])
    outcome, _remarks = task(place, tmp_path, "two", state="added")
    assert outcome.state == "failed" and "not in the bucket any more" in outcome.message
