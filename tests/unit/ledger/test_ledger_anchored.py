# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a second place: what is anchored, what is not, and that nothing anybody does to a ledger stays unseen."""

from __future__ import annotations

import os
import random
import shutil
import stat
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import durable
from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger

from .anchored import ATTACKS, Clock, Estate, make, rewrite

ROUNDS = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Written once, and copied by every test."""
    return make(tmp_path_factory.mktemp("whole") / "estate")


@pytest.fixture
def estate(whole: Estate, tmp_path: Path) -> Estate:
    shutil.copytree(whole.place, tmp_path / "estate")
    return Estate(tmp_path / "estate")


def judged(estate: Estate, *vkeys: str) -> Dict[str, Any]:
    return summary(str(estate.ledger), [str(estate.checkpoints)], vkeys)


def pinned(estate: Estate) -> list:
    return [path.read_text().strip() for path in sorted(estate.checkpoints.glob("*.vkey"))]


def test_what_a_checkpoint_holds_is_anchored_and_what_follows_is_counted(estate: Estate) -> None:
    found = judged(estate)
    assert found["state"] == "anchored" and found["anchored"] == found["events"] == 32
    with Ledger(str(estate.ledger), "w2", Clock()) as ledger:
        ledger.append([{"action": "intent"}] * 2)
    found = judged(estate, *pinned(estate))
    assert found["state"] == "anchored" and [(one["anchored"], one["not_anchored"]) for one in found["chains"]] == [
        (12, 0),
        (9, 2),
        (11, 0),
    ]


def test_without_a_checkpoint_or_a_key_a_ledger_is_never_more_than_unanchored(estate: Estate) -> None:
    for found in (summary(str(estate.ledger)), summary(str(estate.ledger), [], pinned(estate))):
        assert found["state"] == "unanchored" and found["anchored"] == 0 and found["actions"] == {"outcome": 32}
    pins = pinned(estate)
    for path in estate.checkpoints.glob("*.vkey"):
        path.unlink()
    assert judged(estate)["state"] == "unanchored" and "no vkey" in judged(estate)["chains"][0]["why"]
    assert judged(estate, *pins)["state"] == "anchored"
    assert judged(estate, *pins[1:])["state"] == "unanchored"
    assert summary(str(_empty(estate)))["state"] == "unanchored"
    with pytest.raises(NotFoundError):
        summary(str(estate.ledger), [str(estate.place / "nowhere")])


def _empty(estate: Estate) -> Path:
    (estate.place / "empty").mkdir()
    return estate.place / "empty"


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_every_attack_is_found_every_time(whole: Estate, tmp_path: Path, attack: str) -> None:
    pins = pinned(whole)
    for number in range(ROUNDS):
        chance = random.Random(f"{attack} {number}")
        attacked = Estate(tmp_path / str(number))
        shutil.copytree(whole.place, attacked.place)
        writer = chance.choice(["w1", "w2", "w3"])
        ATTACKS[attack](attacked, writer, chance)
        for found in (judged(attacked), judged(attacked, *pins)):
            bad = [one["writer_id"] for one in found["chains"] if one["state"] == "broken"]
            assert found["state"] == "broken" and writer in bad and found["actions"] == {}, (attack, number, found)


@pytest.mark.parametrize("missing", range(1, 13))
def test_a_cut_tail_is_told_by_its_lines(estate: Estate, missing: int) -> None:
    rewrite(estate, "w1", estate.lines("w1")[: 12 - missing])
    chain = judged(estate)["chains"][0]
    first = next(size for size in (4, 7, 12) if size > 12 - missing)
    assert f"{first - 12 + missing} lines are missing" in chain["problem"] and chain["first_bad_line"] == 13 - missing


def test_a_rewritten_part_is_narrowed_down_by_the_checkpoints_before_it(estate: Estate) -> None:
    lines = estate.lines("w1")
    lines[8] = lines[8].replace(b"done", b"lost")
    rewrite(estate, "w1", lines)
    chain = judged(estate)["chains"][0]
    assert "lines 8 to 12" in chain["problem"] and chain["first_bad_line"] == 8 and chain["anchored"] == 7


def test_a_copy_of_the_checkpoints_finds_what_was_taken_away_from_the_second_place(estate: Estate) -> None:
    shutil.copytree(estate.checkpoints, estate.place / "auditor")
    for path in sorted(estate.checkpoints.glob("w1.*.checkpoint"))[1:]:
        path.unlink()
    rewrite(estate, "w1", estate.lines("w1")[:4])
    assert judged(estate)["state"] == "anchored"  # who owns both places can do that: hence a second copy, or one that only takes files
    assert summary(str(estate.ledger), [str(estate.checkpoints), str(estate.place / "auditor")])["state"] == "broken"
    session = estate.run("w1", 2)  # and the writer itself remembers
    assert "its tail was cut" in session.problems[0]


@pytest.mark.parametrize("attack", ["edit", "cut", "rewrite_all", "remove", "exchange", "forge", "replay"])
def test_a_changed_chain_is_never_signed(estate: Estate, attack: str) -> None:
    ATTACKS[attack](estate, "w3", random.Random(attack))
    before = sorted(path.name for path in estate.checkpoints.iterdir())
    session = estate.run("w3", 1)
    assert len(session.problems) == 1 and not session.checkpoint
    assert sorted(path.name for path in estate.checkpoints.iterdir()) == before


def test_a_second_place_that_is_away_or_lost_a_checkpoint_is_told(estate: Estate) -> None:
    estate.checkpoints.rename(estate.place / "unmounted")
    problem = estate.run("w1", 1).problems[0]
    assert "not in the second place any more" in problem and "the next one covers it" in problem
    shutil.rmtree(estate.checkpoints, ignore_errors=True)
    (estate.place / "unmounted").rename(estate.checkpoints)
    session = estate.run("w1", 1)
    assert not session.problems and session.checkpoint["size"] == 14 and judged(estate)["state"] == "anchored"


def test_the_key_is_private_and_a_lost_one_is_not_replaced(estate: Estate) -> None:
    key = estate.place / "store.ledger-key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o640)
    assert "open to others" in estate.run("w1", 1).problems[0]
    key.unlink()
    assert "is gone" in estate.run("w1", 1).problems[0] and not key.exists()
    key.write_text("no key")
    key.chmod(0o600)
    assert "no unencrypted Ed25519 key" in estate.run("w1", 1).problems[0]
    assert estate.run("w4", 1).problems and judged(estate)["state"] == "unanchored"


def test_another_key_than_the_known_one_does_not_sign(estate: Estate) -> None:
    shutil.copy(make(estate.place / "other").place / "store.ledger-key.pem", estate.place / "store.ledger-key.pem")
    assert "is not what it should be" in estate.run("w1", 1).problems[0]
    (estate.place / "store.ledger-key.pem.w1.checkpoint").unlink()
    for path in estate.checkpoints.glob("w1.*.checkpoint"):
        path.unlink()
    assert "names another key" in estate.run("w1", 1).problems[0]


def test_a_run_without_new_lines_sends_the_same_checkpoint(estate: Estate) -> None:
    session = estate.run("w1", 0)
    assert not session.problems and session.checkpoint["new"] is False and session.checkpoint["size"] == 12


def test_the_command_gets_the_checkpoint_and_its_failure_is_told(estate: Estate) -> None:
    sent = estate.place / "sent"
    take = [sys.executable, "-c", f"import sys; open({str(sent)!r}, 'wb').write(sys.stdin.buffer.read())"]
    given = estate.options("w1")["checkpoints"]
    session = estate.run("w1", 1, checkpoints={**given, "command": take})
    assert not session.problems and sent.read_bytes() == Path(session.checkpoint["file"]).read_bytes()
    fail = [sys.executable, "-c", "import sys; sys.stderr.write('no bucket'); sys.exit(3)"]
    session = estate.run("w1", 1, checkpoints={**given, "command": fail})
    assert "ended with 3" in session.problems[0] and "no bucket" in session.problems[0]
    assert len(estate.lines("w1")) == 14 and judged(estate)["state"] == "anchored"


def test_a_torn_checkpoint_says_nothing_and_a_strange_one_is_refused(estate: Estate) -> None:
    (estate.checkpoints / "w1.000000000013.checkpoint").write_bytes(b"certops.clm/w1\n13")
    assert judged(estate)["state"] == "anchored" and not estate.run("w1", 2).problems
    (estate.checkpoints / "mine.checkpoint").write_bytes(b"x")
    with pytest.raises(MalformedError, match=r"mine\.checkpoint"):
        judged(estate)


@pytest.mark.parametrize("torn", [b"", b"certops.clm/w1+5e", b"\0" * 100])
def test_a_vkey_that_a_crash_tore_is_told_and_made_again_before_the_first_checkpoint(tmp_path: Path, torn: bytes) -> None:
    estate = Estate(tmp_path)
    estate.checkpoints.mkdir(parents=True)
    vkey = estate.checkpoints / "w1.vkey"
    vkey.write_bytes(torn)
    with Ledger(str(estate.ledger), "w1", Clock()) as ledger:
        ledger.append([{"action": "intent"}] * 2)
    assert judged(estate)["state"] == "unanchored"
    session = estate.run("w1", 1)
    assert not session.problems and any("was torn by a crash" in text and str(vkey) in text for text in session.facts["warnings"])
    assert judged(estate)["state"] == "anchored" and judged(estate, vkey.read_text())["anchored"] == 3
    assert "warnings" not in estate.run("w1", 1).facts


def test_a_torn_vkey_whose_key_has_signed_already_is_not_made_again(estate: Estate) -> None:
    vkey = estate.checkpoints / "w1.vkey"
    whole = vkey.read_bytes()
    vkey.write_bytes(whole[:20])
    session = estate.run("w1", 1)
    assert "is torn" in session.problems[0] and str(vkey) in session.problems[0] and "that you noted" in session.problems[0]
    assert vkey.read_bytes() == whole[:20] and not session.checkpoint
    found = judged(estate)
    assert found["state"] == "unanchored" and "torn" in found["chains"][0]["why"] and found["chains"][1]["state"] == "anchored"
    vkey.write_bytes(whole.strip())  # as somebody puts it back who noted it
    assert not estate.run("w1", 1).problems and judged(estate)["state"] == "anchored"


def test_a_torn_end_is_said_and_a_cut_one_still_found(estate: Estate) -> None:
    whole = estate.chain("w1").read_bytes()
    (estate.ledger / "w1.head").unlink()
    estate.chain("w1").write_bytes(whole + b'{"action":"int')
    chain = judged(estate)["chains"][0]
    assert (chain["state"], chain["torn"], chain["anchored"], chain["not_anchored"]) == ("anchored", True, 12, 0)
    estate.chain("w1").write_bytes(whole[:-1])  # a newline less than what was signed, and no head file that could tell
    chain = judged(estate)["chains"][0]
    assert chain["state"] == "broken" and "1 lines are missing" in chain["problem"] and chain["first_bad_line"] == 12


def test_the_folders_of_the_second_place_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: List[str] = []
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    estate = Estate(tmp_path)
    assert not estate.run("w1", 1).problems
    assert {str(tmp_path), str(estate.checkpoints.parent), str(estate.checkpoints)} <= set(synced)
    assert synced.index(str(estate.checkpoints.parent)) < synced.index(str(estate.checkpoints))


def test_no_result_has_the_key(estate: Estate) -> None:
    key = (estate.place / "store.ledger-key.pem").read_text().splitlines()[1]
    session = estate.run("w1", 1)
    assert key not in str(session.facts) + str(judged(estate)) and session.facts["checkpoint"]["vkey"] in pinned(estate)
    assert os.listdir(estate.ledger) and not any(key in path.read_text() for path in estate.checkpoints.iterdir())
