# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with a file: owner, group, mode, SELinux context and POSIX ACL, kept when the file is replaced.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Union

from .errors import ConfigError

Who = Union[str, int, None]
KEPT_XATTRS = ("security.selinux", "system.posix_acl_access")


@dataclass(frozen=True)
class Attributes:
    """Who may do what with a file: what a rewrite keeps."""

    mode: int
    uid: int
    gid: int
    xattrs: Mapping[str, bytes]


def attributes(path: str) -> Optional[Attributes]:
    """The attributes of the regular file at `path` (links are followed), None when nothing is there. Raises OSError."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a regular file", hint="choose another path")
    xattrs: Dict[str, bytes] = {}
    for name in KEPT_XATTRS if hasattr(os, "getxattr") else ():
        try:
            xattrs[name] = os.getxattr(path, name)
        except OSError:  # not set, or a file system without it
            continue
    return Attributes(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, xattrs)


def user_id(owner: Union[str, int]) -> int:
    """The uid of a user name or number."""
    try:
        return int(owner) if str(owner).isdigit() else pwd.getpwnam(str(owner)).pw_uid
    except KeyError:
        raise ConfigError(f"there is no user {owner!r} here", field="owner") from None


def group_id(group: Union[str, int]) -> int:
    """The gid of a group name or number."""
    try:
        return int(group) if str(group).isdigit() else grp.getgrnam(str(group)).gr_gid
    except KeyError:
        raise ConfigError(f"there is no group {group!r} here", field="group") from None


def private_group(gid: int) -> bool:
    """True for a group that nobody but root and this user is in, as many systems make one for each user (umask 002)."""
    try:
        group, me = grp.getgrgid(gid), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return group.gr_name in (me, "root") and set(group.gr_mem) <= {me, "root"}


def dress(descriptor: int, old: Optional[Attributes], mode: Optional[int], owner: Who, group: Who) -> None:
    """Give the new file its owner first and its mode last: at no moment may more people read it than at the end."""
    uid = user_id(owner) if owner is not None else old.uid if old else -1
    gid = group_id(group) if group is not None else old.gid if old else -1
    found = os.fstat(descriptor)
    if uid not in (-1, found.st_uid) or gid not in (-1, found.st_gid):
        os.fchown(descriptor, uid, gid)
    for name, value in old.xattrs.items() if old else ():
        try:
            os.setxattr(descriptor, name, value)
        except OSError as error:  # a label that is the same by default may not be settable, a wrong one must not pass
            if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EACCES) or os.getxattr(descriptor, name) != value:
                raise
    os.fchmod(descriptor, mode if mode is not None else old.mode if old else 0o600)
