# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of CloudFront hold to the contract, against the lab's emulator (tier B), and what is their own."""

from __future__ import annotations

from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, MissingLibraryError
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import converge
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_cloudfront_trust_store
from ansible_collections.certops.clm.tests.lab.anchors import sha256_of, write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, CloudFrontPlace
from ansible_collections.certops.clm.tests.lab.ca import pem_of
from ansible_collections.certops.clm.tests.unit.contracts.trust_store import TrustStoreContract


class TestCloudFront(TrustStoreContract):
    provider = aws_cloudfront_trust_store
    wrong = (("timeout", {"timeout": -1}),)
    tells_foreign = False

    @pytest.fixture
    def place(self, aws):
        return CloudFrontPlace(aws)


@pytest.fixture
def world(aws, tmp_path):
    return CloudFrontPlace(aws), write_anchors(tmp_path), tmp_path


def task(place, folder, *anchors, state="present", **more):
    params = {"state": state, "anchors": [str(folder / f"{name}.pem") for name in anchors], "sha256": None, **place.options, **more}
    answer = converge(params, store=aws_cloudfront_trust_store.create(params, utc_now), clock=utc_now, check_mode=False)
    return answer[place.name]


def test_it_is_written_against_the_etag_that_was_read(world):
    place, cas, folder = world
    assert task(place, folder, "one").state == "done"
    store = aws_cloudfront_trust_store.create(place.options, utc_now)
    before = store.read()
    place.foreign()
    held = place.held()
    with pytest.raises(BusyError, match="somebody else changed the trust store viewers"):
        store.write(pem_of(cas["two"][1]), before)
    assert place.held() == held


def test_a_run_that_ends_before_its_record_is_in_doubt_and_not_guessed(world):
    place, cas, folder = world
    assert task(place, folder, "one").state == "done"
    place.aws.faults({"match": "s3:PUT *viewers.pem.json", "times": 1, "code": "AccessDenied"})
    cut = task(place, folder, "two")
    assert cut.state == "failed" and cut.step == "write" and "viewers.pem.json" in cut.message and "replace_unknown" in cut.next_action
    outcome = task(place, folder, "three", state="added")
    assert outcome.state == "failed" and "CloudFront never gives a bundle back" in outcome.message
    assert place.held() == [sha256_of(cas["two"])]
    assert task(place, folder, "three", replace_unknown=True).state == "done" and place.held() == [sha256_of(cas["three"])]


def test_a_record_that_lies_is_not_believed(world):
    place, _cas, folder = world
    assert task(place, folder, "one").state == "done"
    s3, key = place.aws.client("s3"), "certops-clm/cloudfront/viewers.pem"
    record = s3.get_object(Bucket=BUCKET, Key=f"{key}.json")["Body"].read()
    other = s3.put_object(Bucket=BUCKET, Key=key, Body=(folder / "two.pem").read_bytes())["VersionId"]
    for lie in (b"no json", b"[]", b"{}", record.replace(record.split(b'"version": "')[1].split(b'"')[0], other.encode())):
        s3.put_object(Bucket=BUCKET, Key=f"{key}.json", Body=lie)
        assert task(place, folder, "two", state="added").state == "failed", lie
    s3.put_object(Bucket=BUCKET, Key=f"{key}.json", Body=record)
    assert task(place, folder, "one").state == "unchanged"


def test_an_old_boto3_says_which_one_is_needed(world):
    place, _cas, _folder = world
    store = aws_cloudfront_trust_store.create(place.options, utc_now)
    with mock.patch.object(store._clients, "get", return_value=object()), pytest.raises(MissingLibraryError) as caught:
        assert store._client
    assert "1.41.3" in caught.value.hint
