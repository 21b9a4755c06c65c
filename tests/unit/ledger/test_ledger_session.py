# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger that cannot be written: nothing begins, or under break glass it is spooled, and merged once."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import _ledger_spool as spools
from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils._ledger_session import Session, allowed, opened, refusal
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.lasting import mount_of
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, UnwritableError

from .anchored import START, Clock

WHY = "INC-7: the ledger's disk is full"


def store(place: Path) -> Dict[str, Any]:
    return {"type": "directory", "path": str(place / "store")}


def run(place: Path, events: List[Dict[str, Any]], **more: Any) -> Session:
    with opened({"path": str(place / "ledger"), "writer_id": "w1", **more}, store(place), Clock()) as session:
        session.append(events)
    return session


def shut(place: Path) -> None:
    """A file where the ledger's folder was: nobody can write there, root neither."""
    if (place / "ledger").exists():
        (place / "ledger").rename(place / "away")
    (place / "ledger").write_text("")


def mend(place: Path) -> None:
    (place / "ledger").unlink()
    if (place / "away").exists():
        (place / "away").rename(place / "ledger")


def recorded(place: Path) -> List[Dict[str, Any]]:
    assert ledgers.verify(str(place / "ledger")).ok
    return list(ledgers.read(str(place / "ledger")))


def event(name: str, action: str = "outcome") -> Dict[str, Any]:
    return {"action": action, "lineage": name}


def spooled(place: Path, *names: str) -> None:
    """A run under break glass that recorded these."""
    shut(place)
    session = run(place, [event(name) for name in names], break_glass=WHY)
    assert session.shut is not None and WHY in session.facts["warnings"][0]
    mend(place)


def test_without_a_reason_nothing_begins(tmp_path: Path) -> None:
    run(tmp_path, [event("before")])
    shut(tmp_path)
    with pytest.raises(UnwritableError) as error:
        run(tmp_path, [event("shop")])
    told = str(error.value)
    assert str(tmp_path / "ledger") in told and "Nothing was done" in told and "ledger.break_glass" in told
    assert not (tmp_path / "store.ledger-spool").exists()
    mend(tmp_path)
    assert [one["lineage"] for one in recorded(tmp_path)] == ["before"]


def test_the_host_s_own_chain_is_chosen_in_the_spool_where_the_ledger_cannot_be_read(tmp_path: Path) -> None:
    shut(tmp_path)
    options = {"path": str(tmp_path / "ledger"), "break_glass": WHY}
    with pytest.raises(UnwritableError, match="Nothing was done"), opened({"path": options["path"]}, store(tmp_path), Clock()):
        pass
    with opened(options, store(tmp_path), Clock()) as session:
        session.append([event("shop")])
    mend(tmp_path)
    with opened(options, store(tmp_path), Clock()) as session:
        assert session.merged == 1
    assert [one["lineage"] for one in recorded(tmp_path)] == ["shop"]


def test_what_was_spooled_is_merged_once_in_its_order_with_its_time_and_reason(tmp_path: Path) -> None:
    run(tmp_path, [event("before")])
    spooled(tmp_path, "a", "b")
    spooled(tmp_path, "c")
    assert [one["lineage"] for one in recorded(tmp_path)] == ["before"]
    assert run(tmp_path, [event("after")]).merged == 3
    found = recorded(tmp_path)
    assert [one["lineage"] for one in found] == ["before", "a", "b", "c", "after"]
    assert all(one["spooled"] and one["break_glass"] == WHY and one["spooled_time"] < "2026-11-24" for one in found[1:4])
    assert not os.listdir(tmp_path / "store.ledger-spool") and run(tmp_path, []).merged == 0


def test_a_reason_that_is_not_needed_is_told_and_changes_nothing(tmp_path: Path) -> None:
    session = run(tmp_path, [event("shop")], break_glass=WHY)
    assert session.shut is None and "take break_glass out" in session.facts["warnings"][0]
    assert "break_glass" not in recorded(tmp_path)[0]


