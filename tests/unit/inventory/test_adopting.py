# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopting: proposals that a person reviews, and entries that come into the manifest as they were written."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.adopting import accept, default_path, propose
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.lineage_files import LineageFile
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding

SERVERS = {"web1": "192.0.2.1", "web2": "192.0.2.2"}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, {**data(), "include": ["adopted.yml"]})
    chain = world.authority.chain("blog.example.com", "www.example.com")
    for server in SERVERS:
        world.server(server, finding("/etc/blog.pem", chain, key_file="/etc/blog.key", listen=["443", "*:8443", "[::]:443"]))
    return world


def run(world, servers=SERVERS):
    manifest = load(str(world.save()))
    path = default_path(manifest, None)
    places = survey(manifest, [{"type": "findings"}], lambda: NOW).places
    return write(propose(manifest, places, servers, path))


def write(adoption):
    for path, text in adoption.changed.items():
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
    return adoption


def take(world):
    manifest = load(str(world.folder / "manifest.yml"))
    return write(accept(manifest, default_path(manifest, None)))


def proposed(world):
    return (world.folder / "proposed.yml").read_text()


def review(world, text=None):
    (world.folder / "proposed.yml").write_text((text or proposed(world)).replace("reviewed: false", "reviewed: true"))


def states(adoption):
    return {name: outcome.state for name, outcome in adoption.outcomes.items()}


def test_one_entry_for_a_certificate_at_two_places(world):
    assert states(run(world)) == {"blog.example.com": "done"}
    (entry,) = yaml.safe_load(proposed(world))["lineages"].values()
    assert entry["names"] == ["blog.example.com", "www.example.com"]
    assert (entry["reviewed"], entry["take_over"]) == (False, True)
    assert [row["server"] for row in entry["deployments"]] == ["web1", "web2"]
    assert entry["deployments"][0]["target"] == {"kind": "nginx", "certificate_file": "/etc/blog.pem", "key_file": "/etc/blog.key"}
    assert entry["deployments"][0]["endpoints"] == [
        {"host": "192.0.2.1", "port": 443, "server_name": "blog.example.com"},
        {"host": "192.0.2.1", "port": 8443, "server_name": "blog.example.com"},
    ]
    assert "# SHA-256 " in proposed(world)
    assert "  # assumed: nginx is reloaded by systemctl reload nginx; else say target.reload\n" in proposed(world)


def test_proposing_again_changes_nothing_and_keeps_what_a_person_wrote(world):
    run(world)
    edited = proposed(world).replace("blog.example.com:\n", "blog:  # mine\n", 1)
    (world.folder / "proposed.yml").write_text(edited)
    again = run(world)
    assert again.changed == {}
    assert states(again) == {"blog": "unchanged"}
    world.server("web2", finding("/etc/new.pem", world.authority.chain("new.example.com"), key_file="/etc/new.key"))
    assert states(run(world)) == {"blog": "unchanged", "new.example.com": "done"}
    assert proposed(world).startswith(edited)


def test_only_reviewed_entries_come_into_the_include_with_their_comments(world):
    world.server("web2", finding("/etc/new.pem", world.authority.chain("new.example.com"), key_file="/etc/new.key"))
    run(world)
    before, after = "  blog.example.com:\n    reviewed: false", "  # the blog team said yes\n  blog.example.com:\n    reviewed: true"
    text = proposed(world).replace(before, after)
    (world.folder / "proposed.yml").write_text(text)
    manifest = (world.folder / "manifest.yml").read_text()
    assert states(take(world)) == {"blog.example.com": "done", "new.example.com": "deferred"}
    assert "# the blog team said yes" in (world.folder / "adopted.yml").read_text()
    assert (world.folder / "manifest.yml").read_text() == manifest
    assert list(yaml.safe_load(proposed(world))["lineages"]) == ["new.example.com"]
    lineage = load(str(world.folder / "manifest.yml")).lineages["blog.example.com"]
    assert lineage.take_over
    assert [one.server for one in lineage.deployments] == ["web1"]


def test_what_was_adopted_is_not_proposed_again(world):
    run(world)
    review(world)
    take(world)
    assert run(world).outcomes == {}
    assert take(world).outcomes == {}


def test_a_run_that_was_killed_between_the_two_files_is_taken_up_again(world):
    run(world)
    review(world)
    before = proposed(world)
    take(world)
    adopted = (world.folder / "adopted.yml").read_text()
    review(world, before)
    assert states(take(world)) == {"blog.example.com": "done"}
    assert (world.folder / "adopted.yml").read_text() == adopted
    assert "blog" not in proposed(world)


@pytest.mark.parametrize(("old", "new", "words"), [
    ("kind: nginx", "kind: iis", "lineages.blog.example.com.deployments[0].target.kind"),
    ("  blog.example.com:", "  shop:", "has a lineage of this name"),
    ("kind: nginx", "kind: generic\n        reload: {systemd: CHANGE-ME}", "CHANGE-ME"),
])  # fmt: skip
def test_a_reviewed_entry_that_is_wrong_stays_where_it_is(world, old, new, words):
    run(world)
    review(world, proposed(world).replace(old, new))
    before = proposed(world)
    adoption = take(world)
    (outcome,) = adoption.outcomes.values()
    assert outcome.state == "failed"
    assert words in outcome.message
    assert adoption.changed == {}
    assert proposed(world) == before


