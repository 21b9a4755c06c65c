# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issuing through ansible-playbook: idempotent, planned by check mode, whole when an item fails, and silent about keys."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import List

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.tests.integration.issuing.site import PASSPHRASE, Site, play, states

SHOP = {"lineage": "shop", "names": ["shop.example.com", "www.shop.example.com"], "owner": "team-shop"}
API = {"lineage": "api", "names": ["api.example.com"], "profile": {"key_type": "rsa-2048", "lifetime": "30d", "policies": ["cabf"]}}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.every_core
def test_the_facade_is_idempotent_and_check_mode_is_its_plan(ansible, site):
    twice_is_once(ansible, site, "facade")


def test_the_module_is_idempotent_and_check_mode_is_its_plan(ansible, site):
    twice_is_once(ansible, site, "module")


def twice_is_once(ansible, site, way):
    tasks = play(site.set_up(), getattr(site, way)(SHOP, API))
    name = {"facade": "certificate 1", "module": "local_ca_certificate 1"}[way]
    planned = ansible.playbook(tasks, args=["--check", "--diff"]).ok()
    assert states(planned.result(name)) == {"shop": "planned", "api": "planned"}
    assert sorted(path.name for path in site.folder.iterdir()) == ["passphrase"]
    first = ansible.playbook(tasks, args=["--diff"]).ok()
    assert states(first.result(name)) == {"shop": "done", "api": "done"}
    assert first.result(name)["diff"]["after"]["shop"]["names"] == SHOP["names"]
    before = site.files()
    again = ansible.playbook(tasks, args=["--diff"]).ok()
    assert again.changed() == 0 and states(again.result(name)) == {"shop": "unchanged", "api": "unchanged"}
    checked = ansible.playbook(tasks, args=["--check", "--diff"]).ok()
    assert checked.changed() == 0
    after = site.files()
    assert before == after
    chain = site.folder / "store" / "lineages" / "shop" / "current" / "chain.pem"
    ca = site.folder / "ca"
    verify = ["openssl", "verify", "-CAfile", str(ca / "root.pem"), "-untrusted", str(ca / "intermediate.pem"), "-purpose", "sslserver"]
    assert subprocess.run([*verify, "-verify_hostname", "shop.example.com", str(chain)], capture_output=True, check=False).returncode == 0


@pytest.mark.every_core
def test_the_facade_keeps_the_good_items_when_others_are_wrong(ansible, site):
    bad = [
        {"lineage": "evil", "names": ["a.example.com,DNS:evil.example.com"]},
        {"lineage": "outside", "names": ["shop.example.org"]},
        {"lineage": "field", "names": ["b.example.com"], "color": "red"},
        {"lineage": "policy", "names": ["c.example.com"], "profile": {"lifetime": "300d", "policies": ["cabf"]}},
        {"lineage": "template", "names": ["{% raw %}{{ lookup('pipe', 'id') }}{% endraw %}"]},
    ]
    run = ansible.playbook(play(site.set_up(), site.facade(bad[0], SHOP, *bad[1:], API)))
    result = run.result("certificate 1")
    assert run.rc == 2 and "5 of 7 items failed" in result["msg"] and "uid=" not in run.output
    assert list(result["outcomes"]) == ["evil", "shop", "outside", "field", "policy", "template", "api"]
    assert [one for one, state in states(result).items() if state == "done"] == ["shop", "api"]
    assert "200 days" in result["outcomes"]["policy"]["message"] and "color" in result["outcomes"]["field"]["message"]
    lineages = sorted(path.name for path in (site.folder / "store" / "lineages").iterdir())
    assert lineages == ["api", "outside", "shop"]  # the CA refused `outside`: its key is kept for the next try


def test_a_module_carries_all_outcomes_in_its_failure(ansible, site):
    run = ansible.playbook(play(site.set_up(), site.module(SHOP, {"lineage": "outside", "names": ["shop.example.org"]})))
    assert run.rc == 2 and states(run.result("local_ca_certificate 1")) == {"shop": "done", "outside": "failed"}


