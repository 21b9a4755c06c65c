# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a message at three in the morning: how long there is time, and the command line that goes on."""

from __future__ import annotations

import pytest

context = pytest.importorskip("ansible.context")

from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.plugin_utils import again
from ansible_collections.certops.clm.plugins.plugin_utils.holds import first_end
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World

LINE = "ansible-playbook -i hosts.yml certops.clm.cleanup"
PAGE = "docs/docsite/rst/runbook_ending.rst"


@pytest.mark.parametrize(("arguments", "line"), [
    ({"args": ("certops.clm.rotate",), "inventory": ("/a b/hosts.yml", "c.clm.yml")},
     "ansible-playbook -i '/a b/hosts.yml' -i c.clm.yml certops.clm.rotate"),
    ({"args": ("one.yml", "two.yml"), "inventory": None, "extra_vars": ("clm_backup_passphrase=secret",)},
     "ansible-playbook one.yml two.yml"),
    ({"args": ("certops.clm.rollback",), "extra_vars": ("clm_lineage=shop", "clm_version=1 x=y", '{"clm_lineage": "x"}', "token=abc")},
     "ansible-playbook certops.clm.rollback -e clm_lineage=shop"),
    ({"args": "localhost", "module_name": "certops.clm.certificate"}, ""),
    ({}, ""),
])  # fmt: skip
def test_the_command_is_that_of_this_run_without_what_may_be_secret(monkeypatch, arguments, line):
    monkeypatch.setattr(context, "CLIARGS", arguments)
    assert again.command() == line


def test_the_inventory_that_ansible_takes_by_itself_is_not_in_the_command(monkeypatch):
    monkeypatch.setattr(again.C, "DEFAULT_HOST_LIST", ["/etc/ansible/hosts"])
    monkeypatch.setattr(context, "CLIARGS", {"args": ("ca.yml",), "inventory": ["/etc/ansible/hosts"]})
    assert again.command() == "ansible-playbook ca.yml"


@pytest.mark.parametrize(("message", "told"), [
    (f"it broke. Runbook: {PAGE}", f"it broke. Command, when that is mended: `{LINE}`. Runbook: {PAGE}"),
    ("it broke", f"it broke. Command, when that is mended: `{LINE}`"),
    ("run ansible-playbook certops.clm.adopt", "run ansible-playbook certops.clm.adopt"),
    ("Next: do it. Command: `x`", "Next: do it. Command: `x`"),
    ("", ""),
])  # fmt: skip
def test_a_failure_ends_with_a_command_and_its_page(message, told):
    assert again.with_command({"failed": True, "msg": message}, LINE)["msg"] == told
    assert again.with_command({"failed": False, "msg": message}, LINE)["msg"] == message
    assert again.with_command({"failed": True, "msg": message}, "")["msg"] == message


def test_what_ends_first_is_named_with_its_lineage_place_and_date(tmp_path):
    places = [deployment("web1"), deployment("web2")]
    world = World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places}))
    manifest = load(str(world.save()))
    assert first_end(manifest, Observations.parse(world.observations), NOW) == "Of what is served nothing is known."
    world.serve("web1.example.com|8443|shop.example.com|none", world.authority.chain("shop.example.com"))
    old = world.authority.chain("shop.example.com", age=60)
    world.serve("web2.example.com|8443|shop.example.com|none", old)
    said = first_end(manifest, Observations.parse(world.observations), NOW)
    assert said.startswith("Of what was seen, this ends first, shop at web2.example.com:8443 (shop.example.com). Served now: SHA-256 ")
    assert " UTC (in " in said
