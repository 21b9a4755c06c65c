#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a lineage. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: retire
version_added: "0.1.0"
short_description: End a lineage that nothing serves any more
description:
  - The playbook C(certops.clm.retire) uses it twice, before and after M(certops.clm.server_deployment) with C(state=absent)
    has unbound the deployments on their servers.
  - Refuses while any version of the lineage is served anywhere, when anything was not seen, under C(--limit) and in a slice.
  - Revokes every version that is valid, where its issuer can do that, then archives or destroys the private keys, and marks the
    lineage. From then on it is neither looked at, nor issued, nor deployed, though the manifest may still name it.
    What every version was stays as its record, in the secret store and in the ledger.
  - Running it again changes nothing. A run that was stopped is finished by the next one.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  lineage:
    description: The name of the lineage. One that only the secret store knows can be ended too.
    type: str
    required: true
  state:
    description:
      - V(begun) judges whether the lineage may end, and returns RV(unbind).
      - V(retired) ends it, when O(unbound) says that its servers have unbound it.
      - V(lifted) lets the name be used again. A new version may then be issued. What was retired is never served again.
    type: str
    choices: [begun, retired, lifted]
    required: true
  key:
    description:
      - V(archive) keeps the private keys in the secret store, where no version of the lineage is ever deployed again.
      - V(destroy) destroys them there, with evidence in the ledger. Copies in backups of the store are not reached.
      - Copies on servers are removed in both cases, but keys that were made on their server and are archived stay there, in the
        state folder of M(certops.clm.server_deployment).
    type: str
    choices: [archive, destroy]
    default: archive
  reason:
    description: The reason to revoke for. A version whose key is declared compromised is revoked for that.
    type: str
    choices: [unspecified, affiliation_changed, superseded, cessation_of_operation, privilege_withdrawn]
    default: cessation_of_operation
  unbound:
    description: For O(state=retired), by server, what M(certops.clm.server_deployment) returned there.
    type: dict
    default: {}
  hosts:
    description: The hosts of the inventory, C(groups['all']). Every server and every deployment of the manifest has to be among them.
    type: list
    elements: str
    default: []
  seen:
    description: SHA-256 of what the inventory's own sources found at places outside the manifest. None of them may be of the lineage.
    type: list
    elements: str
    default: []
  allow_blind:
    description:
      - Servers and deployments of other lineages that need not have been seen. V(all) is every one.
      - The lineage's own servers always have to be.
    type: list
    elements: str
    default: []
  max_age:
    description: How old the look at everything may be, as V(1h).
    type: str
    default: 1h
  timeout:
    description: Seconds that a look at an endpoint may take.
    type: float
    default: 5.0
  run_id:
    description: The id of the run in the ledger. By default a new one.
    type: str
    default: ""
requirements:
  - cryptography >= 46
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.cleanup
  - module: certops.clm.server_deployment
"""

EXAMPLES = r"""
# What the playbook certops.clm.retire does:
- name: May it end, and what is to be unbound where
  certops.clm.retire:
    manifest: /etc/clm/manifest.yml
    lineage: shop
    state: begun
    hosts: "{{ groups['all'] }}"
  register: begun

- name: Let the name be used again
  certops.clm.retire:
    manifest: /etc/clm/manifest.yml
    lineage: shop
    state: lifted
"""

RETURN = r"""
outcomes:
  description:
    - One outcome, by the lineage. A dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and
      C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done) or V(failed).
    - C(before) and C(after) hold C(state) and C(versions), with C(version), C(state), C(sha256), C(spki_sha256) and C(not_after) of
      each. C(after) also has C(key), C(revoked), C(removed) and C(keys_held).
  type: dict
  returned: always
unbind:
  description: By server, the deployments that are to be unbound there.
  type: dict
  returned: when nothing was refused
deployments:
  description: The outcome of unbinding each deployment, by its id.
  type: dict
  returned: with O(state=retired)
run_id:
  description: The id of the run in the ledger.
  type: str
  returned: when nothing was refused
"""
