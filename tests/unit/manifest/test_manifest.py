# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: whole and with defaults when it is right, an error with the field's path when it is not."""

from __future__ import annotations

import os

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.identifiers import is_name
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load, parse_yaml
from ansible_collections.certops.clm.tests.support.manifests import data, deployment

AT = "/srv/clm/manifest.yml"


def parse(given=None):
    return Manifest.parse(data() if given is None else given, AT)


def changed(path, value):
    """A right manifest in which one field is another; None removes it."""
    whole = data()
    *way, last = path
    place = whole
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return whole


def test_paths_are_relative_to_the_manifest_and_defaults_are_applied():
    manifest = parse()
    assert manifest.secret_store["path"] == "/srv/clm/store"
    assert manifest.ledger == {"path": "/srv/clm/ledger"}
    assert (manifest.observations, manifest.report) == ("/srv/clm/observations.json", "/srv/clm/report")
    assert manifest.client_classes == {"internal": "/srv/clm/ca/root.pem", "browsers": "public"}
    assert manifest.issuers["internal"]["path"] == "/srv/clm/ca"
    shop = manifest.lineages["shop"]
    assert (shop.issuer, shop.profile, shop.owner, shop.environment) == ("internal", "web", "team-web", "prod")
    assert (shop.service, shop.criticality, shop.key_origin, shop.take_over) == ("shop", "medium", "store", False)
    assert manifest.profile_of(shop).lifetime == 90 * 86400
    assert shop.labels["consumers"] == []


@pytest.mark.parametrize("given, kept", [("desk/root.pem", "/srv/clm/desk/root.pem"), ("public", "public")])
def test_the_anchors_of_a_manual_issuer_are_a_path_too(given, kept):
    desk = {"type": "manual", "name": "desk", "path": "desk", "anchors": given}
    assert parse(changed(("issuers", "desk"), desk)).issuers["desk"]["anchors"] == kept


def test_a_lineage_overrules_the_defaults():
    lineage = {"names": ["a.example.com"], "environment": "dev", "owner": "else", "criticality": "high", "consumers": ["browsers"]}
    shop = parse(data(shop=lineage)).lineages["shop"]
    assert shop.labels == {
        "owner": "else", "service": "shop", "environment": "dev", "criticality": "high", "runbook": "", "consumers": ["browsers"],
    }  # fmt: skip


def test_a_deployment_is_a_whole_item_with_a_stable_valid_id():
    manifest, again = parse(), parse()
    one = manifest.deployments[0]
    assert one.id == again.deployments[0].id
    assert is_name(one.id)
    assert one.id.startswith("shop-web1-")
    assert one.as_item() == {
        "id": one.id,
        "lineage": "shop",
        "server": "web1",
        "slot": "default",
        "target": {
            "type": "server", "kind": "nginx", "layout": "fullchain",
            "certificate_file": "/etc/tls/shop.pem", "key_file": "/etc/tls/shop.key",
        },
        "endpoints": [
            {"host": "web1.example.com", "port": 8443, "server_name": "shop.example.com", "starttls": "none", "addresses": []}
        ],
    }  # fmt: skip


def test_ids_differ_by_server_file_and_slot():
    places = [deployment("web1"), deployment("web2"), deployment("web1", certificate_file="/b.pem", key_file="/b.key")]
    places.append({**deployment("web1", certificate_file="/c.pem", key_file="/c.key"), "slot": "rsa"})
    ids = {one.id for one in parse(data(shop={"names": ["a.example.com"], "deployments": places})).deployments}
    assert len(ids) == 4


def test_the_layout_follows_from_the_files():
    combined = parse(data(a={"names": ["a.example.com"], "deployments": [deployment(key_file=None)]}))
    separate = parse(data(a={"names": ["a.example.com"], "deployments": [deployment(chain_file="/etc/tls/chain.pem")]}))
    assert combined.deployments[0].target["layout"] == "combined"
    assert separate.deployments[0].target["layout"] == "separate"


