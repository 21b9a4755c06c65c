# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certbot's settings in our words: what a proposal says, what has no counterpart, and what a hostile folder cannot do."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from types import SimpleNamespace

import josepy
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.flows import certbot_read
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_account import Account
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.plugin_utils.certbot import managed_as, proposals_of
from ansible_collections.certops.clm.plugins.plugin_utils.certbot_taking import Taking
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.sealing import Envelope
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import KEY_PEM, NOW, World, finding

CONF = """# renew_before_expiry = 30 days
version = 5.8.0
archive_dir = /etc/letsencrypt/archive/a.example.com
cert = /etc/letsencrypt/live/a.example.com/cert.pem

[renewalparams]
account = {account}
server = https://ca.example/dir
authenticator = {authenticator}
installer = None
key_type = ecdsa
dns_rfc2136_credentials = {folder}/rfc2136.ini
dns_cloud_token = hunter2
renew_hook = "/usr/bin/tell --token hunter2"
must_staple = True
[[webroot_map]]
a.example.com = /var/www/a
"""
INI = "dns_rfc2136_server = 192.0.2.53\ndns_rfc2136_port = 5353\ndns_rfc2136_name = keyname.\ndns_rfc2136_secret = hunter2\n"


@pytest.fixture
def folder(tmp_path):
    """A folder as certbot keeps it, with one lineage."""
    home, chain = tmp_path / "letsencrypt", World(tmp_path).authority.chain("a.example.com")
    for place in ("renewal", "live/a.example.com", "archive/a.example.com", f"accounts/ca.example/dir/{'a' * 32}", "renewal-hooks/deploy"):
        (home / place).mkdir(parents=True)
    for name, content in (("fullchain", "".join(chain).encode()), ("privkey", KEY_PEM)):
        (home / "archive/a.example.com" / f"{name}1.pem").write_bytes(content)
        (home / "live/a.example.com" / f"{name}.pem").symlink_to(f"../../archive/a.example.com/{name}1.pem")
    account = home / "accounts/ca.example/dir" / ("a" * 32)
    (account / "regr.json").write_text('{"body": {}, "uri": "https://ca.example/acct/1"}')
    (account / "private_key.json").write_text('{"kty": "RSA"}')
    (home / "renewal-hooks/deploy/reload.sh").write_text("")
    (home / "rfc2136.ini").write_text(INI)
    write(home)
    return home


def write(home, authenticator="webroot", name="a.example.com"):
    text = CONF.format(account="a" * 32, authenticator=authenticator, folder=home)
    (home / "renewal" / f"{name}.conf").write_text(text)


def proposed(home, manifest=None):
    manifest = Manifest.parse(manifest or {**data(), "lineages": {}}, "/x/manifest.yml")
    return proposals_of(manifest, {"web1": certbot_read.read_all(str(home))}, [], {"web1": "192.0.2.1"}, set())


def test_what_is_told_of_a_lineage_holds_no_secret(folder):
    (row,) = certbot_read.read_all(str(folder))["lineages"]
    assert "hunter2" not in repr(row) and "PRIVATE" not in repr(row)
    assert (row["hooks"], row["unknown"]) == ({"renew_hook": "/usr/bin/tell"}, ["dns_cloud_token"])
    assert row["rfc2136"] == {"server": "192.0.2.53", "port": "5353", "name": "keyname."}
    assert row["account"] == {"server": "https://ca.example/dir", "id": "a" * 32, "uri": "https://ca.example/acct/1"}


@pytest.mark.parametrize(("authenticator", "challenge"), [
    ("webroot", {"type": "http_01_webroot", "root": "/var/www/a"}),
    ("standalone", {"type": "http_01"}),
    ("nginx", {"type": "http_01"}),
    ("dns-rfc2136", {"type": "dns_01_rfc2136", "server": "192.0.2.53:5353", "tsig_name": "keyname", "tsig_algorithm": "hmac-sha256",
                     "tsig_key_file": "CHANGE-ME"}),
    ("dns-cloud", {"type": "CHANGE-ME"}),
])  # fmt: skip
def test_an_authenticator_becomes_a_challenge_or_is_named(folder, authenticator, challenge):
    write(folder, authenticator)
    (proposal,), needed = proposed(folder)
    (issuer,) = needed.issuers.values()
    assert issuer == {"type": "acme", "directory": "https://ca.example/dir", "terms_agreed": True, "challenge": challenge}
    assert yaml.safe_load(needed.as_yaml())["issuers"] == needed.issuers
    assert challenge["type"] != "CHANGE-ME" or "authenticator dns-cloud has no counterpart" in proposal.text


def test_everything_without_a_counterpart_is_a_sentence_for_the_reviewer(folder):
    (proposal,), _needed = proposed(folder)
    said = ("/usr/bin/tell as renew_hook", "reload.sh for every lineage", "dns_cloud_token is not known", "must-staple", "no program")
    for words in said:
        assert words in proposal.text
    assert "hunter2" not in proposal.text and proposal.entry["names"] == ["a.example.com"]


