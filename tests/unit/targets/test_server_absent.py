# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unbinding: refused while served, put back where the server still wants the files, and no copy of a key stays behind."""

from __future__ import annotations

import json
import pathlib
import signal
from typing import Any, Dict, List, Tuple

from ansible_collections.certops.clm.tests.unit.targets.killed_run import run_killed

NAME, OTHER = "shop.example.com", "other.example.com"


def unbind(world: Any, item: Dict[str, Any], *mine: Any, **more: Any) -> Dict[str, Any]:
    given = {**item, "mine": [one.sha256 for one in mine], "keep_keys": more.pop("keep_keys", False)}
    return world.run((given, None), state="absent", **more)["outcomes"][item["id"]]


def paths(item: Dict[str, Any]) -> List[pathlib.Path]:
    return [pathlib.Path(item["target"][name]) for name in ("certificate_file", "key_file")]


def out_of_use(world: Any, name: str = NAME) -> None:
    """The administrator removes the server block and reloads."""
    world.entries = [entry for entry in world.entries if name not in entry["names"]]
    world.save()
    world.reload()


def deployed(world: Any, made: Any) -> Tuple[Dict[str, Any], Any, Any]:
    """A deployment with a previous version in the state folder, beside another one that stays."""
    first, second = made(), made()
    item = world.add(NAME, first)
    world.add(OTHER, made(OTHER))
    world.start()
    assert world.run((item, second))["outcomes"][NAME]["state"] == "done"
    world.run((item, second), state="committed")
    return item, first, second


def keys_in(world: Any, *mine: Any) -> List[str]:
    needles = [one.key_pem.splitlines()[1] for one in mine]
    return [str(path) for path in world.folder.rglob("*") if path.is_file() and any(needle in path.read_bytes() for needle in needles)]


def test_what_is_served_is_refused(world: Any, made: Any) -> None:
    item, first, second = deployed(world, made)
    outcome = unbind(world, item, first, second, timeout=0.6)
    assert outcome["state"] == "failed" and "still served" in outcome["message"] and second.sha256 in outcome["message"]
    assert all(path.exists() for path in paths(item)) and world.served(item) == second.sha256 and outcome["next_action"]


def test_what_nothing_serves_goes_with_every_copy_of_its_keys(world: Any, made: Any) -> None:
    item, first, second = deployed(world, made)
    out_of_use(world)
    assert len(keys_in(world, first, second)) >= 3
    planned = unbind(world, item, first, second, check_mode=True)
    assert planned["state"] == "planned" and all(path.exists() for path in paths(item))
    outcome = unbind(world, item, first, second)
    assert outcome["state"] == "done" and not any(path.exists() for path in paths(item)) and keys_in(world, first, second) == []
    removed = outcome["after"]["removed"]
    assert {row["spki_sha256"] for row in removed} == {first.spki_sha256, second.spki_sha256}
    assert str(paths(item)[1]) in {row["path"] for row in removed}
    again = unbind(world, item, first, second)
    assert again["state"] == "unchanged" and again["after"]["removed"] == removed, "the evidence is there for a run that comes later"


def test_files_that_the_configuration_still_names_come_back(world: Any, made: Any) -> None:
    """Nothing serves it at its endpoint, but another block still reads its files: the server's own check says so."""
    item, first, second = deployed(world, made)
    entry = next(entry for entry in world.entries if NAME in entry["names"])
    entry["names"] = ["elsewhere.example.com"]
    world.entries.sort(key=lambda one: OTHER not in one["names"])  # the first answers for names that nobody has
    world.save()
    world.reload()
    before = [(path.read_bytes(), path.stat().st_mode) for path in paths(item)]
    outcome = unbind(world, item, first, second)
    assert outcome["state"] == "failed" and str(paths(item)[0]) in outcome["message"] and "still names" in outcome["message"]
    assert "server block" in outcome["next_action"] and [(path.read_bytes(), path.stat().st_mode) for path in paths(item)] == before
    world.reload()
    assert world.served({**item, "endpoints": [{**item["endpoints"][0], "server_name": "elsewhere.example.com"}]}) == second.sha256


