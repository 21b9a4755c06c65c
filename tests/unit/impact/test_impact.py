# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on a certificate, a key, an issuer or a host."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.action.impact import _answer
from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.impact import impact, sentence
from ansible_collections.certops.clm.plugins.plugin_utils.impact_question import Question
from ansible_collections.certops.clm.plugins.plugin_utils.text_table import table
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding
from ansible_collections.certops.clm.tests.unit.sources.test_secret_store import Torn

AT = "web1.example.com|8443|shop.example.com|none"
FILE = "/etc/tls/shop.pem"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.manifest["client_classes"] = {"apps": {"anchors": "root.pem"}}
    world.manifest["lineages"]["shop"].update(owner="team-web", service="webshop", criticality="critical", consumers=["apps"])
    (tmp_path / "root.pem").write_bytes(world.authority.root.public_bytes(serialization.Encoding.PEM))
    return world


def ask(world, kind, value, issued=(), store=None):
    manifest = load(str(world.save()))
    anchors = load_anchors(manifest.client_classes)
    estate = survey(manifest, [{"type": "findings"}, {"type": "secret_store"}], lambda: NOW)
    question = Question.ask(kind, value, anchors, issued)
    return impact(question, estate, load_observations(manifest.observations), store or world.store)


def roles(found):
    return [(row["role"], row["lineage"]) for row in found["rows"]]


def der(one):
    return Certificate.parse(one.public_bytes(serialization.Encoding.DER))


