# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners as targets, on the lab's emulator with its TLS front (tier B): the contract, and what is a listener's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.targets import aws_elbv2_listener
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import RefusedError
from ansible_collections.certops.clm.tests.lab.aws_estate import AwsEstate
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK, TargetContract

GONE = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/gone/0/0"


class Listener(AwsEstate):
    """A listener with a default and an SNI certificate of its own, and two more that are somebody else's."""

    def __init__(self, aws, folder, sni, **options):
        super().__init__(aws, folder)
        self.other = [aws.hold(f"{name}.example.org")[0] for name in ("one", "two")]
        self.old_arn = self.held(self.old)
        default, *more = [self.other[0], self.other[1], self.old_arn] if sni else [self.old_arn, *self.other]
        self.listener = aws.listener(f"shop-{self.number}", default, more)
        self.where = self.place(self.serve(self.listener), listener_arn=self.listener, sni=sni, **options)
        self.gone = {**self.where, "id": "gone", "listener_arn": GONE}
        aws.forget_calls()

    def others(self):
        (row,) = self.aws.client("elbv2").describe_listeners(ListenerArns=[self.listener])["Listeners"]
        row.pop("Certificates")
        return row, [arn for arn in self.bound(self.listener) if arn in self.other]


class TestDefault(TargetContract):
    provider = aws_elbv2_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Listener(aws, tmp_path, False)


class TestSni(TargetContract):
    provider = aws_elbv2_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Listener(aws, tmp_path, True)


class TestSniInIam(TargetContract):
    provider = aws_elbv2_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Listener(aws, tmp_path, True, store="iam")


def target(estate, **pace):
    made = aws_elbv2_listener.create({**QUICK, **pace}, estate.now)
    made.take_keys_from(estate.store)
    return made


def deploy(estate, *wheres, version=None, **pace):
    items = [Item(where["id"], where, version or estate.new) for where in wheres]
    return converge(items, target=target(estate, **pace), clock=estate.now)


def imports(estate):
    return estate.aws.calls().get("acm:ImportCertificate", 0)


@pytest.fixture
def estate(aws, tmp_path):
    made = Listener(aws, tmp_path, False)
    yield made
    aws.faults()


def more(estate, count):
    """So many more listeners that serve the old certificate."""
    found = []
    for number in range(count):
        listener = estate.aws.listener(f"more-{estate.number}-{number}", estate.old_arn)
        found.append({**estate.place(estate.serve(listener)), "id": f"more-{number}", "listener_arn": listener, "sni": False})
    return found


def test_many_listeners_share_one_listing_and_one_import_and_a_later_run_finds_it_by_its_tags(estate):
    wheres = [estate.where, *more(estate, 3)]
    estate.aws.forget_calls()
    assert {outcome.state for outcome in deploy(estate, *wheres[:3]).values()} == {"done"}
    calls = estate.aws.calls()
    assert calls["acm:ImportCertificate"] == 1 and calls["elasticloadbalancing:DescribeListeners"] == 1
    assert calls["elasticloadbalancing:ModifyListener"] == 3 and calls["acm:GetCertificate"] == 1, calls
    assert deploy(estate, wheres[3])[wheres[3]["id"]].state == "done" and imports(estate) == 1
    (arn,) = {estate.bound(where["listener_arn"])[0] for where in wheres}
    tags = {one["Key"]: one["Value"] for one in estate.aws.client("acm").list_tags_for_certificate(CertificateArn=arn)["Tags"]}
    expected = {"clm_lineage": "shop", "clm_version": estate.new.key.version, "clm_sha256": estate.new.sha256, "owner": "team-web"}
    assert tags == expected


def test_a_tag_that_lies_is_not_believed(estate):
    liar = estate.held(estate.old, clm_lineage="shop", clm_sha256=estate.new.sha256)
    assert deploy(estate, estate.where)["shop-aws"].state == "done" and estate.bound(estate.listener)[0] != liar


def test_what_is_in_use_or_foreign_is_not_dropped(estate):
    assert deploy(estate, estate.where)["shop-aws"].state == "done"
    first = estate.bound(estate.listener)[0]
    with pytest.raises(RefusedError, match=r"is used by .*loadbalancer"):
        target(estate).drop(estate.where, first)
    with pytest.raises(RefusedError, match="has no tag clm_lineage"):
        target(estate).drop(estate.where, estate.old_arn)
    assert deploy(estate, estate.where, version=estate.version("shop.example.com"))["shop-aws"].state == "done"
    liar = estate.held(estate.old, clm_lineage="shop", clm_sha256=estate.new.sha256)
    with pytest.raises(RefusedError, match="something else than its tags say"):
        target(estate).drop(estate.where, liar)
    assert target(estate).copies(estate.where, {estate.new.sha256}) == {first: estate.new.sha256, liar: estate.new.sha256}
    assert target(estate).copies({**estate.where, "lineage": "other"}, {estate.new.sha256}) == {}
    assert target(estate).users(estate.where, first) == []
    target(estate).drop(estate.where, first)
    held = estate.aws.client("acm").list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
    assert first not in [one["CertificateArn"] for one in held]


