# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are safe as host, group, file and folder name, whatever text they were made from. Standard library only."""

from __future__ import annotations

import difflib
import hashlib
import re
from typing import Collection

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}\Z")
_OTHER = re.compile(r"[^a-z0-9._-]+")
_REPEATED = re.compile(r"([.-])\1+")
_OTHER_IN_GROUP = re.compile(r"[^a-z0-9]+")
_LONGEST = 120
_HASH = 8
_TOLD = 40


def is_name(text: object) -> bool:
    """True for a name of a lineage, deployment, profile, issuer or client class: lower case, at most 120, no `..`."""
    return isinstance(text, str) and NAME.match(text) is not None and ".." not in text


def is_next(version: str, newest: str) -> bool:
    """True when no version was made between the two; the ids begin with their number, and `newest` is empty when there is none."""
    return int(version[:6]) == int(newest[:6] or 0) + 1


def meant(key: object, known: Collection[str]) -> str:
    """The hint for a name that is none of the known: `did you mean names? known are id, names`, of many the first forty."""
    names = list(known)
    found = difflib.get_close_matches(str(key)[:_LONGEST], names, 1)
    told = ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
    return (f"did you mean {found[0]}? " if found else "") + f"known are {told or 'none'}"


def digest(text: str, length: int = _HASH) -> str:
    """The first `length` hex digits of the SHA-256 of the text; any text has one, also one with lone surrogates."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def slug(text: str) -> str:
    """What can be kept of the text in a name; never empty, never longer than a name with its hash may be."""
    kept = _REPEATED.sub(r"\1", _OTHER.sub("-", text[:1024].lower()))
    return kept.strip("._-")[: _LONGEST - _HASH - 1].rstrip("._-") or "x"


def safe_name(text: str) -> str:
    """The slug and a hash of the whole text: a valid name that two different texts do not share."""
    return f"{slug(text)}-{digest(text)}"


def group_part(text: str) -> str:
    """The same for a part of a group name, which Ansible wants as an identifier: at most 40 characters, `_` and the hash."""
    kept = _OTHER_IN_GROUP.sub("_", text[:1024].lower()).strip("_")[:40].strip("_")
    return f"{kept or 'x'}_{digest(text)}"
