# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS through ansible-playbook and the inventory, against the lab's emulator (tier B)."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.support.world import World

HOSTILE = "{{ lookup('pipe', 'touch /tmp/clm-was-here') }}"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


def info(ansible, aws, *args, **options):
    task = {"certops.clm.aws_certificates_info": {"regions": [REGION], **options}, "name": "List"}
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": [task]}]
    return ansible.playbook(play, args=args, env=aws.environment)


def test_listed_judged_and_blind_is_red(ansible, aws, tmp_path):
    aws.reset()
    root = tmp_path / "root.pem"
    root.write_text(aws.ca.root_pem)
    used, issued = aws.hold("shop.example.com", tags={"owner": HOSTILE})
    unused, _old = aws.hold("old.example.com")
    aws.listener("shop", used)
    run = info(ansible, aws, "--check", "-vvv", anchors=[str(root)]).ok()
    rows = {row["where"]["certificate_arn"]: row for row in run.result("List")["certificates"]}
    assert rows[used]["findings"] == [] and rows[used]["sha256"] == issued.sha256 and rows[unused]["findings"] == ["unused"]
    assert run.changed() == 0 and run.result("List")["counts"] == {"unused": 1} and "PRIVATE KEY" not in run.output
    assert "no_path" in info(ansible, aws).ok().result("List")["certificates"][0]["findings"], "its root is not public"
    aws.faults({"match": "elasticloadbalancing:*", "share": 1, "code": "AccessDenied"})
    run = info(ansible, aws)
    answer = run.result("List")
    assert run.rc == 2 and "elbv2 of account 123456789012 in eu-central-1" in answer["msg"] and len(answer["certificates"]) == 2
    assert info(ansible, aws, allow_unseen=True).ok().result("List")["unseen"]


def test_places_are_hosts_with_their_owner_and_a_region_that_refuses_is_blind(ansible, aws, tmp_path):
    aws.reset()
    used, issued = aws.hold("shop.example.com", tags={"owner": HOSTILE})
    _unused, old = aws.hold("old.example.com", tags={"owner": "team-old"})
    aws.listener("shop", used)
    World(tmp_path).save()
    source = {"type": "aws_certificates", "regions": [REGION]}
    hosts = tmp_path / "aws.clm.yml"
    hosts.write_text(json.dumps({"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": [source]}))
    place = "{{ [clm_owner, clm_where.slot | default('none'), clm_sha256, 'clm_orphaned' in group_names] }}"
    show = {"name": "Show", "ansible.builtin.debug": {"msg": place}}
    play = [{"hosts": "clm_unmanaged", "gather_facts": False, "tasks": [show]}]
    run = ansible.playbook(play, inventory=hosts, env=aws.environment).ok()
    said = [event["msg"] for event in run.results("Show")]
    expected = [[HOSTILE, "default", issued.sha256, False], ["team-old", "none", old.sha256, True]]
    assert sorted(said) == sorted(expected), "in use but unmanaged, and an orphan"
    aws.faults({"match": "acm:*", "share": 1, "code": "AccessDenied"})
    blind = {"name": "Blind", "ansible.builtin.debug": {"msg": "{{ clm_blind }}"}}
    run = ansible.playbook([{"hosts": "all", "gather_facts": False, "tasks": [blind]}], inventory=hosts, env=aws.environment).ok()
    assert any("acm of account 123456789012" in text for text in run.results("Blind")[0]["msg"])
