# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store has written and not yet synced, and the order in which it becomes visible and durable.

1. Everything lies under names that nobody reads (`.new-<version>` folders, `.<fence>-version.json`) and is synced.
2. It is renamed to its place, and the folders are synced: from here a version is there, whole.
3. `current` is swapped, and its folders are synced: it never names a version that a power cut could take back.
A process that is killed before 2 has saved nothing; what it left is removed with the next lease of the lineage. Whoever lost
the lineage while it stood still has the same removed, so that its rename fails: the fence holds where a file system has no locks.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from functools import partial
from typing import Callable, Dict, List, Optional, Set, Tuple

from .. import durable
from ..contracts import Lease, StoredVersion
from ..errors import BusyError, ClmError
from ..files import explain, write_all
from ._directory_lease import holds, kept
from ._directory_version import CHAIN, contents
from ._not_durable import not_durable

Step = Callable[[str], None]


class Unflushed:
    """The writes of many lineages, made durable by one `flush`. `step` is told each step by name (fault tests)."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.clear()

    def clear(self) -> None:
        """Forget everything; nothing is removed."""
        self.files: List[str] = []
        self.folders: Dict[str, None] = {}  # whose entries are synced first, before anything is renamed
        self.parents: Dict[str, None] = {}  # whose entries are synced with the renames
        self.moves: Dict[str, Dict[str, Tuple[str, str]]] = {}  # folder of the lineage -> temporary path -> (final path, its folder)
        self.links: Dict[str, str] = {}  # folder of the lineage -> version
        self.first: Set[str] = set()  # folders of lineages that had no current version when one was promoted
        self.leases: Dict[str, Lease] = {}  # folder of the lineage -> the lease that it was written under

    def save_new(self, lease: Lease, folder: str, version: StoredVersion, key: Optional[bytes]) -> None:
        """Write a version's folder under its temporary name; on an error nothing of it stays. Raises OSError."""
        staged, written = staged_folder(folder, version.version), len(self.files)
        self._step("stage")
        _make(staged)
        try:
            for name, data in contents(version, key, key is not None):
                self._step(name)
                self._write(f"{staged}/{name}", data)
        except BaseException:
            del self.files[written:]
            shutil.rmtree(staged, ignore_errors=True)
            raise
        self.folders[staged] = None
        self.parents[folder] = self.parents[folder.rpartition("/")[0]] = None
        self.moves.setdefault(folder, {})[staged] = (f"{folder}/versions/{version.version}", f"{folder}/versions")
        self.leases[folder] = lease

    def save_again(
        self, lease: Lease, folder: str, version: StoredVersion, before: StoredVersion, has_key: bool, key: Optional[bytes]
    ) -> None:
        """Write what changed of a version that is there; `version` is the whole version. Raises OSError."""
        staged, final = staged_folder(folder, version.version), f"{folder}/versions/{version.version}"
        moves = self.moves.setdefault(folder, {})
        for name, data in contents(version, key, has_key):
            if name == CHAIN and version.chain_pem == before.chain_pem:
                continue
            self._step(name)
            if staged in moves:
                self._write(f"{staged}/.{name}", data)
                os.rename(f"{staged}/.{name}", f"{staged}/{name}")
                self.files[-1] = f"{staged}/{name}"
                continue
            self.folders[final] = None
            temporary = f"{final}/.{lease.fence}-{name}"
            self._write(temporary, data)
            moves[temporary] = (f"{final}/{name}", final)
        self.leases[folder] = lease

    def promote(self, lease: Lease, folder: str, version: str, first: bool) -> None:
        """Let `current` name the version; `first` says that it names none now."""
        self.links[folder] = version
        self.leases[folder] = lease
        if first:
            self.first.add(folder)

    def is_staged(self, folder: str, version: str) -> bool:
        """True for a new version that is not in its place yet."""
        return staged_folder(folder, version) in self.moves.get(folder, ())

    def _write(self, path: str, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, data)
        except OSError as error:
            os.unlink(path)
            raise OSError(error.errno, error.strerror, path) from None
        finally:
            os.close(descriptor)
        self.files.append(path)

    def flush(self) -> None:
        """On return all of it is durable. NotDurableError names the lineages that are not, such as those whose lease was lost."""
        if not self.leases:
            return
        lost: Set[str] = set()
        try:
            self._step("sync")
            self._sync()
            troubles = {**self._rename(lost), **self._swap(lost)}
        except OSError as error:
            raise explain(error, str(error.filename or "the secret store"), "sync") from error
        finally:
            self._discard()
            leases = self.leases
            self.clear()
        troubles.update((folder, BusyError("it was taken over by somebody else")) for folder in lost)
        if troubles:
            raise not_durable({leases[folder].lineage: error for folder, error in troubles.items()}, len(leases))

    def _sync(self) -> None:
        try:
            durable.sync(self.files, self.folders)
        except FileNotFoundError:  # whoever took a lineage over has removed what was unfinished in it
            if not self._lost():
                raise
            durable.sync(self.files, self.folders)

    def _lost(self) -> Set[str]:
        """The lineages that somebody else has now; their files may be gone, and are not synced."""
        lost = {folder for folder, lease in self.leases.items() if not holds(folder, lease.fence)}
        for folder in lost:
            self.files = [path for path in self.files if not path.startswith(f"{folder}/")]
            self.folders = {path: None for path in self.folders if not path.startswith(f"{folder}/")}
        return lost

    def _discard(self) -> None:
        """Remove what was written and did not get to its place."""
        for temporary in [temporary for moves in self.moves.values() for temporary in moves]:
            if os.path.isdir(temporary) and not os.path.islink(temporary):  # a lost lineage's is no more in self.folders
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                with suppress(FileNotFoundError):  # whoever took the lineage over cleans there too
                    os.unlink(temporary)

    def _held(self, lineage: str, lost: Set[str], act: Callable[[bool], None]) -> None:
        """Do it while nobody can take the lineage over (True: kept off by a lock), or note that somebody did. Raises OSError."""
        if lineage in lost:
            return
        fence = self.leases[lineage].fence
        with kept(lineage, fence) as lock:
            try:
                act(bool(lock.alone)) if lock.held else lost.add(lineage)
            except FileNotFoundError:  # whoever took it over has removed what was to be renamed
                if holds(lineage, fence):
                    raise
                lost.add(lineage)

    def _rename(self, lost: Set[str]) -> Dict[str, ClmError]:
        """What went wrong, by the lineage's folder."""
        troubles: Dict[str, ClmError] = {}
        for lineage, moves in self.moves.items():
            try:
                if moves:
                    self._held(lineage, lost, partial(self._move, moves))
            except OSError as error:
                troubles[lineage] = explain(error, str(error.filename or lineage), "write")
                self.links.pop(lineage, None)  # current never names what is not there
        folders = self.parents
        self._step("sync renamed")
        if folders:
            durable.sync((), folders)
        return troubles

    def _move(self, moves: Dict[str, Tuple[str, str]], _alone: bool) -> None:
        for temporary, (final, parent) in list(moves.items()):
            self._step("rename")
            os.rename(temporary, final)
            del moves[temporary]
            self.parents[parent] = None

    def _swap(self, lost: Set[str]) -> Dict[str, ClmError]:
        """What went wrong, by the lineage's folder."""
        troubles: Dict[str, ClmError] = {}
        folders: Dict[str, None] = {}
        for lineage, version in self.links.items():
            self._step("swap")
            folders[lineage] = None
            draft = f"{lineage}/.current-{version}"
            try:
                if self._made_first(lineage, version, lost):
                    continue
                _link(f"versions/{version}", draft)
                self._held(lineage, lost, partial(self._point, lineage, draft))
                if lineage in lost:
                    _gone(draft)
            except OSError as error:
                troubles[lineage] = explain(error, f"{lineage}/current", "swap")
                with suppress(OSError):
                    os.unlink(draft)
        self._step("sync swapped")
        if folders:
            durable.sync((), folders)
        return troubles

    def _made_first(self, lineage: str, version: str, lost: Set[str]) -> bool:
        """False when `current` has to be swapped, because it is there, or because no lock keeps others from making it meanwhile."""
        if lineage in self.first:
            self._held(lineage, lost, partial(self._make_first, lineage, version))
            return lineage in lost or lineage not in self.first
        return False

    def _make_first(self, lineage: str, version: str, alone: bool) -> None:
        if alone:
            self._step("swap over")
            with suppress(FileExistsError):
                os.symlink(f"versions/{version}", f"{lineage}/current")
                self.first.discard(lineage)

    def _point(self, lineage: str, draft: str, _alone: bool) -> None:
        self._step("swap over")
        os.rename(draft, f"{lineage}/current")


