# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `directory`: a lineage is a folder of versions, `current` a symlink that is swapped atomically.

`<path>/lineages/<lineage>/versions/<version>/{version.json, key.pem, chain.pem}`, folders 0700, files 0600.
Every step of a write is in `_directory_unflushed.py`; leases are in `_directory_lease.py`. The store's folder may lie on a
local file system or on NFSv4; leases rest on exclusive creation and rename, and on a lock where there is one.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any, Dict, Iterator, List, Mapping, Optional, Set

from .. import durable, files
from ..contracts import VERSION_STATES, Clock, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import ClmError, ConfigError, MalformedError, NotFoundError
from ..identifiers import is_name
from ..lasting import refuse_ephemeral
from ..masking import Secret
from ..sharing import refuse_unshared
from . import _directory_lease as leases
from ._directory_drop import Dropping
from ._directory_keys import SOURCES, AtRest, check_passphrase, passphrase_of, seal, unseal
from ._directory_leasing import LEASE_SECONDS, Leasing, lease_seconds, lost
from ._directory_time import FileSystemTime
from ._directory_unflushed import Step, Unflushed, made, no_step, staged_folder
from ._directory_version import KEY, VERSION_ID, keeps_key, load, load_or_say, merged

NAME = "directory"
OPTIONS: Dict[str, Dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    **SOURCES,
    "lease_seconds": {"type": "int", "default": LEASE_SECONDS},
    "allow_ephemeral": {"type": "bool", "default": False},
    "shared": {"type": "bool", "default": False},
}


