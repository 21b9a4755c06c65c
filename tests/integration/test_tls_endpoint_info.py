# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tls_endpoint_info through ansible-playbook: it reads, says everything, changes nothing and fails for nothing that it sees."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.certops.clm.tests.unit.probe.tls import Pki, serving, serving_leaf

PKI = Pki()
LEAF, OTHER = PKI.leaf("127.0.0.1"), PKI.leaf("{{ lookup('pipe', 'id') }}.example")
CONTROLLER = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def play(arguments):
    tasks = [
        {"name": "look", "certops.clm.tls_endpoint_info": arguments, "register": "looked"},
        {"name": "say", "ansible.builtin.debug": {"var": "looked.certificates"}},
        {"name": "decide", "ansible.builtin.assert": {"that": ["looked.ok is false", "looked.outcomes.good.state == 'unchanged'"]}},
    ]
    return [{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}]


@pytest.mark.every_core
def test_a_batch_of_good_and_bad_endpoints(ansible, tmp_path):
    (tmp_path / "root.pem").write_bytes(PKI.root.pem)
    with serving_leaf(LEAF) as good, serving_leaf(OTHER) as other, serving(lambda sock: threading.Event().wait(30)) as hangs:
        endpoints = [{"id": name, "host": "127.0.0.1", "port": port} for name, port in (("good", good), ("other", other), ("hangs", hangs))]
        arguments = {"endpoints": endpoints, "anchors": {"internal": str(tmp_path / "root.pem")}, "timeout": 1, "concurrency": 2}
        runs = [ansible.playbook(play(arguments), args=args).ok() for args in ([], [], ["--check", "--diff"])]
    for run in runs:
        outcomes = run.result("look")["outcomes"]
        assert {item: one["state"] for item, one in outcomes.items()} == {"good": "unchanged", "other": "failed", "hangs": "unproven"}
        assert outcomes["good"]["sha256"] == LEAF.sha256 and run.result("look")["certificates"][LEAF.sha256]["pem"] == LEAF.pem.decode()
        assert run.changed() == 0 and "uid=" not in run.output


@pytest.mark.every_core
def test_wrong_input_fails_and_names_the_field(ansible):
    run = ansible.playbook(play({"endpoints": [{"host": "127.0.0.1", "port": 99999}]}))
    assert run.rc == 2 and "endpoints[0].port: 99999 is not a port" in run.result("look")["msg"]