@pytest.mark.parametrize("where", ["append", "head", "chain"])
def test_a_merge_that_was_killed_anywhere_is_finished_by_the_next_run(tmp_path: Path, where: str) -> None:
    spooled(tmp_path, "a", "b", "c")
    spool = tmp_path / "store.ledger-spool"
    copy = {path.name: path.read_bytes() for path in spool.iterdir()}
    run(tmp_path, [event("after")])
    if where == "append":  # killed after the append: everything is still in the spool
        for name, data in copy.items():
            (spool / name).write_bytes(data)
    elif where == "head":  # killed between the two removals
        (spool / "w1.jsonl").write_bytes(copy["w1.jsonl"])
    else:  # killed in the middle of the append: only whole lines count, and the first one was
        path = tmp_path / "ledger" / "w1.jsonl"
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] + b'{"act')
        (tmp_path / "ledger" / "w1.head").unlink()
        for name, data in copy.items():
            (spool / name).write_bytes(data)
    run(tmp_path, [event("last")])
    names = [one.get("lineage") for one in recorded(tmp_path) if one["action"] == "outcome"]
    assert names == (["a", "b", "c", "last"] if where == "chain" else ["a", "b", "c", "after", "last"])
    assert not os.listdir(spool)


def test_a_kill_at_every_step_of_a_merge_loses_and_doubles_nothing(tmp_path: Path) -> None:
    steps = ("parse", "_known", "append", "discard", "one removed", "done")
    for number, step in enumerate(steps):
        spooled(tmp_path, f"{step}-1", f"{step}-2")
        child = os.fork()
        if child == 0:
            _die_at(step)
            run(tmp_path, [])
            os._exit(1)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        run(tmp_path, [])
        names = [one["lineage"] for one in recorded(tmp_path) if "lineage" in one]
        assert names == [f"{one}-{count}" for one in steps[: number + 1] for count in (1, 2)]


def _die_at(step: str) -> None:
    """In a child of its own: the process ends where the step would begin."""

    def die(*_given: Any, **_more: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "one removed":
        remove = files.remove
        files.remove = lambda path: remove(path) and path.endswith((".head", ".jsonl")) and die()
        return
    place: Any = spools if step in ("parse", "_known") else Ledger
    name = "close" if step == "done" else step
    act: Callable[..., Any] = getattr(place, name)
    setattr(place, name, die if step != "append" else lambda self, events: (act(self, events), events and die()))


def test_two_hosts_spool_side_by_side_and_a_busy_spool_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "store.ledger-spool"
    for writer in ("x1", "x2"):
        with Ledger(str(folder), writer, Clock()) as spool:
            spool.append([event(writer)])
    with Ledger(str(folder), "x1", Clock()):
        assert run(tmp_path, []).merged == 1
    assert run(tmp_path, []).merged == 1
    assert [one["spooled_by"] for one in recorded(tmp_path)] == ["x2", "x1"]


def test_a_chain_that_was_merged_while_somebody_waited_for_it_is_not_written_to(tmp_path: Path) -> None:
    first = Ledger(str(tmp_path), "w1", Clock())
    link = tmp_path / "kept"
    os.link(first.path, link)
    first.discard()
    assert not (tmp_path / "w1.jsonl").exists() and not (tmp_path / "w1.head").exists()
    descriptor = os.open(link, os.O_RDWR)
    link.unlink()
    waiting = Ledger.__new__(Ledger)
    waiting._descriptor, waiting.path = descriptor, str(link)
    with pytest.raises(BusyError):
        waiting._lock()
    os.close(descriptor)


def test_a_changed_spool_is_told_and_stops_no_work(tmp_path: Path) -> None:
    spooled(tmp_path, "a", "b")
    chain = next((tmp_path / "store.ledger-spool").glob("*.jsonl"))
    chain.write_bytes(chain.read_bytes().replace(b'"a"', b'"z"').splitlines(keepends=True)[0])
    session = run(tmp_path, [event("shop")])
    assert "was not merged" in session.problems[0] and [one["lineage"] for one in recorded(tmp_path)] == ["shop"]
    assert chain.exists()


@pytest.mark.parametrize("harm", ["text", "torn mark", "list", "locked away", "no name", "float", "no time"])
def test_one_spool_file_that_cannot_be_merged_is_told_and_kept_and_hinders_no_other(tmp_path: Path, harm: str) -> None:
    run(tmp_path, [event("before")])
    folder = tmp_path / "store.ledger-spool"
    for writer in ("x1", "x2", "x3"):
        with Ledger(str(folder), writer, Clock()) as spool:
            spool.append([event(writer)])
    bad = folder / "x2.jsonl"
    if harm == "locked away":
        bad.unlink()
        bad.mkdir()
    elif harm == "no name":
        bad = bad.rename(folder / "X 2.jsonl")
        (folder / "x2.head").unlink()
    else:
        (folder / "x2.head").unlink()
        fields = {"seq": 1, "prev": "0" * 64, **({"seconds": 1.5} if harm == "float" else {})}
        texts = {"text": "no event\n", "torn mark": '{"spooled_sha256":"\n', "list": "[]\n"}
        bad.write_text(texts.get(harm, json.dumps(fields) + "\n"))
    session = run(tmp_path, [event("shop")])
    names = [one.get("lineage") for one in recorded(tmp_path)]
    if harm == "no time":  # nobody but us writes there; what is no more than strange is taken over as it is
        assert names == ["before", "x1", None, "x3", "shop"] and not session.problems and session.shut is None
        return
    assert names == ["before", "x1", "x3", "shop"] and session.merged == 2 and session.shut is None
    assert len(session.problems) == 1 and str(bad) in session.problems[0] and bad.exists()
    assert sorted(path.name for path in folder.glob("*.jsonl")) == [bad.name]


def test_a_spool_that_cannot_be_read_stops_no_work(tmp_path: Path) -> None:
    (tmp_path / "store.ledger-spool").mkdir()
    (tmp_path / "store.ledger-spool" / "x1.jsonl").symlink_to("nowhere")
    session = run(tmp_path, [event("shop")], break_glass=WHY)
    assert session.shut is None and len(session.problems) == 1 and "x1.jsonl" in session.problems[0]


@pytest.mark.parametrize("line", [b'{"spooled_sha256":"abc', b'{"spooled_sha256":"abc\n', b'[{"spooled_sha256":"abc"}]\n'])
def test_a_line_of_another_chain_that_cannot_be_read_hinders_no_merge(tmp_path: Path, line: bytes) -> None:
    spooled(tmp_path, "a")
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "w2.jsonl").write_bytes(line)
    session = run(tmp_path, [])
    assert session.merged == 1 and not session.problems
    assert "1 events that were recorded under break glass are in the ledger now" in session.facts["warnings"]


