# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server program's own check and its reload. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

import os
import signal
import socket
from typing import List, Mapping, Sequence, Tuple

from .. import commands
from ..errors import ClmError
from ._server_where import Program

MAX_OUTPUT = 600


def execute(argv: Sequence[str], seconds: float) -> Tuple[int, str]:
    """Exit code and the end of what was printed; ClmError when it could not start or did not end in time."""
    try:
        done = commands.run(argv, seconds)
    except OSError as error:  # what it prints goes into a temporary file
        raise ClmError(f"cannot run {argv[0]}: {error.strerror or error}") from error
    return done.code, _tail(done.output)


def _tail(output: bytes) -> str:
    text = " ".join(output.decode("utf-8", "replace").split())
    return text if len(text) <= MAX_OUTPUT else "..." + text[-MAX_OUTPUT:]


def check(program: Program, seconds: float) -> str:
    """What the server's own check complains of; empty when it is content or the program has no check."""
    if not program.check:
        return ""
    try:
        code, output = execute(program.check, seconds)
    except ClmError as error:
        return error.message
    return "" if code == 0 else f"{' '.join(program.check)} ended with {code}: {output}"


def reload(program: Program, files: Mapping[str, bytes], seconds: float, restoring: bool = False) -> None:
    """Reload once, or give a running haproxy the files by path; ClmError when the server does not say yes.

    `restoring` a unit of systemd also starts it again when the new files had ended it.
    """
    if program.how == "systemd":
        _run(["systemctl", "reload-or-restart" if restoring else "reload", program.what[0]], seconds)
    elif program.how == "command":
        _run(program.what, seconds)
    elif program.how == "signal":
        _signal(program.what[0], program.what[1])
    else:
        for path, data in files.items():
            _set_certificate(program.what[0], path, data, seconds)


def _run(argv: Sequence[str], seconds: float) -> None:
    code, output = execute(argv, seconds)
    if code != 0:
        raise ClmError(f"the reload {' '.join(argv)} ended with {code}: {output}")


def _signal(name: str, pid_file: str) -> None:
    try:
        with open(pid_file, encoding="ascii", errors="replace") as file:
            pid = int(file.readline().strip())  # PostgreSQL writes more lines after it
        if pid <= 1:
            raise ValueError(pid)
        os.kill(pid, getattr(signal, name))
    except (OSError, ValueError) as error:
        raise ClmError(f"the reload by {name} to the process of {pid_file} failed: {error}") from error


def _set_certificate(path: str, name: str, data: bytes, seconds: float) -> None:
    """HAProxy's runtime API ("set ssl cert", "commit ssl cert"): new connections get it at once, without a reload.

    The payload ends at the first empty line, so none may be in it.
    """
    if any(char in name for char in " ;\\\n<"):
        raise ClmError(f"{name} cannot be named on haproxy's socket")
    payload = b"\n".join(line for line in data.splitlines() if line.strip())
    answer = _ask(path, b"set ssl cert " + name.encode() + b" <<\n" + payload + b"\n\n", seconds)
    if not ("ransaction created" in answer or "ransaction updated" in answer):
        raise ClmError(f"haproxy refused the certificate for {name}: {answer}")
    answer = _ask(path, b"commit ssl cert " + name.encode() + b"\n", seconds)
    if "Success" not in answer:
        _ask(path, b"abort ssl cert " + name.encode() + b"\n", seconds)
        raise ClmError(f"haproxy did not commit the certificate for {name}: {answer}")


def _ask(path: str, command: bytes, seconds: float) -> str:
    """One command on haproxy's socket; the answer as one line. No message ever repeats the command: it may hold a key."""
    parts: List[bytes] = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(command)
            while sum(map(len, parts)) < 65536:
                part = connection.recv(4096)
                if not part:
                    break
                parts.append(part)
    except OSError as error:
        raise ClmError(f"haproxy's socket {path} did not answer: {error}") from error
    return _tail(b"".join(parts))
