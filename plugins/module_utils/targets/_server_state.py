# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction leaves on the managed host: its journal, versions that can be put back, keys on their way.

    <state_dir>/lock                                     one run at a time
    <state_dir>/staged/<deployment>-<token>              a key that was handed over, until it is in a version
    <state_dir>/deployments/<deployment>/journal.json    how far the latest transaction went
    <state_dir>/deployments/<deployment>/versions/<ref>/ the files of a version, and version.json, which is written last
    <state_dir>/deployments/<deployment>/keys/<spki>.pem keys that were made here (key_origin host)

Folders are 0700 and files 0600. Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
import time
from dataclasses import dataclass, field
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional

from .. import durable, files
from ..errors import BusyError, ClmError, ConfigError, MalformedError, NotFoundError
from ..identifiers import is_name
from ..masking import Secret
from ._server_where import KEY

STALE_SECONDS = 900
MAX_KEY_BYTES = 64 * 1024
SHA256_DIGITS = 64


class Content(Secret):
    """The bytes of a file that may hold a key: as silent as a secret, but a public certificate is not masked elsewhere for it."""

    __slots__ = ()

    def __init__(self, value: bytes) -> None:
        self._value = value


@dataclass(frozen=True)
class Snapshot:
    """The files of a version by role (None: there was no such file), and their modes and owners where they are to come back."""

    ref: str
    contents: Mapping[str, Optional[Secret]]
    sha256: str = ""
    spki_sha256: str = ""
    chain_pem: str = ""
    not_after: str = ""
    created: str = ""
    attributes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def ref_of(contents: Mapping[str, Optional[Secret]]) -> str:
    """A name made from all bytes of a version: the same files have the same ref."""
    digest = hashlib.sha256()
    for role in sorted(contents):
        secret = contents[role]
        data = secret.reveal() if secret is not None else b""
        digest.update(f"{role} {'-' if secret is None else len(data)}\n".encode() + data)
    return digest.hexdigest()[:40]


