# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of load balancers hold to the contract, against the lab's emulator (tier B), and what is their own: revocation lists."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import RevocationLists
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.flows.trust import converge
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_elbv2_trust_store
from ansible_collections.certops.clm.plugins.module_utils.trust_stores._aws import Patience
from ansible_collections.certops.clm.plugins.module_utils.trust_stores._aws_given import given
from ansible_collections.certops.clm.tests.lab.anchors import anchor, revocation_list, write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import ElbPlace, bucket
from ansible_collections.certops.clm.tests.lab.ca import pem_of
from ansible_collections.certops.clm.tests.unit.contracts.trust_store import TrustStoreContract


class TestElb(TrustStoreContract):
    provider = aws_elbv2_trust_store
    wrong = (("name", {"name": "a--b"}), ("name", {"name": "x" * 33}), ("timeout", {"timeout": -1}))

    @pytest.fixture
    def place(self, aws):
        return ElbPlace(aws)


@pytest.fixture
def world(aws, tmp_path):
    return ElbPlace(aws), write_anchors(tmp_path), tmp_path


def task(place, folder, *anchors, lists=None, state="present", **options):
    """The outcome of one task, and what it remarks."""
    store = aws_elbv2_trust_store.create({**place.options, **options}, utc_now)
    assert isinstance(store, RevocationLists)
    files = [str(folder / f"{name}.pem") for name in anchors]
    params = {"state": state, "anchors": files, "sha256": None}
    params["revocation_lists"] = None if lists is None else [str(folder / f"{name}.crl") for name in lists]
    answer = converge(params, store=store, clock=utc_now, check_mode=False)
    return answer["clients"], answer.more["remarks"]


def lists_of(place):
    rows = place.aws.client("elbv2").describe_trust_store_revocations(TrustStoreArn=place.arn)["TrustStoreRevocations"]
    return [row["NumberOfRevokedEntries"] for row in rows]


def test_lists_are_added_replaced_and_removed_and_untouched_where_nobody_asks(world):
    place, cas, folder = world
    (folder / "one.crl").write_text(revocation_list(cas["one"], [1, 2, 3]))
    (folder / "newer.crl").write_text(revocation_list(cas["one"], [1, 2, 3, 4]))
    (folder / "two.crl").write_text(revocation_list(cas["two"], [9]))
    made, _remarks = task(place, folder, "one", "two", lists=["one", "two"])
    assert made.state == "done" and lists_of(place) == [3, 1], made
    assert [row["revoked"] for row in made.after["revocation_lists"]] in ([3, 1], [1, 3])
    assert task(place, folder, "one", "two", lists=["two", "one"])[0].state == "unchanged"
    place.aws.forget_calls()
    renewed, _remarks = task(place, folder, "one", "two", lists=["newer", "two"])
    assert renewed.state == "done" and lists_of(place) == [1, 4]
    calls = place.aws.calls()
    assert "elasticloadbalancing:ModifyTrustStore" not in calls and calls["elasticloadbalancing:AddTrustStoreRevocations"] == 1
    assert task(place, folder, "three", state="added")[0].state == "done" and lists_of(place) == [1, 4], "nobody asked for lists"
    assert task(place, folder, "one", "two", lists=[])[0].state == "done" and lists_of(place) == []


def test_a_list_that_would_not_count_is_refused_before_any_write(world):
    place, cas, folder = world
    (folder / "stale.crl").write_text(revocation_list(cas["one"], days=-1))
    (folder / "other.crl").write_text(revocation_list(cas["two"]))
    (folder / "delta.crl").write_text(revocation_list(cas["one"], delta=3))
    (folder / "none.crl").write_text("nothing")
    says = {"stale": "it counted until", "other": "none of the anchors", "delta": "it is a delta", "none": "no certificate revocation list"}
    for name, text in says.items():
        outcome, _remarks = task(place, folder, "one", lists=[name])
        assert outcome.state == "failed" and text in outcome.message and f"{name}.crl" in outcome.message, outcome
    assert place.writes() == 0


def test_a_bucket_without_versions_is_refused_with_the_command_that_mends_it(world):
    place, _cas, folder = world
    bucket(place.aws, "plain", versioned=False)
    outcome, _remarks = task(place, folder, "one", bucket="plain")
    assert outcome.state == "failed" and "keeps no versions" in outcome.message and "put-bucket-versioning" in outcome.next_action
    assert place.writes() == 1, "the bucket itself, made by this test"


def test_an_anchor_that_ends_soon_is_remarked(world):
    place, _cas, folder = world
    (folder / "soon.pem").write_text(pem_of(anchor("lab soon", days=20)[1]))
    _outcome, remarks = task(place, folder, "soon")
    assert len(remarks) == 1 and "lab soon" in remarks[0] and "expires at" in remarks[0]


def test_what_is_not_in_force_in_time_says_so(world):
    now = [utc_now()]
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        now[0] = now[0].replace(year=now[0].year + 1)

    with pytest.raises(UnavailableError, match="not in force after 300 seconds"):
        Patience(300, lambda: now[0], sleep).until(lambda: False, "the trust store")
    assert len(slept) == 1


def test_throttling_is_waited_for_and_a_refusal_names_the_action(world):
    place, _cas, folder = world
    place.aws.faults({"match": "elasticloadbalancing:*", "share": 0.3, "code": "Throttling"})
    assert task(place, folder, "one")[0].state == "done"
    place.aws.faults({"match": "elasticloadbalancing:ModifyTrustStore", "share": 1, "code": "AccessDenied"})
    outcome, _remarks = task(place, folder, "two")
    place.aws.faults()
    assert outcome.state == "failed" and "elasticloadbalancing:ModifyTrustStore" in outcome.next_action
    assert task(place, folder, "one")[0].state == "unchanged", "it was not in force"


def test_no_message_holds_a_signed_url(world):
    place, _cas, folder = world
    with pytest.raises(UnavailableError) as caught:
        given("http://127.0.0.1:1/_given/secret?X-Amz-Signature=secret", "the bundle")
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None
    task(place, folder, "one")
    with pytest.raises(Exception, match="answered 403") as refused:
        given(f"{place.aws.url}/_given/secret", "the bundle")
    assert "secret" not in str(refused.value)
