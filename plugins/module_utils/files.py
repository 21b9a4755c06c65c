# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all, also after a crash. Standard library only: this file travels to managed hosts.

A write makes a new file beside the old one (O_EXCL, O_NOFOLLOW, never readable for more people than the final mode says),
syncs it, renames it over the old one and syncs the folder. Owner, group, mode, SELinux context and POSIX ACL of what was
there are kept unless something else is asked for; where the destination is a symlink, the link stays and the file that it
points to is replaced.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from types import TracebackType
from typing import List, Mapping, Optional, Set, Tuple, Type

from . import durable
from .errors import ClmError, ConfigError, NotFoundError
from .identifiers import is_name
from .ownership import Who, attributes, dress, private_group

STALE = re.compile(r"\..*\.clm-[0-9a-f]{16}\.tmp")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_WHY: Mapping[int, Tuple[str, str]] = {
    errno.ENOSPC: ("no space or no inode is left on the file system", "free some (df -h, df -i) and run again"),
    errno.EDQUOT: ("the disk quota is used up", "free space or raise the quota and run again"),
    errno.EROFS: ("the file system is read-only", "mount it for writing, or choose another path"),
    errno.EACCES: ("permission denied", "run as the user that owns the path, or use become"),
    errno.EPERM: ("the operation is not permitted", "run as the user that owns the path, or use become"),
    errno.ELOOP: ("a symbolic link is where none may be", "look who made the link, and remove it"),
    errno.EBUSY: ("it is a mount point of its own", "mount the folder, not the single file: a file that is mounted cannot be swapped"),
    errno.EXDEV: ("it lies on another file system than its folder", "mount the folder, not the single file"),
    errno.EISDIR: ("a folder is where a file belongs", "choose another path"),
    errno.ENOTDIR: ("a part of the path is no folder", "choose another path"),
    errno.EIO: ("the disk reported an error", "look at the kernel's log and replace the disk"),
}


def explain(error: OSError, path: str, doing: str) -> ClmError:
    """The error as one that names what was done, the path and the way out; NotFoundError when there is no such path."""
    why, hint = _WHY.get(error.errno or 0, (error.strerror or "unknown error", ""))
    if error.errno == errno.ENOENT:
        return NotFoundError(f"cannot {doing} {path}: it does not exist")
    return ClmError(f"cannot {doing} {path}: {why}", hint=hint)


def check_name(name: str, field: str = "") -> str:
    """The name, when it may be used as one part of a path: lower case, no separators, no '..', at most 120 characters."""
    if not is_name(name):
        raise ConfigError(f"{name[:130]!r} is no name: use a-z, 0-9, '.', '_' and '-', no '..', at most 120 characters", field=field)
    return name


def join(base: str, *names: str) -> str:
    """A path below `base`, made only of checked names, so that it can never lead out of it."""
    return os.path.join(base, *(check_name(name) for name in names))


def check_private(path: str) -> None:
    """Refuse a folder for secrets where somebody other than root and this user could swap it or a folder above it."""
    mine = {0, os.geteuid()}
    folder = os.path.realpath(path)
    above = ""
    while folder != above:
        try:
            found = os.stat(folder)
        except FileNotFoundError:
            above, folder = folder, os.path.dirname(folder)
            continue
        except OSError as error:
            raise explain(error, folder, "look at") from error
        if found.st_uid not in mine:
            raise ConfigError(f"{folder} belongs to another user (uid {found.st_uid}), who could swap the secrets in it", hint="chown it")
        writable = found.st_mode & (stat.S_IWOTH if private_group(found.st_gid) else stat.S_IWOTH | stat.S_IWGRP)
        if writable and not (found.st_mode & stat.S_ISVTX and above):
            raise ConfigError(f"{folder} is writable for its group or for everybody", hint=f"chmod go-w {folder}")
        above, folder = folder, os.path.dirname(folder)


