# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gate is read before anything is deployed: what Ansible could not include would end a wave in its middle."""

from __future__ import annotations

import json

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gate import checked_gate

# short names: pytest has no loader of collections; the test of the row has the long ones
GOOD = [{"block": [{"set_fact": {"clm_gate": "passed"}}], "rescue": [{"meta": "noop"}]}]


def check(tmp_path, text):
    path = tmp_path / "gate.yml"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return checked_gate(str(path), DataLoader())


def test_no_gate_is_no_gate():
    assert checked_gate("", DataLoader()) == ""


def test_a_gate_is_named_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check(tmp_path, GOOD) == str(tmp_path / "gate.yml") == checked_gate("gate.yml", DataLoader())
    assert check(tmp_path, "")


@pytest.mark.parametrize("text", ["- name: [", "name: x", "- 7", [{"no.such.module": {}}], [{"block": [], "nonsense": 1}], "text"])
def test_what_cannot_be_included_is_refused(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, text)
    assert caught.value.field == "rotate_gate_tasks" and "gate.yml" in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be loaded"):
        checked_gate(str(tmp_path / "none.yml"), DataLoader())


@pytest.mark.parametrize("meta", ["end_play", "end_host", "end_batch", "flush_handlers"])
@pytest.mark.parametrize("place", ["block", "rescue", "always"])
def test_a_gate_does_not_end_the_wave(tmp_path, meta, place):
    with pytest.raises(ConfigError, match=f"must not use meta: {meta}"):
        check(tmp_path, [{"block": [{"debug": {}}], place: [{"meta": meta}]}])


@pytest.mark.parametrize("name", ["ignore_errors", "ignore_unreachable"])
@pytest.mark.parametrize("value", [False, "no", "{{ ansible_check_mode }}"])
@pytest.mark.parametrize("where", ["task", "block", "import"])
def test_no_task_of_a_gate_says_that_its_failure_counts(tmp_path, name, value, where):
    inner = tmp_path / "inner.yml"
    inner.write_text(json.dumps([{"debug": {}}]))
    tasks = {"task": {"debug": {}}, "block": {"block": [{"debug": {}}]}, "import": {"import_tasks": str(inner)}}
    with pytest.raises(ConfigError, match=f"must not say {name}: "):
        check(tmp_path, [{"block": [{"debug": {}}, {**tasks[where], name: value}]}])
    assert check(tmp_path, [{**tasks[where], name: True}])


@pytest.mark.parametrize(
    ("include", "other"), [({"include_tasks": "inner.yml"}, "import_tasks"), ({"include_role": {"name": "x"}}, "import_role")]
)
def test_what_a_gate_includes_while_it_runs_is_not_read_before(tmp_path, include, other):
    (tmp_path / "inner.yml").write_text("[]")
    with pytest.raises(ConfigError, match="must not use include_") as caught:
        check(tmp_path, [{"debug": {}}, include])
    assert other in caught.value.hint


def test_a_gate_notifies_nobody(tmp_path):
    for tasks in ([{"debug": {}, "notify": "x"}], [{"block": [{"debug": {}}], "notify": ["x"]}]):
        with pytest.raises(ConfigError, match="must not notify"):
            check(tmp_path, tasks)


def test_what_a_gate_imports_is_read_like_the_gate(tmp_path):
    inner = tmp_path / "inner.yml"
    inner.write_text(json.dumps([{"meta": "end_host"}]))
    for beside in (str(inner), "inner.yml", "../" + tmp_path.name + "/inner.yml"):
        with pytest.raises(ConfigError, match="must not use meta: end_host"):
            check(tmp_path, [{"import_tasks": beside}])
    inner.write_text(json.dumps([{"block": [{"import_tasks": "more/last.yml"}]}]))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "last.yml").write_text(json.dumps(GOOD))
    assert check(tmp_path, [{"block": [{"import_tasks": "inner.yml"}]}])


def test_a_gate_in_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check(tmp_path, GOOD) == checked_gate("~/gate.yml", DataLoader())
