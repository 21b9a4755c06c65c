#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges whether a look saw enough. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: look_judge
version_added: "0.1.0"
short_description: Judge whether a look saw enough
description:
  - Compares how many certificates each managed server, all endpoints of the manifest together, and each source of
    P(certops.clm.certificates#inventory) found with what they found in the last look that was accepted.
  - A source that answers and finds little is as blind as one that does not answer. So is a manifest that names far fewer deployments,
    since a file that it includes may have been cut. A server that it does not name any more is not missed.
  - An endpoint of which nobody knows what it serves is not seen either, although its server may have answered and have the certificate
    in its files, once its lineage was issued. Before that it is due and may be served nowhere.
  - The number of each source that answered and did not find too little is kept in a file beside the observations, whose name
    ends in C(.counts.json). What a source finds less because a lineage was retired is never too little.
  - Where that file is not there, though a lineage was rotated before, nothing can be compared, and C(counts) is in RV(fewer).
  - Under C(--limit), or in a slice, servers that were not asked are not judged, nor are their endpoints, and their numbers stay.
  - It never fails for what was not seen. RV(not_seen) says it, and the playbooks of this collection fail when it is not empty.
  - It never reports a change. In check mode it keeps no numbers.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  sources:
    description: What the inventory says of its sources, in C(clm_sources).
    type: dict
    default: {}
  blind:
    description: What the inventory could not look at, in C(clm_blind).
    type: list
    elements: str
    default: []
  unknown_servers:
    description: Servers of the manifest that no inventory defines, in C(clm_unknown_servers). In a slice they are not missed.
    type: list
    elements: str
    default: []
  least_share:
    description:
      - A source must find more than this share of what it found in the last accepted look.
      - With V(0) only a source that finds nothing any more is refused.
    type: float
    default: 0.5
  accept_fewer:
    description:
      - Sources that may find less this time, by the names in RV(fewer), a server also by its own name. V(all) is every one.
      - The numbers of this look are then the ones to compare with.
    type: list
    elements: str
    default: []
  ending:
    description: Lineages that are about to be retired, and so may be taken out of use already. Nobody misses what was theirs.
    type: list
    elements: str
    default: []
  keep:
    description: Whether the numbers are kept.
    type: bool
    default: true
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
attributes:
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.observe
  - module: certops.clm.campaign_start
"""

EXAMPLES = r"""
- name: Judge what was seen
  certops.clm.look_judge:
    manifest: "{{ clm_manifest_file }}"
    sources: "{{ clm_sources }}"
    blind: "{{ clm_blind }}"
    unknown_servers: "{{ clm_unknown_servers }}"
  register: clm_looked
  failed_when: clm_looked is failed or clm_looked.not_seen | length > 0
"""

RETURN = r"""
not_seen:
  description:
    - One sentence for everything that was not seen, O(blind) and O(unknown_servers) among it, and each deployment of an issued
      lineage with the endpoint that nobody saw, and why.
  type: list
  elements: str
  returned: success
then:
  description: Where something was not seen, what of the rest ends first and when, the next command line, and the runbook page.
  type: str
  returned: success
fewer:
  description: By source, one sentence where it found too little, with both numbers and how to accept that.
  type: dict
  returned: success
silent:
  description: By source of the inventory, one sentence where it did not answer.
  type: dict
  returned: success
found:
  description:
    - How many certificates each source found. The name of a managed server begins with C(server), that of a source of the
      inventory with C(source), followed by its number and its type. C(endpoints) are the endpoints of the manifest that answered,
      and C(manifest) are its deployments.
  type: dict
  returned: success
found_last:
  description: The same of the last accepted look.
  type: dict
  returned: success
first:
  description: Whether there is no earlier look to compare with.
  type: bool
  returned: success
part:
  description: What the look was limited to. Empty when it was of everything.
  type: str
  returned: success
msg:
  description: What a person should know of this look, beside what was not seen.
  type: str
  returned: success
"""
