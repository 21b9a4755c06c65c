# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: trusted_by
short_description: Whether clients with these trust anchors accept a certificate
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - True when a path leads from the first certificate over the others given, and nothing else, to one of the anchors.
  - Dates, usages, constraints, keys and, if given, the name are judged as a careful client does. Revocation is not looked at,
    and nothing is fetched.
positional: _input, anchors
options:
  _input:
    description: The certificate and its intermediates in PEM, as a server sends them.
    type: str
    required: true
  anchors:
    description: The trust anchors in PEM, or V(public) for the public roots that the Python package certifi brings.
    type: str
    required: true
  name:
    description: The host name or address that the certificate must be for. By default any of its own.
    type: str
  usage:
    description: What the certificate is to be used for.
    type: str
    choices: [server_auth, client_auth]
    default: server_auth
  at:
    description: The moment to judge at as RFC 3339 text. By default now.
    type: str
requirements:
  - cryptography >= 46
  - certifi, for V(public) in O(anchors)
"""

EXAMPLES = r"""
- name: Refuse a chain that our own clients do not trust
  ansible.builtin.assert:
    that: chain is certops.clm.trusted_by(lookup('ansible.builtin.file', 'root.pem'), name='shop.example.com')
"""

RETURN = r"""
_value:
  description: Whether it is trusted.
  type: bool
"""

from typing import Any, Callable, Dict, Optional

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.plugins.plugin_utils.certificates import certificates, moment, translated


def trusted_by(value: Any, anchors: Any, name: Optional[str] = None, usage: str = "server_auth", at: Any = None) -> bool:
    """True when a path leads to one of the anchors."""

    def judge() -> bool:
        if usage not in ("server_auth", "client_auth"):
            raise ConfigError(f"unknown usage {str(usage)[:40]!r}", hint="server_auth or client_auth", field="usage")
        bundle = Bundle.public() if str(anchors) == "public" else Bundle.parse(str(anchors))
        asked = None if name is None else str(name)
        return verify(certificates(value), bundle, name=asked, when=moment(at), usage=str(usage)).ok

    return translated("trusted_by", judge)


class TestModule:
    """What Ansible asks for."""

    def tests(self) -> Dict[str, Callable[..., bool]]:
        """The tests by name."""
        return {"trusted_by": trusted_by}