def create(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The store that the options describe; nothing is read or written before it is used."""
    path = os.path.abspath(os.path.expanduser(str(options["path"])))
    return DirectoryStore(
        path,
        clock=clock,
        owner=f"{getpass.getuser()}@{socket.gethostname()}",
        lease_seconds=lease_seconds(options),
        passphrase=passphrase_of(options, os.environ, protects=[path]),
        allow_ephemeral=bool(options.get("allow_ephemeral")),
        shared=bool(options.get("shared")),
        now=FileSystemTime(path, clock),
    )


class DirectoryStore(Leasing, AtRest, Dropping):
    """A SecretStore in a folder. What was saved is read back at once by this object, and by others after `flush`."""

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        owner: str,
        lease_seconds: int = LEASE_SECONDS,
        passphrase: Optional[Secret] = None,
        step: Step = no_step,
        allow_ephemeral: bool = True,
        shared: bool = False,
        now: Optional[Clock] = None,
    ) -> None:
        """`now` is the time that leases are measured with, by default the clock's."""
        self.path = os.path.abspath(path)
        self._lineages = f"{self.path}/lineages"
        self._clock = clock
        self._now = now or clock
        self._owner = owner.replace("\0", "")[:200]
        self._seconds = timedelta(seconds=lease_seconds)
        self._passphrase = passphrase
        self._step = step
        self._allow_ephemeral = allow_ephemeral
        self._shared = shared
        self._ready = False
        self._folders: Dict[str, str] = {}  # of lineages whose name was checked
        self._lock = threading.RLock()
        self._unflushed = Unflushed(step)
        self._saved: Dict[str, Dict[str, StoredVersion]] = {}  # by lineage and version: what was saved under a lease that goes on
        self._fresh: Set[str] = set()  # lineages that were made under the lease that goes on: no version of anybody else is in them
        self._promoted: Dict[str, str] = {}
        self._ending: Dict[str, Lease] = {}  # given back, but something of it is not flushed yet

    def identity(self) -> str:
        """The store's folder."""
        return f"{NAME}:{self.path}"

    # --- writing ---

    def new_version(self, lineage: str) -> str:
        """The next number and 8 random hex digits."""
        others = () if lineage in self._fresh else self._ids(self._folder(lineage))
        last = max((*others, *self._saved.get(lineage, ())), default="000000")
        return f"{int(last[:6]) + 1:06d}-{secrets.token_hex(4)}"

    def save(self, lease: Lease, version: StoredVersion) -> None:
        """Write or replace a version: what it leaves empty (key, request, chain, SHA-256s) stays, a key and a chain never change."""
        if version.lineage != lease.lineage or not VERSION_ID.match(version.version) or version.state not in VERSION_STATES:
            raise ConfigError(f"version {version.version!r} ({version.state}) of {version.lineage} cannot be saved under {lease.lineage}")
        with self._lock:
            folder = self._checked(lease)
            key = None if version.key is None else seal(version.key, self._passphrase)
            before = self._before(folder, version)
            try:
                whole = self._write(lease, folder, version, before, key)
            except OSError as error:
                if not leases.holds(folder, lease.fence):  # whoever took it over has removed what was written
                    raise lost(lease) from error
                raise files.explain(error, str(error.filename or folder), "write") from error
            self._saved.setdefault(lease.lineage, {})[version.version] = whole

    def _write(
        self, lease: Lease, folder: str, version: StoredVersion, before: Optional[StoredVersion], key: Optional[bytes]
    ) -> StoredVersion:
        """The whole version, written and not yet durable. Raises OSError."""
        if before is None:
            whole = version if version.key is None else replace(version, key=None)
            self._unflushed.save_new(lease, folder, whole, key)
            return whole
        whole = merged(before, version)
        kept = keeps_key(self._place(folder, version.version))
        self._unflushed.save_again(lease, folder, whole, before, kept or key is not None, None if kept else key)
        return whole

    def promote(self, lease: Lease, version: str) -> None:
        """Make a version with a certificate the current one, with the next `flush`."""
        with self._lock:
            folder = self._checked(lease)
            found = self.load(lease.lineage, version)
            if found is None or not found.chain_pem:
                raise NotFoundError(f"version {version} of {lease.lineage} has no certificate: it cannot be the current one")
            first = lease.lineage in self._fresh and lease.lineage not in self._promoted
            self._unflushed.promote(lease, folder, version, first)
            self._promoted[lease.lineage] = version

    def flush(self) -> None:
        """Make everything saved and promoted durable, then end the leases that waited for it; after an error read again."""
        with self._lock:
            ending, self._ending = self._ending, {}
            try:
                self._unflushed.flush()
            except BaseException:
                self._saved.clear()
                self._fresh.clear()
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
        try:
            return unseal(files.read(f"{self._place(folder, ref.version)}/{KEY}", 1024 * 1024), self._passphrase, ref.spki_sha256)
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
        if lineage in self._promoted:
            return self._promoted[lineage]
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
        if lineage not in self._folders:
            self._folders[lineage] = f"{self._lineages}/{files.check_name(lineage, 'lineage')}"
        return self._folders[lineage]

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
        return before if before or version.lineage in self._fresh else self.load(version.lineage, version.version)

    def _place(self, folder: str, version: str) -> str:
        return staged_folder(folder, version) if self._unflushed.is_staged(folder, version) else f"{folder}/versions/{version}"

    def clock_ahead(self) -> float:
        """See the protocol Timed: the file system's clock, which on NFS is its server's. A folder that is not there is not made."""
        if not os.path.isdir(self.path):  # a disk that is not mounted must not look like an empty copy
            return 0.0
        try:
            return self._now.ahead() if isinstance(self._now, FileSystemTime) else 0.0
        except OSError as error:
            raise files.explain(error, self.path, "make a file in") from error

    def refuse_ephemeral(self) -> None:
        """ConfigError when the store's folder ends with this run, unless that was allowed."""
        if not self._allow_ephemeral:
            refuse_ephemeral(self.path, "secret_store")

    def refuse_unshared(self) -> None:
        """ConfigError when the store's folder is one of this machine's own, unless somebody said that every slice sees it."""
        if not self._shared:
            refuse_unshared(self.path, "secret_store")

    def _prepare(self) -> None:
        """Make the store's folders, and refuse a place where others could swap them."""
        if self._ready:
            return
        self.refuse_ephemeral()
        files.check_private(self.path)
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            for folder in (self.path, self._lineages):
                if made(folder, versions=False):
                    durable.sync_folder(os.path.dirname(folder))
        except OSError as error:
            raise files.explain(error, self.path, "make the secret store") from error
        check_passphrase(self.path, self._passphrase)
        self._ready = True
