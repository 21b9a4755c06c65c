# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small estate on disk: a CA of the tests, a store with versions, a manifest, and what somebody saw when they looked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.contracts import StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.support.manifests import data

NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)
KEY_USAGE = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
    "encipher_only", "decipher_only",
)  # fmt: skip
KEY = ec.generate_private_key(ec.SECP256R1())  # of every leaf that asks for no other
KEY_PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """A root with one intermediate; `chain` gives PEM texts, leaf first, without the root."""

    def __init__(self, common_name: str = "Test Root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._sign(common_name, common_name, self.key, self.key, NOW - 400 * DAY, NOW + 4000 * DAY, ca=True)
        self.sub_key = ec.generate_private_key(ec.SECP256R1())
        self.sub = self._sign(f"{common_name} Sub", common_name, self.sub_key, self.key, NOW - 400 * DAY, NOW + 2000 * DAY, ca=True)
        self.name = f"{common_name} Sub"

    def _sign(
        self, subject: str, issuer: str, key: Any, by: Any, start: datetime, end: datetime, *, ca: bool = False, names: Any = ()
    ) -> Any:
        builder = x509.CertificateBuilder(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]),
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else []),
            key.public_key(), x509.random_serial_number(), start, end,
        )  # fmt: skip
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        if ca:
            flags = {**dict.fromkeys(KEY_USAGE, False), "key_cert_sign": True, "crl_sign": True}
            builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=not subject)
            builder = builder.add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(by, hashes.SHA256())

    def chain(self, *names: str, key: Any = None, age: int = 1, days: int = 90, subject: str = "") -> List[str]:
        """A leaf for the names that is `age` days old, and the intermediate."""
        start = NOW - age * DAY
        leaf = self._sign(subject, self.name, key or KEY, self.sub_key, start, start + days * DAY, names=names)
        return [one.public_bytes(serialization.Encoding.PEM).decode() for one in (leaf, self.sub)]


class World:
    """The estate in one folder; `save` writes manifest and observations, so that a plugin can read them."""

    def __init__(self, folder: Path, manifest: Optional[Dict[str, Any]] = None) -> None:
        self.folder = folder
        self.authority = Authority()
        self.manifest: Dict[str, Any] = manifest or data()
        self.store = DirectoryStore(str(folder / "store"), clock=lambda: NOW, owner="tests")
        self.servers: Dict[str, Any] = {}
        self.endpoints: Dict[str, Any] = {}
        self.part = ""  # what the look was limited to
        self.taken_at = NOW

    def version(self, lineage: str, chain: Sequence[str], *, state: str = "proven", promote: bool = True, **meta: Any) -> str:
        """One more version in the store."""
        lease = self.store.begin(lineage, self.store.current(lineage))
        name = self.store.new_version(lineage)
        leaf = Certificate.from_pem(chain[0])
        self.store.save(lease, StoredVersion(
            lineage, name, state, leaf.spki_sha256, leaf.sha256, "".join(chain), key=Secret(KEY_PEM),
            meta={"key_origin": "store", "names": list(leaf.names), **meta},
        ))  # fmt: skip
        if promote:
            self.store.promote(lease, name)
        self.store.end(lease)
        return name

    def serve(self, key: str, *chains: Sequence[str], answer: str = "answered", seen_by: str = "controller", error: str = "") -> None:
        """An endpoint, by its key, shows these chains, one for each of its addresses; none: nothing could be seen."""
        rows = [
            {"address": f"127.0.0.{number}", "answer": answer, "chain_pem": list(chain), "error": error}
            for number, chain in enumerate(chains or [[]])
        ]
        self.endpoints[key] = {"observations": rows, "from": seen_by}

    def server(self, name: str, *findings: Dict[str, Any], reached: bool = True, error: str = "") -> None:
        """A managed server said this of itself."""
        self.servers[name] = {"reached": reached, "error": error, "findings": list(findings), "served": []}

    @property
    def observations(self) -> Dict[str, Any]:
        """The observations file."""
        part = {"part": self.part} if self.part else {}
        taken_at = self.taken_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"version": 1, "taken_at": taken_at, "servers": self.servers, "endpoints": self.endpoints, **part}

    def save(self) -> Path:
        """Write everything; returns the path of the manifest."""
        self.store.flush()
        (self.folder / "observations.json").write_text(json.dumps(self.observations))
        path = self.folder / "manifest.yml"
        path.write_text(yaml.safe_dump(self.manifest, sort_keys=False))
        return path


def finding(certificate_file: str, chain: Sequence[str] = (), *, kind: str = "nginx", error: str = "", **where: Any) -> Dict[str, Any]:
    """What a server says of one certificate in its configuration."""
    place = {"certificate_file": certificate_file, "config_file": "/etc/nginx.conf", "line": 3, "listen": ["443 ssl"], **where}
    return {"source": "servers", "kind": kind, "where": place, "chain_pem": list(chain), "error": error}