class State:
    """The state folder of one managed host."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock: Optional[int] = None

    def lock(self, seconds: float = 30.0) -> None:
        """Make the folder and take its lock until the process ends; BusyError when another run keeps it for so long."""
        if not os.path.isabs(self.path):
            raise ConfigError("an absolute path belongs here", field="state_dir")
        self._folder(self.path)
        files.check_private(self.path)
        os.chmod(self.path, 0o700)  # somebody may have made it with a mode of his own
        self._folder(os.path.join(self.path, "staged"))
        self._folder(os.path.join(self.path, "deployments"))
        descriptor = os.open(os.path.join(self.path, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._lock = descriptor
                return
            except OSError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    raise BusyError(
                        f"another run is at work on this server (lock in {self.path})", hint="run again when it has ended"
                    ) from None
                time.sleep(0.1)

    def unlock(self) -> None:
        """Give the lock back; a process that ends does so by itself."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _folder(self, path: str) -> None:
        try:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            os.mkdir(path, 0o700)
        except FileExistsError:
            return
        except OSError as error:
            raise files.explain(error, path, "make") from error
        durable.sync_folder(os.path.dirname(path))

    def _of(self, deployment: str, *parts: str) -> str:
        return files.join(os.path.join(self.path, "deployments"), deployment, *parts)

    # --- journal ---

    def deployments(self) -> List[str]:
        """The deployments that ever had a journal here."""
        folder = os.path.join(self.path, "deployments")
        return sorted(name for name in os.listdir(folder) if is_name(name)) if os.path.isdir(folder) else []

    def journal(self, deployment: str) -> Dict[str, Any]:
        """How far the latest transaction went; empty when there was none. MalformedError when it cannot be read."""
        path = self.path_of_journal(deployment)
        try:
            found = json.loads(files.read(path, 1024 * 1024))
        except NotFoundError:
            return {}
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("format") != 1:
            raise MalformedError(f"{path} cannot be read", hint="look at the server's files, then move the journal away and run again")
        return found

    def write_journal(self, deployment: str, journal: Mapping[str, Any]) -> None:
        """On return the journal is durable."""
        self._folder(self._of(deployment))
        files.write(self.path_of_journal(deployment), json.dumps({"format": 1, **journal}, sort_keys=True).encode(), mode=0o600)

    def withdraw(self, deployment: str, journal: Mapping[str, Any]) -> None:
        """The transaction of this journal never was: the one before it counts again, with its own way back."""
        self.write_journal(deployment, journal.get("former") or {"phase": ""})

    def path_of_journal(self, deployment: str) -> str:
        """Where the journal lies, for messages."""
        return self._of(deployment, "journal.json")

    # --- versions ---

    def keep(self, deployment: str, snapshot: Snapshot) -> None:
        """On return the version is durable under its ref; keeping it again costs nothing."""
        for parts in ((), ("versions",), ("versions", snapshot.ref)):
            self._folder(self._of(deployment, *parts))
        known = self.version(deployment, snapshot.ref)
        if known is not None and (not snapshot.attributes or known.attributes == snapshot.attributes):
            return
        facts = {name: getattr(snapshot, name) for name in ("sha256", "spki_sha256", "chain_pem", "not_after", "created", "attributes")}
        facts["roles"] = {role: data is not None for role, data in snapshot.contents.items()}
        with files.Batch() as batch:
            for role, data in snapshot.contents.items():
                if data is not None:
                    batch.write(self._of(deployment, "versions", snapshot.ref, role), data.reveal(), mode=0o600)
            batch.write(
                self._of(deployment, "versions", snapshot.ref, "version.json"), json.dumps(facts, sort_keys=True).encode(), mode=0o600
            )

    def version_folder(self, deployment: str, ref: str) -> str:
        """Where the files of a version lie, each under the name of its role."""
        return self._of(deployment, "versions", ref)

    def version(self, deployment: str, ref: str) -> Optional[Snapshot]:
        """A kept version; None when it is not there whole: its bytes have to give its ref."""
        try:
            facts = json.loads(files.read(self._of(deployment, "versions", ref, "version.json"), 1024 * 1024))
            contents: Dict[str, Optional[Secret]] = {
                role: Content(files.read(self._of(deployment, "versions", ref, role))) if present else None
                for role, present in facts.pop("roles").items()
            }
            snapshot = Snapshot(ref=ref, contents=contents, **facts)
        except (NotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return snapshot if ref_of(contents) == ref else None

    def versions(self, deployment: str) -> Iterator[Snapshot]:
        """Every version that is there whole."""
        folder = self._of(deployment, "versions")
        for ref in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            snapshot = self.version(deployment, ref) if is_name(ref) else None
            if snapshot is not None:
                yield snapshot

    def forget(self, deployment: str, ref: str) -> None:
        """Remove a version, its version.json first, so that half of one is none."""
        folder = self._of(deployment, "versions", ref)
        for name in sorted(os.listdir(folder), key=lambda name: name != "version.json"):
            files.remove(os.path.join(folder, name))
        os.rmdir(folder)
        durable.sync_folder(os.path.dirname(folder))

    def clean_versions(self, deployment: str) -> None:
        """Remove what a killed run left: versions that never became whole, and temporary files. The lock must be held."""
        folder = self._of(deployment, "versions")
        refs = os.listdir(folder) if os.path.isdir(folder) else []
        for ref in refs:
            if not os.path.exists(os.path.join(folder, ref, "version.json")):
                self.forget(deployment, ref)
        for place in [self._of(deployment), self._of(deployment, "keys"), *(os.path.join(folder, ref) for ref in refs)]:
            if os.path.isdir(place):
                files.remove_stale(place, 0, time.time() + 1)

    # --- keys ---

    def stage(self, deployment: str) -> str:
        """A path for the key that the controller hands over: nothing is there, only this user can make it."""
        return os.path.join(self.path, "staged", f"{deployment}-{secrets.token_hex(8)}")

    def staged_key(self, path: str) -> Secret:
        """The key that was handed over; refuses any path that is not a private file of this user in the staging folder."""
        if os.path.dirname(path) != os.path.join(self.path, "staged") or not is_name(os.path.basename(path)[:120]):
            raise ConfigError(f"{path} is not in the staging folder", field="staged_keys")
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise files.explain(error, path, "read") from error
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise ClmError(f"{path} is not a private file of this user", hint="remove it and run again")
            return Secret(file.read(MAX_KEY_BYTES))

    def clean_staged(self, keep: Collection[str] = ()) -> None:
        """Remove the keys that runs left behind a quarter of an hour ago, but not `keep`; a younger one may be on its way to a run."""
        folder = os.path.join(self.path, "staged")
        for entry in list(os.scandir(folder)) if os.path.isdir(folder) else ():
            try:
                old = time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS
            except FileNotFoundError:  # its own run was first
                continue
            if old and entry.path not in keep:
                files.remove(entry.path)

    def unstage(self, paths: Collection[str]) -> None:
        """Remove the keys that were handed over to this run; what is not in the staging folder is left alone."""
        for path in paths:
            if os.path.dirname(path) == os.path.join(self.path, "staged"):
                files.remove(path)

    def made_key(self, deployment: str, spki_sha256: str) -> Optional[Secret]:
        """A key that was made here, None when it is not there."""
        if len(spki_sha256) != SHA256_DIGITS:
            return None
        try:
            return Secret(files.read(self._of(deployment, "keys", f"{spki_sha256}.pem"), MAX_KEY_BYTES))
        except NotFoundError:
            return None

    def keep_key(self, deployment: str, spki_sha256: str, key: Secret) -> str:
        """On return the key is durable; returns its path."""
        for parts in ((), ("keys",)):
            self._folder(self._of(deployment, *parts))
        path = self._of(deployment, "keys", f"{spki_sha256}.pem")
        files.write(path, key.reveal(), mode=0o600)
        return path

    def forget_key(self, deployment: str, spki_sha256: str) -> None:
        """Remove a key that was made here and is kept in a version now; it is no error when there is none."""
        if self.made_key(deployment, spki_sha256) is not None:
            files.remove(self._of(deployment, "keys", f"{spki_sha256}.pem"))

    def key_for(self, deployment: str, spki_sha256: str) -> Optional[Secret]:
        """A key with that public key which is on this host already: made here, or of a version that is kept."""
        made = self.made_key(deployment, spki_sha256)
        if made is not None:
            return made
        for snapshot in self.versions(deployment):
            data = snapshot.contents.get(KEY) or snapshot.contents.get("certificate")
            if snapshot.spki_sha256 == spki_sha256 and data is not None:
                return data
        return None

    # --- requests ---

    def request(self, deployment: str) -> Dict[str, Any]:
        """The request that waits for its certificate; empty when there is none."""
        try:
            found = json.loads(files.read(self._of(deployment, "request.json"), 1024 * 1024))
        except (NotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_request(self, deployment: str, request: Mapping[str, Any]) -> None:
        """On return the request is durable."""
        self._folder(self._of(deployment))
        files.write(self._of(deployment, "request.json"), json.dumps(request, sort_keys=True).encode(), mode=0o600)
