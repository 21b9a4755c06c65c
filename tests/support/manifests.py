# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest that is right, as data: tests change one thing and look what happens."""

from __future__ import annotations

from typing import Any, Dict


def deployment(server: str = "web1", **target: Any) -> Dict[str, Any]:
    """One deployment; keywords change its target, None takes a field away."""
    fields = {"kind": "nginx", "certificate_file": "/etc/tls/shop.pem", "key_file": "/etc/tls/shop.key", **target}
    return {
        "server": server,
        "target": {key: value for key, value in fields.items() if value is not None},
        "endpoints": [{"host": f"{server}.example.com", "port": 8443}],
    }


def data(**lineages: Any) -> Dict[str, Any]:
    """A whole manifest with the lineages given, or with one called shop."""
    return {
        "version": 1,
        "secret_store": {"type": "directory", "path": "store"},
        "ledger": {"path": "ledger"},
        "client_classes": {"internal": {"anchors": "ca/root.pem"}, "browsers": {"anchors": "public"}},
        "issuers": {"internal": {"type": "local_ca", "path": "ca"}},
        "profiles": {"web": {"key_type": "ecdsa-p256", "lifetime": "90d", "policies": ["mozilla_intermediate"]}},
        "defaults": {"issuer": "internal", "profile": "web", "owner": "team-web", "environment": "prod"},
        "lineages": lineages or {"shop": {"names": ["shop.example.com"], "deployments": [deployment()]}},
    }
