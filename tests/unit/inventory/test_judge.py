# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is due and why, judged by what is served."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import canaries, judge_all, judge_hosts, rollout_order
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding

AT = "web1.example.com|8443|shop.example.com|none"
FILE = "/etc/tls/shop.pem"


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def judge(world, now=NOW, **more):
    manifest = Manifest.parse(world.manifest, str(world.folder / "manifest.yml"))
    return judge_all(manifest, Observations.parse(world.observations), world.store, now, **more)


def one(world, **more):
    (judged,) = judge(world, **more)
    return judged


def words(judged):
    return (judged.issue and judged.issue.word, judged.deploy and judged.deploy.word)


def shop(world):
    return world.manifest["lineages"]["shop"]


def test_a_lineage_without_a_version_is_missing_and_due(world):
    judged = one(world)
    assert (words(judged), judged.due, judged.wanted_version) == (("missing", None), True, None)


def test_what_is_wanted_and_served_everywhere_is_not_due(world):
    chain = world.authority.chain("shop.example.com")
    name = world.version("shop", chain)
    world.serve(AT, chain, chain)
    judged = one(world)
    assert (words(judged), judged.due, judged.answer, judged.wanted_version) == ((None, None), False, "served", name)
    assert judged.next_due > NOW


def test_one_address_of_many_that_serves_the_old_one_is_enough(world):
    old, new = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com")
    world.version("shop", old)
    world.version("shop", new)
    world.serve(AT, new, old, new)
    judged = one(world)
    assert (words(judged), judged.due, judged.answer) == ((None, "not_served"), True, "not_served")
    assert judged.served.pem == old[0]


def test_an_incomplete_chain_is_a_reason_but_not_where_only_the_leaf_could_be_seen(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain[:1])
    assert words(one(world)) == (None, "incomplete_chain")
    world.serve(AT, chain[:1], seen_by="web1")
    assert words(one(world)) == (None, None)


def test_a_due_certificate_is_issued_again(world):
    chain = world.authority.chain("shop.example.com", age=89)
    world.version("shop", chain)
    world.serve(AT, chain)
    assert (words(one(world)), one(world).due) == (("expiring", None), True)


def test_a_version_that_a_stopped_run_left_behind_is_wanted_without_a_second_issue(world):
    old, new = world.authority.chain("shop.example.com", age=89), world.authority.chain("shop.example.com")
    world.version("shop", old)
    name = world.version("shop", new, state="issued", promote=False)
    world.serve(AT, old)
    judged = one(world)
    assert (words(judged), judged.wanted_version) == ((None, "not_served"), name)


def test_a_rejected_version_is_never_wanted(world):
    old, new = world.authority.chain("shop.example.com", age=89), world.authority.chain("shop.example.com")
    name = world.version("shop", old)
    world.version("shop", new, state="rejected", promote=False)
    world.serve(AT, old)
    judged = one(world)
    assert (words(judged), judged.wanted_version) == (("expiring", None), name)


def test_a_version_made_current_again_by_hand_is_wanted_although_there_are_newer_ones(world):
    old, new = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com")
    first = world.version("shop", old)
    world.version("shop", new)
    lease = world.store.begin("shop", world.store.current("shop"))
    world.store.promote(lease, first)
    world.store.end(lease)
    world.serve(AT, new)
    judged = one(world)
    assert (words(judged), judged.wanted_version) == ((None, "not_served"), first)


def test_a_foreign_certificate_is_reported_and_left_alone(world):
    for _version in range(2):
        world.version("shop", world.authority.chain("shop.example.com"))
    world.serve(AT, world.authority.chain("shop.example.com"))
    judged = one(world)
    assert (words(judged), judged.held, judged.due) == ((None, "foreign"), True, False)
    shop(world)["take_over"] = True
    assert (one(world).held, one(world).due) == (False, True)


def test_what_was_there_before_us_is_foreign_also_for_a_lineage_that_has_no_version_yet(world):
    world.serve(AT, world.authority.chain("shop.example.com"))
    assert (words(one(world)), one(world).held, one(world).due) == (("missing", "foreign"), True, False)
    world.version("shop", world.authority.chain("shop.example.com"))
    assert (one(world).held, one(world).due) == (True, False)
    shop(world)["take_over"] = True
    assert (one(world).held, one(world).due) == (False, True)


