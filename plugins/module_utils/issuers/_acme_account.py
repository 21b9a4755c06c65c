# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account at an ACME CA: its key is a lineage of the secret store, durable before the CA hears of it.

A version of it has the key and no certificate, and is issued once the CA has answered with the account's URL, which is in its meta.
The newest one that is issued counts. A new key (rollover) is a newer version; after a crash the CA is asked which of the two it knows.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..contracts import Busy, KeyRef, Lease, SecretStore, StoredVersion
from ..errors import BusyError, ConfigError, known
from ..identifiers import digest, slug
from ..masking import Secret
from ..passphrase import secret_of_file
from ..x509 import key as keys
from ._acme_library import messages
from ._acme_problem import Problem
from ._acme_wire import Reply, Signer, Wire
from ._powers import Pause

ACCOUNT: Dict[str, Any] = {  # what says where the account is and whose it is
    "directory": {"type": "str", "required": True},
    "terms_agreed": {"type": "bool", "default": False},
    "account": {"type": "str", "default": "default"},
    "contact": {"type": "list", "elements": "str", "default": []},
    "eab_kid": {"type": "str", "no_log": False},
    "eab_key_file": {"type": "path", "no_log": False},
    "ca_file": {"type": "path"},
}
PREFIX = "acme-account."
KEY_TYPE = "ecdsa-p256"
PATIENCE, LOOK_AGAIN = 120.0, 1.0  # seconds
GONE = ("accountDoesNotExist",)


def lineage_of(directory: str, name: str) -> str:
    """The lineage that an account's key is kept as."""
    host = directory.split("://")[-1].split("/")[0].split(":")[0]
    return f"{PREFIX}{slug(f'{host}-{name}')[:60].rstrip('._-')}-{digest(f'{directory} {name}')}"


