# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return only when bytes would survive a power cut. Standard library only: this file travels to managed hosts.

What has to be synced: every file that was written, and every folder whose entries changed (a new name, a rename, a removal
live in the folder, POSIX promises nothing about them when only the file is synced). A few are synced one by one; many at
once by one syncfs(2), where that is known to be as good: local file systems on Linux >= 5.8, which reports their write
errors. Anything else (NFS, FUSE, overlay, other kernels) is synced one by one.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Collection, Dict, Optional

ONE_BY_ONE = 64
_WHOLE = frozenset({"ext2", "ext3", "ext4", "xfs", "f2fs", "tmpfs", "ramfs"})
_trusted: Dict[int, bool] = {}
_types: Dict[int, Optional[str]] = {}


def sync(files: Collection[str], folders: Collection[str]) -> None:
    """On return the files' bytes and the folders' entries are durable; raises OSError, with the path in it, when not."""
    if len(files) + len(folders) > ONE_BY_ONE and sync_whole(next(iter(folders or files))):
        return
    for path in files:
        _fsync(path, os.O_RDONLY | os.O_NOFOLLOW)
    for path in folders:
        sync_folder(path)


def sync_folder(path: str) -> None:
    """On return what was created, renamed or removed in the folder is durable."""
    try:
        _fsync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems without a sync for folders keep them synchronously
            raise


def _fsync(path: str, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(descriptor)


def sync_whole(path: str) -> bool:
    """One syncfs for the file system that holds `path`; False when that cannot be relied on there."""
    device = os.stat(path).st_dev
    if device not in _trusted:
        _trusted[device] = _kernel() >= (5, 8) and _file_system(device) in _WHOLE and _libc() is not None
    if not _trusted[device]:
        return False
    import ctypes

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc().syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
    return True


def is_local(descriptor: int) -> bool:
    """True where what is open lies on a file system that is known to be this machine's own."""
    return _file_system(os.fstat(descriptor).st_dev) in _WHOLE


def _kernel() -> Any:
    name = os.uname()
    if name.sysname != "Linux":
        return (0, 0)
    return tuple(int(part) if part.isdigit() else 0 for part in name.release.split(".")[:2])


def _libc() -> Any:
    """The C library when it has syncfs, else None."""
    try:
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        return library if hasattr(library, "syncfs") else None
    except (ImportError, OSError):
        return None


def _file_system(device: int) -> Optional[str]:
    """The file system's type by the mount table, looked up once; None when it is not listed under that device."""
    if device not in _types:
        _types[device] = _mounted(device)
    return _types[device]


def _mounted(device: int) -> Optional[str]:
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
            for line in table:
                fields = line.split()
                if fields[2] == wanted and "-" in fields:
                    return fields[fields.index("-") + 1]
    except OSError:
        pass
    return None
