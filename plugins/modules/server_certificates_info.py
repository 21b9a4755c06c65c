#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_certificates_info
short_description: Find the certificates of a managed server
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Reads which certificate files the server programs on a host use, and what endpoints serve as the host itself sees them.
  - Reads certificates only. Keys that stand in the same files are dropped before anything looks at them.
  - Never fails for what it finds. A file that cannot be read is a finding with an error, a configuration likewise. All numbers
    and sizes are capped, and a cap that was reached is an error in RV(errors).
  - Needs nothing on the host but Python 3.9, and to see more than the leaf of an endpoint the command C(openssl) or Python 3.13.
    Reading other users' files needs C(become).
options:
  kinds:
    description:
      - The server programs whose configuration is read, as V(nginx) or V(postgresql). The message for a wrong one lists all.
      - Without it, every program that this collection knows. One that is not installed costs nothing and finds nothing.
      - V(nginx) is asked by C(nginx -T), and its files are read where that fails.
    type: list
    elements: str
  kind_options:
    description:
      - By server program where it is, for those that are not in their usual place. Each is a dictionary of C(config), its
        configuration files, and for some C(binary), the command.
    type: dict
    default: {}
  files:
    description: Certificate files of other programs.
    type: list
    elements: path
    default: []
  endpoints:
    description:
      - Endpoints to look at from the host, dictionaries of C(host), C(port), C(server_name), C(starttls) (as in
        M(certops.clm.tls_endpoint_info)) and C(addresses).
    type: list
    elements: dict
    default: []
  timeout:
    description: Seconds for each look, at most 60. Where O(openssl) is asked it has as long again.
    type: float
    default: 5.0
  openssl:
    description:
      - The command that shows the chain on a host whose Python is older than 3.13. It is run once for each address of each
        endpoint, at most 32 at the same time.
    type: str
    default: openssl
extends_documentation_fragment:
  - certops.clm.attributes.info
seealso:
  - module: certops.clm.server_deployment
  - module: certops.clm.tls_endpoint_info
"""

EXAMPLES = r"""
- name: Find what nginx and haproxy use, and look at port 443
  certops.clm.server_certificates_info:
    kinds: [nginx, haproxy]
    endpoints:
      - {host: 127.0.0.1, port: 443, server_name: shop.example.com}
  become: true
  register: certificates

- name: Look into files of another program
  certops.clm.server_certificates_info:
    kinds: []
    files: [/etc/opt/pbx/server.pem]

- name: Find what an nginx of its own prefix uses
  certops.clm.server_certificates_info:
    kinds: [nginx]
    kind_options:
      nginx: {binary: /opt/nginx/sbin/nginx, config: /opt/nginx/conf/nginx.conf}
"""

RETURN = r"""
findings:
  description: One entry for each certificate file and its key, in no order.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Always C(servers).
      type: str
      returned: always
    kind:
      description: The server program, or C(generic) for O(files).
      type: str
      returned: always
    where:
      description:
        - C(config_file) and C(line) of the first use, C(certificate_file), C(key_file), C(server_names) and C(listen) of all uses.
        - C(layout) is V(jks) or V(pkcs12) for a Java keystore.
        - C(real_file) is where a symlink leads, empty for a plain file. With C(file_owner) and C(written_at) it tells who else keeps it.
      type: dict
      returned: always
    chain_pem:
      description: The certificates of the file in PEM, in their order there, at most 16.
      type: list
      elements: str
      returned: always
    error:
      description: What is wrong with the file or the configuration, empty when nothing is.
      type: str
      returned: always
served:
  description: One entry for each address of each endpoint.
  returned: always
  type: list
  elements: dict
  contains:
    endpoint:
      description: The endpoint as it was given.
      type: dict
      returned: always
    address:
      description: The address that was connected to, empty when the host has none.
      type: str
      returned: always
    answer:
      description: C(answered) or C(could_not_look).
      type: str
      returned: always
    sha256:
      description: The SHA-256 of the leaf that was served, empty when none was.
      type: str
      returned: always
    chain_pem:
      description: The certificates in PEM, in the order in which they were served, at most 16. The leaf alone where RV(served[].whole)
        is false.
      type: list
      elements: str
      returned: always
    whole:
      description: Whether the whole chain could be seen. When it is true and there is one certificate, the leaf was served alone.
      type: bool
      returned: always
    detail:
      description: Why nothing was seen, or no more than the leaf.
      type: str
      returned: always
errors:
  description: What concerns no single finding.
  returned: always
  type: list
  elements: str
now:
  description: What time it is by the host's own clock, in UTC. A rotation compares it with the controller's.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run_info, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.discover_server import discover

SPEC = {
    "kinds": {"type": "list", "elements": "str"},
    "kind_options": {"type": "dict", "default": {}},
    "files": {"type": "list", "elements": "path", "default": []},
    "endpoints": {"type": "list", "elements": "dict", "default": []},
    "timeout": {"type": "float", "default": 5.0},
    "openssl": {"type": "str", "default": "openssl"},
}


def main() -> None:
    """Run as a module on the managed host."""
    run_info(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), lambda params: discover(params, utc_now))


if __name__ == "__main__":
    main()