def test_sni_takes_the_place_of_a_foreign_one_only_where_no_name_is_lost(aws, tmp_path):
    estate = Listener(aws, tmp_path, True)
    both, _issued = aws.hold("shop.example.com", "blog.example.com", days=10)  # of two for a name the longer-lived is served
    aws.client("elbv2").add_listener_certificates(ListenerArn=estate.listener, Certificates=[{"CertificateArn": both}])
    assert deploy(estate, estate.where)["shop-aws"].state == "done"
    bound = estate.bound(estate.listener)
    assert estate.old_arn not in bound and both in bound and len(bound) == 4


def test_a_default_of_iam_is_waited_for_and_one_of_another_lineage_in_the_list_stays(aws, tmp_path):
    default = Listener(aws, tmp_path / "default", False, store="iam")
    aws.faults({"match": "elasticloadbalancing:ModifyListener", "times": 2, "code": "CertificateNotFound"})
    assert deploy(default, default.where)["shop-aws"].state == "done" and imports(default) == 0
    assert aws.calls()["iam:UploadServerCertificate"] == 1 and "tagging:GetResources" not in aws.calls()
    first = default.bound(default.listener)[0]
    assert first.endswith(f":server-certificate/shop-{default.new.sha256[:16]}")
    listed = Listener(aws, tmp_path / "listed", True, store="iam")
    endpoint = listed.serve(listed.listener, name="other.example.com")
    other = {**listed.where, "id": "other", "lineage": "other", "endpoints": [endpoint]}
    theirs = listed.version("other.example.com", lineage="other")
    assert deploy(listed, other, version=theirs)["other"].state == "done"
    assert deploy(listed, listed.where)["shop-aws"].state == "done"
    bound = [arn.rsplit("/", 1)[-1] for arn in listed.bound(listed.listener)]
    assert f"other-{theirs.sha256[:16]}" in bound and f"shop-{listed.new.sha256[:16]}" in bound and len(bound) == 4, bound
    newer = listed.version("shop.example.com")
    assert deploy(listed, listed.where, version=newer)["shop-aws"].state == "done"
    now = [arn.rsplit("/", 1)[-1] for arn in listed.bound(listed.listener)]
    assert f"shop-{newer.sha256[:16]}" in now and f"shop-{listed.new.sha256[:16]}" not in now and len(now) == 4, now


def test_throttled_at_thirty_percent_of_the_calls(estate):
    wheres = [estate.where, *more(estate, 5)]
    estate.aws.faults({"match": "*", "share": 0.3, "code": "Throttling"})
    outcomes = deploy(estate, *wheres, timeout=6)
    assert {outcome.state for outcome in outcomes.values()} == {"done"}, outcomes


def test_credentials_that_expire_in_mid_run_lose_no_outcome_and_the_next_run_goes_on(estate):
    wheres = [estate.where, *more(estate, 3)]
    estate.aws.faults({"match": "elasticloadbalancing:ModifyListener", "after": 2, "share": 1, "code": "ExpiredToken"})
    outcomes = deploy(estate, *wheres)
    states = sorted(outcome.state for outcome in outcomes.values())
    assert states == ["done", "done", "failed", "failed"], outcomes
    bad = [outcome for outcome in outcomes.values() if outcome.state == "failed"]
    assert all(one.step == "bind" and "get new ones" in one.next_action and "nothing was changed" in one.message for one in bad)
    estate.aws.faults()
    assert sorted(outcome.state for outcome in deploy(estate, *wheres).values()) == ["done", "done", "unchanged", "unchanged"]
    assert imports(estate) == 1


def test_a_role_is_assumed_and_one_that_cannot_be_fails_its_places_alone(estate):
    mine = {**estate.where, "id": "mine", "role_arn": "arn:aws:iam::123456789012:role/deployer"}
    broken = {**estate.where, "id": "broken", "role_arn": "nonsense"}
    outcomes = deploy(estate, mine, broken)
    assert (outcomes["mine"].state, outcomes["broken"].state) == ("done", "failed") and "no ARN of a role" in outcomes["broken"].message
    assert estate.aws.calls()["sts:AssumeRole"] == 1


def test_credentials_of_a_role_that_run_out_in_mid_run_are_renewed(estate):
    role = "arn:aws:iam::123456789012:role/deployer"
    first, second = ({**where, "role_arn": role} for where in (estate.where, *more(estate, 1)))
    made = target(estate)
    estate.aws.forget_calls()
    assert converge([Item("first", first, estate.new)], target=made, clock=estate.now)["first"].state == "done"
    credentials = made._store.clients.account(first, "eu-central-1").session.get_credentials()
    credentials._expiry_time = estate.now() + timedelta(seconds=5)  # as if an hour had passed, for the SDK's own cache too
    credentials._refresh_using.__self__._cache.clear()
    assert converge([Item("second", second, estate.new)], target=made, clock=estate.now)["second"].state == "done"
    assert estate.aws.calls()["sts:AssumeRole"] == 2
