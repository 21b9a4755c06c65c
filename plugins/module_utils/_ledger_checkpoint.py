# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints (c2sp.org/tlog-checkpoint): how many lines a chain has and the root over them, and what files they are in. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Optional, Tuple

from .errors import MalformedError
from .identifiers import is_name

SUFFIX = ".checkpoint"
VKEY = ".vkey"
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z")
_FILE = re.compile(r"(.+)\.([0-9]{12,18})\.checkpoint\Z")
_FURTHER = re.compile(r"[2-9]|[1-9][0-9]{1,2}")
FAMILY = "@"  # between a writer_id and the number of a further chain of it: no writer_id has it, so nobody else's can look like that


@dataclass(frozen=True)
class Checkpoint:
    """What a chain was when it was signed. `root` is that of RFC 6962 over its first `size` lines."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint that a note's text says; extension lines are let be. MalformedError when it is none."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or not all(lines) or not _NUMBER.match(lines[1]):
            raise MalformedError("it is no checkpoint: origin, size and root are needed")
        found = cls(lines[0], int(lines[1]), _root(lines[2]))
        if not text.startswith(found.text):
            raise MalformedError("it is no checkpoint: its root is not canonical base64")
        return found


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except ValueError:
        root = b""
    if len(root) != 32:
        raise MalformedError("it is no checkpoint: its root is no SHA-256 in base64")
    return root


def is_chain(name: str) -> bool:
    """True for the name of a chain: a writer_id, or one with the number of a further chain (`web-1a2b3c4d@2`)."""
    writer_id, further, number = name.partition(FAMILY)
    return is_name(writer_id) and (not further or _FURTHER.fullmatch(number) is not None)


def origin_of(writer_id: str) -> str:
    """The name of a chain in checkpoints, and of the key that signs them."""
    return f"certops.clm/{writer_id}"


def file_name(writer_id: str, size: int) -> str:
    """The file of one checkpoint; names of one chain sort by size."""
    return f"{writer_id}.{size:012d}{SUFFIX}"


def of_file(name: str) -> Optional[Tuple[str, int]]:
    """Writer id and size that a file's name says; None when it is no checkpoint's."""
    match = _FILE.match(name)
    return (match.group(1), int(match.group(2))) if match and is_chain(match.group(1)) else None