def test_without_an_include_nothing_is_accepted(world):
    run(world)
    review(world)
    del world.manifest["include"]
    world.save()
    with pytest.raises(ConfigError, match="include"):
        take(world)


def test_what_cannot_be_managed_is_said_and_not_proposed(world):
    world.servers.clear()
    hostile = world.authority.chain("{{ lookup('pipe', 'id') }}", subject="x\n  evil: {names: [evil.example]}")
    chain = world.authority.chain("shop.example.com")
    world.version("shop", chain)
    world.server("web1", finding("/a.pem", hostile), finding("/copy.pem", chain))
    world.server("web7", finding("/b.pem", world.authority.chain("far.example.com"), key_file="/b.key"))
    adoption = run(world)
    assert set(states(adoption).values()) == {"deferred"}
    messages = " | ".join(outcome.message for outcome in adoption.outcomes.values())
    assert "no name that a server could have" in messages
    assert "version of the lineage shop" in messages
    assert "web7 in the inventory" in messages
    assert adoption.changed == {}


def test_what_an_attacker_wrote_into_a_certificate_stays_in_its_comment(world):
    world.servers.clear()
    chain = world.authority.chain("good.example.com", subject="x\n  evil: {names: [evil.example]}")
    world.server("web1", finding("/a.pem", chain, key_file="/a.key"))
    run(world)
    assert list(yaml.safe_load(proposed(world))["lineages"]) == ["good.example.com"]


@pytest.mark.parametrize("text", ["x: 1\n", "lineages: [a]\n", "lineages: {a: {}}\n", "lineages:\n  a: {}\r  b: {}\n", "- 1\n"])
def test_a_file_that_is_no_list_of_lineages_is_refused(text):
    with pytest.raises(ConfigError):
        LineageFile(text, "x.yml")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "lineages:\n", "lineages: {}\n", "# a\nlineages:\n  b: {names: [b]}"])
def test_entries_are_added_to_whatever_was_there(text):
    after = LineageFile(text, "x.yml").with_more(["  # c\n  z:\n    names: [z]\n"], "# head\n")
    assert "z" in yaml.safe_load(after)["lineages"]
    assert all(line in after for line in text.splitlines() if line.startswith("#"))


def test_an_entry_is_taken_out_with_its_comments_and_no_others():
    text = "# head\nlineages:\n  # about a\n  a:\n    x: 1  # inner\n\n  # about b\n  # more about b\n  b:\n    x: 2\n  c: {x: 3}\n"
    assert LineageFile(text, "x.yml").without(["b"]) == "# head\nlineages:\n  # about a\n  a:\n    x: 1  # inner\n\n  c: {x: 3}\n"
    assert yaml.safe_load(LineageFile(text, "x.yml").without(["a", "b", "c"])) == {"lineages": None}


def test_what_another_manager_keeps_is_not_proposed(world):
    chain = world.authority.chain("bot.example.com")
    world.server("web1", finding("/etc/letsencrypt/live/bot/fullchain.pem", chain, key_file="/etc/letsencrypt/live/bot/privkey.pem"))
    adoption = run(world)
    (name,) = [name for name in adoption.outcomes if name.startswith("bot")]
    assert adoption.outcomes[name].state == "deferred" and "certbot keeps it" in adoption.outcomes[name].message
    assert "bot.example.com" not in proposed(world)


def test_a_keystore_is_proposed_with_what_only_a_person_knows_left_open(world):
    world.servers.clear()
    chain, where = world.authority.chain("jks.example.com"), {"kind": "tomcat", "listen": ["*:8443"]}
    sealed = {"layout": "pkcs12", "error": "only its password opens it", **where}
    world.server(
        "web1",
        finding("/etc/tomcat10/a.jks", chain, key_file="/etc/tomcat10/a.jks", layout="jks", **where),
        finding("/etc/tomcat10/b.p12", key_file="/etc/tomcat10/b.p12", server_names=["b.example.com"], **sealed),
        finding("/etc/tomcat10/c.p12", key_file="/etc/tomcat10/c.p12", **sealed),
    )
    assert set(states(run(world)).values()) == {"done"}
    entries = yaml.safe_load(proposed(world))["lineages"]
    assert [entry["names"] for entry in entries.values()] == [["jks.example.com"], ["b.example.com"], ["CHANGE-ME"]]
    targets = [entry["deployments"][0]["target"] for entry in entries.values()]
    assert [target["layout"] for target in targets] == ["jks", "pkcs12", "pkcs12"] and sealed["error"] in proposed(world)
    assert all(target["reload"] == {"systemd": "CHANGE-ME"} and target["password_file"] == "/CHANGE-ME" for target in targets)
    assert run(world).changed == {}
    review(world)
    refused = take(world)
    assert set(states(refused).values()) == {"failed"}
    review(world, proposed(world).replace("/CHANGE-ME", "/etc/tomcat10/password").replace("systemd: CHANGE-ME", "systemd: tomcat10"))
    assert sorted(states(take(world)).values()) == ["done", "done", "failed"], "one still has no name"