@pytest.mark.parametrize(
    ("kind", "given", "port", "starttls"),
    [
        ("postgresql", {}, 5432, "postgresql"),
        ("postgresql", {"starttls": "none"}, 443, "none"),
        ("nginx", {}, 443, "none"),
        ("nginx", {"starttls": "smtp"}, 25, "smtp"),
        ("generic", {"starttls": "ldap", "port": 1389}, 1389, "ldap"),
    ],
)
def test_a_server_is_asked_in_its_own_protocol_at_its_own_port(kind, given, port, starttls):
    place = {**deployment(kind=kind, reload={"systemd": "x"}), "endpoints": [{"host": "h1", **given}]}
    manifest = parse(data(db={"names": ["db.example.com"], "deployments": [place]}))
    assert [(end.port, end.starttls) for end in manifest.deployments[0].endpoints] == [(port, starttls)]


SHOP = ("lineages", "shop")
PLACE = (*SHOP, "deployments", 0)
WRONG = [
    (("version",), 2, "version"),
    (("lineage",), {}, "lineage"),
    (("secret_store", "type"), "floppy", "secret_store.type"),
    (("secret_store", "folder"), "x", "secret_store.folder"),
    (("secret_store",), {}, "secret_store.type"),
    (("secret_store", "path"), "", "secret_store.path"),
    (("issuers", "internal", "path"), " ", "issuers.internal.path"),
    (("issuers", "internal", "path"), 5, "issuers.internal.path"),
    (("issuers", "Internal CA"), {"type": "local_ca", "path": "x"}, "issuers"),
    (("profiles", "web", "keytype"), "rsa", "profiles.web"),
    (("profiles", "web", "lifetime"), "long", "profiles.web.lifetime"),
    (("client_classes", "internal"), {}, "client_classes.internal.anchors"),
    (("defaults", "colour"), "red", "defaults.colour"),
    (("defaults", "issuer"), None, "lineages.shop.issuer"),
    (("defaults", "owner"), 7, "lineages.shop.owner"),
    ((*SHOP, "issuer"), "other", "lineages.shop.issuer"),
    ((*SHOP, "profile"), "other", "lineages.shop.profile"),
    ((*SHOP, "consumers"), ["internal", "nobody"], "lineages.shop.consumers[1]"),
    ((*SHOP, "criticality"), "huge", "lineages.shop.criticality"),
    ((*SHOP, "take_over"), "yes", "lineages.shop.take_over"),
    ((*SHOP, "names"), [], "lineages.shop.names"),
    ((*SHOP, "names"), ["a.example.com,DNS:evil.example"], "lineages.shop.names[0]"),
    ((*SHOP, "names"), "shop.example.com", "lineages.shop.names"),
    ((*SHOP, "compromised"), ["abc"], "lineages.shop.compromised[0]"),
    ((*SHOP, "deploymnets"), [], "lineages.shop.deploymnets"),
    ((*PLACE, "server"), "!z", "lineages.shop.deployments[0].server"),
    ((*PLACE, "server"), None, "lineages.shop.deployments[0].server"),
    ((*PLACE, "endpoints"), [], "lineages.shop.deployments[0].endpoints"),
    ((*PLACE, "endpoints", 0, "port"), 70000, "lineages.shop.deployments[0].endpoints[0].port"),
    ((*PLACE, "endpoints", 0, "host"), "-oProxyCommand=x", "lineages.shop.deployments[0].endpoints[0].host"),
    ((*PLACE, "endpoints", 0, "starttls"), "gopher", "lineages.shop.deployments[0].endpoints[0].starttls"),
    ((*PLACE, "endpoints", 0, "addresses"), ["localhost"], "lineages.shop.deployments[0].endpoints[0].addresses"),
    ((*PLACE, "slot"), "a/b", "lineages.shop.deployments[0].slot"),
    ((*PLACE, "target", "kind"), "iis", "lineages.shop.deployments[0].target.kind"),
    ((*PLACE, "target", "kind"), "generic", "lineages.shop.deployments[0].target.reload"),
    ((*PLACE, "target", "certificate_file"), "tls/x.pem", "lineages.shop.deployments[0].target.certificate_file"),
    ((*PLACE, "target", "certificate_file"), "/etc/../x.pem", "lineages.shop.deployments[0].target.certificate_file"),
    ((*PLACE, "target", "certificate_file"), "/x\x00y", "lineages.shop.deployments[0].target.certificate_file"),
    ((*PLACE, "target", "layout"), "separate", "lineages.shop.deployments[0].target.chain_file"),
    ((*PLACE, "target", "layout"), "combined", "lineages.shop.deployments[0].target.key_file"),
    ((*PLACE, "target", "key_file"), "/etc/tls/shop.pem", "lineages.shop.deployments[0].target"),
    ((*PLACE, "target", "mode"), 420, "lineages.shop.deployments[0].target.mode"),
    ((*PLACE, "target", "key_mode"), "rw", "lineages.shop.deployments[0].target.key_mode"),
    ((*PLACE, "target", "key_mode"), "0644", "lineages.shop.deployments[0].target.key_mode"),
    ((*PLACE, "target", "reload"), {"haproxy_socket": "/run/h.sock"}, "lineages.shop.deployments[0].target.layout"),
    ((*PLACE, "target", "owner"), "a b", "lineages.shop.deployments[0].target.owner"),
    ((*PLACE, "target", "check"), "nginx -t", "lineages.shop.deployments[0].target.check"),
    ((*PLACE, "target", "reload"), {"systemd": "nginx", "command": ["x"]}, "lineages.shop.deployments[0].target.reload"),
    ((*PLACE, "target", "reload"), {"signal": "HUP"}, "lineages.shop.deployments[0].target.reload"),
    ((*PLACE, "target", "reload"), {"systemd": "-x"}, "lineages.shop.deployments[0].target.reload.systemd"),
    ((*PLACE, "target", "reload"), {"restart": True}, "lineages.shop.deployments[0].target.reload.restart"),
    ((*PLACE, "target", "type"), "floppy", "lineages.shop.deployments[0].target.type"),
]


