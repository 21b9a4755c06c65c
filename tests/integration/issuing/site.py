# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays for the tests of issuing: a CA, a store and a ledger in a folder, worked on by this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

CONTROLLER = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
PASSPHRASE = "horse battery staple"


class Site:
    """Task arguments for one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")
        self.passphrase.chmod(0o600)
        self.ca = {"path": str(folder / "ca"), "passphrase_file": str(self.passphrase)}
        self.kept = {
            "secret_store": {"type": "directory", "path": str(folder / "store"), "allow_ephemeral": True},
            "ledger": {"path": str(folder / "ledger"), "allow_ephemeral": True},
        }

    def set_up(self, **given: Any) -> Tuple[str, Dict[str, Any]]:
        """The CA itself."""
        return "local_ca", {**self.ca, "intermediate": {"permitted": ["example.com"]}, "url": "http://pki.example.com", **given}

    def facade(self, *certificates: Dict[str, Any], **given: Any) -> Tuple[str, Dict[str, Any]]:
        """Certificates through the facade."""
        return "certificate", {"issuer": {"type": "local_ca", **self.ca}, **self.kept, "certificates": list(certificates), **given}

    def module(self, *certificates: Dict[str, Any], **given: Any) -> Tuple[str, Dict[str, Any]]:
        """Certificates through the provider's own module."""
        return "local_ca_certificate", {**self.ca, **self.kept, "certificates": list(certificates), **given}

    def files(self) -> Dict[str, bytes]:
        """Everything in the folder that could have changed."""
        found = {path: path for path in self.folder.rglob("*") if path.is_file()}
        return {str(path): path.read_bytes() for path in found}


def play(*tasks: Tuple[str, Dict[str, Any]]) -> List[Dict[str, Any]]:
    """A play of these tasks, each called as its module."""
    listed = [{"name": f"{module} {number}", f"certops.clm.{module}": arguments} for number, (module, arguments) in enumerate(tasks)]
    return [{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": listed}]


def states(result: Dict[str, Any]) -> Dict[str, str]:
    """The state of every outcome."""
    return {item: outcome["state"] for item, outcome in result["outcomes"].items()}
