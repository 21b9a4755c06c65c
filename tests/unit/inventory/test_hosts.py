# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was found to hosts: places outside the manifest, groups and variables."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.contracts import Found
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import is_name
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.estate import summary, survey
from ansible_collections.certops.clm.plugins.plugin_utils.host_facts import bounded, is_weak
from ansible_collections.certops.clm.plugins.plugin_utils.inventory_hosts import (
    certificate_hosts,
    deployment_hosts,
    server_variables,
    settings,
)
from ansible_collections.certops.clm.plugins.plugin_utils.places import place_id, places
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding

AT = "web1.example.com|8443|shop.example.com|none"
FILE = "/etc/tls/shop.pem"
EVERYTHING = ({"type": "findings"}, {"type": "secret_store"})


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def look(world, sources=EVERYTHING, **more):
    manifest = Manifest.parse(world.manifest, str(world.save()))
    return survey(manifest, sources, lambda: NOW, **more)


def hosts(world, **more):
    made = deployment_hosts(look(world, **more), NOW)
    return {host.name: host for host in made.hosts}, made.ordered


def groups_of(world, source="manifest"):
    (host,) = [host for host in hosts(world)[0].values() if host.variables["clm_source"] == source]
    return set(host.groups)


def test_a_managed_place_is_no_second_host(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    world.server("web1", finding(FILE, chain))
    made, ordered = hosts(world)
    (host,) = made.values()
    assert ordered == {"clm_due": [], "clm_waiting": [], "clm_canary": []}
    assert {"clm_managed"} == {group for group in host.groups if not group.startswith(("clm_issuer_", "clm_policy_"))}
    assert (host.variables["clm_lineage"], host.variables["clm_answer"]) == ("shop", "served")
    assert host.variables["clm_names"] == ["shop.example.com"]


def test_what_nobody_asked_us_to_manage_is_unmanaged_and_never_due(world):
    world.server("web9", finding("/etc/other.pem", world.authority.chain("other.example.com", age=100)))
    made, ordered = hosts(world)
    (host,) = [host for host in made.values() if host.variables["clm_source"] == "findings"]
    assert {"clm_unmanaged", "clm_expired"} < set(host.groups)
    assert host.name not in ordered["clm_due"]
    assert host.variables["clm_where"]["certificate_file"] == "/etc/other.pem"


def test_a_version_of_ours_at_another_place_is_known_by_its_sha256(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.server("web9", finding("/copy.pem", chain))
    (host,) = [host for host in hosts(world)[0].values() if host.variables["clm_source"] == "findings"]
    assert host.variables["clm_lineage"] == "shop"


def test_a_lineage_that_the_manifest_forgot_is_orphaned(world):
    world.version("gone", world.authority.chain("gone.example.com"))
    assert {"clm_orphaned", "clm_unmanaged"} < groups_of(world, "secret_store")


def test_a_file_that_no_configuration_uses_is_orphaned(world):
    bare = finding("/bare.pem", world.authority.chain("bare.example.com"), kind="generic", config_file="", listen=[])
    world.server("web1", bare)
    assert "clm_orphaned" in groups_of(world, "findings")


def test_groups_by_issuer_policy_and_strength(world):
    chain = world.authority.chain("shop.example.com", key=ec.generate_private_key(ec.SECP192R1()), days=500)
    world.version("shop", chain)
    world.serve(AT, chain)
    groups = groups_of(world)
    assert "clm_weak_key" in groups
    assert "clm_policy_mozilla_intermediate" in groups
    assert any(group.startswith("clm_issuer_cn_test_root_sub_") for group in groups)


@pytest.mark.parametrize(("key", "weak"), [
    ("rsa-1024", True), ("rsa-2047", True), ("rsa-2048", False), ("dsa-1024", True), ("ecdsa-secp192r1", True), ("ecdsa-p256", False),
    ("ecdsa-secp256k1", False), ("ed25519", False), ("ml-dsa-44", False), ("unknown", False),
])  # fmt: skip
def test_what_counts_as_a_weak_key(key, weak):
    assert is_weak(key) is weak


def test_blindness_is_said_and_empties_nothing(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    world.server("web1", reached=False, error="it was not reached: no route to host")
    estate = look(world)
    assert estate.blind == ("web1: it was not reached: no route to host",)
    assert estate.judged[0].answer == "served"
    unread = {"source": "servers", "kind": "nginx", "where": {"config_file": "/etc/nginx.conf"}, "chain_pem": [], "error": "it is cut"}
    world.server("web1", unread)
    assert (look(world).blind, look(world).places) == (("web1: it is cut",), ())
    world.save().with_name("observations.json").unlink()
    manifest = Manifest.parse(world.manifest, str(world.folder / "manifest.yml"))
    estate = survey(manifest, EVERYTHING, lambda: NOW)
    assert [sentence.split(":")[0] for sentence in estate.blind] == ["observations", "source findings"]
    assert len(estate.judged) == 1


def test_wrong_sources_are_refused_with_their_field(world):
    for sources, field in (([{"type": "radar"}], "sources[0].type"), ([{"type": "findings", "colour": 1}], "sources[0].colour")):
        with pytest.raises(ConfigError) as error:
            look(world, sources)
        assert error.value.field == field


def test_what_a_live_source_found_is_cached_and_what_local_files_say_is_not(world):
    world.server("web9", finding("/etc/other.pem", world.authority.chain("other.example.com")))
    cache = {"1 endpoints": [{
        "source": "endpoints", "where": {"host": "db", "port": 5432, "server_name": "", "starttls": "none", "answer": "answered"},
        "chain_pem": world.authority.chain("db.example.com"), "server": "", "error": "",
    }]}  # fmt: skip
    sources = [{"type": "findings"}, {"type": "endpoints", "endpoints": [{"host": "no-such-host.invalid", "port": 1}]}]
    estate = look(world, sources, cache=cache)
    assert [place.found.source for place in estate.places] == ["findings", "endpoints"]
    assert list(cache) == ["1 endpoints"]


def test_one_host_for_each_certificate(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    world.server("web9", finding("/copy.pem", chain), finding("/other.pem", world.authority.chain("*.example.com")))
    made = certificate_hosts(look(world), NOW)
    shop, other = made.hosts
    assert shop.name.startswith("shop.example.com-")
    assert shop.variables["clm_places_count"] == 2
    assert {"clm_managed", "clm_unmanaged"} < set(shop.groups)
    assert other.variables["clm_lineages"] == []
    assert "clm_due" not in made.ordered


def test_the_group_all_says_what_was_seen(world):
    estate = look(world)
    said = settings(estate, ["web7"], NOW)
    assert said["clm_manifest_file"] == str(world.folder / "manifest.yml")
    assert said["clm_unknown_servers"] == ["web7"]
    assert said["clm_summary"] == summary(estate, NOW)
    assert said["clm_summary"]["due"] == 1


def test_a_server_is_asked_for_what_the_manifest_says_of_it(world):
    manifest = Manifest.parse(world.manifest, str(world.save()))
    assert server_variables(manifest, "web1") == {
        "kinds": ["nginx"],
        "files": [FILE],
        "endpoints": [
            {"host": "web1.example.com", "port": 8443, "server_name": "shop.example.com", "starttls": "none", "addresses": []}
        ],
    }


HOSTILE = ["localhost", "../../x", "!z", "a,b", "[1:3]", "{{ lookup('pipe', 'id') }}", "x\ny", "\u202e", "all"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_host_or_group_has_a_hostile_name(world, text):
    world.server(text, finding(text, world.authority.chain(text if text.isascii() else "x", subject=text)))
    (world.authority.name, name) = (text, world.authority.name)
    world.server("web1", finding("/x.pem", world.authority.chain("x.example.com")))
    world.authority.name = name
    for made in (deployment_hosts(look(world), NOW), certificate_hosts(look(world), NOW)):
        assert all(is_name(host.name) and host.name != text for host in made.hosts)
        assert all(group.replace("_", "a").isalnum() and group.isascii() for group in made.groups)


def test_a_place_keeps_its_name():
    where = {"certificate_file": "/a.pem", "line": 3, "kind": "nginx"}
    assert place_id(Found("findings", where, server="web1")) == place_id(Found("findings", {**where, "line": 9}, server="web1"))
    assert place_id(Found("findings", where, server="web1")) != place_id(Found("findings", where, server="web2"))


def test_data_from_outside_is_bounded():
    huge = {"a": ["x" * 10_000] * 5000, "b": {"c": {"d": {"e": {"f": 1}}}}, 5: object()}
    small = bounded(huge)
    assert len(small["a"]) == 1000
    assert len(small["a"][0]) == 4096
    assert small["b"]["c"]["d"] == {"e": {}}
    assert isinstance(small["5"], str)


def test_lineages_without_a_deployment_are_in_the_numbers_and_no_hosts(world):
    before, hosts = summary(look(world), NOW), len(deployment_hosts(look(world), NOW).hosts)
    world.manifest["lineages"].update({name: {"names": [f"{name}.example.com"], "deployments": []} for name in ("ldap", "mail")})
    world.version("ldap", world.authority.chain("ldap.example.com"))
    estate = look(world)
    after = summary(estate, NOW)
    moved = {key: after[key] - before[key] for key in ("seen", "managed", "undeployed", "due")}
    assert moved == {"seen": 1, "managed": 2, "undeployed": 2, "due": 1} and len(deployment_hosts(estate, NOW).hosts) == hosts


LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:listener/app/shop/1/2"


@pytest.mark.parametrize(("claim", "lineage", "managed"), [
    ({"type": "aws_elbv2_listener", "listener_arn": LISTENER, "sni": False}, "", True),
    ({"type": "aws_elbv2_listener", "listener_arn": f"{LISTENER}0", "sni": False}, "", False),
    ({"type": "aws_elbv2_listener", "listener_arn": LISTENER, "sni": True, "shared": True}, "shop", False),
    ({"type": "aws_acm", "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/1"}, "", False),
])  # fmt: skip
def test_a_place_behind_an_api_that_the_manifest_deploys_to_is_no_place_of_somebody_else(world, claim, lineage, managed):
    target = {"type": "aws_elbv2_listener", "listener_arn": LISTENER}
    world.manifest["lineages"]["shop"]["deployments"] = [{"target": target, "endpoints": [{"host": "shop.example.com"}]}]
    manifest = load(str(world.save()))
    found = Found("aws_certificates", {"place": "somewhere", "targets": [claim]}, error="not read")
    assert (places([found], manifest, {}) == []) is managed


def test_of_what_lineages_share_only_the_own_certificate_is_managed(world):
    ours = world.authority.chain("shop.example.com")
    target = {"type": "aws_elbv2_listener", "listener_arn": LISTENER, "sni": True}
    world.manifest["lineages"]["shop"]["deployments"] = [{"target": target, "endpoints": [{"host": "shop.example.com"}]}]
    manifest, leaf = load(str(world.save())), Certificate.from_pem(ours[0])
    where = {"place": "somewhere", "targets": [{**target, "shared": True}]}
    found = [Found("aws_certificates", where, (leaf.der,))]
    assert places(found, manifest, {leaf.sha256: "shop"}) == [] and len(places(found, manifest, {leaf.sha256: "blog"})) == 1


@pytest.mark.parametrize(("target", "allowed"), [
    ({"type": "aws_elbv2_listener", "listener_arn": LISTENER, "sni": True}, True),
    ({"type": "aws_elbv2_listener", "listener_arn": LISTENER}, False),
    ({"type": "aws_acm", "region": "eu-central-1"}, True),
    ({"type": "aws_acm", "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/1"}, False),
])  # fmt: skip
def test_two_lineages_share_a_target_only_where_it_has_room_for_both(world, target, allowed):
    for name in ("shop", "blog"):
        endpoint = {"host": "lb.example.com", "server_name": f"{name}.example.com"}
        lineage = {**world.manifest["lineages"]["shop"], "names": [f"{name}.example.com"]}
        world.manifest["lineages"][name] = {**lineage, "deployments": [{"target": target, "endpoints": [endpoint]}]}
    path = str(world.save())
    if allowed:
        assert len({one.id for one in load(path).deployments}) == 2
    else:
        with pytest.raises(ConfigError, match="belongs to"):
            load(path)
