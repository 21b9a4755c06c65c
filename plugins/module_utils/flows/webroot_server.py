# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs for HTTP-01 as files below the folder of a web server on this host: put there, and taken away again.

Whoever may write into that folder must not lead us out of it: every step goes by an open folder and follows no link. The files
live for seconds and are made anew by whoever finds them missing, so nothing is synced. Standard library only.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from typing import Any, Dict, List, Mapping, Optional

from .. import files
from ..errors import ClmError, ConfigError
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, failed
from ..published import FOLDER

STEP = "publish"
PRESENT, ABSENT = "present", "absent"
MODE, FOLDER_MODE, LARGEST, MOST = 0o644, 0o755, 1024, 10000
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
CONTENT = re.compile(r"[A-Za-z0-9_-]{1,128}\.[A-Za-z0-9_-]{1,128}\Z")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def converge(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Outcome]:
    """One outcome for each file by its name; ConfigError when a name or a content is none, and then nothing was touched."""
    root, wanted = str(params["root"]), {str(name): str(content) for name, content in params["files"].items()}
    _check(root, wanted)
    there = params["state"] == PRESENT
    place = os.path.join(root, FOLDER)
    try:
        with _Folder(root, there, make=there and not check_mode and bool(wanted)) as folder:
            return {name: _one(folder, place, name, content, there, check_mode) for name, content in wanted.items()}
    except ClmError as error:
        return {name: failed(STEP, error) for name in wanted}


def _check(root: str, wanted: Mapping[str, str]) -> None:
    if not os.path.isabs(root):
        raise ConfigError("an absolute path is needed", field="root")
    if len(wanted) > MOST:
        raise ConfigError(f"{len(wanted)} files, where at most {MOST} are taken", field="files")
    for name, content in wanted.items():
        if not TOKEN.match(name) or not CONTENT.match(content) or not content.startswith(name + "."):
            raise ConfigError(f"{name[:130]!r} is no token with its key authorization", field="files")


def _one(folder: _Folder, place: str, name: str, content: str, there: bool, check_mode: bool) -> Outcome:
    try:
        now = folder.content(name)
        before = {"file": os.path.join(place, name), "content": now} if now is not None else {}
        after = {"file": os.path.join(place, name), "content": content} if there else {}
        todo = now != content if there else now is not None or bool(folder.unfinished(name))
        if todo and not check_mode:
            folder.write(name, content) if there else folder.remove(name)
        return Outcome((PLANNED if check_mode else DONE) if todo else UNCHANGED, STEP, before=before, after=after)
    except OSError as error:
        return failed(STEP, files.explain(error, os.path.join(place, name), "write" if there else "remove"))


class _Folder:
    """The folder for proofs below a root, open; where it is not there and was not to be made it has nothing."""

    def __init__(self, root: str, needed: bool, make: bool) -> None:
        self._root, self._needed, self._make = root, needed, make
        self._open: List[int] = []
        self._owner: Optional[os.stat_result] = None
        self._there = False
        self._parts: Optional[List[str]] = None

    def __enter__(self) -> _Folder:
        path = self._root
        try:
            self._open.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._owner = os.fstat(self._open[0])
            for part in FOLDER.split("/"):
                path = os.path.join(path, part)
                if not self._step(part):
                    return self
            self._there = True
        except OSError as error:
            self.__exit__()
            if self._needed or not isinstance(error, FileNotFoundError):
                raise _explained(error, path, path != self._root) from error
        return self

    def __exit__(self, *_error: Any) -> None:
        while self._open:
            os.close(self._open.pop())

    def _step(self, part: str) -> bool:
        """Into a folder of that name, never through a link; False when it is not there."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        with suppress(FileNotFoundError):
            self._open.append(os.open(part, flags, dir_fd=self._open[-1]))
            return True
        if not self._make:
            return False
        with suppress(FileExistsError):  # another run makes it too
            os.mkdir(part, 0o700, dir_fd=self._open[-1])
        self._open.append(os.open(part, flags, dir_fd=self._open[-1]))
        self._dress(self._open[-1], FOLDER_MODE)
        return True

    def content(self, name: str) -> Optional[str]:
        """What the file of that name says to whoever serves it; None when there is none, empty for what nobody could serve."""
        if not self._there:
            return None
        try:
            descriptor = os.open(name, _READ, dir_fd=self._open[-1])
        except FileNotFoundError:
            return None
        except OSError:
            return ""  # a link, or not to be read
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) != MODE:
                return ""
            return os.read(descriptor, LARGEST).decode("ascii", "replace")
        finally:
            os.close(descriptor)

    def write(self, name: str, content: str) -> None:
        """The file is there whole, readable for all, and whatever was there under its name is not."""
        temporary = f".{name}.clm-{secrets.token_hex(8)}.tmp"
        descriptor = os.open(temporary, _NEW, 0o600, dir_fd=self._open[-1])
        try:
            files.write_all(descriptor, content.encode("ascii"))
            self._dress(descriptor, MODE)
            os.rename(temporary, name, src_dir_fd=self._open[-1], dst_dir_fd=self._open[-1])
        except BaseException:
            os.unlink(temporary, dir_fd=self._open[-1])
            raise
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """The file is gone, and what a run that was killed while it wrote it left behind; a link goes, not what it leads to."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._open[-1])
        for one in self.unfinished(name):
            with suppress(FileNotFoundError):
                os.unlink(one, dir_fd=self._open[-1])

    def unfinished(self, name: str) -> List[str]:
        """Parts of that file that a killed run left, by the one listing that is made of the folder."""
        if self._parts is None:
            self._parts = [one for one in os.listdir(self._open[-1]) if files.STALE.fullmatch(one)] if self._there else []
        return [one for one in self._parts if one.startswith(f".{name}.clm-")]

    def _dress(self, descriptor: int, mode: int) -> None:
        """The root's owner and group where we may give it away, and the mode whatever the umask says."""
        with suppress(PermissionError):
            if self._owner is not None:
                os.fchown(descriptor, self._owner.st_uid, self._owner.st_gid)
        os.fchmod(descriptor, mode)


def _explained(error: OSError, path: str, below: bool) -> ClmError:
    """The error, with what it is about a folder."""
    if below and os.path.islink(path):
        hint = "remove the link, or give the root that really holds the folder"
        return ConfigError(f"{path} is a symbolic link, and nothing is written through one below the root", hint=hint)
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"{path} does not exist", hint="give the folder that the web server of this host serves on port 80")
    return files.explain(error, path, "open")
