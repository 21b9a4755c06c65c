#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_01_webroot
short_description: Publish proofs for an ACME CA below the folder of a web server
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Writes the files that an ACME CA asks for by HTTP-01 into C(.well-known/acme-challenge) below the folder that the web server of
    this host serves, or takes them away again. M(certops.clm.acme_certificate) with the challenge V(http_01_webroot) says which.
  - Runs on the host of the web server, and needs nothing but Python there.
  - A file is there whole or not at all, readable for all, and belongs to the owner of O(root) where the task may give it away.
    The folder is made when it is missing, and stays.
  - No symbolic link below O(root) is followed.
options:
  root:
    description: The folder that the web server serves on port 80 for the names that are to be proven.
    type: str
    required: true
  files:
    description:
      - The proofs, as C(token) and C(key authorization). Neither is a secret.
      - A token that is no base64url text, and a key authorization that does not begin with its token, are refused.
    type: dict
    required: true
  state:
    description: Whether the files are there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.acme_certificate
"""

EXAMPLES = r"""
- name: Publish what the CA asks for
  certops.clm.http_01_webroot:
    root: /var/www/html
    files: "{{ item.files }}"
  loop: "{{ asked.publish | default([]) }}"
  loop_control:
    label: "{{ item.host }}"
  delegate_to: "{{ item.host }}"
  register: published
"""

RETURN = r"""
outcomes:
  description:
    - One outcome for each file, by its token. Also there when the task fails.
    - Each is a dict of C(state), C(step), C(reason), C(before), C(after), C(message), C(next_action) and C(runbook_page).
    - The C(state) is V(unchanged), V(planned) in check mode, V(done) or V(failed). C(before) and C(after) have C(file) and C(content).
  type: dict
  returned: always
  sample:
    qdX9sNZ3DIx4pTTrGqXA1w:
      state: done
      step: publish
      reason: null
      before: {}
      after:
        file: /var/www/html/.well-known/acme-challenge/qdX9sNZ3DIx4pTTrGqXA1w
        content: qdX9sNZ3DIx4pTTrGqXA1w.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI
      message: ""
      next_action: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils.edge import run
from ansible_collections.certops.clm.plugins.module_utils.flows.webroot_server import converge

SPEC = {
    "root": {"type": "str", "required": True},
    "files": {"type": "dict", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    """Run as a module on the managed host."""
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), converge)


if __name__ == "__main__":
    main()
