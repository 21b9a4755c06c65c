# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process killed with -9 at any step: the next run finishes or undoes, and never leaves a certificate beside another key."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
from typing import Any, Dict, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.targets import _server_layout as layout
from ansible_collections.certops.clm.plugins.module_utils.targets import _server_unfinished as unfinished
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State
from ansible_collections.certops.clm.tests.unit.targets.killed_run import run_killed

NAME = "shop.example.com"


def killed(world: Any, item: Dict[str, Any], made: Any, step: int, *events: str) -> Tuple[int, str]:
    """(exit code, output) of a run that is killed at that step; 0 lets it live."""
    given = {"state": "present", "hand_over": False, "openssl": "openssl", "deployments": [{**item, "version": made.version}]}
    return run_killed(step, {"state_dir": world.state_dir, "staged": world.stage((item, made)), "params": given}, events)


def whole(item: Dict[str, Any]) -> bool:
    target = item["target"]
    return layout.match(target["certificate_file"], target["key_file"]) == ""


def rest(world: Any) -> list:
    """Temporary files that are left anywhere, and staged keys that are still there after the first run a quarter of an hour later."""
    for path in (pathlib.Path(world.state_dir) / "staged").iterdir():
        os.utime(path, (1, 1))
    State(world.state_dir).clean_staged()
    return [str(path) for path in world.folder.rglob("*") if ".clm-" in path.name or path.parent.name == "staged"]


@pytest.mark.parametrize("sabotage", ["", "keep_old"])
def test_killed_at_every_step(world: Any, made: Any, sabotage: str) -> None:
    old = made()
    item = world.add(NAME, old)
    world.start()
    world.sabotage(sabotage)
    code, output = killed(world, item, made(), 0)
    assert code == 0, output
    steps = int(output.split()[0])
    assert steps > 20
    stride = 1 if not sabotage else 8
    before = made()
    world.sabotage("")
    world.run((item, before))
    for step in range(1, steps + 1, stride):
        world.run((item, before), state="committed")
        world.sabotage(sabotage)
        new = made()
        code, output = killed(world, item, new, step)
        assert code in (-signal.SIGKILL, 0), output
        assert world.served(item) in (before.sha256, new.sha256)
        world.sabotage("")
        outcome = world.run((item, new), timeout=1.0)["outcomes"][NAME]
        assert outcome["state"] in ("done", "unchanged"), (step, outcome)
        assert whole(item) and world.served(item) == new.sha256 and rest(world) == [], (step, rest(world))
        assert world.run((item, new), timeout=1.0)["outcomes"][NAME]["state"] == "unchanged", step
        before = new


def test_another_run_makes_mixed_files_whole(world: Any, made: Any) -> None:
    """Even when nobody asks for the deployment any more, its certificate and key belong together after the next run."""
    old = made()
    item, other = world.add(NAME, old), world.add("other.example.com", old)
    world.start()
    _code, output = killed(world, item, made(), 0, "os.rename")
    mixed = 0
    for step in range(1, int(output.split()[0]) + 1):
        new = made()
        killed(world, item, new, step, "os.rename")
        was_mixed = not whole(item)
        mixed += was_mixed
        result = world.run((other, old))
        assert whole(item) and bool(result["recovered"]) == was_mixed, (step, result)
        world.run((item, new))
    assert mixed >= 1


def test_what_a_power_cut_left_mixed_is_whole_at_boot_before_any_run(world: Any, made: Any) -> None:
    """A server that starts at boot refuses a certificate beside another one's key; the script needs nothing but sh."""
    old = made()
    item = world.add(NAME, old)
    world.start()
    script = pathlib.Path(world.state_dir) / "recover.sh"
    _code, output = killed(world, item, made(), 0, "os.rename")
    dressed = os.stat(item["target"]["key_file"])
    mixed = 0
    for step in range(1, int(output.split()[0]) + 1):
        was = [pathlib.Path(item["target"][name]).read_bytes() for name in ("certificate_file", "key_file")]
        killed(world, item, made(), step, "os.rename")
        was_mixed = not whole(item)
        mixed += was_mixed
        there = script.exists()
        if there:
            subprocess.run(["sh", str(script)], check=True, env={"PATH": "/usr/bin:/bin"})
        assert whole(item), step
        if was_mixed:
            assert [pathlib.Path(item["target"][name]).read_bytes() for name in ("certificate_file", "key_file")] == was
            now = os.stat(item["target"]["key_file"])
            assert (now.st_mode, now.st_uid, now.st_gid) == (dressed.st_mode, dressed.st_uid, dressed.st_gid)
        new = made()
        assert world.run((item, new), timeout=1.0)["outcomes"][NAME]["state"] == "done", step
        assert whole(item) and world.served(item) == new.sha256 and rest(world) == [], step
        subprocess.run(["sh", str(script)], check=True, env={"PATH": "/usr/bin:/bin"})
        assert world.served(item) == new.sha256 and layout.match(item["target"]["certificate_file"], item["target"]["key_file"]) == ""
        assert not list((script.parent / "unfinished").iterdir()), "the next boot would put back what was before"
    assert mixed >= 1