def test_an_issuer_and_a_profile_of_the_manifest_that_fit_are_taken(folder):
    manifest = {**data(), "lineages": {}}
    issuer = {"type": "acme", "directory": "https://ca.example/dir", "challenge": {"type": "http_01"}}
    manifest["issuers"] = {**manifest["issuers"], "public": issuer}
    (proposal,), needed = proposed(folder, manifest)
    assert proposal.entry["issuer"] == "public" and needed.as_yaml() == "" and proposal.entry["profile"] in manifest["profiles"]


def test_what_cannot_be_read_is_named(folder):
    os.remove(folder / "live/a.example.com/fullchain.pem")
    (proposal,), _needed = proposed(folder)
    assert "web1: certbot's lineage a.example.com cannot be read" in proposal.refused and "No such file" in proposal.refused
    (folder / "renewal" / "x y.conf").write_text("")
    assert "is no name of a lineage" in certbot_read.read_all(str(folder))["errors"][0]
    assert certbot_read.read_all(str(folder / "nothing")) == {"lineages": [], "hook_files": [], "errors": []}


def test_a_key_leaves_only_sealed_and_only_from_its_folder(folder, tmp_path):
    envelope = Envelope(lambda: datetime.now(timezone.utc))
    (tmp_path / "outside.pem").write_bytes(KEY_PEM)
    (folder / "live/evil").mkdir()
    (folder / "live/evil/privkey.pem").symlink_to(tmp_path / "outside.pem")
    account = {"server": "https://ca.example/dir", "account": "a" * 32}
    names = {"a": "a.example.com", "b": "evil", "c": "../live/a.example.com"}
    wanted = [{"id": key, "name": name} for key, name in names.items()]
    wanted += [{"id": "d", **account}, {"id": "e", "server": "https://ca.example/../../x", "account": "aa"}]
    found = {row["id"]: row for row in certbot_read.sealed(str(folder), wanted, envelope.recipient_pem, "openssl")}
    assert envelope.open(found["a"]["sealed"]).reveal() == KEY_PEM and b"kty" in envelope.open(found["d"]["sealed"]).reveal()
    assert all("sealed" not in found[name] and found[name]["error"] for name in "bce")
    assert KEY_PEM.split()[4].decode() not in repr(found)
    with pytest.raises(MalformedError):
        Envelope(lambda: datetime.now(timezone.utc)).open(found["a"]["sealed"])
    for text in ("", None, "-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n", found["a"]["sealed"][:200]):
        with pytest.raises(MalformedError):
            envelope.open(text)


def test_certificate_and_account_of_an_accepted_lineage_are_in_the_store(folder, tmp_path):
    world, (row,) = World(tmp_path, {**data(), "lineages": {}, "include": ["adopted.yml"]}), certbot_read.read_all(str(folder))["lineages"]
    kept = {"secret_store": {"type": "directory", "path": str(tmp_path / "store"), "allow_ephemeral": True}}
    kept["ledger"] = {"path": str(tmp_path / "ledger"), "allow_ephemeral": True}
    issuer = {"type": "acme", "directory": "https://ca.example/dir", "challenge": {"type": "http_01"}}
    world.manifest.update(kept, issuers={**world.manifest["issuers"], "public": issuer})
    account = folder / "accounts/ca.example/dir" / ("a" * 32) / "private_key.json"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account.write_text(josepy.JWKRSA(key=josepy.ComparableRSAKey(key)).json_dumps())
    world.server("web1", finding(f"{row['folder']}/fullchain.pem", row["chain_pem"], key_file=f"{row['folder']}/privkey.pem"))
    path = str(world.save())
    found = {"web1": certbot_read.read_all(str(folder))}
    places = survey(load(path), [{"type": "findings"}], lambda: NOW).places
    (proposal,), needed = proposals_of(load(path), found, places, {"web1": "192.0.2.1"}, set())
    assert (proposal.entry["deployments"][0]["target"]["kind"], proposal.entry["issuer"], needed.as_yaml()) == ("nginx", "public", "")
    (tmp_path / "adopted.yml").write_text("lineages:\n" + proposal.text.replace("    reviewed: false\n", ""))
    assert proposals_of(load(path), found, places, {"web1": "192.0.2.1"}, set())[0] == [], "the manifest has it now"
    assert managed_as(load(path), "web1", row["folder"]) == ["a.example.com"]
    taking = Taking(load(path), found["web1"], "web1", [{"name": "a.example.com", "lineage": "a.example.com"}], True)
    wanted = taking.wanted(taking.planned())
    envelope = Envelope(lambda: datetime.now(timezone.utc))
    sealed = {one["id"]: one["sealed"] for one in certbot_read.sealed(str(folder), wanted, envelope.recipient_pem, "openssl")}
    assert [outcome.state for outcome in taking.take(lambda name: envelope.open(sealed[name]), "r1").values()] == ["done", "done"]
    assert taking.wanted(taking.planned()) == []
    kept_account = Account(SimpleNamespace(url="https://ca.example/dir"), {"account": "default"})
    kept_account.keep_in(world.store, None)
    current = kept_account.current()
    assert current.meta["account"] == "https://ca.example/acct/1" and kept_account.signer(current).algorithm == josepy.RS256
    assert world.store.load("a.example.com").meta["issuer"] == "acme:ca.example/dir"
