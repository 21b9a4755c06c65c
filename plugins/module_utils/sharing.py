# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether several machines see one and the same folder: a network file system says so itself, of any other somebody must say it."""

from __future__ import annotations

from .errors import ConfigError
from .lasting import mount_of

NETWORK = frozenset(
    "nfs nfs4 cifs smb3 ceph fuse.ceph fuse.ceph-fuse glusterfs fuse.glusterfs lustre gpfs gfs2 ocfs2 beegfs wekafs panfs afs".split()
)
HINT = (
    "put the store where every slice sees it (NFSv4, CephFS, a ReadWriteMany volume), choose a store behind an API, or run without slices; "
    "where all slices do see this folder, say {field}.shared: true"
)


def refuse_unshared(path: str, field: str, mounts: str = "") -> None:
    """Raise ConfigError when the folder is on a file system of this machine's own; empty `mounts`: those of this process."""
    point, kind = mount_of(path, mounts)
    if kind in NETWORK:
        return
    where = f"on {kind} at {point}, which belongs to this machine" if kind else "on a file system that nobody can name"
    raise ConfigError(
        f"the run is one slice of several, and {path} lies {where}: each slice would have a store of its own, and issue everything again",
        hint=HINT.format(field=field),
        field=field,
        runbook="store",
    )