def test_a_certificate_that_is_served_names_service_owner_and_consumers(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    leaf = Certificate.from_pem(chain[0])
    found = ask(world, "sha256", ":".join(leaf.sha256[i : i + 2] for i in range(0, 64, 2)).upper())
    assert roles(found) == [("served", "shop")] and not found["unknown"]
    assert (found["services"], found["owners"], found["consumers"]) == (["webshop"], ["team-web"], ["apps"])
    assert found["rows"][0]["names"] == ["shop.example.com"] and found["rows"][0]["sha256"] == leaf.sha256
    assert "1 places serve the certificate" in sentence(Question.ask("sha256", leaf.sha256, {}), found, NOW)


def test_the_key_of_an_intermediate_touches_every_chain_that_holds_it(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    found = ask(world, "key", Certificate.from_pem(chain[1]).spki_sha256)
    assert roles(found) == [("served", "shop")] and "Test Root Sub" in found["rows"][0]["why"]


def test_an_anchor_that_is_never_served_touches_what_its_clients_verify(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    root = der(world.authority.root)
    for kind, value in (("sha256", root.sha256), ("key", root.spki_sha256), ("issuer", "Test Root")):
        found = ask(world, kind, value)
        assert roles(found) == [("served", "shop")] and "apps" in found["consumers"], kind


def test_an_issuer_by_its_name_in_the_manifest_touches_what_it_issued_and_not_its_namesakes(world):
    old, new = world.authority.chain("shop.example.com"), world.authority.chain("shop.example.com")
    world.version("shop", old)
    world.version("shop", new)
    world.serve(AT, new)
    issued = {Certificate.from_pem(old[0]).sha256}
    assert roles(ask(world, "issuer", "somebody", issued)) == [("kept", "shop")]


def test_a_kept_version_is_a_way_back_that_is_lost(world):
    old = world.authority.chain("shop.example.com", key=ec.generate_private_key(ec.SECP256R1()))
    world.version("shop", world.authority.chain("shop.example.com"))
    new = world.authority.chain("shop.example.com")
    lease = world.store.begin("shop", world.store.current("shop"))
    world.store.end(lease)
    world.version("shop", new)
    world.serve(AT, old)
    found = ask(world, "sha256", Certificate.from_pem(new[0]).sha256)
    assert roles(found) == [("wanted", "shop")]
    assert roles(ask(world, "sha256", Certificate.from_pem(old[0]).sha256)) == [("served", "shop")]


def test_a_host_by_server_by_endpoint_and_by_the_names_of_certificates(world):
    chain = world.authority.chain("*.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    for host in ("web1", "WEB1.example.com", "other.example.com"):
        assert roles(ask(world, "host", host)) == [("served", "shop")], host
    assert roles(ask(world, "host", "a.b.example.com")) == []


def test_a_place_that_no_manifest_names_breaks_too(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    stray = world.authority.chain("stray.example.com")
    world.server("web1", finding(FILE, chain), finding("/etc/tls/stray.pem", stray))
    found = ask(world, "key", der(world.authority.sub).spki_sha256)
    assert sorted(roles(found)) == [("served", ""), ("served", "shop")]
    assert "no manifest names this place" in next(row["why"] for row in found["rows"] if not row["lineage"])


def test_nobody_knows_is_never_not_affected(world):
    world.version("shop", world.authority.chain("shop.example.com"))
    found = ask(world, "host", "elsewhere.example.com")
    assert not found["rows"] and len(found["unknown"]) == 1 and "shop" in found["unknown"][0]


OTHER = "web1.example.com|9443|shop.example.com|none"


@pytest.mark.parametrize(("answer", "why"), [("could_not_look", "no route"), ("refused", "no route"), ("", "nobody has looked yet")])
def test_one_endpoint_that_nobody_saw_is_unknown_beside_one_that_serves_it(world, answer, why):
    chain = world.authority.chain("shop.example.com")
    world.manifest["lineages"]["shop"]["deployments"][0]["endpoints"].append({"host": "web1.example.com", "port": 9443})
    world.version("shop", chain)
    world.serve(AT, chain)
    if answer:
        world.serve(OTHER, answer=answer, error="no route")
    found = ask(world, "sha256", Certificate.from_pem(chain[0]).sha256)
    assert roles(found) == [("served", "shop")], "what is known is said all the same"
    (unknown,) = found["unknown"]
    assert unknown.startswith("shop-web1-") and unknown.endswith(f"web1.example.com:9443 (shop.example.com): {why}")
    assert len(ask(world, "sha256", "0" * 64)["unknown"]) == 1, "nor does anybody know that it is not served there"


def test_an_entry_of_the_store_that_cannot_be_read_is_told_by_lineage_and_empties_nothing(world):
    chain, stray = world.authority.chain("shop.example.com"), world.authority.chain("stray.example.com")
    world.manifest["lineages"]["api"] = {"names": ["api.example.com"], "deployments": []}
    for name, one in (("api", world.authority.chain("api.example.com")), ("gone", stray), ("shop", chain), ("zoo", stray)):
        world.version(name, one)
    world.serve(AT, chain)
    (damaged,) = world.folder.glob("store/lineages/gone/versions/*/version.json")
    damaged.write_text("{")
    found = ask(world, "key", der(world.authority.sub).spki_sha256, store=Torn(world.store, "api"))
    assert ("served", "shop") in roles(found) and ("kept", "zoo") in roles(found)
    assert [text.partition(":")[0] for text in found["unknown"]] == ["lineage api", "lineage gone"]
    assert "its folder cannot be read" in found["unknown"][0] and "version" in found["unknown"][1]


def answer(world, **asked):
    given = {**dict.fromkeys(("sha256", "key", "issuer", "host"), ""), "sources": [{"type": "findings"}], "not_seen": [], **asked}
    return _answer({"manifest": str(world.save()), **given})


def test_an_answer_says_what_the_look_did_not_see_and_fails_with_everything_that_it_found(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    leaf = Certificate.from_pem(chain[0])
    found = answer(world, sha256=leaf.sha256)
    assert found["not_seen"] == [] and found["part"] == "" and not found.get("failed")
    found = answer(world, sha256=leaf.sha256, not_seen=["source 1 endpoints: no route"])
    assert found["failed"] and found["not_seen"] == ["source 1 endpoints: no route"] and len(found["rows"]) == 1
    assert "1 could not be looked at, so they may depend on it too: source 1 endpoints: no route. Run" in found["msg"]


def test_an_answer_of_a_part_of_the_inventory_is_no_answer(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    world.part = "limited to 'web1' (--limit)"
    found = answer(world, sha256=Certificate.from_pem(chain[0]).sha256)
    assert found["failed"] and found["part"] == world.part
    assert found["not_seen"] == ["the last look was limited to 'web1' (--limit), and not at everything"]


def test_anchors_that_cannot_be_read_are_told_and_empty_nothing(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    (world.folder / "root.pem").unlink()
    found = answer(world, key=der(world.authority.sub).spki_sha256)
    assert found["failed"] and roles(found) == [("served", "shop")]
    assert found["not_seen"][0].startswith("client_classes.apps: ") and "cannot be read: No such file" in found["not_seen"][0]


def test_an_issuer_that_cannot_tell_who_it_is_is_no_answer(world):
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.serve(AT, chain)
    found = answer(world, issuer="internal")
    assert found["failed"] and found["not_seen"][0].startswith("issuer internal: it cannot tell who it is")


@pytest.mark.parametrize("value", ["", "12", "g" * 64, "a" * 63])
def test_what_is_no_hash_is_refused(value):
    with pytest.raises(ConfigError, match="SHA-256"):
        Question.ask("sha256", value, {})


def test_a_table_takes_no_line_from_outside():
    lines = table([{"a": "x\ny\x1b[31m\u202e", "b_c": ["1", "2"]}, {"a": "z" * 99, "b_c": None}], ("a", "b_c"))
    assert len(lines) == 3 and lines[0].split() == ["a", "b", "c"] and lines[2].endswith("...  -")
    assert all(char.isprintable() for line in lines for char in line)
    assert table([{"a": 1}] * 300, ("a",))[-1] == "and 100 more"
