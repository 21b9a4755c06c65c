# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a wave: who leads a server, what is asked of it, and what is refused before anything is written."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing
from ansible_collections.certops.clm.plugins.plugin_utils.wave.plan import make_plan
from ansible_collections.certops.clm.tests.support.manifests import data, deployment

EXPIRING = Reason("expiring", "soon")


def manifest(**shop):
    places = [deployment("web1"), deployment("web1", certificate_file="/etc/tls/b.pem", key_file="/etc/tls/b.key"), deployment("web2")]
    return Manifest.parse(data(shop={"names": ["shop.example.com"], "deployments": places, **shop}), "/etc/clm/manifest.yml")


def judged(found, issue=EXPIRING, served=None):
    policy = Policy.load((), {})
    return {
        one.id: Judged(
            one, found.lineages["shop"], Standing(found.lineages["shop"], policy), issue, None, False, served, "served", "", None,
            datetime(2027, 1, 1, tzinfo=timezone.utc),
        )
        for one in found.deployments
    }  # fmt: skip


def plan_of(found, hosts=None, servers=("web1", "web2"), issue=True, reason=EXPIRING):
    hosts = hosts or [one.id for one in found.deployments]
    return hosts, make_plan(found, hosts, judged(found, reason), servers, run_id="r1", issue=issue)


def test_the_first_deployment_of_a_server_leads_it():
    hosts, answer = plan_of(manifest())
    assert [answer["plan"]["items"][host]["lead"] for host in hosts] == [hosts[0], hosts[0], hosts[2]]
    assert {outcome["state"] for outcome in answer["outcomes"].values()} == {"unchanged"} and answer["plan"]["refused"] == {}
    assert answer["leads"] == [hosts[0], hosts[2]]


def test_somebody_carries_the_batch_tasks_where_no_server_has_a_lead():
    hosts, answer = plan_of(manifest(), servers=[])
    assert answer["leads"] == hosts[:1] and answer["plan"]["items"] == {}


def test_a_server_that_no_inventory_knows_is_refused_and_never_leads():
    hosts, answer = plan_of(manifest(), servers=["web2"])
    assert list(answer["plan"]["items"]) == hosts[2:] and answer["plan"]["hosts"] == hosts
    assert list(answer["plan"]["refused"]) == hosts[:2]
    assert "'web1' of lineage shop is not a host of the inventory" in answer["plan"]["refused"][hosts[0]]["message"]


def test_what_is_no_deployment_of_the_manifest_is_refused():
    _hosts, answer = plan_of(manifest(), hosts=["stranger"])
    assert answer["outcomes"]["stranger"]["state"] == "failed" and answer["plan"]["items"] == {}
    assert "adopt" in answer["outcomes"]["stranger"]["next_action"]


def test_what_is_served_and_cannot_be_read_stops_nobody():
    found = manifest()
    hosts = [one.id for one in found.deployments]
    broken = judged(found, served=Certificate.parse(b"\x30\x03\x02\x01\x00"))
    answer = make_plan(found, hosts, broken, ["web1", "web2"], run_id="r1", issue=True)
    assert answer["plan"]["items"][hosts[0]]["before"]["not_after"] == ""


def test_without_issuing_nothing_has_a_reason_to_be_issued():
    hosts, answer = plan_of(manifest(), issue=False)
    assert [answer["plan"]["items"][host]["issue"] for host in hosts] == [None] * 3


def test_a_server_that_keeps_its_keys_is_asked_once_for_a_lineage():
    found = manifest(key_origin="host", deployments=[deployment("web1"), deployment("web1", certificate_file="/b.pem", key_file="/b.key")])
    hosts, answer = plan_of(found)
    assert list(answer["requests"]) == [hosts[0]]
    ((asked),) = answer["requests"][hosts[0]]
    assert asked["request"]["names"] == ["shop.example.com"] and asked["key_origin"] == "host"
    assert plan_of(found, reason=None)[1]["requests"] == {} and plan_of(found, issue=False)[1]["requests"] == {}


def test_keys_of_the_store_are_not_asked_of_servers():
    assert plan_of(manifest())[1]["requests"] == {}


def test_a_slice_is_never_the_first_to_deploy_a_version():
    found = manifest()
    hosts = [one.id for one in found.deployments]
    answer = make_plan(found, hosts, judged(found), ("web1", "web2"), run_id="r1", issue=True, untried=["shop"])
    assert answer["plan"]["items"] == {} and answer["requests"] == {}
    (message,) = {outcome["message"].partition(": ")[2] for outcome in answer["outcomes"].values()}
    assert message == "the version that shop is to get was proven nowhere yet, and a slice never tries one."
    told_next = answer["outcomes"][hosts[0]]["next_action"]
    assert "not sliced" in told_next and "--limit 'localhost,clm_canary,clm_servers'" in told_next
