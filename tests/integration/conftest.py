# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the integration tests: the lab, and ansible-playbook of the core that the test is run on.

    @pytest.mark.every_core                       # 2.16, 2.19, 2.21 (with the lab 2.16, 2.21); without it CLM_CORES (default 2.19)
    def test_it(lab, ansible, tmp_path):
        inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1"])
        run = ansible.playbook([{"hosts": "web1", "gather_facts": False, "tasks": [...]}], inventory=inventory).ok()
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.playbook import Ansible
from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import CACHE, CORES, cores, every_core


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`core` is each core of CLM_CORES, or those of every_core() where the test is marked so."""
    if "core" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_core")
        metafunc.parametrize("core", every_core("lab" in metafunc.fixturenames) if every else cores())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says it when a core was left out."""
    ran = any(report.nodeid.startswith("tests/integration") for report in terminalreporter.stats.get("passed", []))
    if ran and len(every_core(costly=True)) < len(CORES):
        said = f"whole campaigns ran on {' and '.join(every_core(costly=True))} only; CLM_EVERY_CORE=all runs them on {', '.join(CORES)}"
        terminalreporter.section("fewer cores")
        terminalreporter.write_line(said)


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Lab]:
    """Hosts, sshd and servers of this worker; use `lab`, which is this one as new."""
    lab = Lab(keep_code=True)
    try:
        yield lab.start()
    finally:
        lab.stop()


@pytest.fixture
def lab(running_lab: Lab) -> Lab:
    """The lab on its first day: all reachable, every server with a new initial certificate."""
    return running_lab.reset()


@pytest.fixture(scope="session")
def installed() -> Path:
    """A collections path with the collection as ansible-galaxy builds and installs it now."""
    return collection.installed()[0]


@pytest.fixture
def ansible(core: str, installed: Path) -> Iterator[Ansible]:
    """ansible-playbook of the core; its folder is short, because sockets of connections stand in it."""
    place = Path(tempfile.mkdtemp(prefix="clm-ansible-", dir="/var/tmp"))
    yield Ansible(core, installed, place, keep=installed.parent == CACHE / "installed")  # and none for a test's own changed copy
    shutil.rmtree(place, ignore_errors=True)
