# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real TLS server per test, certificates for it, and a target whose proofs are quick."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, List, Optional

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.certops.clm.plugins.module_utils.flows.deploy_server import serve
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import Pace, look, spots_of
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import endpoints_of
from ansible_collections.certops.clm.plugins.module_utils.targets.server import ServerTarget
from ansible_collections.certops.clm.tests.lab.aws import emulator

ROOT = pathlib.Path(__file__).resolve().parents[3]
TLS_SERVER = ROOT / "tests" / "lab" / "tls_server.py"


@dataclass(frozen=True)
class Made:
    """A certificate with its key, signed by a small CA that is its one intermediate."""

    chain_pem: str
    key_pem: bytes = field(repr=False)
    sha256: str
    spki_sha256: str

    @property
    def version(self) -> Dict[str, str]:
        return {
            "lineage": "shop",
            "version": "000001-00000001",
            "sha256": self.sha256,
            "spki_sha256": self.spki_sha256,
            "chain_pem": self.chain_pem,
        }


def make(name: str = "shop.example.com", days: float = 30, key: Optional[Any] = None, begin: float = -1) -> Made:
    """A leaf that is valid from `begin` days from now for `days` days."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc) + timedelta(days=begin)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab intermediate")])

    def build(subject: x509.Name, public: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=days))
        return builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(ca_key, hashes.SHA256())

    leaf = build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key())
    chain = b"".join(cert.public_bytes(serialization.Encoding.PEM) for cert in (leaf, build(ca_name, ca_key.public_key())))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    spki = hashes.Hash(hashes.SHA256())
    spki.update(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
    return Made(chain.decode(), private, leaf.fingerprint(hashes.SHA256()).hex(), spki.finalize().hex())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class World:
    """One managed host: a folder, a TLS server with any number of certificates, a state folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.config = folder / "server.json"
        self.port = free_port()
        self.entries: List[Dict[str, Any]] = []
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.state_dir = str(folder / "state")

    def add(self, name: str, made: Optional[Made], layout: str = "fullchain") -> Dict[str, Any]:
        """An entry of the server's configuration and its deployment item."""
        target: Dict[str, Any] = {"kind": "generic", "layout": layout, "certificate_file": str(self.folder / f"{name}.pem")}
        if layout != "combined":
            target["key_file"] = str(self.folder / f"{name}.key")
        if made is not None:
            self.write(target, made)
        self.entries.append({"names": [name], "certificate_file": target["certificate_file"], "key_file": target.get("key_file")})
        target["check"] = [sys.executable, str(TLS_SERVER), "--config", str(self.config), "--check"]
        target["reload"] = {"command": [sys.executable, str(TLS_SERVER), "--config", str(self.config), "--reload"]}
        self.save()
        endpoint = {"host": "127.0.0.1", "port": self.port, "server_name": name}
        return {"id": name, "target": target, "endpoints": [endpoint], "key_origin": "store"}

    def write(self, target: Dict[str, Any], made: Made) -> None:
        key_file = target.get("key_file")
        pathlib.Path(target["certificate_file"]).write_bytes(made.chain_pem.encode() + (b"" if key_file else made.key_pem))
        if key_file:
            pathlib.Path(key_file).write_bytes(made.key_pem)

    def save(self) -> None:
        self.config.write_text(
            json.dumps({"listen": [f"127.0.0.1:{self.port}"], "pid_file": str(self.folder / "pid"), "certificates": self.entries})
        )

    def sabotage(self, words: str) -> None:
        (self.folder / "server.json.sabotage").write_text(words)

    def start(self) -> None:
        command = [sys.executable, str(TLS_SERVER), "--config", str(self.config)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not (self.folder / "pid").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, "the TLS server did not start"
            time.sleep(0.01)

    def reload(self) -> None:
        """As an administrator does it by hand."""
        subprocess.run([sys.executable, str(TLS_SERVER), "--config", str(self.config), "--reload"], check=True)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None
            (self.folder / "pid").unlink(missing_ok=True)

    def target(self, staged_keys: Optional[Dict[str, str]] = None, timeout: float = 1.5) -> ServerTarget:
        pace = Pace(timeout=timeout, consecutive=2, interval=0.01)
        return ServerTarget(State(self.state_dir), lambda: datetime.now(timezone.utc), pace=pace, staged_keys=staged_keys, seconds=20)

    def run(self, *items: Any, check_mode: bool = False, timeout: float = 1.5, **params: Any) -> Dict[str, Any]:
        """One run of the module's flow; `items` are (item, Made or None): its key is staged as the action does it."""
        deployments = [{**item, **({"version": made.version} if made else {})} for item, made in items]
        staged = {} if check_mode else self.stage(*items)
        return self.serve(deployments, staged, check_mode, timeout, params)

    def stage(self, *items: Any) -> Dict[str, str]:
        folder = pathlib.Path(self.state_dir) / "staged"
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
        staged = {}
        for item, made in items:
            if made and item.get("key_origin") == "store":
                path = folder / f"{item['id']}-{os.urandom(8).hex()}"
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(made.key_pem)
                staged[item["id"]] = str(path)
        return staged

    def serve(
        self, deployments: List[Any], staged: Dict[str, str], check_mode: bool, timeout: float, params: Dict[str, Any]
    ) -> Dict[str, Any]:
        target = self.target(staged, timeout)
        given = {"state": "present", "hand_over": False, "openssl": "openssl", **params, "deployments": deployments}
        try:
            result = serve(target, given, check_mode=check_mode)
        finally:
            target.state.unlock()
        return {**result, "outcomes": {name: outcome.as_dict() for name, outcome in result["outcomes"].items()}}

    def served(self, item: Dict[str, Any]) -> str:
        """The SHA-256 that a new connection sees now."""
        return look(spots_of(endpoints_of(item["endpoints"], "endpoints"))[0]).sha256


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    tmp_path.chmod(0o700)
    made = World(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def made() -> Any:
    """The maker of certificates."""
    return make


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """A running emulator of AWS, with its credentials in the environment."""
    with emulator(tmp_path_factory.mktemp("aws")) as lab, pytest.MonkeyPatch.context() as patched:
        for name, value in lab.environment.items():
            patched.setenv(name, value)
        yield lab
