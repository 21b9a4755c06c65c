# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is written to a path outlives this run: a container's own layer, memory and the folders of one job do not."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Iterator, List, Mapping, Optional, Tuple

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
# A bind mount shows the file system of what it binds. Where that is says the root of the mount, to which the rest of the path belongs.
OF_ONE_JOB = (
    (re.compile(r"/awx_[0-9]+_[^/]+(/|$)"), "the folder of one AWX job"),
    (re.compile(r"/ansible-navigator_[^/]+(/|$)"), "the folder of one run of ansible-navigator"),
    (re.compile(r"/kubernetes\.io~empty-dir/"), "an emptyDir, which ends with its pod"),
    (re.compile(r"/volumes/[0-9a-f]{64}/_data(/|$)"), "a volume without a name, which ends with its container"),
)
RUNNER = "/runner"  # where ansible-runner has the private folder of a job inside of its container
HINT = (
    "put it on a volume: execution-environment.volume-mounts in ansible-navigator.yml, 'Paths to expose to isolated jobs' in AWX and "
    "AAP, a persistent volume in a container group; or set {field}.allow_ephemeral: true where losing it is meant"
)


@dataclass(frozen=True)
class _Mount:
    """A line of proc_pid_mountinfo(5): the mount point, the file system's type, and the folder in it that is mounted there."""

    point: str = ""
    kind: str = ""
    root: str = "/"


def refuse_ephemeral(path: str, field: str, mounts: str = "", environ: Optional[Mapping[str, str]] = None) -> None:
    """Raise ConfigError when the path lies where it ends with the run; empty `mounts`, `environ` None: those of this process.

    A system that has no /proc/self/mountinfo cannot tell of mounts, and is not refused for them.
    """
    where = ephemeral(path, mounts or _mounts(), os.environ if environ is None else environ)
    if where:
        message = f"{path} lies in {where}: keys and records there end with this run, and the next run would issue everything again"
        raise ConfigError(message, hint=HINT.format(field=field), field=field, runbook="store")


def ephemeral(path: str, mounts: str, environ: Optional[Mapping[str, str]] = None) -> str:
    """What the path lies in, empty when it lasts; `mounts` is the text of proc_pid_mountinfo(5), `environ` what AWX tells a job."""
    real = os.path.realpath(path)
    mount = _mount_of(real, mounts)
    if mount.kind in EPHEMERAL:
        return f"{EPHEMERAL[mount.kind]} ({mount.kind} at {mount.point})"
    bound = os.path.join(mount.root, os.path.relpath(real, mount.point or "/"))
    for pattern, what in OF_ONE_JOB:
        if pattern.search(bound):
            return f"{what} ({os.path.normpath(bound)})"
    for folder in _job_folders(environ or {}):
        if _inside(real, folder) and not (mount.point != folder and _inside(mount.point, folder)):  # a volume in there lasts
            return f"the private folder of this job ({folder})"
    return ""


def _job_folders(environ: Mapping[str, str]) -> Iterator[str]:
    """The folders that AWX and ansible-runner make for one job and remove after it; none where no job is."""
    if environ.get("JOB_ID") or any(name.startswith("AWX_") for name in environ):
        yield RUNNER
        if environ.get("AWX_PRIVATE_DATA_DIR"):
            yield os.path.realpath(environ["AWX_PRIVATE_DATA_DIR"])


def mount_of(path: str, mounts: str = "") -> Tuple[str, str]:
    """Mount point and file system type that the path lies on, both empty when nobody can tell; empty `mounts`: those of this process."""
    found = _mount_of(os.path.realpath(path), mounts or _mounts())
    return found.point, found.kind


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _mount_of(real: str, mounts: str) -> _Mount:
    best = _Mount()
    for mount in _parse(mounts):
        if _inside(real, mount.point) and len(mount.point) >= len(best.point):  # of two mounts on one point the later one is seen
            best = mount
    return best


def _parse(mounts: str) -> List[_Mount]:
    """Every line's root and mount point, fields 4 and 5, and its type, which is the next after the lone dash."""
    found = []
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) >= 5:
            found.append(_Mount(_plain(fields[4]), after.split(" ", 1)[0], _plain(fields[3])))
    return found


def _plain(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)


def _mounts() -> str:
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read()
    except OSError:
        return ""
