# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks registered on other hosts is read as it is, and is data."""

from __future__ import annotations

import pytest
from ansible.template import Templar

from ansible_collections.certops.clm.plugins.filter.registered import registered
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import trusted_template

EVIL = "Failed to connect: {{ 6 * 7 }}"


class HostVars:
    """As Ansible's: to read a host templates what it holds, to get it raw does not."""

    def __init__(self, **hosts):
        self.hosts = hosts

    def __getitem__(self, host):
        pytest.fail("templated")

    def raw_get(self, host):
        return self.hosts.get(host)


def test_it_is_never_templated():
    found = registered(["a", "b", "c"], HostVars(a={"x": {"msg": EVIL}}, b={}), "x")
    assert found == {"a": {"msg": EVIL}, "b": {}, "c": {}}
    assert Templar(loader=None, variables={"found": found}).template(trusted_template("{{ found.a.msg }}")) == EVIL


@pytest.mark.parametrize("result", [None, "text", ["list"], 7])
def test_what_is_no_result_is_empty(result):
    assert registered(["a"], HostVars(a={"x": result}), "x") == {"a": {}}
