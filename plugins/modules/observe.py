#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at everything that a manifest names. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: observe
version_added: "0.1.0"
short_description: Look at everything that a manifest names
description:
  - Looks at every endpoint of the manifest with new connections from the controller, takes what the managed servers said of
    themselves, and writes both into the observations file that the manifest names.
    P(certops.clm.certificates#inventory) and the rotation judge by that file.
  - Where the controller cannot look at an endpoint, what a server of its own saw there is taken.
  - It never fails for what it could not see. RV(blind) and RV(outcomes) say what that was.
  - It never reports a change, and in check mode it looks and writes as well, because observations are facts.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  servers:
    description:
      - By server, what a task with M(certops.clm.server_certificates_info) registered there, also when the task failed or the
        server was unreachable.
      - A server that the manifest names and that is not here is recorded as not asked. Under C(--limit), or in a slice, what it
        said when it was asked last is kept, with the time of that look.
    type: dict
    default: {}
  began:
    description:
      - When the first server was asked, by the controller's clock, as V(2026-11-30T13:45:00Z). With it the servers' clocks are
        compared with the controller's, and M(certops.clm.campaign_start) refuses to begin when they differ.
    type: str
    default: ""
  timeout:
    description: Seconds for each connection.
    type: float
    default: 5.0
  concurrency:
    description: How many connections are open at the same time.
    type: int
    default: 64
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
attributes:
  check_mode:
    support: partial
    details:
      - It looks, and keeps what it saw in the manifest's file of observations in check mode too, since the plan is judged by it.
  diff_mode:
    support: none
    details:
      - It never reports a change.
seealso:
  - module: certops.clm.server_certificates_info
  - module: certops.clm.tls_endpoint_info
  - plugin: certops.clm.certificates
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Ask the servers
  hosts: clm_servers
  gather_facts: false
  tasks:
    - name: Find certificates
      certops.clm.server_certificates_info:
        files: "{{ clm_look.files }}"
        endpoints: "{{ clm_look.endpoints }}"
      register: clm_found
      ignore_errors: true
      ignore_unreachable: true

- name: Look and keep what was seen
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Observe
      certops.clm.observe:
        manifest: "{{ clm_manifest_file }}"
        servers: "{{ groups['clm_servers'] | certops.clm.registered(hostvars, 'clm_found') }}"
"""

RETURN = r"""
observations:
  description: The path of the file that was written.
  type: str
  returned: success
hints:
  description:
    - By the SHA-256 of each current certificate whose issuer gives hints (ARI), C(start) and C(end) of the window in which it wants the
      renewal, C(explanation_url), and C(ask_again). Where it gave no answer, C(error) and C(failures). They are kept beside the
      observations, and never hinder a renewal.
  type: dict
  returned: success
blind:
  description: One sentence for every server that was not reached, not asked, or could not say everything.
  type: list
  elements: str
  returned: success
outcomes:
  description:
    - One outcome for each server by its name, and for each endpoint by C(host|port|server_name|starttls).
    - The state is V(unchanged) when it was seen, and V(unproven) when not, with the reason in C(message).
  type: dict
  returned: success
"""
