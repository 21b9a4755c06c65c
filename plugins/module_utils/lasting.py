# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is written to a path outlives this run: a container's own layer and memory file systems do not."""

from __future__ import annotations

import os
import re
from typing import List, Tuple

from .errors import ConfigError

MOUNTS = "/proc/self/mountinfo"
EPHEMERAL = {
    "overlay": "a container's own layer",
    "fuse.fuse-overlayfs": "a container's own layer",
    "aufs": "a container's own layer",
    "vfs": "a container's own layer",
    "tmpfs": "memory",
    "ramfs": "memory",
    "devtmpfs": "memory",
}
HINT = (
    "put it on a volume: execution-environment.volume-mounts in ansible-navigator.yml, 'Paths to expose to isolated jobs' in AWX and "
    "AAP, a persistent volume in a container group; or set {field}.allow_ephemeral: true where losing it is meant"
)


def refuse_ephemeral(path: str, field: str, mounts: str = "") -> None:
    """Raise ConfigError when the path lies where it ends with the run; empty `mounts`: those of this process.

    A system that has no /proc/self/mountinfo cannot tell and is not refused.
    """
    where = ephemeral(path, mounts or _mounts())
    if where:
        message = f"{path} lies in {where}: keys and records there end with this run, and the next run would issue everything again"
        raise ConfigError(message, hint=HINT.format(field=field), field=field, runbook="store")


def ephemeral(path: str, mounts: str) -> str:
    """What the path lies in, empty when it lasts; `mounts` is the text of proc_pid_mountinfo(5)."""
    point, kind = mount_of(path, mounts)
    return f"{EPHEMERAL[kind]} ({kind} at {point})" if kind in EPHEMERAL else ""


def mount_of(path: str, mounts: str = "") -> Tuple[str, str]:
    """Mount point and file system type that the path lies on, both empty when nobody can tell; empty `mounts`: those of this process."""
    real = os.path.realpath(path)
    best: Tuple[int, str, str] = (-1, "", "")
    for point, kind in _parse(mounts or _mounts()):
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best[0]:  # of two mounts on one point the later one is seen
            best = len(point), point, kind
    return best[1:]


def _parse(mounts: str) -> List[Tuple[str, str]]:
    """Mount point and file system type of every line: fields 5 and, after the lone dash, the next."""
    found = []
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) >= 5:
            point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), fields[4])
            found.append((point, after.split(" ", 1)[0]))
    return found


def _mounts() -> str:
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""
