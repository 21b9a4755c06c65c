# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers of one host, or of one writer id, at the same time: each has a chain of its own, and nobody waits or fails."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils._ledger_session import opened
from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.plugins.module_utils._ledger_writers import open_chain
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger

from .anchored import Clock


def store(place: Path) -> Any:
    return {"type": "directory", "path": str(place / "store")}


def write(arguments: Tuple[str, str, int]) -> List[str]:
    """Sessions one after the other, as the tasks of a run; the chains that were written."""
    place, writer_id, count = arguments
    used = []
    for number in range(count):
        with opened({"path": f"{place}/ledger", "writer_id": writer_id}, {}, Clock()) as session:
            session.append([{"action": "intent", "message": f"{os.getpid()} {number} a"}])
            session.append([{"action": "outcome", "message": f"{os.getpid()} {number} b"}])
            used.append(session._ledger.writer_id)
    return used


@pytest.mark.parametrize("writer_id", ["", "w1"])
def test_processes_of_one_host_never_share_a_chain_at_a_time(tmp_path: Path, writer_id: str) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        used = pool.map(write, [(str(tmp_path), writer_id, 25)] * 4, chunksize=1)
    found = ledgers.verify(str(tmp_path / "ledger"))
    assert found.ok and found.events == 4 * 25 * 2
    names = {name for one in used for name in one}
    base = min(names, key=len)
    assert names <= {base, *(f"{base}@{number}" for number in range(2, 5))}, "as many chains as wrote at once, and no more"
    for path in (tmp_path / "ledger").glob("*.jsonl"):  # both lines of a session behind each other
        said = [json.loads(line)["message"] for line in path.read_text().splitlines()]
        assert all(a[:-1] == b[:-1] for a, b in zip(said[::2], said[1::2]))


def test_the_next_one_takes_the_first_chain_that_is_free(tmp_path: Path) -> None:
    folder = str(tmp_path)
    first, second = open_chain(folder, "w1", Clock()), open_chain(folder, "w1", Clock())
    assert (first.writer_id, second.writer_id) == ("w1", "w1@2")
    first.close()
    with open_chain(folder, "w1", Clock()) as again:
        assert again.writer_id == "w1"
    second.close()


def test_a_further_chain_is_never_that_of_another_writer(tmp_path: Path) -> None:
    """Somebody chose `node` and `node-2` as writer_ids: a second process of `node` must not write as `node-2`."""
    given = {"path": str(tmp_path / "ledger"), "checkpoints": {"path": str(tmp_path / "second")}}
    with opened({**given, "writer_id": "node"}, store(tmp_path), Clock()) as first:
        with opened({**given, "writer_id": "node"}, store(tmp_path), Clock()) as second:
            with opened({**given, "writer_id": "node-2"}, store(tmp_path), Clock()) as other:
                for session in (first, second, other):
                    session.append([{"action": "intent"}])
    assert not first.problems + second.problems + other.problems
    found = summary(str(tmp_path / "ledger"), [str(tmp_path / "second")])
    assert found["state"] == "anchored" and [one["writer_id"] for one in found["chains"]] == ["node", "node-2", "node@2"]
    for name in ("node@2", "node@x"):
        with pytest.raises(ConfigError, match="no name"):
            open_chain(str(tmp_path), name, Clock())


def test_idle_siblings_are_not_read_again(tmp_path: Path) -> None:
    given = {"path": str(tmp_path / "ledger"), "writer_id": "w1", "checkpoints": {"path": str(tmp_path / "second")}}
    with opened(given, store(tmp_path), Clock()) as one, opened(given, store(tmp_path), Clock()) as two:
        one.append([{"action": "intent"}] * 3)
        two.append([{"action": "intent"}] * 3)
    sibling = tmp_path / "ledger" / "w1@2.jsonl"
    lines = sibling.read_bytes().splitlines(keepends=True)
    sibling.write_bytes(b"".join([lines[0].replace(b"intent", b"INTENT"), *lines[1:]]))  # it would show, had anybody read it
    with opened(given, store(tmp_path), Clock()) as again:
        again.append([{"action": "outcome"}])
    assert not again.problems and again.checkpoint["size"] == 4
    assert summary(str(tmp_path / "ledger"), [str(tmp_path / "second")])["state"] == "broken", "who judges reads everything"
    with Ledger(str(tmp_path / "ledger"), "w1@2", Clock()) as busy:
        busy.append([{"action": "outcome"}])
    with opened(given, store(tmp_path), Clock()) as last:
        pass
    assert "rewritten" in last.problems[0], "and it is read before anything more of it is signed"


def test_a_checkpoint_of_an_idle_sibling_that_was_taken_away_is_told(tmp_path: Path) -> None:
    given = {"path": str(tmp_path / "ledger"), "writer_id": "w1", "checkpoints": {"path": str(tmp_path / "second")}}
    with opened(given, store(tmp_path), Clock()) as one, opened(given, store(tmp_path), Clock()) as two:
        one.append([{"action": "intent"}])
        two.append([{"action": "intent"}])
    next((tmp_path / "second").glob("w1@2.*.checkpoint")).unlink()
    with opened(given, store(tmp_path), Clock()) as again:
        pass
    assert "not in the second place any more" in again.problems[0]


def test_a_long_writer_id_has_a_family_too(tmp_path: Path) -> None:
    with open_chain(str(tmp_path), "w" * 120, Clock()), open_chain(str(tmp_path), "w" * 120, Clock()) as second:
        second.append([{"action": "intent"}])
    assert ledgers.verify(str(tmp_path)).ok


def test_without_locks_nobody_writes_between_the_lines_of_another(tmp_path: Path) -> None:
    """As on a network file system without locks: a second one writes to the chain that we have open."""
    ours = Ledger(str(tmp_path), "w1", Clock())
    ours.append([{"action": "intent"}])
    with open(tmp_path / "w1.jsonl", "ab") as file:
        line = json.loads((tmp_path / "w1.jsonl").read_bytes())
        file.write(json.dumps(line).encode() + b"\n")
    before = (tmp_path / "w1.jsonl").read_bytes()
    with pytest.raises(BusyError, match="w1"):
        ours.append([{"action": "outcome"}])
    ours.close()
    assert (tmp_path / "w1.jsonl").read_bytes() == before and not (tmp_path / "w1.head").exists()


def test_the_end_of_a_run_has_checkpoints_of_all_chains_of_its_family(tmp_path: Path) -> None:
    given = {"path": str(tmp_path / "ledger"), "writer_id": "w1", "checkpoints": {"path": str(tmp_path / "second")}}
    with opened(given, store(tmp_path), Clock(), checkpoint=False) as one, opened(given, store(tmp_path), Clock(), checkpoint=False) as two:
        one.append([{"action": "intent"}])
        two.append([{"action": "intent"}])
    with opened(given, store(tmp_path), Clock()) as last:
        last.append([{"action": "outcome"}])
    assert not last.problems and last.checkpoint["size"] == 2
    sent = sorted(path.name for path in (tmp_path / "second").glob("*.checkpoint"))
    assert [name.partition(".")[0] for name in sent] == ["w1", "w1@2"]
    with opened(given, store(tmp_path), Clock()) as again:
        pass
    assert not again.problems and sorted(path.name for path in (tmp_path / "second").glob("*.checkpoint")) == sent
