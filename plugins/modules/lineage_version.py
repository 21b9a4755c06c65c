#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the current version of lineages. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lineage_version
short_description: Make the previous or a named version of a certificate the current one
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Makes the previous version, or a named one, the current version of each lineage in the secret store. No CA is asked.
  - Runs on the controller and changes the secret store only. The playbook C(certops.clm.rotate) then deploys the version.
  - A version that is expired, rejected, revoked or compromised is refused, unless O(lineages[].forced) says why it is right.
    One that M(certops.clm.cleanup) dropped, or M(certops.clm.retire) ended, is always refused.
  - Going back leaves a mark, so a second run with the same arguments changes nothing.
options:
  lineages:
    description: The lineages, and the version of each.
    type: list
    elements: dict
    required: true
    suboptions:
      lineage:
        description: The name of the lineage.
        type: str
        required: true
      id:
        description: What the outcome is called. By default the lineage.
        type: str
      version:
        description: The id of the version. By default the newest good one before the current one.
        type: str
        default: ""
      forced:
        description: Why a version that is expired, rejected, revoked or compromised is taken all the same. Kept in the ledger.
        type: str
        default: ""
      reject:
        description:
          - Whether the version that is left is marked as rejected.
          - Without it a later run takes the newer version again when this one falls due and the newer one does not.
        type: bool
        default: false
      revoked:
        description: SHA-256 of certificates that are revoked. They are refused.
        type: list
        elements: str
        default: []
      compromised:
        description: SHA-256 of certificates whose key is compromised. They are refused.
        type: list
        elements: str
        default: []
  secret_store:
    description:
      - The secret store. Its C(type) is V(directory), which takes C(path), V(mirrored), which takes C(stores), or one of a cloud such as
        V(aws_secrets_manager), whose options are in the guide of that cloud.
    type: dict
    required: true
  run_id:
    description: The id of the run in the ledger. By default a new one.
    type: str
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.ledger
seealso:
  - module: certops.clm.secret_store_info
"""

EXAMPLES = r"""
- name: Go back to the shop's previous certificate
  certops.clm.lineage_version:
    lineages:
      - lineage: shop
        reject: true
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger

- name: Take a version by its id
  certops.clm.lineage_version:
    lineages:
      - lineage: shop
        version: 000002-5b0c1f0e
    secret_store:
      type: directory
      path: /srv/pki/store
    ledger:
      path: /srv/pki/ledger
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each lineage, by its id. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done) or V(failed).
    - C(before) and C(after) hold C(version), C(sha256), C(spki_sha256), C(not_before), C(not_after), C(names), C(issuer) and
      C(request_id).
  type: dict
  returned: always
checkpoint:
  description:
    - The signed checkpoint that ended the run. Its C(origin) is the name of the chain, and C(size) and C(root) say how many lines it
      has and the root over them. C(vkey) is the public key that signs it, C(file) where it was written, and C(new) whether it was
      not there before.
  type: dict
  returned: when O(ledger.checkpoints) is set and it was sent
merged:
  description: How many events that were recorded under O(ledger.break_glass) were taken into the ledger now.
  type: int
  returned: when there were any
"""