IDS = [f"{'.'.join(map(str, path))}={str(value)[:20]}" for path, value, _field in WRONG]


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=IDS)
def test_what_is_wrong_is_refused_with_its_path(path, value, field):
    with pytest.raises(ConfigError) as error:
        parse(changed(path, value))
    assert error.value.field == field


@pytest.mark.parametrize("name", ["localhost/x", "../x", "!z", "a,b", "[1:3]", "A", "", "x" * 121, "{{ x }}", "a..b", 5])
def test_hostile_lineage_names_are_refused(name):
    with pytest.raises(ConfigError) as error:
        parse(data(shop={}) | {"lineages": {name: {"names": ["a.example.com"]}}})
    assert error.value.field == "lineages"


HOSTS = ["all", "ungrouped", "../x", "a,b", "[1:3]", "web[1]", "a:b", "&x", "~x", "@x", "-web", "{{ x }}", "a b", ""]


@pytest.mark.parametrize("name", HOSTS)
def test_hostile_server_names_are_refused(name):
    with pytest.raises(ConfigError) as error:
        parse(changed((*PLACE, "server"), name))
    assert error.value.field == "lineages.shop.deployments[0].server"


def test_one_file_belongs_to_one_deployment():
    two = {"names": ["b.example.com"], "deployments": [deployment(key_file="/etc/tls/other.key")]}
    with pytest.raises(ConfigError, match=r"/etc/tls/shop.pem belongs to lineages.shop.deployments\[0\]"):
        parse(data(shop={"names": ["a.example.com"], "deployments": [deployment()]}, other=two))


def test_one_endpoint_proves_one_lineage_unless_the_slots_differ():
    second = {**deployment(certificate_file="/b.pem", key_file="/b.key")}
    names = ["a.example.com"]
    lineages = {"rsa": {"names": names, "deployments": [deployment()]}, "ec": {"names": names, "deployments": [second]}}
    with pytest.raises(ConfigError, match="two slots"):
        parse(data(**lineages))
    second["slot"] = "ecdsa"
    assert len(parse(data(**lineages)).deployments) == 2