def test_a_file_of_somebody_else_is_left_alone(world: Any, made: Any) -> None:
    item, first, second = deployed(world, made)
    foreign = made(OTHER)
    world.write(item["target"], foreign)
    world.reload()
    outcome = unbind(world, item, first, second)
    assert outcome["state"] == "done" and keys_in(world, first, second) == [] and len(keys_in(world, foreign)) == 1
    assert unbind(world, item, first, second)["state"] == "unchanged" and world.served(item) == foreign.sha256


def test_a_configuration_that_was_broken_before_is_not_touched(world: Any, made: Any) -> None:
    item, first, second = deployed(world, made)
    out_of_use(world)
    world.config.write_text("{")
    outcome = unbind(world, item, first, second)
    assert outcome["state"] == "failed" and "before this run" in outcome["message"] and all(path.exists() for path in paths(item))


def test_keys_that_were_made_here_can_be_kept(world: Any, made: Any) -> None:
    item, first, second = deployed(world, made)
    out_of_use(world)
    assert unbind(world, item, first, second, keep_keys=True)["state"] == "done"
    left = {pathlib.Path(path).name for path in keys_in(world, first, second)}
    assert left == {f"{one.spki_sha256}.pem" for one in (first, second)}


def test_one_that_is_still_wanted_costs_its_neighbour_nothing(world: Any, made: Any) -> None:
    first, second = made(), made(OTHER)
    items = [world.add(NAME, first), world.add(OTHER, second)]
    third = made("third.example.com")
    world.add("third.example.com", third)
    world.start()
    world.entries = [entry for entry in world.entries if "third.example.com" in entry["names"]]
    world.entries.append({"names": ["elsewhere"], "certificate_file": str(paths(items[1])[0]), "key_file": str(paths(items[1])[1])})
    world.save()
    world.reload()
    mine = [first.sha256, second.sha256]
    outcomes = world.run(*(({**item, "mine": mine}, None) for item in items), state="absent")["outcomes"]
    assert (outcomes[NAME]["state"], outcomes[OTHER]["state"]) == ("done", "failed")
    assert not paths(items[0])[0].exists() and all(path.exists() for path in paths(items[1]))


def killed(world: Any, item: Dict[str, Any], step: int) -> Tuple[int, str]:
    given = {"state": "absent", "hand_over": False, "openssl": "openssl", "deployments": [item]}
    return run_killed(step, {"state_dir": world.state_dir, "staged": {}, "params": given})


def test_killed_at_every_step(world: Any, made: Any) -> None:
    """Wherever it was killed, the next run of anything puts back what the server was not asked about, and the same one ends it."""
    first = made()
    item, beside = world.add(NAME, first), world.add(OTHER, made(OTHER))
    world.start()
    out_of_use(world)
    unbound = {**item, "mine": [first.sha256]}
    code, output = killed(world, unbound, 0)
    assert code == 0 and not paths(item)[0].exists(), output
    steps = int(output.split()[0])
    assert steps > 15
    for step in range(1, steps + 1):
        world.write(item["target"], first)
        code, output = killed(world, unbound, step)
        assert code in (-signal.SIGKILL, 0), output
        journal = pathlib.Path(world.state_dir) / "deployments" / NAME / "journal.json"
        phase = json.loads(journal.read_text()).get("phase") if journal.exists() else ""
        world.run(({**beside, "mine": []}, None), state="absent")
        if phase == "removing":
            assert all(path.exists() for path in paths(item)), step
        outcome = unbind(world, item, first)
        assert outcome["state"] in ("done", "unchanged"), (step, outcome)
        assert not any(path.exists() for path in paths(item)) and keys_in(world, first) == [], (step, keys_in(world, first))
        assert unbind(world, item, first)["state"] == "unchanged", step