def test_a_foreign_certificate_is_replaced_when_it_has_expired_unless_a_manager_keeps_it(world):
    old = world.authority.chain("shop.example.com", age=91)
    world.version("shop", world.authority.chain("shop.example.com"))
    world.serve(AT, old)
    assert (one(world).held, one(world).due) == (False, True)
    world.server("web1", finding(FILE, old, real_file="/etc/letsencrypt/archive/shop/fullchain1.pem"))
    judged = one(world)
    assert (judged.held, judged.due) == (True, False) and "certbot keeps it" in judged.detail


def test_a_foreign_certificate_is_told_with_who_and_when(world):
    leaf = world.authority.chain("shop.example.com")
    world.version("shop", world.authority.chain("shop.example.com"))
    world.serve(AT, leaf)
    world.server("web1", finding(FILE, leaf, written_at="2026-01-02T03:04:05Z", file_owner="alice"))
    said = one(world).detail
    assert "issued by CN=Test Root Sub at " in said and "valid until " in said and "written at 2026-01-02T03:04:05Z by alice" in said


def test_a_held_deployment_of_a_lineage_that_is_due_is_not_due(world):
    for _version in range(2):
        world.version("shop", world.authority.chain("shop.example.com", age=89))
    world.serve(AT, world.authority.chain("shop.example.com"))
    assert (words(one(world)), one(world).due) == (("expiring", "foreign"), False)


