# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action's hand-over: a key that cannot be had costs its own deployment only, and nothing that a call reported is lost."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action.server_deployment import ActionModule
from ansible_collections.certops.clm.plugins.module_utils.contracts import Lease, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, UNPROVEN, Outcome
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys

SPKI = "a" * 64


def item(name: str, **version: Any) -> Dict[str, Any]:
    return {"id": name, "version": {"lineage": "shop", "version": "000001-00000001", "spki_sha256": SPKI, **version}}


class Scripted(ActionModule):
    """The action on a server whose module asks for the keys of `needed`, and whose second call says `second`."""

    def __init__(self, deployments: List[Dict[str, Any]], needed: List[str], store: Dict[str, Any], second: Dict[str, Any]) -> None:
        args = {"deployments": deployments, "secret_store": store}
        connection = SimpleNamespace(become=None, has_pipelining=True, transport="ssh", _shell=SimpleNamespace(tmpdir=None))
        super().__init__(SimpleNamespace(args=args, check_mode=False, async_val=0), connection, SimpleNamespace(), None, None, None)
        self.needed, self.second = needed, second
        self.calls: List[Dict[str, Any]] = []
        self.commands: List[str] = []

    def _execute_module(self, **given: Any) -> Dict[str, Any]:
        args = given["module_args"]
        self.calls.append(args)
        if args.get("hand_over"):
            keys = {name: f"/staged/{name}" for name in self.needed}
            return {"changed": False, "outcomes": {}, "need_keys": keys, "recovered": ["web: whole again"]}
        outcomes = {one["id"]: Outcome(DONE, "prove", message="served").as_dict() for one in args["deployments"]}
        return {"changed": True, "outcomes": outcomes, **self.second}

    def _low_level_execute_command(self, command: str, in_data: Any = None, **_more: Any) -> Dict[str, Any]:
        self.commands.append(command)
        return {"rc": 0 if "full" not in command else 1, "stderr": "No space left on device"}

    def end(self) -> Dict[str, Any]:
        return dict(self.run(task_vars={}))


@pytest.fixture
def store(tmp_path: Any) -> Dict[str, Any]:
    """A store without any key."""
    return {"type": "directory", "path": str(tmp_path / "store")}


def test_a_key_that_is_not_in_the_store_fails_its_own_item(store: Dict[str, Any]) -> None:
    action = Scripted([item("bad"), item("good"), item("unnamed", lineage="")], ["bad", "unnamed"], store, {})
    result = action.end()
    assert list(result["outcomes"]) == ["bad", "good", "unnamed"] and result["failed"]
    for name in ("bad", "unnamed"):
        outcome = result["outcomes"][name]
        assert (outcome["state"], outcome["step"]) == ("failed", "hand_over") and name in outcome["message"] and outcome["next_action"]
    assert result["outcomes"]["good"]["state"] == "done" and result["changed"]
    assert [one["id"] for one in action.calls[1]["deployments"]] == ["good"] and action.calls[1]["staged_keys"] == {}
    assert result["msg"].startswith("2 of 3 items failed: bad at step hand_over")
    assert action.commands == ["rm -f -- /staged/bad /staged/unnamed"]


def test_what_a_step_of_a_wave_hands_on_as_text_is_deployed_as_a_list_would_be(store: Dict[str, Any]) -> None:
    given = [item("bad"), item("good")]
    action = Scripted(given, ["bad"], store, {})
    action._task.args["deployments"] = json.dumps(given)
    assert list(action.end()["outcomes"]) == ["bad", "good"]
    assert [call["deployments"] for call in action.calls] == [given, given[1:]]


def test_arguments_are_not_given_back_with_the_result() -> None:
    assert "invocation" not in Scripted([item("good")], [], {}, {"invocation": {"module_args": {}}}).end()


def test_nothing_is_run_when_no_item_is_left(store: Dict[str, Any]) -> None:
    action = Scripted([item("bad")], ["bad"], store, {})
    result = action.end()
    assert len(action.calls) == 1 and result["failed"] and result["outcomes"]["bad"]["state"] == "failed"
    assert "need_keys" not in result and result["recovered"] == ["web: whole again"]


