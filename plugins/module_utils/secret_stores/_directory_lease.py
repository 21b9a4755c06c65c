# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may write to a lineage: a lease is a symlink `lease-<fence>` in the lineage's folder, whose text says who has it.

A lease is taken by creating the next number: of two that try, one creates it. One that has expired is taken over the same
way, so breaking one needs no lock either; nothing else ends the lease of an owner that died, because process numbers mean
nothing to another container. Given back, it is renamed to `free-<fence>`: the highest number stays, and the next one is higher.
`now` and `expires` are in the time of the file system, so that no controller's wrong clock ends another one's lease.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Iterator, List, Optional, Tuple, Union

HELD, FREE, LOCK = "lease-", "free-", "lock"


@dataclass(frozen=True)
class Taken:
    """The fence that was taken; `unclean` is True when the holder before did not give it back."""

    fence: int
    unclean: bool


@dataclass(frozen=True)
class Held:
    """Who has it, and until when."""

    owner: str
    expires: Optional[datetime]


def take(folder: str, owner: str, now: datetime, expires: datetime) -> Union[Taken, Held]:
    """Take the lease of the lineage's folder. Raises OSError."""
    with _alone(folder, wait=False) as (handle, alone):
        if alone is None:
            return Held("", None)
        before = _numbers(handle)
        top, held = before[-1] if before else (0, False)
        if held:
            holder = _holder(folder, top, now)
            if holder is not None:
                return holder
        fence = top + 1
        try:
            os.symlink(_text(owner, expires), f"{folder}/{HELD}{fence}")
        except FileExistsError:
            return _holder(folder, fence, now) or Held("", None)
        if not alone and not _newest(handle, fence):
            _unlink(f"{folder}/{HELD}{fence}")
            return Held("", None)
        for number, was_held in before:
            _unlink(f"{folder}/{HELD if was_held else FREE}{number}")
        return Taken(fence, held)


def holds(folder: str, fence: int) -> bool:
    """True while nobody took the lease over. Raises OSError for anything but its absence."""
    try:
        os.readlink(f"{folder}/{HELD}{fence}")
    except FileNotFoundError:
        return False
    return True


@contextmanager
def kept(folder: str, fence: int) -> Iterator[bool]:
    """Whether the lease is held, and while the block goes on nobody takes it over, where the file system has locks.

    Without them a holder that stands still inside of the block may have lost the lease when it goes on: so what it writes has a
    name that whoever took over has removed (`clean`), and what is to be seen by others is only renamed here. Raises OSError.
    """
    with _alone(folder, wait=True) as (handle, alone):
        yield holds(folder, fence) if alone else _newest(handle, fence)


def extend(folder: str, fence: int, owner: str, expires: datetime) -> bool:
    """Hold the lease until `expires`; False when it was taken over. Raises OSError."""
    with _alone(folder, wait=True) as (handle, alone):
        if not _newest(handle, fence):
            return False
        draft = f"{folder}/.extended-{secrets.token_hex(8)}"
        os.symlink(_text(owner, expires), draft)
        try:
            os.replace(draft, f"{folder}/{HELD}{fence}")
        except FileNotFoundError:  # whoever took it over has cleaned up
            return False
        if not alone and not _newest(handle, fence):
            _unlink(f"{folder}/{HELD}{fence}")  # taken over meanwhile: what was put back there must not look held
            return False
        return True


def number(folder: str) -> Tuple[int, bool]:
    """The highest fence, 0 before the first, and whether whoever had it gave it back. Raises OSError for anything but its absence.

    It goes back only with the whole folder: one that was put back from an earlier day has a lower one than it had.
    """
    try:
        with _open(folder) as handle:
            found = _numbers(handle) or _numbers(handle)  # a listing can miss the only name while it is renamed
    except FileNotFoundError:
        return 0, True
    return (found[-1][0], not found[-1][1]) if found else (0, True)


def raise_to(folder: str, fence: int, higher: int) -> bool:
    """Hold the same lease under a higher fence; False when it was taken over. Raises OSError for anything else."""
    with _alone(folder, wait=True):
        try:
            os.rename(f"{folder}/{HELD}{fence}", f"{folder}/{HELD}{higher}")
        except FileNotFoundError:
            return False
        return True


def _text(owner: str, expires: datetime) -> str:
    """What a lease says: seconds since 1970 in hexadecimal, and who has it."""
    return f"{int(expires.timestamp()):x}.{owner}"


def give_back(folder: str, fence: int) -> None:
    """End the lease; one that was lost meanwhile stays with whoever has it. Raises OSError."""
    try:
        with _alone(folder, wait=True):
            os.rename(f"{folder}/{HELD}{fence}", f"{folder}/{FREE}{fence}")
    except FileNotFoundError:
        pass


@contextmanager
def _alone(folder: str, wait: bool) -> Iterator[Tuple[int, Optional[bool]]]:
    """A handle of the folder, and whether nobody else takes or gives back in it meanwhile.

    None: somebody does. False: this file system has no locks; then exclusive creation and a second look decide. The lock spares
    the second look, and a listing that misses a name which is just being renamed. NFSv4 locks no folder, and no file that is
    only read: so a file is locked that was opened for writing.
    """
    alone: Optional[bool] = True
    with _open(folder) as handle, _lock_file(handle) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = None
        except OSError:
            alone = False
        yield handle, alone


@contextmanager
def _lock_file(folder: int) -> Iterator[int]:
    handle = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _open(folder: str) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def _newest(handle: int, fence: int) -> bool:
    """False when somebody took and gave it back since we looked."""
    after = _numbers(handle)
    return bool(after) and after[-1] == (fence, True) and (fence, False) not in after


def _numbers(folder: int) -> List[Tuple[int, bool]]:
    """Every fence in the folder (an open handle) with whether it is held, lowest first, a free one before a held one."""
    found = []
    for name in os.listdir(folder):
        for prefix in (HELD, FREE):
            number = name[len(prefix) :]
            if name.startswith(prefix) and number.isascii() and number.isdigit():
                found.append((int(number), prefix == HELD))
    return sorted(found)


def _holder(folder: str, fence: int, now: datetime) -> Optional[Held]:
    """Who has the lease, None when it may be taken over."""
    try:
        text = os.readlink(f"{folder}/{HELD}{fence}")
    except FileNotFoundError:
        return Held("", None)
    seconds, _dot, owner = text.partition(".")
    try:
        expires = datetime.fromtimestamp(int(seconds, 16), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return Held("".join(one if one.isprintable() else "?" for one in owner), expires) if now < expires else None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
