#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drops the versions that nobody wants and nothing serves. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cleanup
version_added: "0.1.0"
short_description: Revoke and drop the versions that were replaced and that nothing serves
description:
  - Runs on the controller after the playbook C(certops.clm.discover) of the same run has looked at everything.
  - Takes every version of the manifest's lineages that is neither the current one nor the one that deployments should serve.
    One that was seen nowhere is revoked as superseded while it is valid, where its issuer can do that, and its private key is
    destroyed in the secret store. What the version was stays as its record.
  - Where targets keep a copy of each version, as in ACM, the copies of those that go are deleted first, and so are copies of
    versions that went before. One that AWS says is in use stays, and so does its version, whatever was seen.
  - A version stays restorable until it expires, or until it was replaced O(retention) ago.
  - Changes nothing when anything was not seen, under C(--limit), in a slice of a job, and for lineages that the manifest does
    not name.
  - Check mode is the plan. Running it again finds what is left, and nothing twice.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  hosts:
    description:
      - The hosts of the inventory, C(groups['all']).
      - Every server and every deployment of the manifest has to be among them, which is not so in a slice.
    type: list
    elements: str
    required: true
  blind:
    description: One sentence for everything that the inventory's sources could not look at. With any of them nothing is dropped.
    type: list
    elements: str
    default: []
  seen:
    description: The SHA-256 of certificates that the inventory's sources found beside the manifest. They are kept.
    type: list
    elements: str
    default: []
  lying:
    description:
      - By what a source calls it, the SHA-256 of each certificate that the inventory's sources found where nothing serves it,
        as in ACM. Those that are copies of versions are deleted with them, all others are kept.
    type: dict
    default: {}
  retention:
    description: How long a version stays after it was replaced, as V(7d) or more.
    type: str
    default: 7d
  max_age:
    description: How old the look at everything may be, as V(1h).
    type: str
    default: 1h
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
  - module: certops.clm.retire
  - module: certops.clm.secret_store_info
"""

EXAMPLES = r"""
- name: Drop what was replaced two weeks ago and is served nowhere
  certops.clm.cleanup:
    manifest: /etc/clm/manifest.yml
    hosts: "{{ groups['all'] }}"
    blind: "{{ clm_blind }}"
    retention: 14d
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each version that nobody wants, by C(lineage/version), and for each copy of one that a target keeps, by
      C(lineage/ARN). Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(done) for one that was dropped, V(planned) in check mode, V(unchanged) for one that stays or V(failed).
    - The word of C(reason) is V(superseded), V(rejected) or V(left_over) for what goes, and V(in_use), V(retained), V(waiting),
      V(undated) or V(damaged) for what stays.
    - C(before) and C(after) hold C(version), C(state), C(sha256), C(spki_sha256) and C(not_after). C(after) also has
      C(revoked), the reason that it was revoked for, or C(free_at), when it may go. Those of a copy have C(copy).
  type: dict
  returned: always
summary:
  description: The numbers by what was done or why something stays, and the next date at which something can be dropped.
  type: dict
  returned: when everything was seen
  contains:
    counts:
      description: The numbers.
      type: dict
      returned: always
    next:
      description: The next date, empty when none is known.
      type: str
      returned: always
said:
  description: The same as one sentence.
  type: str
  returned: when everything was seen
"""
