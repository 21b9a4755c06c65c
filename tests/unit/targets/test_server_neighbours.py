# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place that cannot be put right, in a bind, on the way back or after a killed run, costs no neighbour on its server anything."""

from __future__ import annotations

import errno
import json
import pathlib
from typing import Any, Dict, List, Mapping, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Version
from ansible_collections.certops.clm.plugins.module_utils.targets import _server_layout as layout
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State

GOOD, BAD = "good.example.com", "bad.example.com"


class FullDisk(State):
    """A state folder that takes no journal of `deployment` in one of these phases: its disk is full."""

    def __init__(self, path: str, deployment: str, phases: Tuple[str, ...]) -> None:
        super().__init__(path)
        self.deployment, self.phases = deployment, phases

    def write_journal(self, deployment: str, journal: Mapping[str, Any]) -> None:
        if deployment == self.deployment and journal.get("phase", "") in self.phases:
            raise OSError(errno.ENOSPC, "No space left on device", self.path)
        super().write_journal(deployment, journal)


def journal(world: Any, name: str) -> Dict[str, Any]:
    return dict(json.loads((pathlib.Path(world.state_dir) / "deployments" / name / "journal.json").read_text()))


def text_of(item: Mapping[str, Any], role: str = "certificate_file") -> str:
    return pathlib.Path(item["target"][role]).read_text()


def two(world: Any, old: Any, check: str) -> List[Dict[str, Any]]:
    """A bad and a good place of one server program whose check is this shell script; the bad one comes first."""
    bad, good = world.add(BAD, old), world.add(GOOD, old)
    for item in (bad, good):
        item["target"]["check"] = ["sh", "-c", check]
    world.start()
    return [bad, good]


def stuck_key(world: Any, refused: Any) -> str:
    """A check that refuses this certificate, and after which the bad place's key can be written no more."""
    key = world.folder / f"{BAD}.key"
    refuse = f"grep -q {refused.chain_pem.splitlines()[1]} {world.folder}/{BAD}.pem"
    return f"if {refuse}; then test -d {key} || mv {key} {key}.away; mkdir -p {key}; echo refused; exit 1; fi"


def test_old_files_that_cannot_be_put_back_cost_the_neighbour_nothing(world: Any, made: Any) -> None:
    old, new, refused = made(), made(), made()
    bad, good = two(world, old, stuck_key(world, refused))
    result = world.run((bad, refused), (good, new))["outcomes"]
    assert result[BAD]["state"] == "failed" and journal(world, BAD)["phase"] == "open", result[BAD]
    assert result[GOOD]["state"] == "failed" and "the old ones are back" in result[GOOD]["message"], result[GOOD]
    assert text_of(good) == old.chain_pem and journal(world, GOOD)["phase"] == ""
    assert world.served(good) == world.served(bad) == old.sha256


def test_the_next_run_mends_what_could_not_be_put_back(world: Any, made: Any) -> None:
    old, new, refused = made(), made(), made()
    bad, good = two(world, old, stuck_key(world, refused))
    world.run((bad, refused), (good, new))
    key = pathlib.Path(bad["target"]["key_file"])
    key.rmdir()
    key.write_bytes(refused.key_pem)  # whole, but refused: the swap back wrote nothing at all
    pathlib.Path(bad["target"]["certificate_file"]).write_text(refused.chain_pem)
    for item in (bad, good):
        item["target"]["check"] = ["sh", "-c", f"! grep -q {refused.chain_pem.splitlines()[1]} {world.folder}/{BAD}.pem"]
    result = world.run((bad, new), (good, new))
    assert "refused" in result["recovered"][0] and old.sha256 in result["recovered"][0], result
    assert [result["outcomes"][name]["state"] for name in (BAD, GOOD)] == ["done", "done"], result


def test_a_configuration_that_is_broken_anyway_takes_nothing_back(world: Any, made: Any) -> None:
    """The check does not complain of the new files: they stay, for the server may serve them already."""
    old, new = made(), made()
    bad, good = two(world, old, f"! test -e {world.folder}/broken")
    world.sabotage("hang")
    target, item = world.target(world.stage((bad, new))), {**bad, "version": new.version}
    target.state.lock()
    from_item = target.put(item, target_version(new))
    target.bind(item, from_item)
    target.state.unlock()
    (world.folder / "broken").touch()
    result = world.run((bad, new), (good, new))
    assert result["recovered"] == [] and text_of(bad) == new.chain_pem and journal(world, BAD)["phase"] == "open"


