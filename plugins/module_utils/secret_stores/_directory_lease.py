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
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Tuple, Union

from ..durable import is_local

HELD, FREE, LOCK = "lease-", "free-", "lock"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_locals: Dict[str, bool] = {}  # whether the lineages in a folder lie on this machine's own file system
_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


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
    with _Alone(folder, wait=False) as place:
        if place.alone is None:
            return Held("", None)
        before = _numbers(place.handle)
        top, held = before[-1] if before else (0, False)
        if held:
            holder = _holder(folder, top, now)
            if holder is not None:
                return holder
        fence = top + 1
        try:
            os.symlink(_text(owner, expires), f"{HELD}{fence}", dir_fd=place.handle)
        except FileExistsError:
            return _holder(folder, fence, now) or Held("", None)
        if not place.alone and not _newest(place.handle, fence):
            _unlink(f"{folder}/{HELD}{fence}")
            return Held("", None)
        for number, was_held in before:
            _unlink(f"{folder}/{HELD if was_held else FREE}{number}")
        return Taken(fence, held)


def holds(folder: str, fence: int, handle: Optional[int] = None) -> bool:
    """True while nobody took the lease over. Raises OSError for anything but its absence. `handle` is the folder's, where it is open."""
    try:
        os.readlink(f"{folder}/{HELD}{fence}" if handle is None else f"{HELD}{fence}", dir_fd=handle)
    except FileNotFoundError:
        return False
    return True


def extend(folder: str, fence: int, owner: str, expires: datetime) -> bool:
    """Hold the lease until `expires`; False when it was taken over. Raises OSError."""
    with _Alone(folder) as place:
        if not _newest(place.handle, fence):
            return False
        draft = f"{folder}/.extended-{secrets.token_hex(8)}"
        os.symlink(_text(owner, expires), draft)
        try:
            os.replace(draft, f"{folder}/{HELD}{fence}")
        except FileNotFoundError:  # whoever took it over has cleaned up
            return False
        if not place.alone and not _newest(place.handle, fence):
            _unlink(f"{folder}/{HELD}{fence}")  # taken over meanwhile: what was put back there must not look held
            return False
        return True


def number(folder: str) -> Tuple[int, bool]:
    """The highest fence, 0 before the first, and whether whoever had it gave it back. Raises OSError for anything but its absence.

    It goes back only with the whole folder: one that was put back from an earlier day has a lower one than it had.
    """
    try:
        found = _numbers(folder) or _numbers(folder)  # a listing can miss the only name while it is renamed
    except FileNotFoundError:
        return 0, True
    return (found[-1][0], not found[-1][1]) if found else (0, True)


def raise_to(folder: str, fence: int, higher: int) -> bool:
    """Hold the same lease under a higher fence; False when it was taken over. Raises OSError for anything else."""
    with _Alone(folder):
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
        with _Alone(folder) as place:
            os.rename(f"{HELD}{fence}", f"{FREE}{fence}", src_dir_fd=place.handle, dst_dir_fd=place.handle)
    except FileNotFoundError:
        pass


class _Alone:
    """Holds off everybody else who would take or give back in the folder, while the block goes on. Raises OSError.

    `alone` None: somebody does so now. False: this file system has no locks; then exclusive creation and a second look decide.
    The lock spares the second look, and a listing that misses a name which is just being renamed. It is on the folder itself
    where its file system is this machine's own. NFSv4 locks no folder, without saying so, and no file that is only read: so
    elsewhere a file is locked that was opened for writing.
    """

    __slots__ = ("_how", "_lock", "alone", "folder", "handle")

    def __init__(self, folder: str, wait: bool = True) -> None:
        self.folder = folder
        self._how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
        self.alone: Optional[bool] = True

    def __enter__(self) -> Any:
        self.handle = self._lock = os.open(self.folder, _FOLDER)
        try:
            if not self._is_local():
                self._lock = os.open(LOCK, _FILE, 0o600, dir_fd=self.handle)
            self._take()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_local(self) -> bool:
        """Looked at once for all lineages of a store."""
        above = self.folder.rpartition("/")[0]
        if above not in _locals:
            _locals[above] = is_local(self.handle)
        return _locals[above]

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, self._how)
        except BlockingIOError:
            self.alone = None
        except OSError:
            self.alone = False

    def __exit__(self, *_error: object) -> None:
        if self._lock != self.handle:
            os.close(self._lock)
        os.close(self.handle)


class kept(_Alone):
    """Whether the lease is held, and while the block goes on nobody takes it over, where the file system has locks.

    Without them a holder that stands still inside of the block may have lost the lease when it goes on: so what it writes has a
    name that whoever took over has removed (`clean`), and what is to be seen by others is only renamed here. Raises OSError.
    """

    __slots__ = ("_fence", "held")

    def __init__(self, folder: str, fence: int) -> None:
        super().__init__(folder)
        self._fence = fence

    def _take(self) -> None:
        super()._take()
        self.held = holds(self.folder, self._fence, self.handle) if self.alone else _newest(self.handle, self._fence)


def _newest(handle: int, fence: int) -> bool:
    """False when somebody took and gave it back since we looked."""
    after = _numbers(handle)
    return bool(after) and after[-1] == (fence, True) and (fence, False) not in after


def _numbers(folder: Union[int, str]) -> List[Tuple[int, bool]]:
    """Every fence in the folder (its path, or an open handle) with whether it is held, lowest first, a free one before a held one."""
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
