# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs of the tests leave for each other (tests/lab/callback/clm_kept.py) is used, and belongs to one content of the collection."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.issuing.site import CONTROLLER
from ansible_collections.certops.clm.tests.lab.playbook import Ansible, kept_folder
from ansible_collections.certops.clm.tests.support.environment import CACHE


@pytest.mark.every_core
def test_a_module_is_packed_once_and_the_collection_is_compiled_once(ansible, tmp_path):
    ansible.kept = kept_folder(tmp_path / "kept")
    tasks = [{"name": "read", "certops.clm.certificate_info": {"certificates": [{"id": "gone", "path": "/gone"}]}, "ignore_errors": True}]
    play = [{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}]
    first = ansible.playbook(play).ok()
    (packed,) = (tmp_path / "kept" / "modules").glob("*/*")
    code = {path.name for path in (tmp_path / "kept" / "code").iterdir()}
    assert packed.name.startswith("ansible_collections.certops.clm.plugins.modules.certificate_info-") and len(code) > 50
    before = packed.stat().st_mtime_ns
    outcomes = ansible.playbook(play).ok().result("read")["outcomes"]
    assert outcomes == first.result("read")["outcomes"] and packed.stat().st_mtime_ns == before
    assert {path.name for path in (tmp_path / "kept" / "code").iterdir()} == code
    packed.write_bytes(b"")
    assert "does not exist" not in ansible.playbook(play).output, "what is kept was not used: it is broken, and yet the module answered"


def test_a_test_that_changes_the_collection_and_whoever_measures_keeps_nothing(installed, tmp_path):
    assert installed.parent == CACHE / "installed"
    assert not {"CLM_KEPT", "CLM_KEPT_CODE", "PYTHONPATH"} & set(Ansible("2.19", installed, tmp_path).environment())
