# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small plays of the demo's own; everything else that it runs are the playbooks of the collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

from .estate import HERE, Estate

Plays = List[Dict[str, Any]]


def on_localhost(*tasks: Dict[str, Any]) -> Plays:
    """One play on the controller."""
    return [{"name": "On the controller", "hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]


def make_ca(control: Path) -> Plays:
    """A root and an intermediate of our own."""
    options = {"path": str(control / "ca"), "passphrase_file": str(control / "passphrase")}
    return on_localhost({"name": "Make the CA", "certops.clm.local_ca": options})


def client_eyes(estate: Estate, control: Path) -> Plays:
    """What a client that trusts the old CA has against each server, and what the inventory knows after discovery."""
    anchors = control / "old-root.pem"
    anchors.write_text(estate.ca.root_pem)
    endpoints = [
        {"id": name, "host": HERE, "port": estate.site(name).port, "server_name": estate.site(name).names[0], "starttls": server.starttls}
        for name, server in estate.servers.items()
    ]
    groups = {name: f"{{{{ groups['clm_{name}'] | list }}}}" for name in ("due", "expired")}
    managed = "groups['clm_managed'] | map('extract', hostvars, '{}')"
    until = f"{{{{ dict({managed.format('clm_server')} | zip({managed.format('clm_not_after')})) }}}}"
    names = "{{ groups['clm_unmanaged'] | map('extract', hostvars, 'clm_names') | flatten | unique }}"
    return on_localhost(
        {"name": "Look as a client does", "certops.clm.tls_endpoint_info": {"endpoints": endpoints, "anchors": {"clients": str(anchors)}}},
        {"name": "What the inventory knows", "ansible.builtin.debug": {"msg": {**groups, "until": until, "unmanaged": names}}},
    )


def verify_ledgers(control: Path) -> Plays:
    """The ledger itself must verify; what is said of the forged copy is looked at by the demo."""
    return on_localhost(
        {"name": "Verify the ledger", "certops.clm.ledger_info": {"path": str(control / "ledger")}},
        {"name": "Verify the forged copy", "certops.clm.ledger_info": {"path": str(control / "ledger-forged")}, "ignore_errors": True},
    )
