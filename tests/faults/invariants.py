# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""I1-I8 of `standards.md`, judged from bytes and handshakes by code that shares nothing with the product.

Imports: the standard library and cryptography. A check returns one line for each thing that is broken.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import socket
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

Broken = List[str]
KEY_FILE = "key.pem"


@dataclass(frozen=True)
class Estate:
    """Where everything of one lineage lies."""

    store: Path
    ledger: Path
    ca: Path
    certificate: Optional[Path]  # None: no files, as where a cloud serves it
    key: Path
    state: Path
    address: str
    port: int
    name: str
    anchors: str
    lineage: str
    keys_on_server: bool = False
    log: Callable[[Path], List[Tuple[str, bytes]]] = lambda ca: issued(ca / "issued.jsonl")  # (request id, DER) of all that the CA issued


@dataclass(frozen=True)
class Look:
    """What was there at one moment."""

    served: str  # SHA-256 of the leaf that a verified handshake showed, or empty
    handshake: str  # why there was none
    files: str  # why certificate file and key file of the server are no pair
    issued: Tuple[Tuple[str, bytes], ...]  # (request id, DER) by the CA's own log
    chains: Mapping[str, bytes] = field(default_factory=dict)  # ledger file -> bytes


def spki(public: Any) -> str:
    return hashlib.sha256(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def look(estate: Estate) -> Look:
    """Handshake, files, CA log and ledger as they are now."""
    served, problem = handshake(estate)
    chains = {path.name: path.read_bytes() for path in sorted(estate.ledger.glob("*.jsonl"))} if estate.ledger.is_dir() else {}
    files = pair(estate.certificate, estate.key) if estate.certificate is not None else ""
    return Look(served, problem, files, tuple(estate.log(estate.ca)), chains)


def handshake(estate: Estate, timeout: float = 3.0) -> Tuple[str, str]:
    """(SHA-256, "") of what a client that checks chain and name is shown, else ("", why)."""
    context = ssl.create_default_context(cadata=estate.anchors)
    try:
        with socket.create_connection((estate.address, estate.port), timeout=timeout) as raw:
            with context.wrap_socket(raw, server_hostname=estate.name) as connection:
                return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest(), ""
    except (OSError, ValueError) as error:
        return "", f"{type(error).__name__}: {error}"


def pair(certificate: Path, key: Path) -> str:
    """Why the two files are not a whole chain with the key of its leaf; empty when they are."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        for child, parent in zip(chain, chain[1:]):
            child.verify_directly_issued_by(parent)
    except Exception as error:  # anything unreadable is as bad as a mismatch
        return f"{type(error).__name__}: {error}"
    return "" if spki(chain[0].public_key()) == spki(private.public_key()) else "the key is not the key of the certificate"


def issued(log: Path) -> List[Tuple[str, bytes]]:
    """What the CA's own log holds; a torn last line is nothing that left it."""
    lines = log.read_bytes().split(b"\n")[:-1] if log.is_file() else []
    entries = [json.loads(line) for line in lines]
    return [(str(entry["request_id"]), base64.b64decode(entry["certificate"])) for entry in entries]


def i1(estate: Estate, after: Look, trace: Sequence[str]) -> Broken:
    """Every issued certificate's key is kept, private, and was durable before the CA was asked."""
    broken: Broken = []
    kept: Dict[str, Path] = {}
    for path in keys(estate):
        kept.setdefault(spki(serialization.load_pem_private_key(path.read_bytes(), None).public_key()), path)
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid():
            broken.append(f"I1: {path} is not private: {stat.S_IMODE(found.st_mode):o} uid {found.st_uid}")
    for request, der in after.issued:
        certificate = x509.load_der_x509_certificate(der)
        if spki(certificate.public_key()) not in kept:
            broken.append(f"I1: {request} was issued, and its key is nowhere")
    return broken + order(trace)


def keys(estate: Estate) -> List[Path]:
    """Every private key that is kept: in the store, and on the server."""
    on_server = [path for pattern in ("versions/*/key", "keys/*.pem") for path in estate.state.glob(f"deployments/*/{pattern}")]
    return [*estate.store.rglob(KEY_FILE), *on_server]


class Order:
    """What is durable at each moment of a trace of system calls, by version."""

    def __init__(self) -> None:
        self.written: Set[str] = set()  # keys that lie under a name that nobody reads yet
        self.synced: Set[str] = set()
        self.named: Dict[str, bool] = {}  # a version that was put in its place -> whether its name is durable
        self.early: Set[str] = set()  # put there before its key was synced
        self.recorded = False

    def see(self, call: str, path: str) -> None:
        folder, _slash, name = path.rpartition("/")
        if name == KEY_FILE and "/.new-" in path and call in ("open", "fsync"):
            (self.written if call == "open" else self.synced).add(path)
        elif call == "syncfs":
            self.synced |= self.written
            self.named = dict.fromkeys(self.named, True)
        elif call == "rename" and folder.endswith("/versions") and name.startswith("0"):
            key = f"{folder}/.new-{name}/{KEY_FILE}"
            self.named[path], self.recorded = False, False
            if key in self.written - self.synced:
                self.early.add(path)
        elif call == "fsync" and name == "versions":
            self.named.update({one: True for one in self.named if one.startswith(path + "/")})
        elif call == "fsync" and "/ledger/" in path and path.endswith(".jsonl"):
            self.recorded = True

    def missing(self) -> str:
        """What a CA that is asked now was asked too early for."""
        late = bool(self.early) or not all(self.named.values())
        return " and the ".join(what for what, is_missing in (("key", late), ("intent", not self.recorded)) if is_missing)


def order(trace: Sequence[str]) -> Broken:
    """In the order of the system calls: key synced, its folder in place and synced, intent synced, and only then the CA asked."""
    found = Order()
    for line in trace:
        call, _space, path = line.partition(" ")
        found.see(call, path)
        if call == "fsync" and path.endswith("/ca/issued.jsonl") and found.named and found.missing():
            return [f"I1/I4: the CA was asked before the {found.missing()} was durable"]
    return []


def i2(looks: Mapping[str, Look], known: Sequence[str], seen: Sequence[str], errors: Sequence[str]) -> Broken:
    """At every look, and to a client that looked all the time, the old or the new one was served, whole."""
    broken = [f"I2: {when}: {one.handshake}" for when, one in looks.items() if one.handshake]
    broken += [
        f"I2: {when}: something unknown is served: {one.served}" for when, one in looks.items() if one.served and one.served not in known
    ]
    broken += [f"I2: something unknown was served: {one}" for one in seen if one not in known]
    broken += [f"I2: a client that looked all the time: {error}" for error in errors[:3]]
    last = looks["in the end"]
    return broken + ([f"I2: in the end the files are no pair: {last.files}"] if last.files else [])


def i3(estate: Estate, sha256: str, now: datetime.datetime) -> Broken:
    """The previous good version is in the store, whole, with its key, and can still be served."""
    for record in estate.store.glob(f"lineages/{estate.lineage}/versions/0*/version.json"):
        chain = record.with_name("chain.pem")
        try:
            leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
        except (OSError, ValueError):
            continue
        if leaf.fingerprint(hashes.SHA256()).hex() == sha256:
            kept = [*keys(estate), estate.key] if estate.keys_on_server else [record.with_name(KEY_FILE)]
            problem = min((pair(chain, key) for key in kept), default="no key is kept")
            if leaf.not_valid_after_utc <= now:
                problem = "it has expired"
            return [f"I3: the previous version {record.parent.name} cannot be put back: {problem}"] if problem else []
    return [f"I3: the previous version {sha256} is not in the store"]


def i4(after: Look) -> Broken:
    """Every certificate that the CA issued has an intent before it, and an outcome that names it."""
    broken: Broken = []
    found = [event for data in after.chains.values() for event in events(data)]
    for request, der in after.issued:
        sha256 = hashlib.sha256(der).hexdigest()
        intents = [event for event in found if event.get("action") == "intent" and event.get("request_id") == request]
        outcomes = [event for event in found if event.get("action") == "outcome" and event.get("sha256") == sha256]
        if not request:  # a CA that is told no id of ours: by what its outcome says
            ids = {event.get("request_id") for event in outcomes}
            intents = [event for event in found if event.get("action") == "intent" and event.get("request_id") in ids]
        if not intents:
            broken.append(f"I4: {request} was issued, and no intent is recorded")
        if not outcomes:
            broken.append(f"I4: {request} was issued ({sha256[:16]}), and no outcome is recorded")
    return broken


def events(data: bytes) -> List[Dict[str, Any]]:
    """Every whole line that is JSON."""
    found: List[Dict[str, Any]] = []
    for line in data.split(b"\n")[:-1]:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def once(before: Look, after: Look) -> Broken:
    """F22: however many runs there were, the next certificate was asked for only after the record says that nobody wants the one
    before it: it was rejected, or somebody went back from it."""
    had = {sha256(der) for _request, der in before.issued}
    new = [one for one in (sha256(der) for _request, der in after.issued) if one not in had]
    found = sorted((event for data in after.chains.values() for event in events(data)), key=lambda event: str(event.get("time")))
    broken: Broken = []
    for earlier, later in zip(new, new[1:]):
        ids = {event.get("request_id") for event in found if event.get("action") == "outcome" and event.get("sha256") == later}
        asked = [place for place, event in enumerate(found) if event.get("action") == "intent" and event.get("request_id") in ids]
        until = found[: min(asked, default=0)]
        rejected = any(event.get("action") == "rejected" and event.get("sha256") == earlier for event in until)
        if not rejected and not any(went_back(event) and event["before_sha256"] == earlier for event in until):
            broken.append(f"F22: {later[:16]} was issued, though {earlier[:16]} was there and not rejected")
    return broken


def went_back(event: Mapping[str, Any]) -> bool:
    """Whether somebody asked for another version than the one that was current, and got it."""
    return event.get("action") == "outcome" and event.get("step") == "promote" and bool(event.get("before_sha256"))


def i5(estate: Estate, served: str) -> Broken:
    """Nothing that is served is in the CRL."""
    path = estate.ca / "intermediate.crl"
    if not path.exists():  # a CA that keeps its own
        return []
    crl = x509.load_der_x509_crl(path.read_bytes())
    revoked = {entry.serial_number for entry in crl}
    return [f"I5: {request} is served and revoked" for request, der in issued(estate.ca / "issued.jsonl")
            if hashlib.sha256(der).hexdigest() == served and x509.load_der_x509_certificate(der).serial_number in revoked]  # fmt: skip


def i6(earlier: Look, later: Look, tampered: bool = False) -> Broken:
    """Each chain holds, and begins with all whole lines that it had before. One that a fault changed is bad where it was, nowhere else."""
    broken: Broken = []
    for name, data in earlier.chains.items():
        now = later.chains.get(name)
        whole = data[: data.rfind(b"\n") + 1]
        if now is None or not now.startswith(whole):
            broken.append(f"I6: {name} is no longer what it was")
    for name, data in later.chains.items():
        problem = chain(data)
        if problem and not (tampered and problem == chain(earlier.chains.get(name, b""))):
            broken.append(f"I6: {name}: {problem}")
    return broken


def chain(data: bytes) -> str:
    """The first thing that is wrong with a chain of lines, empty when it holds."""
    previous = "0" * 64
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            event = json.loads(line)
        except ValueError:
            return f"line {number} is no JSON"
        if event.get("seq") != number or event.get("prev") != previous:
            return f"line {number} does not follow the one before"
        previous = hashlib.sha256(line).hexdigest()
    return "" if data.endswith(b"\n") or not data else "its last line is torn"
