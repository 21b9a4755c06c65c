#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers what breaks when a certificate, a key, an issuer or a host is lost. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: impact
version_added: "0.1.0"
short_description: Tell what breaks when a certificate, a key, an issuer or a host is lost
description:
  - Answers from the manifest, the last observations and the secret store which deployments, services, owners and consumers
    depend on a certificate, a key, an issuer or a host, also where a CA or a trust anchor is asked about.
  - Nothing is looked at anew. Run the playbook C(certops.clm.discover) before, as the playbook C(certops.clm.impact) does.
  - It fails, with everything that it found, when there is anything of which nobody knows whether it depends on that too, such as an
    endpoint that could not be seen, a source that did not answer, an entry of the secret store that cannot be read, or a look at a
    part of the inventory only.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  sha256:
    description: The SHA-256 of a certificate. A leaf, an intermediate or a trust anchor.
    type: str
    default: ""
  key:
    description: The SHA-256 of a public key (its DER-encoded SubjectPublicKeyInfo).
    type: str
    default: ""
  issuer:
    description: An issuer, by its name in the manifest, or a CA by its distinguished name (RFC 4514) or common name.
    type: str
    default: ""
  host:
    description: A server of the inventory, the host of an endpoint, or a name that certificates are for.
    type: str
    default: ""
  sources:
    description: Where certificates outside the manifest are discovered, as in the inventory plugin.
    type: list
    elements: dict
    default: [{type: findings}, {type: secret_store}]
  not_seen:
    description:
      - What the look behind the observations did not see, as RV(certops.clm.look_judge#module:not_seen). It is in RV(not_seen) then.
      - What the observations and the secret store themselves say that nobody saw is there anyway.
    type: list
    elements: str
    default: []
  dest:
    description: A file to write the answer to, as JSON.
    type: path
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - plugin: certops.clm.certificates
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: The key of a CA was stolen, who is affected
  certops.clm.impact:
    manifest: /etc/clm/manifest.yml
    key: 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0
  register: stolen

- name: As a table
  ansible.builtin.debug:
    var: stolen.table
"""

RETURN = r"""
rows:
  description:
    - One entry for each place or kept version that depends on what was asked about, the worst first.
    - The C(role) is V(served) (it breaks now), V(wanted) (it would be deployed next) or V(kept) (no way back to it). Then come
      C(id), C(why), C(lineage), C(server), C(endpoints), C(sha256), C(names), C(not_after), C(owner), C(service),
      C(environment), C(criticality), C(runbook) and C(consumers).
  type: list
  elements: dict
  returned: success, or when something could not be looked at
table:
  description: The rows as lines of text.
  type: list
  elements: str
  returned: as RV(rows)
services:
  description: The services of the rows.
  type: list
  elements: str
  returned: as RV(rows)
owners:
  description: The owners of the rows.
  type: list
  elements: str
  returned: as RV(rows)
consumers:
  description: The client classes that verify the rows, and those that hold what was asked about as an anchor.
  type: list
  elements: str
  returned: as RV(rows)
not_seen:
  description:
    - One sentence for everything that could not be looked at, so that nobody knows whether it depends on what was asked about too.
    - Each endpoint counts by itself, also beside others of its deployment that were seen.
  type: list
  elements: str
  returned: as RV(rows)
part:
  description: What the look was limited to. Empty when it was of everything.
  type: str
  returned: as RV(rows)
taken_at:
  description: When somebody looked, RFC 3339 in UTC.
  type: str
  returned: as RV(rows)
"""
