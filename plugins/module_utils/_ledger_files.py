# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger needs of its file system: folders that a power cut does not take back, and locks."""

from __future__ import annotations

import errno
import fcntl
import os

from . import durable
from .errors import ConfigError
from .lasting import mount_of

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
HINT = "mount it with locks (NFS: version 4, or rpc.statd and no nolock), or choose a path on a file system that has them"


def make_folder(folder: str, mode: int) -> None:
    """The folder, and those above it that are not there yet; on return their names are durable. Raises OSError."""
    folder, new = os.path.abspath(folder), []
    above = folder
    while not os.path.isdir(above):
        above = os.path.dirname(above)
        new.append(above)
    os.makedirs(folder, mode, exist_ok=True)
    durable.sync((), new)


def lock(descriptor: int, path: str) -> bool:
    """True when the file is ours now, False when another process has it; ConfigError where nobody could tell."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        point, kind = mount_of(path)
        where = f"{kind} at {point}" if kind else "of a type that is not known"
        raise ConfigError(f"the file system of {path} ({where}) has no locks: {error.strerror}", hint=HINT, runbook="ledger") from error
    return True


def is_being_written(path: str) -> bool:
    """True while a writer has the chain open: half a line at its end is then no damage."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks there: nobody can tell
            return False
    return False
