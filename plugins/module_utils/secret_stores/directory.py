# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `directory`: a lineage is a folder of versions, `current` a symlink that is swapped atomically.

`<path>/lineages/<lineage>/versions/<version>/{version.json, key.pem, chain.pem, request.pem}`, folders 0700, files 0600.
Every step of a write is in `_directory_unflushed.py`; leases are in `_directory_lease.py`. The store's folder may lie on a
local file system or on NFSv4; leases rest on exclusive creation and rename, and on a lock where there is one.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import threading
from datetime import timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

from .. import durable, files
from ..contracts import VERSION_STATES, Busy, Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import BusyError, ClmError, ConfigError, MalformedError, NotFoundError
from ..identifiers import is_name
from ..masking import Secret
from . import _directory_lease as leases
from ._directory_keys import passphrase_of, seal, unseal
from ._directory_unflushed import Step, Unflushed, clean, made, staged_folder
from ._directory_version import KEY, VERSION_ID, keeps_key, load, load_or_say, merged

NAME = "directory"
OPTIONS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "passphrase_file": {"type": "path", "no_log": False},
    "passphrase_env": {"type": "str", "no_log": False},
    "lease_seconds": {"type": "int", "default": 900},
}


def create(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The store that the options describe; nothing is read or written before it is used."""
    path = os.path.abspath(os.path.expanduser(str(options["path"])))
    return DirectoryStore(
        path,
        clock=clock,
        owner=f"{getpass.getuser()}@{socket.gethostname()}",
        lease_seconds=int(options.get("lease_seconds") or 900),
        passphrase=passphrase_of(options, path, os.environ),
    )


def _no_step(name: str) -> None:
    """What is told of each step when nobody wants to know."""


class DirectoryStore:
    """A SecretStore in a folder. What was saved is read back at once by this object, and by others after `flush`."""

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        owner: str,
        lease_seconds: int = 900,
        passphrase: Optional[Secret] = None,
        step: Step = _no_step,
    ) -> None:
        self.path = os.path.abspath(path)
        self._lineages = f"{self.path}/lineages"
        self._clock = clock
        self._owner = owner.replace("\0", "")[:200]
        self._seconds = timedelta(seconds=lease_seconds)
        self._passphrase = passphrase
        self._step = step
        self._ready = False
        self._folders: Dict[str, str] = {}  # of lineages whose name was checked
        self._lock = threading.RLock()
        self._unflushed = Unflushed(step)
        self._saved: Dict[str, Dict[str, StoredVersion]] = {}  # by lineage and version: what was saved under a lease that goes on
        self._promoted: Dict[str, str] = {}
        self._ending: Dict[str, Lease] = {}  # given back, but something of it is not flushed yet

    def identity(self) -> str:
        """The store's folder."""
        return f"{NAME}:{self.path}"

    # --- leases ---

    def begin(self, lineage: str, expected_current: Optional[str]) -> Union[Lease, Busy]:
        """Take the lineage; see the contract. What this object gave back and did not flush yet is taken up again."""
        folder = self._folder(lineage)
        if lineage in self._ending and self.current(lineage) == expected_current:
            return self._ending.pop(lineage)
        self._prepare()
        now = self._clock()
        expires = now + self._seconds
        try:
            fresh = made(folder)
            taken = leases.take(folder, self._owner, now, expires)
        except OSError as error:
            raise files.explain(error, folder, "take the lease in") from error
        if isinstance(taken, leases.Held):
            until = f" until {taken.expires:%Y-%m-%dT%H:%M:%SZ}" if taken.expires else ""
            return Busy(lineage, taken.owner, f"{taken.owner or 'somebody'} has the lineage {lineage}{until}")
        lease = Lease(lineage, self._owner, taken.fence, expires)
        current = None if fresh else self._current_under(lease, folder, taken.unclean)
        if current != expected_current:
            self.end(lease)
            return Busy(lineage, "", f"the current version of {lineage} is {current or 'none'}, not {expected_current or 'none'}")
        return lease

    def _current_under(self, lease: Lease, folder: str, unclean: bool) -> Optional[str]:
        """The current version, once what a killed holder left behind is removed; an error gives the lease back."""
        try:
            if unclean:
                clean(folder)
            return self.current(lease.lineage)
        except BaseException as error:
            self.end(lease)
            if isinstance(error, OSError):
                raise files.explain(error, folder, "clean up in") from error
            raise

    def end(self, lease: Lease) -> None:
        """Give the lineage back, after the next `flush` when something of it is not flushed yet."""
        folder = self._folder(lease.lineage)
        if folder in self._unflushed.leases:
            self._ending[lease.lineage] = lease
            return
        self._saved.pop(lease.lineage, None)
        try:
            leases.give_back(folder, lease.fence)
        except OSError as error:
            raise files.explain(error, folder, "end the lease in") from error

    # --- writing ---

    def new_version(self, lineage: str) -> str:
        """The next number and 8 random hex digits."""
        last = max((*self._ids(self._folder(lineage)), *self._saved.get(lineage, ())), default="000000")
        return f"{int(last[:6]) + 1:06d}-{secrets.token_hex(4)}"

    def save(self, lease: Lease, version: StoredVersion) -> None:
        """Write or replace a version: what it leaves empty (key, request, chain, SHA-256s) stays, a key and a chain never change."""
        if version.lineage != lease.lineage or not VERSION_ID.match(version.version) or version.state not in VERSION_STATES:
            raise ConfigError(f"version {version.version!r} ({version.state}) of {version.lineage} cannot be saved under {lease.lineage}")
        with self._lock:
            folder = self._fenced(lease)
            key = None if version.key is None else seal(version.key, self._passphrase)
            before = self._before(folder, version)
            try:
                if before is None:
                    whole = merged(version, version)
                    self._unflushed.save_new(lease, folder, whole, key)
                else:
                    whole = merged(before, version)
                    kept = self._has_key(folder, version.version)
                    self._unflushed.save_again(lease, folder, whole, before, kept or key is not None, None if kept else key)
            except OSError as error:
                raise files.explain(error, str(error.filename or folder), "write") from error
            self._saved.setdefault(lease.lineage, {})[version.version] = whole

    def promote(self, lease: Lease, version: str) -> None:
        """Make a version with a certificate the current one, with the next `flush`."""
        with self._lock:
            folder = self._fenced(lease)
            found = self.load(lease.lineage, version)
            if found is None or not found.chain_pem:
                raise NotFoundError(f"version {version} of {lease.lineage} has no certificate: it cannot be the current one")
            self._unflushed.links[folder] = version
            self._unflushed.leases[folder] = lease
            self._promoted[lease.lineage] = version

    def flush(self) -> None:
        """Make everything saved and promoted durable, then end the leases that waited for it; after an error read again."""
        with self._lock:
            ending, self._ending = self._ending, {}
            try:
                self._unflushed.flush()
            except BaseException:
                self._saved.clear()
                raise
            finally:
                self._promoted.clear()
                for lease in ending.values():
                    self.end(lease)

    # --- reading ---

    def load(self, lineage: str, version: Optional[str] = None) -> Optional[StoredVersion]:
        """A version without its key; MalformedError when it is damaged, None when there is none."""
        folder = self._folder(lineage)
        wanted = version or self.current(lineage)
        if wanted is None or not VERSION_ID.match(wanted):
            return None
        if wanted in self._saved.get(lineage, ()):
            return self._saved[lineage][wanted]
        place = f"{folder}/versions/{wanted}"
        if not os.path.lexists(place):
            if version is None:
                raise MalformedError(f"the current version {wanted} is gone", field=lineage, hint="run lineage_version to choose another")
            return None
        return load(place, lineage, wanted)

    def key(self, ref: KeyRef) -> Secret:
        """The private key that the reference names, unencrypted PKCS#8."""
        folder = self._folder(ref.lineage)
        if not VERSION_ID.match(ref.version):
            raise NotFoundError(f"{ref.lineage} has no version {ref.version!r}")
        place = staged_folder(folder, ref.version)
        if place not in self._unflushed.renames:
            place = f"{folder}/versions/{ref.version}"
        try:
            return unseal(files.read(f"{place}/{KEY}", 1024 * 1024), self._passphrase, ref.spki_sha256)
        except NotFoundError:
            raise NotFoundError(f"version {ref.version} of {ref.lineage} has no key here") from None
        except ClmError as error:
            raise type(error)(error.message, hint=error.hint, field=f"key of {ref.lineage} {ref.version}") from None

    def versions(self, lineage: str) -> List[StoredVersion]:
        """Every version, oldest first; a damaged one is listed as rejected, with meta['malformed']."""
        folder = self._folder(lineage)
        found = {version: load_or_say(f"{folder}/versions/{version}", lineage, version) for version in self._ids(folder)}
        found.update(self._saved.get(lineage, {}))
        return [found[version] for version in sorted(found)]

    def current(self, lineage: str) -> Optional[str]:
        """The id of the current version, None when there is none."""
        promoted = self._promoted.get(lineage)
        if promoted is not None:
            return promoted
        path = f"{self._folder(lineage)}/current"
        try:
            target = os.readlink(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise files.explain(error, path, "read") from error
        version = target.rpartition("/")[2]
        if target != f"versions/{version}" or not VERSION_ID.match(version):
            raise MalformedError(f"{path} does not name a version", field=lineage)
        return version

    def lineages(self) -> Iterator[str]:
        """The names of all lineages, sorted."""
        try:
            names = os.listdir(self._lineages)
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            raise files.explain(error, self._lineages, "read") from error
        return iter(sorted(filter(is_name, names)))

    def _folder(self, lineage: str) -> str:
        folder = self._folders.get(lineage)
        if folder is None:
            folder = self._folders[lineage] = f"{self._lineages}/{files.check_name(lineage, 'lineage')}"
        return folder

    def _ids(self, folder: str) -> List[str]:
        try:
            return [name for name in os.listdir(f"{folder}/versions") if VERSION_ID.match(name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise files.explain(error, folder, "read") from error

    def _before(self, folder: str, version: StoredVersion) -> Optional[StoredVersion]:
        """What is kept of the version now, None when it is new."""
        before = self._saved.get(version.lineage, {}).get(version.version)
        return before or self.load(version.lineage, version.version)

    def _has_key(self, folder: str, version: str) -> bool:
        staged = staged_folder(folder, version)
        return keeps_key(staged if staged in self._unflushed.renames else f"{folder}/versions/{version}")

    def _fenced(self, lease: Lease) -> str:
        """The lineage's folder, when the lease is still the newest one."""
        folder = self._folder(lease.lineage)
        if not leases.holds(folder, lease.fence):
            raise BusyError(
                f"the lease on {lease.lineage} was taken over or ended (fence {lease.fence})", hint="run again", field=lease.lineage
            )
        return folder

    def _prepare(self) -> None:
        """Make the store's folders, and refuse a place where others could swap them."""
        if self._ready:
            return
        files.check_private(self.path)
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            for folder in (self.path, self._lineages):
                if made(folder, versions=False):
                    durable.sync_folder(os.path.dirname(folder))
        except OSError as error:
            raise files.explain(error, self.path, "make the secret store") from error
        self._ready = True