def test_a_ledger_that_shuts_while_it_takes_the_spool_is_shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spooled(tmp_path, "a")
    append = Ledger.append

    def full(self: Ledger, events: Any) -> None:
        if self.folder == str(tmp_path / "ledger"):
            raise UnwritableError("full")
        append(self, events)

    monkeypatch.setattr(Ledger, "append", full)
    with pytest.raises(UnwritableError, match="Nothing was done"):
        run(tmp_path, [])
    session = run(tmp_path, [event("shop")], break_glass=WHY)
    monkeypatch.undo()
    assert session.shut is not None and run(tmp_path, []).merged == 2
    assert [one["lineage"] for one in recorded(tmp_path)] == ["a", "shop"]


def test_a_spool_that_ends_with_the_run_is_refused_like_the_ledger(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if mount_of(str(memory))[1] != "tmpfs":
        pytest.skip("no file system in memory here")
    spool = memory / f"certops-clm-{os.getpid()}"
    with pytest.raises(ConfigError, match="lies in memory") as error:
        run(tmp_path, [], spool=str(spool))
    assert str(spool) in str(error.value) and "ledger.allow_ephemeral" in str(error.value) and not (tmp_path / "ledger").exists()
    assert run(tmp_path, [event("shop")], spool=str(spool), allow_ephemeral=True).shut is None
    beside = {"type": "directory", "path": str(spool)}  # a store that is meant to end with the run has its spool beside it
    given = {"path": str(tmp_path / "ledger"), "writer_id": "w1"}
    with opened(given, beside, Clock()) as session:
        session.append([event("shop")])
    with pytest.raises(ConfigError, match="lies in memory"), opened({**given, "break_glass": WHY}, beside, Clock()):
        pass
    assert not spool.exists()


def test_a_torn_end_on_a_full_disk_is_a_ledger_that_cannot_be_written(tmp_path: Path) -> None:
    run(tmp_path, [event("before")])
    path = tmp_path / "ledger" / "w1.jsonl"
    path.write_bytes(path.read_bytes() + b"x" * 128 * 1024)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
        try:
            os._exit(0 if run(tmp_path, [event("shop")], break_glass=WHY).shut else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run(tmp_path, [])
    assert [one.get("lineage") for one in recorded(tmp_path)] == ["before", None, "shop"]


def test_a_changed_ledger_is_no_reason_to_break_the_glass(tmp_path: Path) -> None:
    run(tmp_path, [event("a"), event("b")])
    path = tmp_path / "ledger" / "w1.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ConfigError, match="tail was cut"):
        run(tmp_path, [event("shop")], break_glass=WHY)
    with Ledger(str(tmp_path / "other"), "w1", Clock()):
        session = run(tmp_path, [event("shop")], break_glass=WHY, path=str(tmp_path / "other"))
    assert session.shut is None and (tmp_path / "other" / "w1@2.jsonl").exists(), "another writer is no reason either"


def test_a_spool_that_cannot_be_written_either_stops_everything(tmp_path: Path) -> None:
    shut(tmp_path)
    (tmp_path / "store.ledger-spool").write_text("")
    with pytest.raises(UnwritableError, match="neither can the spool"):
        run(tmp_path, [event("shop")], break_glass=WHY)


@pytest.mark.parametrize("reason", ["", WHY])
def test_a_full_disk_is_seen_before_anything_begins(tmp_path: Path, reason: str) -> None:
    run(tmp_path, [event("before")])
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a limit of the process on the size of files stands in for a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
        try:
            os._exit(0 if run(tmp_path, [event("shop")], break_glass=reason).shut else 1)
        except UnwritableError:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if reason else 2)
    assert sorted(os.listdir(tmp_path / "ledger")) == ["w1.head", "w1.jsonl"]
    run(tmp_path, [])
    assert [one["lineage"] for one in recorded(tmp_path)] == ["before", *(["shop"] if reason else [])]


@pytest.mark.parametrize(("action", "reason"), [("outcome", WHY), ("outcome", ""), ("intent", WHY)])
def test_a_disk_that_fills_up_midway_loses_no_outcome_and_begins_nothing_more(tmp_path: Path, action: str, reason: str) -> None:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        options = {"path": str(tmp_path / "ledger"), "writer_id": "w1", "break_glass": reason}
        session = Session(_settled(options, tmp_path), Clock())
        session.append([event("before", "intent")] * 2000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
        try:
            session.append([event("shop", action)])
        except UnwritableError:
            session.close()
            os._exit(2)
        session.close()
        os._exit(0)
    kept = action == "outcome" and bool(reason)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if kept else 2)
    run(tmp_path, [])
    assert [one["lineage"] for one in recorded(tmp_path)][2000:] == (["shop"] if kept else [])


def _settled(options: Dict[str, Any], place: Path) -> Any:
    from ansible_collections.certops.clm.plugins.module_utils._ledger_options import settle

    return settle(options, store(place))


def test_the_checkpoint_of_a_shut_ledger_is_a_problem(tmp_path: Path) -> None:
    shut(tmp_path)
    session = run(tmp_path, [event("shop")], break_glass=WHY, checkpoints={"path": str(tmp_path / "second")})
    assert "without a checkpoint" in session.problems[0] and "store.ledger-spool" in session.problems[0]


def test_break_glass_lets_through_what_has_expired_and_revocations_only() -> None:
    later = START.replace(year=2027)
    assert allowed("issue", START, later) and allowed("deploy", later, later) and allowed("revoke", later, START)
    assert not allowed("issue", later, START) and not allowed("issue", None, START) and allowed("revoke", None, START)
    told = str(refusal(UnwritableError("cannot write the ledger /l: full", hint="free some"), later))
    assert "/l" in told and "2027-11-23 12:00 UTC" in told and "free some" in told


def test_events_are_readable_json_in_the_spool(tmp_path: Path) -> None:
    shut(tmp_path)
    run(tmp_path, [event("shop")], break_glass=WHY)
    (chain,) = (tmp_path / "store.ledger-spool").glob("w1.jsonl")
    assert json.loads(chain.read_text())["break_glass"] == WHY