def test_a_host_key_has_exactly_one_server():
    lineage = {"names": ["a.example.com"], "key_origin": "host", "deployments": [deployment("web1"), deployment("web2")]}
    with pytest.raises(ConfigError, match="exactly one server, not 2"):
        parse(data(node=lineage))
    lineage["deployments"] = [deployment("web1")]
    assert parse(data(node=lineage)).lineages["node"].key_origin == "host"


def test_a_template_makes_one_lineage_for_each_server():
    lineage = {
        "for_servers": ["web1", "web2"], "names": ["{server}.example.com"], "key_origin": "host",
        "deployments": [{**deployment("{server}"), "endpoints": [{"host": "{server}.lan"}]}],
    }  # fmt: skip
    manifest = parse(data(node=lineage))
    assert list(manifest.lineages) == ["node-web1", "node-web2"]
    assert [one.server for one in manifest.deployments] == ["web1", "web2"]
    assert manifest.lineages["node-web2"].names == ("web2.example.com",)
    assert manifest.deployments[1].endpoints[0].host == "web2.lan"


@pytest.mark.parametrize(
    ("path", "typo", "key"),
    [
        ((*SHOP,), "name", "names"),
        ((*PLACE,), "sever", "server"),
        ((*PLACE,), "endpoint", "endpoints"),
        ((*PLACE, "endpoints", 0), "hots", "host"),
        ((*PLACE, "target"), "certificat_file", "certificate_file"),
        ((*PLACE, "target"), "kinds", "kind"),
        (("issuers", "internal"), "pth", "path"),
        (("client_classes", "internal"), "anchor", "anchors"),
    ],
)
def test_a_field_that_is_needed_and_misspelt_is_named_as_it_was_written(path, typo, key):
    whole = data()
    place = whole
    for step in path:
        place = place[step]
    place[typo] = place.pop(key)
    with pytest.raises(ConfigError) as error:
        parse(whole)
    assert error.value.field.endswith(f".{typo}") and error.value.message == "there is no such field"
    assert error.value.hint == f"did you mean {key}?"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ((*PLACE, "server"), None, "server: is needed (the name that the inventory gives the server)"),
        (("version",), "1", "version: must be 1, not text (write it without quotes)"),
        ((*PLACE, "endpoints", 0, "port"), "443", "must be a whole number from 1 to 65535, not text (write it without quotes)"),
        ((*SHOP, "take_ovr"), True, "there is no such field (did you mean take_over? known are "),
        (("profiles", "web", "lifetme"), "90d", "unknown field 'lifetme' (did you mean lifetime? known are "),
        (("profiles", "web", "lifetime"), 90, "not longer than the backdate (a number counts seconds: write 90d for days)"),
        ((*PLACE, "endpoints", 0, "server_name"), "b\u00fccher.example", "(write an internationalised name in its xn-- form)"),
        ((*PLACE, "endpoints", 0, "server_name"), "other.example.com", "is none of the lineage's names: no certificate for "),
        ((*PLACE, "server"), "{{ web }}", "nothing in a manifest is templated"),
        ((*PLACE, "endpoints", 0, "host"), "{{ web }}", "nothing in a manifest is templated"),
        ((*PLACE, "target", "certificate_file"), "/etc/{{ web }}/x.pem", "nothing in a manifest is templated"),
    ],
)
def test_the_way_out_of_a_mistake_is_told(path, value, said):
    with pytest.raises(ConfigError) as error:
        parse(changed(path, value))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("a: 1\n\tb: 2\n", 2, "indent with spaces, not with tabs"),
        ("a: {b: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  33\n}", 1, "a manifest is plain YAML, without !unsafe and !vault"),
        ("a: {{ b }}\n", 1, "nothing in a manifest is templated"),
        ("a: !vault [x]\n", 1, "a manifest is plain YAML, without !unsafe and !vault"),
        ("a: 1\na: 2\n", 2, ""),
        ("a: !!map [1]\n", 1, ""),
    ],
)
def test_a_hint_belongs_to_its_mistake(tmp_path, text, line, hint):
    path = tmp_path / "manifest.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"line {line}: ") as error:
        load(str(path))
    assert error.value.hint.startswith(hint) and bool(error.value.hint) == bool(hint)


