# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps read what earlier tasks registered by its name: as it is, and whatever is there."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.plugin_utils.wave.handed import handed, packed, raw

EVIL = "Failed to connect: {{ 6 * 7 }}"


class HostVars:
    """As Ansible's: to read a host templates what it holds, to get it raw does not."""

    def __init__(self, **hosts):
        self.hosts = hosts

    def __getitem__(self, host):
        pytest.fail("templated")

    def raw_get(self, host):
        return self.hosts.get(host)


def test_a_part_of_what_a_task_registered_is_taken_as_it_is():
    variables = {"issued": {"versions": {"a": EVIL}}}
    assert handed({"versions": "issued.versions", "soak": "5"}, variables) == {"versions": {"a": EVIL}, "soak": "5"}
    assert handed({"asked": "issued"}, variables) == {"asked": variables["issued"]}


def test_a_dict_is_taken_as_it_was_given():
    assert handed({"outcomes": {"a": 1}, "plan": {"hosts": ["a"]}}, {}) == {"outcomes": {"a": 1}, "plan": {"hosts": ["a"]}}


@pytest.mark.parametrize(
    ("answered", "versions"),
    [
        ({"versions": {"a": 2}}, {"a": 2}),
        ({"skipped": True, "versions": {"a": 2}}, {"a": 1}),
        ({"failed": True, "msg": "before our code"}, None),  # it ran, so what came before it does not hold any more
        ("text", {"a": 1}),
    ],
)
def test_of_several_that_of_the_first_task_counts_that_ran(answered, versions):
    found = handed({"versions": "answered.versions, asked.versions"}, {"asked": {"versions": {"a": 1}}, "answered": answered})
    assert found.get("versions") == versions


def test_what_a_task_did_not_return_is_left_to_its_default():
    variables = {"hostvars": HostVars(), "issued": {"failed": True}}
    assert handed({"versions": "issued.versions", "servers": "served of issued.work"}, variables) == {"servers": {}}


@pytest.mark.parametrize("text", ["nobody", "nobody.versions", "served of nobody.work", ""])
def test_a_name_that_no_task_registered_is_a_mistake_and_is_named(text):
    with pytest.raises(ConfigError) as caught:
        handed({"versions": text}, {"hostvars": HostVars()})
    assert caught.value.field == "versions" and repr(text) in str(caught.value)


def test_long_parts_travel_as_text_and_arrive_as_they_were():
    plan = {"hosts": ["a"], "items": {"a": {"lead": "a"}}, "lineages": {"shop": {"dead": []}}, "secret_store": {"type": "directory"}}
    answer = {"outcomes": {"a": {}}, "versions": {"shop": {"version": "1"}}, "work": {"a": [{"id": "a"}]}, "plan": plan}
    sent = packed(answer)
    assert {type(sent["versions"]), type(sent["work"]["a"]), type(sent["plan"]["items"])} == {str} and sent["outcomes"] == {"a": {}}
    named, templated = {"plan": "r.plan", "versions": "r.versions", "asked": "r"}, {"plan": sent["plan"], "versions": sent["versions"]}
    for given in (named, {**templated, "asked": sent}):
        found = handed(given, {"r": sent})
        assert found["plan"] == plan and found["versions"] == answer["versions"] and found["asked"]["work"] == answer["work"]


@pytest.mark.parametrize("plan", [None, {}, {"failed": True}, {"plan": "text"}, "text"])
def test_without_a_plan_every_step_knows_the_hosts_and_what_was_refused(plan):
    variables = {"ansible_play_batch": ["a", "b"], "rotate_plan": plan}
    assert handed({"plan": "rotate_plan.plan"}, variables) == {"plan": {"hosts": ["a", "b"], "refused": {}}}
    refused = {"outcomes": {"a": {"state": "failed"}}}
    assert handed({"plan": "rotate_plan.plan"}, {**variables, "rotate_plan": refused})["plan"]["refused"] == refused["outcomes"]


def test_by_host_what_a_task_registered_on_the_keys_of_a_part():
    hostvars = HostVars(a={"served": {"msg": EVIL}}, b={}, c={"served": [EVIL]}, e={"served": {}})
    variables = {"hostvars": hostvars, "issued": {"work": {"a": [], "b": [], "c": [], "d": []}}}
    found = handed({"servers": "served of answered.work, issued.work"}, variables)
    assert found == {"servers": {"a": {"msg": EVIL}, "b": {}, "c": {}, "d": {}}}
    assert raw(hostvars, "nobody", "served") is None
