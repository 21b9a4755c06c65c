# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a local CA issued: an append-only file of JSON lines that makes `request_id` an idempotency token.

A line is durable before the certificate it holds leaves the CA. One process at a time has the log (flock).
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Type

from .. import durable, files
from ..errors import MalformedError

_HEAD = b'{"request_id": "'


class IssuedLog:
    """The open log, locked until it is closed. A last line that a crash tore was never answered for, and is cut off."""

    def __init__(self, path: str) -> None:
        self._path = path
        new = not os.path.exists(path)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise files.explain(error, path, "open the CA's log") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if new:
                durable.sync_folder(os.path.dirname(path))
            self._places, self._size = self._read()
        except BaseException:
            os.close(self._descriptor)
            raise

    def find(self, request_id: str) -> Optional[Dict[str, Any]]:
        """The entry of that request, None when nothing was issued for it."""
        place = self._places.get(request_id.encode("ascii"))
        return None if place is None else parse(os.pread(self._descriptor, place[1], place[0]))

    def append(self, entries: Sequence[Mapping[str, str]]) -> None:
        """Keep the entries by one write and one fsync; after an error none of them is kept."""
        lines = [_line(entry) for entry in entries]
        if not lines:
            return
        try:
            files.write_all(self._descriptor, b"".join(lines))
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise files.explain(error, self._path, "write the CA's log") from error
        for entry, line in zip(entries, lines):
            self._places[str(entry["request_id"]).encode("ascii")] = (self._size, len(line))
            self._size += len(line)

    def _read(self) -> Tuple[Dict[bytes, Tuple[int, int]], int]:
        places: Dict[bytes, Tuple[int, int]] = {}
        at = 0
        with open(self._descriptor, "rb", closefd=False) as file:
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._descriptor, at)
                    break
                if not line.startswith(_HEAD):
                    raise MalformedError(f"{self._path}: the line at byte {at} is no entry", hint="restore the CA's folder from its backup")
                places[line[len(_HEAD) : line.index(b'"', len(_HEAD))]] = (at, len(line))
                at += len(line)
        return places, at

    def __enter__(self) -> IssuedLog:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        os.close(self._descriptor)


def _line(entry: Mapping[str, str]) -> bytes:
    """The entry as JSON; none of its texts has anything to escape."""
    return ("{" + ", ".join([f'"{name}": "{value}"' for name, value in entry.items()]) + "}\n").encode("ascii")


def entry(request_id: str, der: bytes, sha256: str) -> Dict[str, str]:
    """The log's entry for a certificate; `request_id`, which was checked, comes first, for the reader finds it there."""
    return {"request_id": request_id, "sha256": sha256, "certificate": binascii.b2a_base64(der, newline=False).decode("ascii")}


def parse(line: bytes) -> Dict[str, Any]:
    """The entry of one line, its certificate as bytes; MalformedError when it is none."""
    try:
        found = json.loads(line)
        return {**found, "certificate": base64.b64decode(found["certificate"], validate=True)}
    except (ValueError, KeyError, TypeError):
        raise MalformedError("an entry of the CA's log cannot be read", hint="restore the CA's folder from its backup") from None
