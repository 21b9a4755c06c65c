# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swap of several files that a power cut ends leaves one of each version, and a server that starts at boot refuses them.

No call swaps two files at once. So before the first of them is swapped, a list says how all become again what they were, durably,
and `recover.sh` beside it does that without us: run at boot before the servers start, it leaves whole files.

    <state_dir>/recover.sh                 for a unit that is ordered before the servers
    <state_dir>/unfinished/<deployment>    pairs of lines: what a file was, empty where there was none, and the file

Standard library only: it travels to managed hosts.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Collection, List, Tuple

from .. import durable, files

SCRIPT = b"""#!/bin/sh
# Written by certops.clm. Files of a certificate swap that a power cut interrupted become what they were before it.
# For boot, before the servers that use them start: in a run of Ansible it would undo what that is about to do.
cd -- "$(dirname -- "$0")/unfinished" 2>/dev/null || exit 0
for list in *; do
  [ -f "$list" ] || continue
  while IFS= read -r kept && IFS= read -r file; do
    if [ -z "$kept" ]; then rm -f -- "$file"
    elif [ "$kept" -ef "$file" ]; then rm -f -- "$kept"
    elif [ -e "$kept" ]; then mv -f -- "$kept" "$file"
    fi
  done < "$list"
  sync
  rm -f -- "$list"
done
sync
"""


def note(state_path: str, name: str, paths: Collection[str]) -> None:
    """Say durably how these files become what they are now, both or all of them. A file system without hard links has no such list."""
    real = [os.path.realpath(path) for path in paths]
    if len(real) < 2 or any("\n" in path for path in real):
        return
    pairs: List[Tuple[str, str]] = []
    try:
        for path in real:
            pairs.append((_linked(path), path))
    except OSError:
        _unlink([kept for kept, _path in pairs])
        return
    durable.sync((), {os.path.dirname(path) for path in real})
    script, folder = os.path.join(state_path, "recover.sh"), os.path.join(state_path, "unfinished")
    if not os.path.exists(script) or files.read(script) != SCRIPT:
        files.write(script, SCRIPT, mode=0o700)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    files.write(os.path.join(folder, name), "".join(f"{kept}\n{path}\n" for kept, path in pairs).encode(), mode=0o600)


def forget(state_path: str, name: str) -> None:
    """The files are whole: what the list says is not done any more, durably."""
    path = os.path.join(state_path, "unfinished", name)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            kept = stream.read().split("\n")[::2]
    except FileNotFoundError:
        return
    os.unlink(path)
    durable.sync((), [os.path.dirname(path)])
    _unlink(kept)


def clean(state_path: str, now: float) -> None:
    """Remove what a run left that was killed while it wrote a list; under the lock, for then nobody writes one."""
    folder = os.path.join(state_path, "unfinished")
    if os.path.isdir(folder):
        files.remove_stale(folder, 0, now + 1)


def _linked(path: str) -> str:
    """A second name for what lies there, one that cleaning up after killed runs knows; empty where nothing lies."""
    folder, name = os.path.split(path)
    kept = os.path.join(folder, f".{name[:100]}.clm-{secrets.token_hex(8)}.tmp")
    try:
        os.link(path, kept, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    return kept


def _unlink(paths: Collection[str]) -> None:
    for path in paths:
        if path:
            with suppress(OSError):
                os.unlink(path)
