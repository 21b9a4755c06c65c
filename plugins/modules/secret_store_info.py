#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists what a secret store holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_store_info
short_description: List the lineages and versions in a secret store
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Returns the versions of each lineage with their states, names and dates. Keys are never read.
  - A version that is damaged is listed with the reason, and breaks none of its neighbours.
options:
  secret_store:
    description:
      - The secret store. Its C(type) is V(directory), which takes C(path), V(mirrored), which takes C(stores), or one of a cloud such as
        V(aws_secrets_manager), whose options are in the guide of that cloud.
      - No passphrase is needed, since no key is decrypted.
    type: dict
    required: true
  lineages:
    description: The lineages to list. By default all of them.
    type: list
    elements: str
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes.info
seealso:
  - module: certops.clm.lineage_version
"""

EXAMPLES = r"""
- name: What is kept of the shop's certificate
  certops.clm.secret_store_info:
    secret_store:
      type: directory
      path: /srv/pki/store
    lineages: [shop]
  register: kept

- name: Show the versions
  ansible.builtin.debug:
    msg: "{{ kept.lineages.shop.versions | map(attribute='not_after') }}"
"""

RETURN = r"""
store:
  description: The store's identity.
  type: str
  returned: success
  sample: directory:/srv/pki/store
lineages:
  description: What is kept of each lineage, by its name.
  type: dict
  returned: success
  contains:
    current:
      description: The id of the current version, empty when there is none.
      type: str
    versions:
      description:
        - The versions, oldest first.
        - Each has C(version), C(state), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer), C(request_id) and
          C(malformed).
        - The C(state) is V(pending), V(issued), V(proven), V(rejected), V(dropped) or V(retired).
      type: list
      elements: dict
    damaged:
      description: One sentence for everything that cannot be read.
      type: list
      elements: str
    divergences:
      description:
        - One sentence for everything in which the copies of a store of type V(mirrored) differ.
        - The next write to the lineage gives each copy what it lacks, from the copy that was written last, which is named. What copies
          contradict each other on is never chosen.
      type: list
      elements: str
damaged:
  description: The names of the lineages of which something cannot be read.
  type: list
  elements: str
  returned: success
diverging:
  description: The names of the lineages whose copies differ.
  type: list
  elements: str
  returned: success
keys_at_rest:
  description: How many keys are kept C(encrypted), and how many in C(clear). Empty where each copy has counts of its own.
  type: dict
  returned: success
  sample: {encrypted: 12, clear: 0}
copies:
  description:
    - The copies of a store of type V(mirrored), in the order in which they are written.
    - Each has C(store), C(error) when it cannot be reached, and C(keys_at_rest).
  type: list
  elements: dict
  returned: success
remarks:
  description:
    - What somebody should look at, such as a copy that cannot be reached, keys that are still in clear, or that nothing is there.
    - Each is also printed as a warning.
  type: list
  elements: str
  returned: success
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import provider_options, run_info, utc_now
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import inspect_store
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores

OPTIONS: Dict[str, Any] = {
    "secret_store": {"type": "dict", "required": True, "no_log": False},
    "lineages": {"type": "list", "elements": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run_info(module, listed)


def listed(params: Mapping[str, Any]) -> Dict[str, Any]:
    """The facts of the store that the task names."""
    given = params["secret_store"]
    options = provider_options(secret_stores, given, "secret_store")
    return inspect_store(secret_stores.create(given["type"], options, utc_now), params["lineages"])


if __name__ == "__main__":
    main()
