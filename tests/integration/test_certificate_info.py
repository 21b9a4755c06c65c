# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""certificate_info, filters and tests through ansible-playbook: they read, change nothing, and run nothing that a certificate says."""

from __future__ import annotations

import pytest
from cryptography import x509

from ansible_collections.certops.clm.tests.unit.x509.make import tree

PAYLOAD = "{{ lookup('pipe', 'id') }}"
CONTROLLER = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def play(certificates, *more):
    tasks = [{"name": "read", "certops.clm.certificate_info": {"certificates": certificates}, "register": "files"}, *more]
    return [{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}]


@pytest.fixture
def chain(tmp_path):
    leaf, above, root = tree(subject=PAYLOAD, names=[x509.DNSName("a.example.com"), x509.DNSName(PAYLOAD)])
    (tmp_path / "chain.pem").write_text(leaf.pem + above.pem)
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "cut.pem").write_text(leaf.pem[:-40])
    return tmp_path, leaf.certificate


@pytest.mark.every_core
def test_files_are_read_and_nothing_in_them_runs(ansible, chain):
    folder, leaf = chain
    root = f"lookup('ansible.builtin.file', '{folder}/root.pem')"
    text = f"lookup('ansible.builtin.file', '{folder}/chain.pem')"
    facts = {
        "parsed": f"{{{{ {text} | certops.clm.parse_certificate }}}}",
        "names": f"{{{{ {text} | certops.clm.certificate_names }}}}",
        "subjects": f"{{{{ {text} | certops.clm.parse_certificates | map(attribute='subject') | list }}}}",
    }
    tests = [
        f"{text} is certops.clm.trusted_by({root}, name='a.example.com', at='2026-11-05T12:00:00Z')",
        f"{text} is certops.clm.expiring('90d', at='2026-11-05T12:00:00Z')",
        f"{text} is not certops.clm.expiring('30d', at='2026-11-05T12:00:00Z')",
        "files.certificates.good | length == 2 and files.certificates.cut[0].malformed | length == 1",
    ]
    more = [
        {"name": "set", "ansible.builtin.set_fact": facts},
        {"name": "show", "ansible.builtin.debug": {"msg": ["{{ parsed.subject }}", "{{ names }}", "{{ subjects }}", "{{ parsed }}"]}},
        {"name": "judge", "ansible.builtin.assert": {"that": tests}},
    ]
    given = [{"id": "good", "path": f"{folder}/chain.pem"}, {"id": "cut", "path": f"{folder}/cut.pem"}]
    for args in ([], ["--check", "--diff"]):
        run = ansible.playbook(play(given, *more), args=args).ok()
        assert run.result("read")["certificates"]["good"][0]["sha256"] == leaf.sha256 == run.result("show")["msg"][3]["sha256"]
        assert PAYLOAD in run.result("show")["msg"][1] and run.changed() == 0 and "uid=" not in run.output


@pytest.mark.every_core
def test_a_file_that_is_not_there_fails_and_its_neighbour_is_read(ansible, chain):
    folder, leaf = chain
    run = ansible.playbook(play([{"id": "good", "path": f"{folder}/chain.pem"}, {"id": "gone", "path": f"{folder}/gone"}]))
    result = run.result("read")
    assert run.rc == 2 and "gone" in result["msg"] and "does not exist" in result["msg"]
    assert result["certificates"]["good"][0]["sha256"] == leaf.sha256 and result["outcomes"]["good"]["state"] == "unchanged"
