# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole estate for the playbooks: a CA, a manifest of the lab's servers, an inventory, and a look at what came of a run."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.playbook import Ansible, Run

QUICK = {"rotate_soak": 0.5, "rotate_soak_canary": 0.5, "rotate_proof_timeout": 8, "rotate_proof_interval": 0.1}
FIRST_CA = tempfile.TemporaryDirectory(prefix="clm-ca-")  # gone with the process
SHOP, OTHERS = ("web1", "web2", "web3"), {"edge": "lb1", "orders": "db1", "api": "app1"}


class Campaign:
    """Playbooks of the collection on the lab, by one core, with everything in one folder."""

    def __init__(self, lab: Lab, ansible: Ansible, place: Path, lineages: Sequence[str] = ("shop",)) -> None:
        self.lab, self.ansible, self.place = lab, ansible, place
        self.manifest = self.head()
        for lineage in lineages:
            names = next(list(site.names) for server in lab.servers.values() for site in server.sites if site.name == lineage)
            self.manifest["lineages"][lineage] = {"names": names, "deployments": lab.deployments(lineage)}
        self.write()
        (place / "certificates.clm.yml").write_text("plugin: certops.clm.certificates\nmanifest: manifest.yml\n")
        self._passphrase()
        lab.write_inventory(place / "hosts.json")
        self.make_ca()

    @staticmethod
    def head() -> Dict[str, Any]:
        """A manifest without a lineage."""
        return {
            "version": 1,
            "secret_store": {"type": "directory", "path": "store", "allow_ephemeral": True},
            "ledger": {"path": "ledger", "allow_ephemeral": True},
            "client_classes": {"internal": {"anchors": "ca/root.pem"}},
            "issuers": {"internal": {"type": "local_ca", "path": "ca", "passphrase_file": "passphrase"}},
            "profiles": {"web": {"lifetime": "90d"}},
            "defaults": {"issuer": "internal", "profile": "web", "owner": "team-web", "consumers": ["internal"],
                         "runbook": "https://run.book/tls", "take_over": True},  # what the lab serves on its first day is foreign
            "lineages": {},
        }

    def _passphrase(self) -> None:
        with os.fdopen(os.open(self.place / "passphrase", os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            stream.write("a passphrase for tests\n")

    def write(self) -> None:
        """The manifest as it is now (JSON is YAML)."""
        (self.place / "manifest.yml").write_text(json.dumps(self.manifest, indent=1))

    def make_ca(self) -> None:
        """Root and intermediate of the issuer; every campaign of this process gets a copy of the first one's."""
        folder, kept = self.place / "ca", Path(FIRST_CA.name) / "ca"
        if kept.exists():
            shutil.copytree(kept, folder, symlinks=True)
            return
        task = {"name": "ca", "certops.clm.local_ca": {"path": str(folder), "passphrase_file": str(self.place / "passphrase")}}
        self.ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]).ok()
        shutil.copytree(folder, kept, symlinks=True)

    @property
    def inventories(self) -> List[Path]:
        """Both inventories."""
        return [self.place / "hosts.json", self.place / "certificates.clm.yml"]

    def run(self, playbook: str = "rotate", args: Sequence[str] = (), *, timeout: float = 150, **extra: Any) -> Run:
        """One run of a playbook of the collection."""
        settings = self.settings(**extra)
        return self.ansible.playbook(f"certops.clm.{playbook}", inventory=self.inventories, args=args, extra=settings, timeout=timeout)

    def settings(self, **extra: Any) -> Dict[str, Any]:
        """Extra variables of a run; soaks and time-outs are scaled down."""
        return {**QUICK, "rotate_state_dir": next(iter(self.lab.hosts.values())).path("/var/lib/certops-clm"), **extra}

    def force(self, token: str) -> None:
        """Every lineage is to be issued again, once."""
        for lineage in self.manifest["lineages"].values():
            lineage["forced"] = token
        self.write()

    @property
    def root_pem(self) -> str:
        """The anchor of what our CA issues."""
        return (self.place / "ca" / "root.pem").read_text()

    def versions(self, lineage: str) -> List[Dict[str, Any]]:
        """What the store holds, read from its files and not by the product; a version that a kill left without a record is none."""
        folder = self.place / "store" / "lineages" / lineage / "versions"
        return [json.loads(record.read_text()) for record in sorted(folder.glob("[!.]*/version.json"))]

    def current(self, lineage: str) -> str:
        """The SHA-256 of the current version, by its symlink."""
        record = self.place / "store" / "lineages" / lineage / "current" / "version.json"
        return str(json.loads(record.read_text())["sha256"])

    def events(self) -> List[Dict[str, Any]]:
        """Every line of the ledger."""
        lines = [line for path in sorted((self.place / "ledger").glob("*.jsonl")) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    def outcomes(self, run: Run) -> Dict[str, Dict[str, Any]]:
        """By server, the outcome that its verdict judged."""
        verdicts = [event for event in run.events if event.get("task", "").endswith("Verdict")]
        servers = {host: host.split("-")[1] for host in {event["host"] for event in verdicts}}
        return {servers[event["host"]]: event["result"]["outcome"] for event in verdicts}

    def report(self) -> Dict[str, Any]:
        """The report's data; the page is there too."""
        assert (self.place / "report" / "report.html").stat().st_size > 2000
        data: Dict[str, Any] = json.loads((self.place / "report" / "report.json").read_text())
        return data