def read(path: str, limit: int = 16 * 1024 * 1024) -> bytes:
    """The file's bytes; NotFoundError when it is not there, ConfigError when it is larger than `limit` bytes."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise explain(error, path, "read") from error
    if len(data) > limit:
        raise ConfigError(f"{path} is larger than {limit} bytes")
    return data


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; a short write is continued."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])


def write_new(path: str, data: bytes, mode: int = 0o600) -> None:
    """Create a file that is not there yet, not synced; on any error nothing stays behind. Raises OSError."""
    descriptor = os.open(path, _NEW, mode)
    try:
        write_all(descriptor, data)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


class Batch:
    """Many writes, synced together: nothing is seen before `commit`, everything is durable after it.

    Each file is swapped atomically; the files of a batch are swapped one after the other. As a context manager it commits
    at the end, and removes what it staged when an exception ends it.
    """

    def __init__(self) -> None:
        self._staged: List[Tuple[str, str]] = []  # (temporary path, final path), in order
        self._files: List[str] = []

    def write(
        self,
        path: str,
        data: bytes,
        *,
        mode: Optional[int] = None,
        owner: Who = None,
        group: Who = None,
    ) -> None:
        """Stage a file's new bytes; None keeps what is there, and for a new file means 0600 and this process's user."""
        final = os.path.realpath(path)
        temporary = _temporary(final)
        try:
            old = attributes(final)
            descriptor = os.open(temporary, _NEW, 0o600)
        except OSError as error:
            raise explain(error, path, "write") from error
        try:
            dress(descriptor, old, mode, owner, group)
            write_all(descriptor, data)
            self._staged.append((temporary, final))
            self._files.append(temporary)
        except BaseException as error:
            remove(temporary)
            if isinstance(error, OSError):
                raise explain(error, path, "write") from error
            raise
        finally:
            os.close(descriptor)

    def link(self, target: str, path: str) -> None:
        """Stage a symlink at `path` itself (an old link there is swapped, never followed)."""
        temporary = _temporary(path)
        try:
            os.symlink(target, temporary)
        except OSError as error:
            raise explain(error, path, "link") from error
        self._staged.append((temporary, path))

    def commit(self) -> None:
        """Sync, swap, sync. After an error: what was swapped is swapped, the rest is as it was, no temporary file stays."""
        folders: Set[str] = set()
        where = ""
        try:
            durable.sync(self._files, ())
            while self._staged:
                temporary, where = self._staged[0]
                os.rename(temporary, where)
                folders.add(os.path.dirname(where) or ".")
                self._staged.pop(0)
            durable.sync((), folders)
        except OSError as error:
            raise explain(error, where or str(error.filename), "replace" if where else "sync") from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Remove what was staged and not committed."""
        staged, self._staged, self._files = self._staged, [], []
        for temporary, _final in staged:
            remove(temporary)

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


def write(path: str, data: bytes, *, mode: Optional[int] = None, owner: Who = None, group: Who = None) -> None:
    """Replace a file atomically and durably; see `Batch.write` for what None means."""
    with Batch() as batch:
        batch.write(path, data, mode=mode, owner=owner, group=group)


def swap_link(target: str, path: str) -> None:
    """Make `path` a symlink to `target`, atomically and durably, whatever link was there before."""
    with Batch() as batch:
        batch.link(target, path)


def remove(path: str) -> bool:
    """Remove a file or link; False when there was none. Not synced."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain(error, path, "remove") from error
    return True


def remove_stale(folder: str, older_than: float, now: float) -> List[str]:
    """Remove temporary files that a killed run left in the folder more than `older_than` seconds ago; returns their paths."""
    removed: List[str] = []
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise explain(error, folder, "read") from error
    for entry in entries:
        if STALE.fullmatch(entry.name) and now - entry.stat(follow_symlinks=False).st_mtime > older_than and remove(entry.path):
            removed.append(entry.path)
    return sorted(removed)


def _temporary(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:100]}.clm-{secrets.token_hex(8)}.tmp")
