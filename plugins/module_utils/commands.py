# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command by its words, never by a shell, and never longer than it may.

asyncio runs it (_command_loop.py): a module's own run_command cannot end a command that hangs, and would tie flows to Ansible.
It is imported when a command is run, for it costs a tenth of the time of a module that runs none.
Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Done:
    """How a command ended. What it printed is in no repr, for it may be a key."""

    code: int
    output: bytes = field(repr=False, default=b"")
    errors: bytes = field(repr=False, default=b"")


def _loop() -> Any:
    """The module that runs them, imported by one thread at a time: from a zip, Python 3.9 shows the others one that is half read."""
    with _LOADING:
        from . import _command_loop
    return _command_loop


def run(argv: Sequence[str], seconds: float) -> Done:
    """Wait until the command itself ends, also when a daemon that it started lives on; output and errors come together.

    ClmError when it cannot start or does not end in time; it is killed then, with what it started.
    """
    with tempfile.TemporaryFile() as file:  # not a pipe, which a daemon would keep open
        code = _loop().whole(argv, seconds, file).code
        file.seek(0)
        return Done(code, file.read(16 * 1024 * 1024))


def pipe(argv: Sequence[str], seconds: float, data: bytes = b"") -> Done:
    """Give it `data` and take what it prints, both through pipes only, so that keys touch no file; errors as `run`."""
    done: Done = _loop().whole(argv, seconds, None, data)
    return done


def head(argv: Sequence[str], seconds: float, most: int, variables: Optional[Mapping[str, str]] = None) -> Done:
    """Take the first `most` bytes of what it prints, and end it then; what it says as errors is dropped. ClmError as `run`.

    `variables` stand in its environment beside those of this process.
    """
    done: Done = _loop().beginning(argv, seconds, most, variables or {})
    return done