def test_aliases_merge_keys_and_what_is_no_text_are_as_in_any_yaml():
    text = "a: &x {k: [1, yes, ~, 2026-12-20]}\nb: *x\nc: {<<: *x, l: 'yes'}\n1: &r [*r]\n"
    found = parse_yaml(text.encode(), "m.yml")
    ring = found.pop(1)
    assert found == {name: value for name, value in yaml.safe_load(text).items() if name != 1}
    assert found["a"] is found["b"] and ring[0] is ring


def test_a_key_that_stands_twice_is_an_error_with_its_line(tmp_path):
    path = tmp_path / "manifest.yml"
    path.write_text("version: 1\nlineages:\n  shop: {}\n  shop: {}\n")
    with pytest.raises(ConfigError, match=r"line 4: the key 'shop' stands twice"):
        load(str(path))


@pytest.mark.parametrize("text", ["a: [", "x: !vault abc", "a: &b [*b]", "- 1", "", "\x00", "x: 2026-99-99", "? [a]\n: b"])
def test_what_is_no_manifest_is_an_error_that_names_the_file(tmp_path, text):
    path = tmp_path / "manifest.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"manifest\.yml"):
        load(str(path))


def test_a_manifest_without_a_version_is_told_that_first(tmp_path):
    path = tmp_path / "manifest.yml"
    path.write_text("lineage: {}\nsecret_store: nonsense\n")
    with pytest.raises(ClmError, match=r"version: is missing \(write version: 1"):
        load(str(path))


def test_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(NotFoundError, match="there is no file"):
        load(str(tmp_path / "manifest.yml"))


def test_included_lineages_count_and_an_include_may_be_missing(tmp_path):
    import yaml

    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump({**data(), "include": ["adopted.yml"]}))
    assert list(load(str(path)).lineages) == ["shop"]
    (tmp_path / "adopted.yml").write_text("lineages:\n  blog: {names: [blog.example.com]}\n")
    assert list(load(str(path)).lineages) == ["shop", "blog"]
    (tmp_path / "adopted.yml").write_text("lineages:\n  shop: {names: [blog.example.com]}\n")
    with pytest.raises(ConfigError, match=r"adopted.yml: lineages.shop: this lineage stands twice"):
        load(str(path))


def test_nothing_is_templated():
    runbook = "{{ lookup('pipe', 'id') }}"
    assert parse(changed((*SHOP, "runbook"), runbook)).lineages["shop"].runbook == runbook


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
json = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)
paths = st.sampled_from([path for path, _value, _field in WRONG])


@settings(max_examples=300)
@given(paths, json)
def test_any_value_anywhere_gives_a_manifest_or_an_error_of_ours(path, value):
    try:
        manifest = parse(changed(path, value if value is not None else {}))
    except ClmError:
        return
    assert all(is_name(one.id) for one in manifest.deployments)
    assert os.path.isabs(manifest.observations)


def test_a_manifest_is_parsed_again_only_when_a_file_of_it_has_changed(tmp_path):
    path, include = tmp_path / "manifest.yml", tmp_path / "more.yml"
    path.write_text(yaml.safe_dump({**data(), "include": ["more.yml"]}))
    first = load(str(path))
    assert load(str(path)) is first
    include.write_text(yaml.safe_dump({"lineages": {"one": {"names": ["one.example.com"], "deployments": []}}}))
    second = load(str(path))
    assert "one" in second.lineages and load(str(path)) is second
    stamp = include.stat()
    include.write_text(include.read_text().replace("one.example", "two.example"))
    os.utime(include, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert load(str(path)).lineages["one"].names == ("two.example.com",), "as long, and of the same time"
    include.write_text("lineages: nothing")
    for _again in range(2):
        with pytest.raises(ConfigError):
            load(str(path))
    include.unlink()
    assert "one" not in load(str(path)).lineages