def target_version(made: Any) -> Any:
    return Version(made.sha256, made.chain_pem, made.spki_sha256)


def bound(world: Any, state: State, pairs: List[Tuple[Dict[str, Any], Any]]) -> List[Any]:
    """The answers of `bind_many` with that state folder, each pair put first."""
    target = world.target(world.stage(*pairs))
    target.state = target._binder.state = state
    state.lock()
    try:
        return list(target.bind_many([(item, target.put(item, target_version(version))) for item, version in pairs]))
    finally:
        state.unlock()


def test_a_journal_that_cannot_be_withdrawn_costs_the_neighbour_nothing(world: Any, made: Any) -> None:
    old, new, refused = made(), made(), made()
    bad, good = two(world, old, f"! grep -q {refused.chain_pem.splitlines()[1]} {world.folder}/{BAD}.pem")
    answers = bound(world, FullDisk(world.state_dir, BAD, ("",)), [(bad, refused), (good, new)])
    assert "no space" in str(answers[0]) and "the old ones are back" in str(answers[0]) and answers[1] is None
    assert text_of(bad) == old.chain_pem and world.served(good) == new.sha256
    assert journal(world, BAD)["phase"] == "open"
    assert world.run((bad, new))["outcomes"][BAD]["state"] == "done"


def test_a_way_back_that_the_journal_does_not_take_changes_nothing(world: Any, made: Any) -> None:
    """Nothing was withdrawn either: the version in place keeps its own way back."""
    old, new = made(), made()
    bad, good = two(world, old, "true")
    bound(world, State(world.state_dir), [(bad, new), (good, new)])
    was = journal(world, BAD)
    target = world.target()
    target.state = target._binder.state = FullDisk(world.state_dir, BAD, ("open",))
    target.state.lock()
    answers = target.bind_many([(item, journal(world, item["id"])["previous"]) for item in (bad, good)])
    target.state.unlock()
    assert "no space" in str(answers[0]) and answers[1] is None
    assert journal(world, BAD) == was and text_of(bad) == new.chain_pem and text_of(good) == old.chain_pem


@pytest.mark.parametrize("how", ["unreadable", "nonsense"])
def test_a_place_that_cannot_be_recovered_fails_alone(world: Any, made: Any, how: str) -> None:
    old, new, newer = made(), made(), made()
    items = [world.add(name, old) for name in (GOOD, BAD, "third.example.com")]
    items[:2] = items[1::-1]
    world.entries.pop(1)  # the server does not read the bad place's files, or its own check would speak against all
    world.save()
    world.start()
    bound(world, State(world.state_dir), [(item, new) for item in items])
    for item in items:  # as a run leaves them that is killed between its two renames
        pathlib.Path(item["target"]["key_file"]).write_bytes(old.key_pem)
    break_place(world, items[0], how)
    result = world.run((items[0], newer), (items[1], newer))
    bad, good = result["outcomes"][BAD], result["outcomes"][GOOD]
    assert (bad["state"], bad["step"], good["state"]) == ("failed", "recover", "done"), result
    assert BAD in bad["message"] and f"{world.state_dir}/deployments/{BAD}/journal.json" in bad["message"]
    assert "ansible-playbook certops.clm.rotate" in bad["next_action"]
    assert world.served(items[1]) == newer.sha256 and result["unrecovered"] == []
    assert layout.match(items[2]["target"]["certificate_file"], items[2]["target"]["key_file"]) == ""
    others = world.run((items[2], newer))
    assert others["outcomes"]["third.example.com"]["state"] == "done" and BAD in others["unrecovered"][0]


def break_place(world: Any, item: Dict[str, Any], how: str) -> None:
    if how == "nonsense":
        path = pathlib.Path(world.state_dir) / "deployments" / BAD / "journal.json"
        path.write_text(json.dumps({"format": 1, "phase": "open", "files": [3]}))
        return
    key = pathlib.Path(item["target"]["key_file"])
    key.unlink()
    key.mkdir()
