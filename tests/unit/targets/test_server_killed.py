# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process killed with -9 at any step: the next run finishes or undoes, and never leaves a certificate beside another key."""

from __future__ import annotations

import json
import pathlib
import signal
import subprocess
import sys
from typing import Any, Dict, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.targets import _server_layout as layout

NAME = "shop.example.com"
SCRIPT = str(pathlib.Path(__file__).with_name("killed_run.py"))


def killed(world: Any, item: Dict[str, Any], made: Any, step: int, *events: str) -> Tuple[int, str]:
    """(exit code, output) of a run that is killed at that step; 0 lets it live."""
    given = {"state": "present", "hand_over": False, "openssl": "openssl", "deployments": [{**item, "version": made.version}]}
    job = world.folder / "job.json"
    job.write_text(json.dumps({"state_dir": world.state_dir, "staged": world.stage((item, made)), "params": given}))
    done = subprocess.run([sys.executable, SCRIPT, str(step), str(job), *events], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def whole(item: Dict[str, Any]) -> bool:
    target = item["target"]
    return layout.match(target["certificate_file"], target["key_file"]) == ""


def rest(world: Any) -> list:
    """Temporary files and staged keys that are left anywhere."""
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
