# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command by its words, never by a shell, and never longer than it may.

asyncio runs it: a module's own run_command cannot end a command that hangs, and would tie flows to Ansible.
Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, Dict, Mapping, Optional, Sequence, Union

from .errors import ClmError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Done:
    """How a command ended. What it printed is in no repr, for it may be a key."""

    code: int
    output: bytes = field(repr=False, default=b"")
    errors: bytes = field(repr=False, default=b"")


def run(argv: Sequence[str], seconds: float) -> Done:
    """Wait until the command itself ends, also when a daemon that it started lives on; output and errors come together.

    ClmError when it cannot start or does not end in time; it is killed then, with what it started.
    """
    with tempfile.TemporaryFile() as file:  # not a pipe, which a daemon would keep open
        code = asyncio.run(_wait(argv, seconds, file)).code
        file.seek(0)
        return Done(code, file.read(16 * 1024 * 1024))


def pipe(argv: Sequence[str], seconds: float, data: bytes = b"") -> Done:
    """Give it `data` and take what it prints, both through pipes only, so that keys touch no file; errors as `run`."""
    return asyncio.run(_wait(argv, seconds, None, data))


def head(argv: Sequence[str], seconds: float, most: int, variables: Optional[Mapping[str, str]] = None) -> Done:
    """Take the first `most` bytes of what it prints, and end it then; what it says as errors is dropped. ClmError as `run`.

    `variables` stand in its environment beside those of this process.
    """
    return asyncio.run(_head(argv, seconds, most, variables or {}))


async def _head(argv: Sequence[str], seconds: float, most: int, variables: Mapping[str, str]) -> Done:
    nothing = asyncio.subprocess.DEVNULL
    process = await _start(argv, nothing, asyncio.subprocess.PIPE, nothing, variables)
    output = bytearray()

    async def take() -> None:
        stream: Any = process.stdout
        while len(output) < most:
            chunk = await stream.read(most - len(output))
            if not chunk:
                await process.wait()
                return
            output.extend(chunk)

    try:
        await asyncio.wait_for(take(), seconds)
    except asyncio.TimeoutError:
        raise ClmError(f"{argv[0]} did not end within {seconds:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it ended in this moment
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(asyncio.TimeoutError):  # something outside its group may hold the pipe
                await asyncio.wait_for(_emptied(process), 5)
    return Done(process.returncode or 0, bytes(output))


async def _emptied(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a killed command, whose end asyncio does not see before the rest in its pipe was read."""
    stream: Any = process.stdout
    while await stream.read(65536):
        pass
    await process.wait()


async def _start(
    argv: Sequence[str], given: int, output: Union[int, IO[bytes]], errors: int, variables: Optional[Mapping[str, str]] = None
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv, stdin=given, stdout=output, stderr=errors, env={**_environment(), **(variables or {})}, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise ClmError(f"cannot run {argv[0]}: {getattr(error, 'strerror', None) or error}") from error


async def _wait(argv: Sequence[str], seconds: float, file: Optional[IO[bytes]], data: bytes = b"") -> Done:
    piped = asyncio.subprocess.PIPE
    output: Union[int, IO[bytes]] = piped if file is None else file
    errors = piped if file is None else asyncio.subprocess.STDOUT
    process = await _start(argv, piped if file is None else asyncio.subprocess.DEVNULL, output, errors)
    try:
        work: Any = process.communicate(data) if file is None else process.wait()
        result = await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise ClmError(f"{argv[0]} did not end within {seconds:g} s") from None
    return Done(process.returncode or 0, *(result if file is None else ()))


def _environment() -> Dict[str, str]:
    """Messages in English, and the folders where servers are installed, which a short PATH of a remote shell misses."""
    path = os.environ.get("PATH", "")
    return {**os.environ, "LC_ALL": "C", "PATH": f"{path}:{SYSTEM_PATH}" if path else SYSTEM_PATH}