def no_step(name: str) -> None:
    """What is told of each step when nobody wants to know."""


def made(folder: str, versions: bool = True) -> bool:
    """Make a folder that only this user may enter; False when it is there already. Raises OSError."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return False
    if versions:  # or another run has the lineage since a moment, and made it
        with suppress(FileExistsError):
            os.mkdir(f"{folder}/versions", 0o700)
    return True


def staged_folder(folder: str, version: str) -> str:
    """Where a version of the lineage's folder lies until it is whole and durable."""
    return f"{folder}/versions/.new-{version}"


def clean(folder: str) -> None:
    """Remove what a killed run left in the lineage's folder and never told anybody about. Raises OSError."""
    for entry in list(os.scandir(folder)):
        if entry.name.startswith((".current-", ".extended-")):
            _gone(entry.path)
    if not os.path.isdir(f"{folder}/versions"):
        return
    for entry in list(os.scandir(f"{folder}/versions")):
        if entry.name.startswith((".new-", ".gone-")):
            _remove(entry.path, f"{folder}/versions/.gone-{secrets.token_hex(8)}")
        elif entry.is_dir(follow_symlinks=False):
            for inner in [name for name in os.listdir(entry.path) if name.startswith(".")]:
                _gone(f"{entry.path}/{inner}")


def _link(target: str, path: str) -> None:
    """A symlink there, in place of one that an earlier try left. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    os.symlink(target, path)


def _remove(folder: str, aside: str) -> None:
    """Remove it whole: whoever still wants to rename it finds either all of it or nothing. Raises OSError."""
    with suppress(FileNotFoundError):
        os.rename(folder, aside)
        shutil.rmtree(aside, ignore_errors=True)


def _gone(path: str) -> None:
    """Remove it; whoever lost the lineage cleans up too, so that it may be gone already. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _make(staged: str) -> None:
    try:
        os.mkdir(staged, 0o700)
    except FileNotFoundError:  # a run was killed between making the lineage's folder and this one
        with suppress(FileExistsError):
            os.mkdir(os.path.dirname(staged), 0o700)
        os.mkdir(staged, 0o700)
