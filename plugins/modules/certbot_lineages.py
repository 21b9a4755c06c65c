#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certbot_lineages
short_description: Read what certbot keeps on a managed server, and take its certificates and keys into the secret store
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Reads certbot's folder on the server, its lineages and their renewal settings. Nothing there is ever changed.
  - With O(take) it also brings certificate, chain and key of those lineages into the manifest's secret store, as a version of a lineage
    of the manifest. What the store has already is left as it is.
  - A key is encrypted on the server by its own C(openssl) to a key that lives in the controller's memory for this task only. It is
    compared with its certificate, and is in no result, no log and no file but the secret store.
  - The playbook C(certops.clm.import_certbot) uses it. Reading needs C(become), for only root may read certbot's folder.
options:
  folder:
    description: Certbot's folder on the server.
    type: path
    default: /etc/letsencrypt
  manifest:
    description: Path of the manifest on the controller. Needed with O(take).
    type: path
  take:
    description: What is taken into the secret store.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name that certbot gives the lineage.
        type: str
        required: true
      lineage:
        description: The lineage of the manifest whose version it becomes.
        type: str
        required: true
  accounts:
    description:
      - Whether the key of the ACME account comes along, for each issuer of the manifest that asks the same CA and has no account yet.
      - Certbot and this collection then work with one account. It may be wanted for its rate limits and to revoke certbot's certificates.
    type: bool
    default: false
  run_id:
    description: The id of the run in the ledger. By default a new one.
    type: str
  openssl:
    description: The command that encrypts on the server.
    type: str
    default: openssl
  seal:
    description: Set by the action plugin alone.
    type: list
    elements: dict
    default: []
  seal_for:
    description: Set by the action plugin alone.
    type: str
    default: ""
requirements:
  - cryptography >= 46 on the controller
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.import_certbot
  - module: certops.clm.server_certificates_info
"""

EXAMPLES = r"""
- name: See what certbot keeps
  certops.clm.certbot_lineages:
  become: true
  register: certbot

- name: Take one lineage into the secret store
  certops.clm.certbot_lineages:
    manifest: /etc/clm/manifest.yml
    take:
      - {name: shop.example.com, lineage: shop}
  become: true
"""

RETURN = r"""
lineages:
  description: One entry for each of certbot's renewal configurations.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Certbot's name for it.
      type: str
      returned: always
    folder:
      description: Its folder below C(live).
      type: str
      returned: always
    sha256:
      description: The SHA-256 of the leaf, empty when it cannot be read.
      type: str
      returned: always
    chain_pem:
      description: The certificates in PEM, leaf first.
      type: list
      elements: str
      returned: always
    settings:
      description: The renewal settings that are no secret.
      type: dict
      returned: always
    webroots:
      description: By name the folder in which certbot proves it.
      type: dict
      returned: always
    rfc2136:
      description: C(server), C(port), C(name) and C(algorithm) of certbot's RFC 2136 plugin, never its secret.
      type: dict
      returned: always
    account:
      description: C(server), C(id) and C(uri) of the ACME account. Empty where certbot has none.
      type: dict
      returned: always
    hooks:
      description: By setting the program that is run, without its arguments.
      type: dict
      returned: always
    unknown:
      description: The names of settings that this collection does not know. Their values are not told.
      type: list
      elements: str
      returned: always
    error:
      description: What is wrong with it, empty when nothing is.
      type: str
      returned: always
hook_files:
  description: The programs below C(renewal-hooks), which certbot runs for every lineage.
  returned: success
  type: list
  elements: str
errors:
  description: What concerns no single lineage.
  returned: success
  type: list
  elements: str
outcomes:
  description:
    - With O(take) one outcome for each, by its lineage, and for each account. Also there when the task fails.
    - V(done) was taken now, V(planned) would be, V(unchanged) is in the store already, V(deferred) is left to certbot or to a person.
  returned: when O(take) is given
  type: dict
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run_info
from ansible_collections.certops.clm.plugins.module_utils.flows.certbot_read import read_all, sealed

SPEC: Dict[str, Any] = {
    "folder": {"type": "path", "default": "/etc/letsencrypt"},
    "manifest": {"type": "path"},
    "take": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, "lineage": {"type": "str", "required": True}},
    },
    "accounts": {"type": "bool", "default": False},
    "run_id": {"type": "str"},
    "openssl": {"type": "str", "default": "openssl"},
    "seal": {"type": "list", "elements": "dict", "default": []},
    "seal_for": {"type": "str", "default": ""},
}


def _read(params: Mapping[str, Any]) -> Dict[str, Any]:
    if params["seal_for"]:
        return {"sealed": sealed(params["folder"], params["seal"], params["seal_for"], params["openssl"])}
    return read_all(params["folder"])


def main() -> None:
    """Run as a module on the managed host."""
    run_info(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), _read)


if __name__ == "__main__":
    main()