@pytest.mark.parametrize("second", [{}, {"recovered": ["db: whole again", "web: whole again"]}])
def test_what_the_first_call_recovered_is_not_lost(store: Dict[str, Any], second: Dict[str, Any]) -> None:
    result = Scripted([item("bad"), item("good")], ["bad"], store, second).end()
    assert result["recovered"] == ["web: whole again", "db: whole again"][: 1 + bool(second)]


def test_what_the_first_call_recovered_is_told_when_there_is_no_store(store: Dict[str, Any]) -> None:
    result = Scripted([item("good")], ["good"], {"type": "nonsense"}, {}).end()
    assert result["failed"] and "nonsense" in result["msg"] and result["recovered"] == ["web: whole again"]


def test_a_module_that_failed_itself_keeps_its_message(store: Dict[str, Any]) -> None:
    result = Scripted([item("bad"), item("good")], ["bad"], store, {"failed": True, "msg": "no Python", "outcomes": "?"}).end()
    assert result["msg"].startswith("no Python; ") and "hand_over" in result["msg"]
    assert result["failed"] and result["outcomes"]["bad"]["step"] == "hand_over"


def test_other_failures_are_counted_too(store: Dict[str, Any]) -> None:
    unproven = {"outcomes": {"good": Outcome(UNPROVEN, "prove", message="no route").as_dict()}, "failed": True, "msg": "1 of 1"}
    result = Scripted([item("bad"), item("good")], ["bad"], store, unproven).end()
    assert result["msg"].startswith("2 of 2 items failed") and "no route" in result["msg"]


def kept(store: Dict[str, Any], deployments: List[Dict[str, Any]]) -> Dict[str, bytes]:
    """A key for each deployment, as the first version of its lineage."""
    place = secret_stores.create("directory", {**store, "allow_ephemeral": True}, utc_now)
    made = {}
    for one in deployments:
        key, version = keys.generate("ecdsa-p256"), one["version"]
        version["spki_sha256"] = keys.spki_sha256(key)
        lease = place.begin(version["lineage"], None)
        assert isinstance(lease, Lease)
        secret = keys.to_pem(key)
        place.save(lease, StoredVersion(version["lineage"], version["version"], "pending", version["spki_sha256"], key=secret))
        place.flush()
        place.end(lease)
        made[one["id"]] = secret.reveal()
    return made


class Shell(Scripted):
    """The same with the commands run for real, below a folder."""

    place = ""

    def _low_level_execute_command(self, command: str, in_data: Any = None, **_more: Any) -> Dict[str, Any]:
        self.commands.append(command)
        done = subprocess.run(["sh", "-c", command.replace("/staged/", self.place)], input=in_data, capture_output=True, check=False)
        return {"rc": done.returncode, "stderr": done.stderr.decode()}


@pytest.mark.parametrize("taken", [False, True])
def test_many_keys_go_through_one_pipe_each_into_its_own_file(store: Dict[str, Any], tmp_path: Any, taken: bool) -> None:
    """Where one of them cannot be written, it alone is missing."""
    names = [f"l{number}" for number in range(5)]
    deployments = [item(name, lineage=name) for name in names]
    pems = kept(store, deployments)
    (tmp_path / "staged").mkdir()
    if taken:
        (tmp_path / "staged" / "l3").mkdir()
    action = Shell(deployments, names, {**store, "allow_ephemeral": True}, {})
    action.place = f"{tmp_path}/staged/"
    result = action.end()
    bad = ["l3"] if taken else []
    assert [name for name, outcome in result["outcomes"].items() if outcome["state"] == "failed"] == bad, result.get("msg")
    assert list(action.calls[1]["staged_keys"]) == [name for name in names if name not in bad]
    assert sum("dd " in command for command in action.commands) == 1 and not any("PRIVATE" in command for command in action.commands)
    if not taken:
        files = list((tmp_path / "staged").iterdir())
        assert {path.name: path.read_bytes() for path in files} == pems and {path.stat().st_mode & 0o777 for path in files} == {0o600}
        assert len(action.commands) == 1
