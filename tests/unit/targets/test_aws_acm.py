# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of ACM that keep their ARN as targets, on the lab's emulator with its TLS front (tier B)."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.targets import aws_acm
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.lab.aws_estate import AwsEstate
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK, TargetContract
from ansible_collections.certops.clm.tests.unit.targets.test_aws_held import requested

GONE = f"arn:aws:acm:{REGION}:123456789012:certificate/gone"


class Imported(AwsEstate):
    """A certificate of ACM that somebody imported and something serves."""

    def __init__(self, aws, folder):
        super().__init__(aws, folder)
        self.arn = self.held(self.old, team="web")
        self.where = self.place(self.serve(self.arn), certificate_arn=self.arn)
        self.gone = {**self.where, "id": "gone", "certificate_arn": GONE}
        aws.forget_calls()

    def others(self):
        return [one for one in self.tags(self.arn) if not one[0].startswith(("clm_", "owner"))]

    def tags(self, arn):
        rows = self.aws.client("acm").list_tags_for_certificate(CertificateArn=arn)["Tags"]
        return sorted((one["Key"], one["Value"]) for one in rows)


@pytest.fixture
def estate(aws, tmp_path):
    return Imported(aws, tmp_path)


class TestContract(TargetContract):
    provider = aws_acm

    @pytest.fixture
    def estate(self, estate):
        return estate


def deploy(estate, version, *, where=None, check_mode=False, **more):
    target = aws_acm.create(QUICK, estate.now)
    target.take_keys_from(estate.store)
    items = [Item("one", where or estate.where, version, **more)]
    return converge(items, target=target, clock=estate.now, check_mode=check_mode)["one"]


def test_the_arn_stays_and_the_tags_say_whose_it_is(estate):
    assert deploy(estate, estate.new).state == "done"
    found = estate.aws.client("acm").get_certificate(CertificateArn=estate.arn)
    assert found["Certificate"].strip() in estate.new.chain_pem
    expected = {"clm_lineage": "shop", "clm_version": estate.new.key.version, "clm_deployment": "shop-aws", "owner": "team-web"}
    assert dict(estate.tags(estate.arn)) == {"team": "web", **expected}


def test_what_the_store_could_not_bring_back_is_not_replaced_unless_that_is_meant(estate):
    foreign, _issued = estate.aws.hold("shop.example.com")
    where = estate.place(estate.serve(foreign), certificate_arn=foreign)
    writes = estate.writes()
    outcome = deploy(estate, estate.new, where=where)
    assert (outcome.state, outcome.step) == ("failed", "plan") and "allow_no_rollback" in outcome.next_action
    assert estate.writes() == writes
    assert deploy(estate, estate.new, where=where, allow_no_rollback=True).state == "done"


def test_without_an_arn_the_first_import_is_found_again_by_its_tag(estate):
    where = {**estate.where, "id": f"only-a-store-{estate.number}", "region": REGION, "certificate_arn": None}
    target = aws_acm.create(QUICK, estate.now)
    target.take_keys_from(estate.store)
    assert target.read(where) is None
    target.bind(where, target.put(where, estate.old))
    again = aws_acm.create(QUICK, estate.now)
    again.take_keys_from(estate.store)
    assert again.read(where).sha256 == estate.old.sha256
    again.bind(where, again.put(where, estate.new))
    assert again.read(where).sha256 == estate.new.sha256 and len(again._acm.owned(where, REGION)) >= 1
    mine = [arn for arn, tags in again._acm.owned(where, REGION).items() if tags.get("clm_deployment") == where["id"]]
    assert len(mine) == 1, "imported in place"


def test_what_amazon_issued_and_a_usage_that_would_be_lost_are_refused_before_any_write(estate):
    theirs = requested(estate.aws, REGION).held
    writes = estate.writes()
    outcome = deploy(estate, estate.new, where={**estate.where, "certificate_arn": theirs}, allow_no_rollback=True)
    assert (outcome.state, outcome.step) == ("failed", "plan") and "AMAZON_ISSUED" in outcome.message
    bare = estate.version("shop.example.com", server=False)
    outcome = deploy(estate, bare)
    assert (outcome.state, outcome.step) == ("failed", "plan") and "server_auth" in outcome.message and estate.writes() == writes


def test_flapping_and_late_addresses_are_waited_for_and_one_that_never_changes_is_named(estate):
    late = estate.serve(estate.arn, {"delay": 0.2}, {"delay": 0.1, "flap": 0.2})
    assert deploy(estate, estate.new, where=estate.place(late, certificate_arn=estate.arn)).state == "done"
    stuck = estate.serve(estate.arn, {}, {"never": True})
    outcome = deploy(estate, estate.old, where=estate.place(stuck, certificate_arn=estate.arn))
    assert outcome.state == "rolled_back" and outcome.message.count(" serves ") == 1
    assert f"at {stuck['addresses'][1]} serves" in outcome.message, outcome.message
