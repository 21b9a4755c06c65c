# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands end: by themselves, or because their time is over."""

from __future__ import annotations

import sys
import time
from typing import Sequence

import pytest

from ansible_collections.certops.clm.plugins.module_utils import commands
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError

CODE = "import sys; sys.stdout.write('out'); sys.stdout.flush(); sys.stderr.write('err'); sys.exit(3)"


def test_code_and_output() -> None:
    done = commands.run([sys.executable, "-c", CODE], 20)
    assert (done.code, done.output) == (3, b"outerr")
    done = commands.pipe([sys.executable, "-c", CODE], 20)
    assert (done.code, done.output, done.errors) == (3, b"out", b"err") and "out" not in repr(done)
    assert commands.pipe(["cat"], 20, b"x" * 200000).output == b"x" * 200000


def test_a_daemon_that_lives_on_is_not_waited_for() -> None:
    begin = time.monotonic()
    assert commands.run(["sh", "-c", "sleep 30 & echo started"], 20).output == b"started\n"
    assert time.monotonic() - begin < 15


def test_no_more_is_taken_than_was_asked_for() -> None:
    done = commands.head([sys.executable, "-c", CODE], 20, 100)
    assert (done.code, done.output, done.errors) == (3, b"out", b"")
    begin = time.monotonic()
    for most in (1, 70000, 1024 * 1024):  # whatever is left in the pipe
        assert commands.head(["cat", "/dev/zero"], 20, most).output == bytes(most)
    assert commands.head(["sh", "-c", "exec </dev/null; cat"], 20, 10).output == b"" and time.monotonic() - begin < 15
    assert commands.head(["sh", "-c", "echo $A $LC_ALL"], 20, 10, {"A": "b c"}).output == b"b c C\n"


def _head(argv: Sequence[str], seconds: float) -> commands.Done:
    return commands.head(argv, seconds, 10)


@pytest.mark.parametrize("call", [commands.run, commands.pipe, _head])
def test_a_command_that_hangs_or_is_not_there(call: object) -> None:
    with pytest.raises(ClmError, match="did not end"):
        call(["sh", "-c", "sleep 30 & sleep 30"], 0.2)  # type: ignore[operator]
    with pytest.raises(ClmError, match="cannot run"):
        call(["/nowhere/command"], 20)  # type: ignore[operator]


def test_words_are_no_shell() -> None:
    assert commands.run(["echo", "$HOME; `id`"], 20).output == b"$HOME; `id`\n"
