# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that runs a command; `commands` is what others call. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import IO, Any, Dict, Mapping, Optional, Sequence, Union

from .commands import SYSTEM_PATH, Done
from .errors import ClmError


def whole(argv: Sequence[str], seconds: float, file: Optional[IO[bytes]], data: bytes = b"") -> Done:
    """The command's end; its output is in `file`, or in the answer when there is none."""
    return asyncio.run(_wait(argv, seconds, file, data))


def beginning(argv: Sequence[str], seconds: float, most: int, variables: Mapping[str, str]) -> Done:
    """The first `most` bytes of its output; it has ended."""
    return asyncio.run(_head(argv, seconds, most, variables))


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
