# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a failed task's message: what is there and until when, what next, and a page, whatever is wrong with the arguments."""

from __future__ import annotations

import pytest

context = pytest.importorskip("ansible.context")

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.plugin_utils import answers, plain, refusing
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import World

PAGE = "docs/docsite/rst/runbook_refused.rst"
CRASH = {"failed": True, "rc": 126, "module_stdout": "", "module_stderr": "trying\n/bin/sh: 1: python3: Permission denied\n"}


@pytest.fixture(autouse=True)
def this_run(monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", {"args": ("site.yml",), "inventory": ("hosts.yml",)})


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": [deployment("web1")]}))
    world.version("shop", world.authority.chain("shop.example.com"))
    world.store.flush()
    world.save()
    return world


def store_of(world):
    return {"type": "directory", "path": str(world.folder / "store"), "allow_ephemeral": True}


def test_a_task_that_is_refused_as_a_whole_says_what_its_lineages_have(world):
    wanted = [{"lineage": "shop", "names": ["x"]}, {"id": "new"}, *({"lineage": f"l{number}"} for number in range(3))]
    said = refusing.refused(ConfigError("no", field="issuer"), {"secret_store": store_of(world), "certificates": wanted})
    assert said["failed"] and said["runbook_page"] == PAGE
    assert "issuer: no. shop, kept now: SHA-256 " in said["msg"] and " UTC (in " in said["msg"] and "new, kept now: nothing." in said["msg"]
    assert said["msg"].endswith(
        "And 2 more, which certops.clm.secret_store_info shows. Command, when that is mended: `ansible-playbook -i hosts.yml site.yml`"
        f". Runbook: {PAGE}"
    )
    elsewhere = refusing.told({"failed": True, "msg": "no"}, {"secret_store": store_of(world), "certificates": wanted}, here=False)
    assert "was not read: it lies where the task ran" in elsewhere["msg"]


def test_a_reason_is_not_told_twice():
    told = refusing.refused(ConfigError("there is no file /nowhere.yml", hint="look"), {"manifest": "/nowhere.yml"})["msg"]
    assert told.count("/nowhere.yml") == 2, "once more, because the reader of the manifest has another hint"
    same = "secret_store.type: unknown type 'dir'"
    wanted = {"secret_store": {"type": "dir"}, "certificates": [{"lineage": "shop"}]}
    again = refusing.refused(_of_type(wanted["secret_store"]), wanted)["msg"]
    assert again.count(same) == 1 and "What is served or kept now is not known. " in again


def _of_type(store):
    with pytest.raises(ConfigError) as error:
        refusing.provider_options(refusing.secret_stores, store, "secret_store")
    return error.value


def test_of_a_manifest_it_says_what_ends_first_or_what_its_lineage_has(world):
    path = world.save()
    assert "Of what is served nothing is known" in refusing.refused(ConfigError("no"), {"manifest": str(path)}, "ending")["msg"]
    assert "shop, kept now: SHA-256" in refusing.refused(ConfigError("no"), {"manifest": str(path), "lineage": "shop"})["msg"]


@pytest.mark.parametrize(("args", "unknown"), [
    ({"manifest": "/nowhere.yml"}, True), ({"manifest": ["a list"]}, True), ({"deployments": [{}]}, True),
    ({"secret_store": "text", "certificates": [{"lineage": "shop"}]}, True), ({"secret_store": {}, "certificates": 5}, True),
    ({"secret_store": {"type": "nowhere"}, "lineages": [{"lineage": "shop"}]}, True),
    ({"secret_store": {"type": "directory"}, "lineages": ["shop", 5]}, False), ({}, False),
])  # fmt: skip
def test_wrong_arguments_never_hide_what_was_wrong(args, unknown):
    said = refusing.refused(ConfigError("that is wrong"), args)["msg"]
    assert said.startswith("that is wrong. ") and said.endswith(f"`ansible-playbook -i hosts.yml site.yml`. Runbook: {PAGE}")
    assert ("not known" in said) is unknown and "object" not in said


def test_an_item_that_says_itself_what_was_there_is_not_told_twice(world):
    args = {"secret_store": store_of(world), "certificates": [{"lineage": "shop"}, {"lineage": "good"}]}
    outcomes = {"shop": {"state": "failed", "before": {}}, "good": {"state": "done", "before": {}}}
    said = refusing.told({"failed": True, "msg": f"1 of 2. Runbook: {PAGE}", "outcomes": outcomes}, args)["msg"]
    assert "shop, kept now: " in said and "good" not in said
    outcomes["shop"]["before"] = {"sha256": "ab"}
    assert "kept now" not in refusing.told({"failed": True, "msg": "1 of 2", "outcomes": outcomes}, args)["msg"]
    assert refusing.told({"changed": True, "msg": "fine"}, args) == {"changed": True, "msg": "fine"}


@pytest.mark.parametrize("result", [
    {**CRASH, "msg": "MODULE FAILURE\nSee stdout/stderr for the exact error"},
    {**CRASH, "msg": "Module result deserialization failed: No start of json char found"},
])  # fmt: skip
def test_a_module_that_gave_no_answer_is_told_by_what_the_server_printed(result):
    said = refusing.told(dict(result), {"deployments": [{}]}, "deploy")["msg"]
    assert "/bin/sh: 1: python3: Permission denied. Next: Let its Python run there" in said and "exit code 126" in said
    assert answers.TRY in said and "deserialization" not in said and "MODULE" not in said and said.endswith("runbook_deploy.rst")
    assert answers.bare(said).endswith("tries just that.") and "Runbook" not in answers.bare(said)
    assert not answers.gave_none({"unreachable": True, **result}) and not answers.gave_none({"failed": True, "msg": "path: no"})


@pytest.mark.parametrize(("module", "page"), [
    ("ledger_info", "ledger"), ("secret_store_info", "store"), ("server_certificates_info", "blind"), ("aws_acm_deployment", "deploy"),
    ("acme_account", "refused"),
])  # fmt: skip
def test_the_page_of_a_module_whose_error_names_none(module, page):
    assert plain.page_of(f"ansible_collections.certops.clm.plugins.action.{module}") == page
