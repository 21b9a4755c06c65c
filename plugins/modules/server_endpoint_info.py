#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_endpoint_info
short_description: Look from a managed server at what its endpoints serve
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Opens new TLS connections from the host that it runs on to every address of every endpoint, and returns the certificates
    that were served, in their order. It is for endpoints that the controller does not reach.
  - Judges nothing. Who asked for it builds the path and checks the name.
  - Never fails for what it finds. An address that could not be looked at is a record that says why.
options:
  endpoints:
    description: The endpoints to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: What the looks at this endpoint are called.
        type: str
        required: true
      host:
        description: The name or address to connect to, as this host resolves it. At most 16 addresses are looked at.
        type: str
        required: true
      port:
        description: The TCP port.
        type: int
        default: 443
      server_name:
        description: The name to ask for by SNI. By default O(endpoints[].host). An address is not asked for.
        type: str
        default: ""
      starttls:
        description:
          - The protocol that begins in clear before TLS, as V(postgresql), V(mysql), V(smtp), V(imap), V(ldap), V(xmpp) or V(ftp).
          - With V(none) the first byte is TLS already.
        type: str
        default: none
      addresses:
        description: The IP addresses to connect to instead of those that O(endpoints[].host) resolves to.
        type: list
        elements: str
        default: []
      sha256:
        description: The SHA-256 of the leaf to wait for. By default any will do.
        type: str
        default: ""
      slot:
        description: Which of two certificates side by side to ask for, by the kind of its key.
        type: str
        choices: [default, rsa, ecdsa]
        default: default
  timeout:
    description: Seconds to wait for O(endpoints[].sha256) to be shown. One look takes at most 10 seconds more.
    type: float
    default: 0
  soak:
    description:
      - Seconds to go on looking, once in a second, after it was shown. The first look that shows something else is what is
        returned.
    type: float
    default: 0
  openssl:
    description: The command that shows the chain on a host whose Python is older than 3.13.
    type: str
    default: openssl
requirements:
  - the command C(openssl), or Python 3.13 or newer; without both only the SHA-256 of the leaf is seen
extends_documentation_fragment:
  - certops.clm.attributes.info
seealso:
  - module: certops.clm.tls_endpoint_info
  - module: certops.clm.wave_judge
"""

EXAMPLES = r"""
- name: See what the database serves on an address that only its own server reaches
  certops.clm.server_endpoint_info:
    endpoints:
      - {id: db, host: 127.0.0.1, port: 5432, server_name: db1.example.com, starttls: postgresql}
  register: looked

- name: Fail when its chain has no intermediate
  ansible.builtin.assert:
    that: looked.looks.db[0].chain_pem | length > 1
    fail_msg: "{{ looked.looks.db[0].detail }}"
"""

RETURN = r"""
looks:
  description: By O(endpoints[].id) one record for each address.
  returned: always
  type: dict
  contains:
    address:
      description: The address that was connected to, empty when the host has none.
      type: str
      returned: always
    answer:
      description: C(answered) when the whole chain was seen, else C(could_not_look).
      type: str
      returned: always
    sha256:
      description: The SHA-256 of the leaf, also where only the leaf was seen; empty when none was.
      type: str
      returned: always
    chain_pem:
      description: The certificates in PEM, in the order in which they were served, at most 16. The leaf alone where no more could
        be seen.
      type: list
      elements: str
      returned: always
    sent:
      description: How many certificates were served.
      type: int
      returned: always
    detail:
      description: Why nothing was seen, or no more than the leaf.
      type: str
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run_info
from ansible_collections.certops.clm.plugins.module_utils.flows.look_server import look_from_server

ENDPOINT = {
    "id": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str", "default": ""},
    "starttls": {"type": "str", "default": "none"},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "sha256": {"type": "str", "default": ""},
    "slot": {"type": "str", "choices": ["default", "rsa", "ecdsa"], "default": "default"},
}
SPEC = {
    "endpoints": {"type": "list", "elements": "dict", "required": True, "options": ENDPOINT},
    "timeout": {"type": "float", "default": 0},
    "soak": {"type": "float", "default": 0},
    "openssl": {"type": "str", "default": "openssl"},
}


def main() -> None:
    """Run as a module on the managed host."""
    run_info(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), look_from_server)


if __name__ == "__main__":
    main()