def test_files_that_were_not_there_are_not_there_again(tmp_path: pathlib.Path) -> None:
    paths = [str(tmp_path / "etc" / name) for name in ("a.pem", "it's a $(touch x).key")]
    (tmp_path / "etc").mkdir()
    (tmp_path / "state").mkdir()
    unfinished.note(str(tmp_path / "state"), "a", paths)
    pathlib.Path(paths[0]).write_text("new")
    pathlib.Path(paths[1]).write_text("new")
    subprocess.run(["sh", str(tmp_path / "state" / "recover.sh")], check=True, cwd="/")
    assert not list((tmp_path / "etc").iterdir()) and not list((tmp_path / "state" / "unfinished").iterdir())


def journal(world: Any) -> Dict[str, Any]:
    return dict(json.loads((pathlib.Path(world.state_dir) / "deployments" / NAME / "journal.json").read_text()))


def unproven(world: Any, made: Any) -> Tuple[Dict[str, Any], Any, Any, Any]:
    """A place where `second` is in place, could not be looked at, and the proven `first` is the way back."""
    first, second = made(), made()
    item, other = world.add(NAME, made()), world.add("other.example.com", first)
    world.start()
    assert world.run((item, first))["outcomes"][NAME]["state"] == "done"
    world.run((item, first), state="committed")
    world.sabotage("hang")
    assert world.run((item, second), timeout=0.3)["outcomes"][NAME]["state"] == "unproven"
    world.sabotage("")
    world.reload()
    return item, other, first, second


def test_killed_at_every_step_over_a_version_that_was_never_proven(world: Any, made: Any) -> None:
    item, other, first, second = unproven(world, made)
    before = journal(world)
    assert before["phase"] == "unproven"
    state = pathlib.Path(world.state_dir)
    code, output = killed(world, item, made(), 0)
    assert code == 0, output
    mixed = 0
    for step in range(1, int(output.split()[0]) + 1):
        (state / "deployments" / NAME / "journal.json").write_text(json.dumps(before))
        world.write(item["target"], second)
        world.reload()
        new = made()
        code, output = killed(world, item, new, step)
        assert code in (-signal.SIGKILL, 0), output
        was_mixed = not whole(item)
        mixed += was_mixed
        result = world.run((other, first))  # somebody else's run comes first
        assert whole(item) and bool(result["recovered"]) == was_mixed, (step, result)
        now = pathlib.Path(item["target"]["certificate_file"]).read_text()
        after = journal(world)
        assert now in (second.chain_pem, new.chain_pem), step
        assert after["previous"] == before["previous"] or after["phase"] == "restored", (step, after)
        if now == second.chain_pem:  # the attempt never was: the unproven version has its own way back
            assert after == before, (step, after)
        outcome = world.run((item, new), timeout=1.0)["outcomes"][NAME]
        assert outcome["state"] in ("done", "unchanged"), (step, outcome)
        assert outcome["state"] == "unchanged" or outcome["before"]["sha256"] == first.sha256, (step, outcome)
        assert whole(item) and world.served(item) == new.sha256 and rest(world) == [], step
        assert not {"former", "replaced"} & set(journal(world)), step
    assert mixed >= 1


def test_an_attempt_that_the_check_refuses_leaves_the_unproven_version_its_way_back(world: Any, made: Any) -> None:
    item, _other, first, second = unproven(world, made)
    before, refused = journal(world), made()
    item["target"]["check"] = ["sh", "-c", f"! grep -q {refused.chain_pem.splitlines()[1]} {item['target']['certificate_file']}"]
    outcome = world.run((item, refused))["outcomes"][NAME]
    assert outcome["state"] == "failed" and "the old ones are back" in outcome["message"], outcome
    assert journal(world) == before and pathlib.Path(item["target"]["certificate_file"]).read_text() == second.chain_pem
    assert world.run((item, None), state="restored")["outcomes"][NAME]["after"]["sha256"] == first.sha256


def test_an_unproven_version_that_is_dead_now_does_not_come_back(world: Any, made: Any) -> None:
    item, _other, _first, second = unproven(world, made)
    _code, output = killed(world, item, made(), 0, "os.rename")
    for step in range(1, int(output.split()[0]) + 1):
        world.write(item["target"], second)
        journal_now = {**journal(world), "phase": "unproven"}
        new = made()
        killed(world, item, new, step, "os.rename")
        if not whole(item):
            break
    assert not whole(item) and journal_now
    result = world.run(({**item, "dead": [second.sha256]}, new))
    assert whole(item) and new.sha256 in result["recovered"][0] and result["outcomes"][NAME]["state"] == "done", result


def test_killed_before_the_reload_the_same_leaf_is_told_to_the_server_again(world: Any, made: Any) -> None:
    new = made()
    leaf, end = new.chain_pem.split("-----END CERTIFICATE-----\n")[0], "-----END CERTIFICATE-----\n"
    item = world.add(NAME, type(new)(leaf + end, new.key_pem, new.sha256, new.spki_sha256))
    item["target"]["check"] = []
    log = world.folder / "log"
    item["target"]["reload"]["command"] = ["sh", "-c", f'echo >> {log}; exec "$0" "$@"', *item["target"]["reload"]["command"]]
    world.start()
    code, output = killed(world, item, new, 1, "subprocess.Popen")  # the reload is its only command
    assert code == -signal.SIGKILL and not log.exists(), output
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == new.chain_pem
    assert world.run((item, new))["outcomes"][NAME]["state"] == "done" and log.exists()
