# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what is durable, what verification finds, what a crash leaves, who may write."""

from __future__ import annotations

import datetime
import errno
import fcntl
import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils import durable
from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError, ConfigError, MalformedError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.lasting import mount_of
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger

START = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.timezone.utc)


class Clock:
    """Goes on by a second with every look."""

    def __init__(self, start: datetime.datetime = START) -> None:
        self.now = start

    def __call__(self) -> datetime.datetime:
        self.now += datetime.timedelta(seconds=1)
        return self.now


def events(count: int, **more: Any) -> List[Dict[str, Any]]:
    return [{"action": "intent", "step": "issue", "lineage": f"shop-{number}", **more} for number in range(count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger of one chain of ten events, written in two runs."""
    with Ledger(str(tmp_path / "ledger"), "w1", Clock()) as ledger:
        ledger.append(events(4))
        ledger.append(events(2))
    with Ledger(str(tmp_path / "ledger"), "w1", Clock(START + datetime.timedelta(seconds=5))) as ledger:
        ledger.append(events(4))
    return tmp_path / "ledger"


def lines(folder: Path, writer: str = "w1") -> List[bytes]:
    return (folder / f"{writer}.jsonl").read_bytes().splitlines(keepends=True)


def put(folder: Path, what: List[bytes]) -> None:
    (folder / "w1.jsonl").write_bytes(b"".join(what))


def first_bad(folder: Path) -> Any:
    found = ledgers.verify(str(folder))
    assert found.ok == (found.chains[0]["first_bad_line"] is None) and found.ok == (not found.chains[0]["problem"])
    return found.chains[0]["first_bad_line"]


def test_a_chain_is_canonical_json_that_anybody_can_verify(folder: Path) -> None:
    prev = "0" * 64
    for number, line in enumerate(lines(folder), 1):
        event = json.loads(line)
        assert line == json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        assert event["seq"] == number and event["prev"] == prev
        prev = hashlib.sha256(line[:-1]).hexdigest()
    found = ledgers.verify(str(folder))
    assert found.ok and found.events == 10
    assert found.chains == [{"writer_id": "w1", "events": 10, "first_bad_line": None, "problem": "", "head": prev, "torn": False}]


def test_events_are_read_back_by_time_over_all_chains(folder: Path) -> None:
    with Ledger(str(folder), "w2", Clock(START + datetime.timedelta(seconds=1))) as ledger:
        ledger.append(events(1, owner="héllo {{ 7 }}"))
    found = list(ledgers.read(str(folder)))
    assert len(found) == 11 and [one["time"] for one in found] == sorted(one["time"] for one in found)
    assert [one["owner"] for one in found if one["writer_id"] == "w2"] == ["héllo {{ 7 }}"]


def test_an_edited_line_is_named(folder: Path) -> None:
    for number in range(10):
        whole = lines(folder)
        changed = [*whole]
        changed[number] = whole[number].replace(b"shop", b"SHOP")
        put(folder, changed)
        assert first_bad(folder) == (number + 2 if number < 9 else 10)  # the line after it no longer follows
        put(folder, whole)


def test_a_removed_a_moved_and_an_added_line_are_named(folder: Path) -> None:
    whole = lines(folder)
    for changed, expected in (
        (whole[:3] + whole[4:], 4),
        (whole[:3] + [whole[4], whole[3]] + whole[5:], 4),
        (whole[:3] + [whole[2]] + whole[3:], 4),
        (whole[1:], 1),
        (whole[:9], 10),
        ([], 1),
        (whole[:3] + [b"not json\n"] + whole[3:], 4),
        (whole[:3] + [b"[]\n"] + whole[3:], 4),
        (whole[:9] + [whole[9][:-5]], 10),
        (whole[:9] + [b"\0" * 50], 10),
        (whole[:2] + [b"x" * 3_000_000] + whole[2:], 3),
    ):
        put(folder, changed)
        assert first_bad(folder) == expected


def test_a_rewritten_file_that_is_whole_in_itself_is_found_by_its_head(folder: Path, tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "other"), "w1", Clock()) as ledger:
        ledger.append(events(10, owner="mallory"))
    (tmp_path / "other" / "w1.jsonl").rename(folder / "w1.jsonl")
    assert first_bad(folder) == 10
    (folder / "w1.jsonl").unlink()
    assert first_bad(folder) == 1


def test_a_changed_chain_is_not_written_on(folder: Path) -> None:
    whole = lines(folder)
    for changed in (whole[:9], whole[:9] + [whole[9].replace(b"shop", b"SHOP")], [*whole, b"not json\n"], [*whole, whole[3]]):
        put(folder, changed)
        with pytest.raises(ConfigError, match="ledger"):
            Ledger(str(folder), "w1", Clock())
        assert lines(folder) == changed


@pytest.mark.parametrize("tail", [b'{"action":"int', b"\0" * 4096, b'{"seq":11}\0\0\n{"seq":12}', b"\xff"])
def test_a_torn_tail_is_repaired_kept_and_recorded(folder: Path, tail: bytes) -> None:
    whole = lines(folder)
    put(folder, [*whole, tail])
    torn = b"\n" not in tail
    assert (first_bad(folder), ledgers.verify(str(folder)).chains[0]["torn"]) == ((None, True) if torn else (11, False))
    assert not torn or len(list(ledgers.read(str(folder)))) == 10
    with Ledger(str(folder), "w1", Clock()) as ledger:
        ledger.append(events(1))
    found = lines(folder)
    assert found[:10] == whole and len(found) == 12 and first_bad(folder) is None
    repaired = json.loads(found[10])
    assert repaired["action"] == "ledger_repaired" and repaired["sha256"] == hashlib.sha256(tail).hexdigest()
    assert (folder / "w1.torn-11").read_bytes() == tail


def test_every_torn_prefix_of_the_last_line_is_repaired(folder: Path) -> None:
    (folder / "w1.head").unlink()  # the writer was killed: it never closed its chain
    whole = lines(folder)
    for length in range(0, len(whole[9]), 7):
        put(folder, [*whole[:9], whole[9][:length]])
        Ledger(str(folder), "w1", Clock()).close()
        assert ledgers.verify(str(folder)).ok and len(lines(folder)) == (10 if length else 9)
        (folder / "w1.head").unlink()


def test_two_writers_of_one_chain_are_refused_and_others_are_not(folder: Path) -> None:
    with Ledger(str(folder), "w1", Clock()) as ledger:
        with pytest.raises(BusyError, match="w1"):
            Ledger(str(folder), "w1", Clock())
        with Ledger(str(folder), "w2", Clock()) as other:
            other.append(events(1))
        ledger.append(events(1))
    assert ledgers.verify(str(folder)).events == 12


def test_half_a_line_of_a_living_writer_is_no_damage(folder: Path) -> None:
    with Ledger(str(folder), "w1", Clock()) as ledger:
        ledger.append(events(1))
        with open(folder / "w1.jsonl", "ab") as file:
            file.write(b'{"action":')
        assert first_bad(folder) is None and len(list(ledgers.read(str(folder)))) == 11


def test_only_the_very_end_of_a_chain_is_ever_called_torn(folder: Path) -> None:
    """A crash while somebody appends leaves the beginning of a line at the end of the file, and nothing else."""
    whole = lines(folder)
    half = whole[9][:-5]
    for changed, bad, torn in (
        ([*whole, half], None, True),
        ([*whole, b"\0" * 3_000_000], None, True),
        ([*whole, b"x" * 3_000_000 + b"\n"], 11, False),
        ([*whole, half + b"\n"], 11, False),
        ([*whole[:9], half], 10, True),  # the head file says that there were ten
        ([*whole[:4], half, *whole[5:]], 5, False),
        ([*whole[:4], half + b"\n", *whole[5:]], 5, False),
    ):
        put(folder, changed)
        assert (first_bad(folder), ledgers.verify(str(folder)).chains[0]["torn"]) == (bad, torn)


def test_what_append_returned_for_survives_a_kill(tmp_path: Path) -> None:
    for number in range(1, 6):
        child = os.fork()
        if child == 0:
            ledger = Ledger(str(tmp_path), "w1", Clock())
            ledger.append(events(number))
            os.kill(os.getpid(), signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert ledgers.verify(str(tmp_path)).ok and ledgers.verify(str(tmp_path)).events == 15


def test_a_full_disk_records_nothing_and_the_chain_goes_on(folder: Path) -> None:
    child = os.fork()  # a limit of the process on the size of files stands in for a full disk
    if child == 0:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        ledger = Ledger(str(folder), "w1", Clock())
        size = (folder / "w1.jsonl").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, resource.RLIM_INFINITY))
        try:
            ledger.append(events(5))
        except ClmError as error:
            ok = "w1.jsonl" in str(error) and (folder / "w1.jsonl").stat().st_size == size
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            ledger.append(events(1))
            ledger.close()
            os._exit(0 if ok else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    found = ledgers.verify(str(folder))
    assert found.ok and found.events == 11


class Full:
    """A disk that takes so many bytes and no more, and that can be asked for nothing when it is read-only."""

    def __init__(self, room: int, read_only: bool = False) -> None:
        self.room, self.read_only = room, read_only

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "full")
        self.room, written = 0, _write(descriptor, data[: self.room])
        return written

    def ftruncate(self, descriptor: int, size: int) -> None:
        if self.read_only:
            raise OSError(errno.EROFS, "read-only")
        _ftruncate(descriptor, size)


_write, _ftruncate = os.write, os.ftruncate


@pytest.mark.parametrize("room", [1, 150, 400])
def test_what_a_full_disk_took_of_an_append_is_taken_back(folder: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    whole = lines(folder)
    with Ledger(str(folder), "w1", Clock()) as ledger:
        disk = Full(room)
        monkeypatch.setattr(os, "write", disk.write)
        with pytest.raises(ledgers.UnwritableError, match="no space"):
            ledger.append(events(3))
        monkeypatch.setattr(os, "write", _write)
        assert lines(folder) == whole, "half of it is not there, and a whole first line neither"
        ledger.append(events(1))
    assert lines(folder)[:10] == whole and ledgers.verify(str(folder)).events == 11


def test_what_cannot_be_taken_back_ends_this_writer_and_the_next_one_repairs_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, disk = Ledger(str(folder), "w1", Clock()), Full(150, read_only=True)
    monkeypatch.setattr(os, "write", disk.write)
    monkeypatch.setattr(os, "ftruncate", disk.ftruncate)
    with pytest.raises(ledgers.UnwritableError, match="no space"):
        ledger.append(events(3))
    monkeypatch.undo()
    with pytest.raises(ClmError, match="could not be written"):
        ledger.append(events(1))
    ledger.close()
    assert (first_bad(folder), ledgers.verify(str(folder)).chains[0]["torn"]) == (None, True)
    with Ledger(str(folder), "w1", Clock()):
        assert json.loads(lines(folder)[-1])["action"] == "ledger_repaired"
    assert ledgers.verify(str(folder)).ok


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    point, kind = mount_of(str(tmp_path))
    with pytest.raises(ConfigError, match="has no locks") as error:
        Ledger(str(tmp_path / "ledger"), "w1", Clock())
    assert f"{kind} at {point}" in str(error.value) and str(tmp_path / "ledger") in str(error.value) and error.value.hint
    (tmp_path / "ledger" / "w1.jsonl").write_bytes(b'{"act')
    assert ledgers.verify(str(tmp_path / "ledger")).chains[0]["torn"], "where nobody can tell who writes, it is only said"


def test_any_other_error_of_a_lock_is_one_of_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(ledgers.UnwritableError, match="reported an error"):
        Ledger(str(tmp_path), "w1", Clock())


def test_the_folders_of_a_new_chain_are_synced_up_to_one_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: List[str] = []
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    with Ledger(str(tmp_path / "a" / "b" / "ledger"), "w1", Clock()) as ledger:
        ledger.append(events(1))
    place = str(tmp_path)
    assert synced[:4] == [f"{place}/a/b", f"{place}/a", place, f"{place}/a/b/ledger"]
    before = len(synced)
    Ledger(str(tmp_path / "a" / "b" / "ledger"), "w1", Clock()).close()
    assert synced[before:] == [f"{place}/a/b/ledger"], "only the head file was written again"


@pytest.mark.parametrize(
    "event",
    [
        {"seconds": 1.5},
        {"deep": {"list": [1, 2.0]}},
        {"seq": 1},
        {"prev": ""},
        {"time": ""},
        {"ключ": 1},
        {1: 2},
        {"deep": {"ключ": 1}},
        {"bytes": b"x"},
        {"at": START},
        {"message": "-----BEGIN EC PRIVATE KEY-----"},
        {"message": "x" * 2_000_000},
    ],
)
def test_what_has_no_canonical_form_or_is_secret_is_refused(folder: Path, event: Dict[Any, Any]) -> None:
    with Ledger(str(folder), "w1", Clock()) as ledger:
        with pytest.raises(ConfigError):
            ledger.append([*events(2), event])
        ledger.append(events(1))
    assert ledgers.verify(str(folder)).events == 11


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=3),
)


@given(st.lists(st.dictionaries(st.sampled_from(["owner", "message", "names"]), values), max_size=4))
def test_anything_plain_goes_through(tmp_path_factory: pytest.TempPathFactory, given_events: List[Dict[str, Any]]) -> None:
    assume("PRIVATE KEY-----" not in json.dumps(given_events))  # hypothesis reads our constants and tries them
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger(str(folder), "w1", Clock()) as ledger:
        ledger.append(given_events)
    found = [{key: one[key] for key in one if key not in ("seq", "prev", "time", "writer_id")} for one in ledgers.read(str(folder))]
    assert found == given_events and ledgers.verify(str(folder)).ok


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_any_change_of_bytes_is_found(tmp_path_factory: pytest.TempPathFactory, where: int, what: bytes) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger(str(folder), "w1", Clock()) as ledger:
        ledger.append(events(5))
    whole = (folder / "w1.jsonl").read_bytes()
    at = where % len(whole)
    changed = whole[:at] + what + whole[at + len(what) :]
    (folder / "w1.jsonl").write_bytes(changed)
    found = ledgers.verify(str(folder))
    behind = changed.startswith(whole) and b"\n" not in changed[len(whole) :]  # as a crash leaves it: not one line was changed
    assert found.ok == (changed == whole or behind) and (not found.ok or found.chains[0]["torn"] == (changed != whole))


def test_a_line_that_cannot_be_read_is_named_with_its_file(folder: Path) -> None:
    put(folder, [*lines(folder)[:2], b"not json\n"])
    with pytest.raises(MalformedError, match=r"w1.jsonl line 3"):
        list(ledgers.read(str(folder)))


def test_no_ledger_is_not_an_empty_one(tmp_path: Path) -> None:
    for act in (ledgers.verify, ledgers.read):
        with pytest.raises(NotFoundError):
            act(str(tmp_path / "none"))
    assert ledgers.verify(str(tmp_path)).chains == []


def test_a_host_keeps_its_writer_id(tmp_path: Path) -> None:
    folder = str(tmp_path / "ledger")
    first = ledgers.default_writer_id(folder, "Web-1.Example")
    assert first.startswith("web-1.example-") and ledgers.default_writer_id(folder, "Web-1.Example") == first
    assert ledgers.default_writer_id(folder, "web-2") != first
    with Ledger(folder, ledgers.default_writer_id(folder), Clock()) as ledger:
        ledger.append(events(1))
    assert ledgers.verify(folder).events == 1


@pytest.mark.parametrize("writer", ["../x", "A", "", "a/b", ".x", "a@1", "a@x", "@2", "a@2@3"])
def test_a_writer_id_that_leads_elsewhere_is_refused(tmp_path: Path, writer: str) -> None:
    with pytest.raises(ConfigError):
        Ledger(str(tmp_path), writer, Clock())