def test_wrong_arguments_are_named(ansible, site):
    wrong = (
        ({"issuer": {"type": "nobody"}}, "issuer.type"),
        ({"issuer": {"type": "local_ca", "colour": 1}}, "colour"),
        ({"secret_store": {"type": "directory"}}, "path"),
        ({"profiles": {"web": {"lifetime": "soon"}}}, "profiles.web.lifetime"),
        ({"certificates": "shop"}, "unable to convert to dict"),
        ({"colour": 1}, "colour"),
    )
    tasks = play(site.set_up(), *(site.facade(SHOP, **given) for given, _word in wrong))
    for task in tasks[0]["tasks"][1:]:
        task["ignore_errors"] = True
    run = ansible.playbook(tasks).ok()
    for number, (_given, word) in enumerate(wrong, 1):
        assert word in str(run.result(f"certificate {number}")), run.output
    assert run.stats["localhost"]["ignored"] == len(wrong) and not (site.folder / "store").exists()


def test_the_facade_and_the_module_are_one_lineage(ansible, site):
    run = ansible.playbook(play(site.set_up(), site.facade(SHOP), site.module(SHOP))).ok()
    assert states(run.result("local_ca_certificate 2")) == {"shop": "unchanged"}


def test_group_defaults_reach_the_facade_and_the_module(ansible, site):
    tasks = play(site.set_up(), ("certificate", {"issuer": {"type": "local_ca", **site.ca}, "certificates": [SHOP]}))
    tasks[0]["tasks"].append({"name": "own", "certops.clm.local_ca_certificate": {**site.ca, "certificates": [SHOP]}})
    tasks[0]["module_defaults"] = {"group/certops.clm.clm_issue": site.kept}
    assert states(ansible.playbook(tasks).ok().result("own")) == {"shop": "unchanged"}


@pytest.mark.every_core
def test_no_key_and_no_passphrase_leaves_the_store(ansible, site):
    keys_stay(ansible, site, "facade")


def test_no_key_and_no_passphrase_leaves_a_module(ansible, site):
    keys_stay(ansible, site, "module")


def keys_stay(ansible, site, way):
    keep = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_DEBUG": "1", "ANSIBLE_LOCAL_TEMP": str(ansible.place / "local"),
            "ANSIBLE_REMOTE_TMP": str(ansible.place / "remote"), "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(ansible.place / "cache")}  # fmt: skip
    run = ansible.playbook(play(site.set_up(), getattr(site, way)(SHOP, API)), args=["-vvvvv", "--diff"], env=keep).ok()
    secrets = [PASSPHRASE.encode()]
    for path in site.folder.rglob("*.key"):
        secrets += [line for line in path.read_bytes().splitlines() if b"-----" not in line]
    for path in site.folder.rglob("key.pem"):
        secrets += forms(path.read_bytes())
    assert len(secrets) > 15
    places = [path for path in [*ansible.place.rglob("*"), *site.folder.rglob("*")] if path.is_file()]
    texts = {str(path): path.read_bytes() for path in places if path.suffix != ".key" and path.name not in ("key.pem", "passphrase")}
    texts["output"] = run.output.encode()
    assert len(texts) > 10 and len(texts["output"]) > 10_000
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret in text] == []


def forms(key: bytes) -> List[bytes]:
    """The private number of a key as it could be written; PEM lines of a key hold its public half too, so they say nothing."""
    numbers = serialization.load_pem_private_key(key, None).private_numbers()  # type: ignore[union-attr]
    number = numbers.private_value if hasattr(numbers, "private_value") else numbers.d
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    coded = [base64.b64encode(b"\0" * shift + raw)[4:36] for shift in range(3)]
    return [raw, raw.hex()[:32].encode(), str(number).encode()[:32], *coded]
