# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module local_ca through ansible-playbook: set up twice, offline root on another machine, CRL."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.tests.integration.issuing.site import Site, play, states


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_setting_up_twice_changes_nothing(ansible, site):
    tasks = play(site.set_up())
    assert set(states(ansible.playbook(tasks, args=["--check", "--diff"]).ok().result("local_ca 0")).values()) == {"planned"}
    assert not (site.folder / "ca").exists()
    assert ansible.playbook(tasks, args=["--diff"]).ok().changed() == 1
    assert ansible.playbook(tasks, args=["--diff"]).ok().changed() == 0
    assert ansible.playbook(play(site.set_up(crl_lifetime="3d"))).ok().changed() == 1


def test_the_root_signs_offline_and_its_answer_comes_in_later(ansible, site):
    signed, vault = site.folder / "signed.pem", site.folder / "vault"
    here = {"part": "intermediate", "certificate": str(signed), "root_certificate": str(vault / "root.pem")}
    there = {"path": str(vault), "part": "root", "request": str(site.folder / "ca" / "intermediate.csr"), "certificate": str(signed)}
    waits = ansible.playbook(play(site.set_up(**here))).ok().result("local_ca 0")
    assert states(waits)["intermediate"] == "pending" and "intermediate.csr" in waits["outcomes"]["intermediate"]["message"]
    assert ansible.playbook(play(site.set_up(**here))).ok().changed() == 0
    assert states(ansible.playbook(play(site.set_up(**there))).ok().result("local_ca 0"))["request"] == "done"
    assert ansible.playbook(play(site.set_up(**there))).ok().changed() == 0
    assert states(ansible.playbook(play(site.set_up(**here))).ok().result("local_ca 0"))["intermediate"] == "done"
    assert ansible.playbook(play(site.set_up(**here))).ok().changed() == 0


def test_a_failure_names_the_part_and_keeps_the_other_outcomes(ansible, site):
    run = ansible.playbook(play(site.set_up(intermediate={"permitted": ["not a name"]})))
    result = run.result("local_ca 0")
    assert run.rc == 2 and states(result) == {"settings": "done", "root": "done", "intermediate": "failed"}
    assert "permitted" in result["msg"] and "not a name" in result["msg"]
