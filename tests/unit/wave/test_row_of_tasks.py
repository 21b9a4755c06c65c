# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of a wave in the role's YAML: literals, order, and one verdict (ecosystem.md, 5a)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.certops.clm.plugins.plugin_utils.wave.handed import NAMED

ROOT = Path(__file__).parents[3]
ROW = ROOT / "roles/rotate/tasks"
INCLUDE, IMPORT, META = "ansible.builtin.include_tasks", "ansible.builtin.import_tasks", "ansible.builtin.meta"
VERDICT = "certops.clm.wave_verdict"


def in_order(name="main.yml"):
    """The tasks of a wave as a lead meets them on core 2.16: what our own files hold stands in the place of what brings them."""
    tasks = []
    for task in yaml.safe_load((ROW / name).read_text()):
        brought = task.get(INCLUDE) or task.get(IMPORT) or {}
        path = "leads_include.yml" if "ansible_version" in brought.get("file", "") else brought.get("file", "")
        tasks += [] if IMPORT in task else [task]
        tasks += in_order(path) if (ROW / path).is_file() else []
    return tasks


TASKS = in_order()
NAMES = [task["name"] for task in TASKS]


@pytest.mark.parametrize("task", TASKS[:-1], ids=NAMES[:-1])
def test_no_task_before_the_verdict_can_fail_a_host(task):
    assert task["ignore_errors"] is True, "core 2.16 does not template ignore_errors: it is the literal true"
    if INCLUDE not in task:  # an include is not reached by a connection, and Ansible refuses the word
        assert task["ignore_unreachable"] is True


@pytest.mark.parametrize("task", TASKS, ids=NAMES)
def test_nothing_that_loses_hosts_or_starts_the_next_wave(task):
    assert not {"block", "rescue", "always", "any_errors_fatal", "throttle", "async"} & set(task)


def test_the_verdict_is_last_for_every_host_and_the_only_one():
    assert VERDICT in TASKS[-1] and not {"run_once", "when", "ignore_errors", "ignore_unreachable", "delegate_to"} & set(TASKS[-1])
    assert sum(VERDICT in task for task in TASKS) == 1


def test_batch_steps_run_once_and_work_on_servers_runs_on_the_real_host():
    for task in TASKS[:-1]:
        if any(key.startswith("certops.clm.wave_") for key in task):
            assert task["run_once"] is True
        if any(key.startswith("certops.clm.server_") for key in task):
            assert task["delegate_to"] == "{{ clm_server }}" and "run_once" not in task


def test_proofs_are_published_between_two_calls_and_withdrawn_after_them_on_the_real_hosts():
    ask, proofs, deploy = (NAMES.index(name) for name in ("Issue", "Prove names by web servers", "Deploy to clouds"))
    publish, again, withdraw = TASKS[proofs + 1 : deploy]
    assert proofs == ask + 1 and "rotate_asked.withdraw" in TASKS[proofs]["when"] and "run_once" not in TASKS[proofs]
    assert set(again) >= {"certops.clm.wave_issue", "run_once"} and again["register"] != TASKS[ask]["register"]
    for task, state in ((publish, None), (withdraw, "absent")):
        assert task["certops.clm.http_01_webroot"].get("state") == state
        assert task["delegate_to"] == "{{ item.host }}" and not {"run_once", "when"} & set(task)


def test_what_servers_say_is_never_templated():
    """On core 2.16 hostvars templates the message of an unreachable host, which holds its SSH banner."""
    text = "".join(path.read_text() for path in sorted(ROW.glob("*.yml")))
    ours = [task["register"] for task in TASKS if any(key.startswith("certops.clm.server_") for key in task)]
    for name in [*ours, "rotate_published", "rotate_withdrawn"]:
        assert f": {name} of rotate_" in text and f"hostvars, '{name}'" not in text


def test_batch_steps_take_what_earlier_tasks_registered_by_its_name():
    """A template of it costs several milliseconds for each deployment, at each step."""
    steps = [task[key] for task in TASKS for key in task if ".wave_" in key]
    taken = {name: value for step in steps for name, value in step.items() if name in NAMED}
    assert set(taken) == set(NAMED) and not any("{{" in str(value) for value in taken.values())
    registered = {task["register"] for task in TASKS if "register" in task}
    assert {word.partition(".")[0] for value in taken.values() for word in re.findall(r"rotate_[a-z_.]+", value)} <= registered


def test_the_users_gate_gets_the_literals_too():
    (gate,) = [task for task in TASKS if "rotate_plan.gate" in str(task.get(INCLUDE))]
    assert gate[INCLUDE]["apply"] == {"ignore_errors": True, "ignore_unreachable": True}


def test_a_host_that_leads_nothing_meets_one_task_that_costs_a_process_of_its_own_and_on_old_cores_two():
    alone = yaml.safe_load((ROW / "main.yml").read_text())
    work, verdict = [task for task in alone if "run_once" not in task]
    assert VERDICT in verdict
    old, new = yaml.safe_load((ROW / "leads_include.yml").read_text()), yaml.safe_load((ROW / "leads_stay.yml").read_text())
    assert "'leads_stay.yml' if ansible_version.full is ansible.builtin.version('2.18', '>=')" in work[IMPORT]["file"]
    assert len(old) == len(new) == 1 and old[0][INCLUDE] == {"file": "wave.yml"} and "rotate_plan.leads" in old[0]["when"]
    leave, row = yaml.safe_load((ROW / new[0]["ansible.builtin.import_role"]["tasks_from"]).read_text())
    assert leave[META] == "end_role" and leave["when"] == old[0]["when"].replace(" in ", " not in ")
    assert row[IMPORT] == old[0][INCLUDE] and set(row) == set(leave) - {META, "when"} | {IMPORT}


def test_the_waves_of_the_playbook_stop_at_the_first_red_host():
    plays = yaml.safe_load((ROOT / "playbooks/rotate.yml").read_text())
    waves = [play for play in plays if "serial" in play]
    assert [play["hosts"] for play in waves] == ["clm_due:&clm_canary", "clm_due:!clm_canary"]
    for play in waves:
        assert play["max_fail_percentage"] == 0
        assert play["serial"].startswith("{{ hostvars['localhost'].clm_")
        assert "any_errors_fatal" not in play


def test_by_default_canaries_are_soaked_for_five_minutes_and_every_other_wave_for_one():
    role = ROOT / "roles" / "rotate"
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    documented = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    for name, seconds in (("rotate_soak_canary", 300), ("rotate_soak", 60)):
        assert defaults[name] == documented[name]["default"] == seconds