class Account:
    """One account, opened when it is first needed; many threads may use it at once."""

    def __init__(self, wire: Wire, options: Mapping[str, Any]) -> None:
        self._wire = wire
        self._options = options
        self.lineage = lineage_of(wire.url, str(options.get("account") or "default"))
        self._store: Optional[SecretStore] = None
        self._pause: Optional[Pause] = None
        self._lock = threading.RLock()
        self._open: Optional[Tuple[Signer, str]] = None

    def keep_in(self, store: SecretStore, pause: Optional[Pause]) -> None:
        """From now on the account is kept there."""
        self._store, self._pause = store, pause

    def post(self, url: str, payload: Any = None) -> Reply:
        """A request that the account signs; POST-as-GET without a payload. An account that the CA has forgotten is made anew once."""
        signer, kid = self.opened()
        try:
            return self._wire.post(url, payload, signer, kid)
        except Problem as problem:
            if problem.kind not in GONE:
                raise
        with self._lock:
            if self._open == (signer, kid):
                self._open = self._registered_again()
        return self._wire.post(url, payload, *known(self._open, "the account"))

    def opened(self) -> Tuple[Signer, str]:
        """The account's key and URL; made at the CA when the store has none yet."""
        with self._lock:
            if self._open is None:
                self._open = self._kept() or self._made()
            return self._open

    def forget(self) -> None:
        """Read the account anew when it is next needed."""
        self._open = None

    def kept_facts(self) -> Dict[str, Any]:
        """What may be said of the account as the store has it; empty where there is none yet."""
        version = self.current()
        if version is None:
            return {}
        meta = version.meta
        facts = {"account": meta["account"], "contact": list(meta.get("contact") or ()), "rollover": str(meta.get("rollover") or "")}
        return {**facts, "lineage": self.lineage, "version": version.version, "spki_sha256": version.spki_sha256}

    def current(self) -> Optional[StoredVersion]:
        """The version that counts; None where the CA has not answered for any."""
        known_to_ca = [one for one in self._place().versions(self.lineage) if one.state == "issued" and one.meta.get("account")]
        return known_to_ca[-1] if known_to_ca else None

    def _place(self) -> SecretStore:
        if self._store is None:
            raise ConfigError("an ACME account needs a secret store for its key")
        return self._store

    def signer(self, version: StoredVersion) -> Signer:
        """The key of a version."""
        store = self._place()
        return Signer(store.key(KeyRef(store.identity(), self.lineage, version.version, version.spki_sha256)))

    def knows(self, signer: Signer, kid: str) -> bool:
        """Whether the CA knows the key as the account's."""
        try:
            return self._wire.post(self._wire.resource("newAccount"), {"onlyReturnExisting": True}, signer).location == kid
        except Problem:
            return False

    def _settled(self) -> None:
        """A change of the key that a run was killed in: where the CA has taken the new one, it counts."""
        current = self.current()
        left = [one for one in self._place().versions(self.lineage) if current and one.version > current.version and one.state == "pending"]
        kid = str(current.meta["account"]) if current else ""
        if left and self.knows(self.signer(left[-1]), kid):
            with self.writing() as lease:
                self.taken(lease, left[-1], kid)

    def _kept(self) -> Optional[Tuple[Signer, str]]:
        self._settled()
        version = self.current()
        if version is None:
            return None
        signer, kid = self.signer(version), str(version.meta["account"])
        if not self.contact() or list(version.meta.get("contact") or ()) == self.contact():
            return signer, kid
        try:
            self._update(version, signer, kid)
        except Problem as problem:
            if problem.kind not in GONE:
                raise
            return self._registered_again()
        return signer, kid

    def _update(self, version: StoredVersion, signer: Signer, kid: str) -> None:
        """Tell the CA whom to write to; the store remembers that it knows."""
        self._wire.post(kid, {"contact": self.contact()}, signer, kid)
        with self.writing() as lease:
            self._save(lease, replace(version, meta={**version.meta, "contact": self.contact()}))

    def _made(self) -> Tuple[Signer, str]:
        with self.writing() as lease:
            found = self.current()  # another run may have made it while this one waited
            if found is not None:
                return self.signer(found), str(found.meta["account"])
            version = self.prepared(lease)
            signer = self.signer(version)
            return signer, self._register(lease, version, signer)

    def prepared(self, lease: Lease, **meta: Any) -> StoredVersion:
        """A version with a new key, durable; the one that a killed run left where there is one, for what it is wanted now."""
        store, current = self._place(), self.current()
        newest = current.version if current else ""
        left = [one for one in store.versions(self.lineage) if one.version > newest and one.state == "pending"]
        if left:
            return replace(left[-1], meta={**left[-1].meta, **meta})
        key = keys.generate(KEY_TYPE)
        about = {"key_type": KEY_TYPE, "key_origin": "store", "acme_account": True, "directory": self._wire.url, **meta}
        version = StoredVersion(self.lineage, store.new_version(self.lineage), "pending", keys.spki_sha256(key), meta=about)
        self._save(lease, replace(version, key=keys.to_pem(key)))
        return version

    def _register(self, lease: Lease, version: StoredVersion, signer: Signer) -> str:
        url = self._wire.resource("newAccount")
        payload: Dict[str, Any] = {"contact": self.contact()} if self.contact() else {}
        terms = (self._wire.directory.get("meta") or {}).get("termsOfService")
        if self._options.get("terms_agreed"):
            payload["termsOfServiceAgreed"] = True
        elif terms:
            raise ConfigError(f"the CA has terms of service: {terms}", field="issuer.terms_agreed", hint="read them, then set it to true")
        if self._options.get("eab_kid"):
            payload["externalAccountBinding"] = self._binding(signer, url)
        kid = self._wire.post(url, payload, signer).location
        self.taken(lease, version, kid)
        return kid

    def taken(self, lease: Lease, version: StoredVersion, kid: str) -> None:
        """The CA knows this version's key: it counts from now on, durably."""
        before = self.current()
        contact = self.contact() or list(before.meta.get("contact") or () if before else ())
        self._save(lease, replace(version, state="issued", meta={**version.meta, "account": kid, "contact": contact}))

    def _registered_again(self) -> Tuple[Signer, str]:
        """The account of the same key at a CA that has lost it."""
        with self.writing() as lease:
            version = known(self.current(), "the account")
            signer = self.signer(version)
            return signer, self._register(lease, version, signer)

    def _binding(self, signer: Signer, url: str) -> Dict[str, Any]:
        path = self._options.get("eab_key_file")
        if not path:
            raise ConfigError("is needed beside eab_kid", field="issuer.eab_key_file")
        secret: Secret = secret_of_file(str(path), "issuer.eab_key_file")
        try:
            found: Dict[str, Any] = messages.ExternalAccountBinding.from_data(
                signer.jwk.public_key(), str(self._options["eab_kid"]), secret.reveal().decode("ascii"), {"newAccount": url}
            )
        except Exception:  # it is no base64url: of many kinds, and what they quote is the key
            raise ConfigError("it is not the base64url text that CAs hand out", field="issuer.eab_key_file") from None
        return found

    def contact(self) -> List[str]:
        """Whom the CA may write to, as URLs; empty where nothing is said."""
        given = self._options.get("contact") or ()
        return [one if ":" in one else f"mailto:{one}" for one in given]

    def _save(self, lease: Lease, version: StoredVersion) -> None:
        store = self._place()
        store.save(lease, version)
        store.flush()

    def writing(self) -> Writing:
        """The lease on the account as a context; waits while another run has it."""
        return Writing(self._place(), self.lineage, self._pause)


class Writing:
    """A lease that is given back at the end of the block."""

    def __init__(self, store: SecretStore, lineage: str, pause: Optional[Pause]) -> None:
        self._store, self._lineage, self._pause = store, lineage, pause

    def __enter__(self) -> Lease:
        waited = 0.0
        while True:
            found = self._store.begin(self._lineage, self._store.current(self._lineage))
            if not isinstance(found, Busy):
                self._lease = found
                return found
            if self._pause is None or waited >= PATIENCE:
                raise BusyError(found.message, hint="wait for the other run to end, then run again", field=self._lineage)
            self._pause(LOOK_AGAIN, found.message)
            waited += LOOK_AGAIN

    def __exit__(self, *exception: Any) -> None:
        self._store.end(self._lease)
