# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person at the controller has: an inventory of the servers, the manifest, and the inventory of certificates."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Dict, List

import yaml

from ..tests.lab.postgresql import Postgresql
from ..tests.lab.server import Server
from ..tests.lab.small import Small
from .estate import FORGOTTEN, HERE, SERVICES, Estate


def write_control(estate: Estate, control: Path) -> None:
    """Write all of it into the new folder `control`, with a passphrase for the CA."""
    control.mkdir(parents=True)
    passphrase = control / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(secrets.token_urlsafe(24) + "\n")
    (control / "hosts.yml").write_text(yaml.safe_dump(inventory(estate), sort_keys=False))
    (control / "manifest.yml").write_text(yaml.safe_dump(manifest(estate), sort_keys=False))
    sources: List[Dict[str, Any]] = [{"type": "findings"}]
    server, lineage = FORGOTTEN
    if isinstance(estate.servers[server], Small):  # no configuration that discovery could read: look at the port instead
        site = estate.servers[server].sites[1]
        sources.append({"type": "endpoints", "endpoints": [{"host": HERE, "port": site.port, "server_name": SERVICES[lineage].names[0]}]})
    plugin = {"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": sources}
    (control / "certificates.clm.yml").write_text(yaml.safe_dump(plugin, sort_keys=False))


def inventory(estate: Estate) -> Dict[str, Any]:
    """The managed hosts, reached by connection local with a Python that has no package of its own."""
    own = {
        "ansible_connection": "local",
        "ansible_python_interpreter": estate.python,
        "rotate_state_dir": str(estate.place / "state" / "{{ clm_server }}"),  # all hosts are this machine, so each has a folder of its own
        "rotate_proof_timeout": 8,  # seconds, scaled down for the demo as the soaks are
        "rotate_proof_interval": 0.1,
        "rotate_soak": 1,
        "rotate_soak_canary": 1,
    }
    return {"all": {"vars": own, "hosts": {name: look(server) for name, server in estate.servers.items()}}}


def look(server: Server) -> Dict[str, Any]:
    """Where discovery finds the server's configuration; a stand-in has none that it can read."""
    path = server.host.path
    wheres: Dict[str, Any] = {
        "nginx": {"binary": "nginx", "config": path("/etc/nginx/nginx.conf")},
        "haproxy": {"config": path("/etc/haproxy/haproxy.cfg")},
        "postgresql": {"config": [path(f"{Postgresql.data}/postgresql.conf")]},
    }
    asked = [server.kind] if server.kind in wheres else []
    return {"clm_kinds": asked, "clm_kind_options": {kind: wheres[kind] for kind in asked}}


def manifest(estate: Estate) -> Dict[str, Any]:
    """What is wanted: the four services that somebody asked us to manage."""
    managed = dict.fromkeys(estate.site(name).name for name in estate.servers)
    return {
        "version": 1,
        "secret_store": {"type": "directory", "path": "store", "allow_ephemeral": True},
        "ledger": {"path": "ledger", "allow_ephemeral": True},
        "report": "report",
        "observations": "observations.json",
        "issuers": {"internal": {"type": "local_ca", "path": "ca", "passphrase_file": "passphrase"}},
        "client_classes": {"internal": {"anchors": "ca/root.pem"}},
        "profiles": {"web": {"key_type": "ecdsa-p256", "lifetime": "90d"}},
        "defaults": {"issuer": "internal", "profile": "web", "environment": "production", "consumers": ["internal"], "take_over": True},
        "lineages": {lineage: wanted(estate, lineage) for lineage in managed},
    }


def wanted(estate: Estate, lineage: str) -> Dict[str, Any]:
    """One lineage with its deployments."""
    service = SERVICES[lineage]
    servers = [server for name, server in estate.servers.items() if estate.site(name).name == lineage]
    deployments = [server.deployment(server.sites[0]) for server in servers]
    for target in (one["target"] for one in deployments if one["target"]["layout"] == "combined"):
        target.pop("key_file", None)  # the key stands in the certificate file
    return {"names": list(service.names), "owner": f"team-{lineage}", "criticality": service.criticality, "deployments": deployments}