def test_where_nobody_could_look_nothing_is_due_unless_the_file_tells(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.version("shop", world.authority.chain("shop.example.com"))
    world.serve(AT, answer="could_not_look", error="no connection")
    assert (words(one(world)), one(world).answer, one(world).due) == ((None, None), "could_not_look", False)
    world.server("web1", finding(FILE, chain))
    assert (words(one(world)), one(world).due) == ((None, "not_served"), True)
    world.server("web1")
    assert (words(one(world)), one(world).due) == ((None, "not_served"), True)
    world.server("web1", reached=False)
    assert (words(one(world)), one(world).due) == ((None, None), False)


def test_a_file_that_differs_from_what_is_served_is_a_reason(world):
    old, new = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com")
    world.version("shop", old)
    world.version("shop", new)
    world.serve(AT, new)
    world.server("web1", finding(FILE, old))
    assert words(one(world)) == (None, "not_served")
    world.server("web1", finding(FILE, new))
    assert words(one(world)) == (None, None)


def test_a_server_that_shows_no_certificate_serves_the_wrong_one(world):
    world.version("shop", world.authority.chain("shop.example.com"))
    world.serve(AT, answer="refused", error="unrecognized name")
    assert (words(one(world)), one(world).answer) == ((None, "not_served"), "not_served")


def test_names_key_issuer_and_compromise_are_reasons_to_issue(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain, issuer="local_ca:one")
    world.serve(AT, chain)
    assert words(one(world, identities={"internal": "local_ca:one"})) == (None, None)
    assert words(one(world, identities={"internal": "local_ca:two"}))[0] == "issuer_changed"
    shop(world)["names"] = ["shop.example.com", "www.shop.example.com"]
    assert words(one(world))[0] == "names_changed"
    shop(world)["names"] = ["shop.example.com"]
    sha256 = one(world).served.sha256
    shop(world)["compromised"] = [sha256]
    assert words(one(world))[0] == "compromised"


def test_another_version_with_a_compromised_key_is_compromised_too(world):
    first, second = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com")
    other = world.authority.chain("shop.example.com", key=ec.generate_private_key(ec.SECP256R1()))
    world.version("shop", first)
    world.version("shop", second)
    world.serve(AT, second)
    from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

    shop(world)["compromised"] = [Certificate.from_pem(other[0]).sha256]
    assert words(one(world))[0] is None
    shop(world)["compromised"] = [Certificate.from_pem(first[0]).sha256]
    assert words(one(world))[0] == "compromised"


def test_a_forced_renewal_is_done_once(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    shop(world)["forced"] = "drill 7"
    assert words(one(world))[0] == "forced"
    again = world.authority.chain("shop.example.com")
    world.version("shop", again, forced="drill 7")
    world.serve(AT, again)
    assert words(one(world)) == (None, None)


class Broken:
    """A store that cannot tell about any lineage."""

    def versions(self, lineage):
        raise MalformedError("the folder is damaged", field=lineage)


def test_a_lineage_that_the_store_cannot_tell_about_is_neither_missing_nor_due(world):
    world.store = Broken()
    judged = one(world)
    assert (words(judged), judged.due) == ((None, None), False)
    assert "damaged" in judged.standing.error


def many(world, lineages):
    world.manifest = data(**lineages)
    return rollout_order(judge(world))


def places(name, *servers):
    return [deployment(server, certificate_file=f"/{name}.pem", key_file=f"/{name}.key") for server in servers]


def test_the_rollout_goes_from_the_least_to_the_most_important_and_services_take_turns(world):
    ordered = many(world, {
        "a": {"names": ["a.example.com"], "environment": "prod", "service": "x", "deployments": places("a", "web1", "web2")},
        "b": {"names": ["b.example.com"], "environment": "prod", "service": "y", "deployments": places("b", "web1", "web2")},
        "c": {"names": ["c.example.com"], "environment": "dev", "criticality": "critical", "deployments": places("c", "web1")},
        "d": {"names": ["d.example.com"], "environment": "prod", "criticality": "low", "deployments": places("d", "web1")},
        "e": {"names": ["e.example.com"], "environment": "Staging", "deployments": places("e", "web1")},
    })  # fmt: skip
    assert [judged.lineage.name for judged in ordered] == ["c", "e", "d", "a", "b", "a", "b"]


def test_the_canary_is_the_first_of_each_lineage_with_more_than_one(world):
    ordered = many(world, {
        "a": {"names": ["a.example.com"], "deployments": places("a", "web1", "web2")},
        "b": {"names": ["b.example.com"], "deployments": places("b", "web1")},
    })  # fmt: skip
    assert [judged.deployment.server for judged in canaries(ordered)] == ["web1"]
    assert [judged.lineage.name for judged in canaries(ordered)] == ["a"]


def test_an_unproven_version_is_tried_first_where_it_is_due(world):
    world.manifest = data(a={"names": ["a.example.com"], "deployments": places("a", "web1", "web2", "web3")})
    for _version in range(2):
        chain = world.authority.chain("a.example.com")
        world.version("a", chain, state="issued")
    world.serve("web1.example.com|8443|a.example.com|none", chain)
    first = canaries(rollout_order(judge(world)))
    assert [judged.deployment.server for judged in first] == ["web1"] and first[0].deploy.word == "unproven"  # served is not proven
    world.serve("web1.example.com|8443|a.example.com|none", answer="could_not_look")
    world.serve("web2.example.com|8443|a.example.com|none", answer="refused")
    assert [judged.deployment.server for judged in canaries(rollout_order(judge(world)))] == ["web2"]


def test_what_is_served_and_proven_is_due_until_the_store_names_it_as_current(world):
    """The run that proved it was killed between the two; else no run would ever mend that, and a rollback has nowhere to go."""
    world.manifest = data(a={"names": ["a.example.com"], "deployments": places("a", "web1")})
    world.version("a", world.authority.chain("a.example.com", age=80))
    chain = world.authority.chain("a.example.com")
    newer = world.version("a", chain, promote=False)
    world.serve("web1.example.com|8443|a.example.com|none", chain)
    (judged,) = judge(world)
    assert (judged.deploy.word, judged.issue) == ("unproven", None) and "became the current version" in judged.deploy.sentence
    world.store.promote(world.store.begin("a", world.store.current("a")), newer)
    assert judge(world)[0].deploy is None


def test_hosts_are_judged_by_id_with_the_manifests_own_observations(world):
    world.manifest = data(
        a={"names": ["a.example.com"], "deployments": places("a", "web1")},
        b={"names": ["b.example.com"], "deployments": places("b", "web1")},
    )
    manifest = Manifest.parse(world.manifest, str(world.folder / "manifest.yml"))
    wanted = manifest.deployments[1].id
    assert list(judge_hosts(manifest, [wanted, "nobody"], world.store, NOW)) == [wanted]
    chain = world.authority.chain("b.example.com")
    world.version("b", chain)
    world.serve("web1.example.com|8443|b.example.com|none", chain)
    world.save()
    assert judge_hosts(manifest, [wanted], world.store, NOW)[wanted].answer == "served"


def test_an_earlier_window_of_its_ca_is_when_it_is_due_next(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    later, sha256 = one(world).next_due, Certificate.from_pem(chain[0]).sha256
    manifest = Manifest.parse(world.manifest, str(world.folder / "manifest.yml"))
    start, end = NOW + timedelta(days=1), NOW + timedelta(days=2)
    hints.write(hints.file_of(manifest.observations), {sha256: {"start": rfc3339(start), "end": rfc3339(end)}})
    due = one(world).next_due
    assert start <= due <= end < later
    assert not one(world, now=due - timedelta(seconds=1)).due and words(one(world, now=due))[0] == "ari_window"


def test_time_alone_makes_a_certificate_due(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    due = one(world).next_due
    assert not one(world, now=due - timedelta(seconds=1)).due
    assert one(world, now=due).due
