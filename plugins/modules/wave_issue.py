#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues what one wave needs. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_issue
version_added: "0.1.0"
short_description: Issue what one wave needs
description:
  - Issues each lineage of the wave that has a reason, once, and takes a version that an earlier wave or an earlier run
    issued and nobody has rejected.
  - A new version does not become the current one before a deployment has proven it.
  - The task never fails. Every host of the wave gets an outcome, also when everything went wrong, and
    M(certops.clm.wave_verdict) turns that host red.
options:
  requested:
    description: By lead, what M(certops.clm.server_deployment) with O(certops.clm.server_deployment#module:state=requested) returned.
    type: dict
    default: {}
  asked:
    description:
      - What this module returned when it was called first. Then only what waits for proofs is gone on with, and the answer is that
        of both calls.
    type: dict
    default: {}
  published:
    description: By lead, what M(certops.clm.http_01_webroot) returned in a loop over RV(publish) of O(asked).
    type: dict
    default: {}

author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.wave.plan
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_verdict
"""

EXAMPLES = r"""
- name: Issue
  certops.clm.wave_issue:
    plan: rotate_plan.plan
  register: rotate_issued
  run_once: true
  ignore_errors: true
  ignore_unreachable: true
"""

RETURN = r"""
outcomes:
  description: One outcome for each host of the wave, by host name.
  type: dict
  returned: always
versions:
  description: By lineage, the version to deploy, without its key, as JSON text. Ansible walks every value of a result several times.
  type: str
  returned: success
work:
  description: By the host that leads a server, the items to deploy there, as JSON text that M(certops.clm.server_deployment) takes.
  type: dict
  returned: success
publish:
  description:
    - By a lead that has to see to it, the proofs to publish before this module is called again. Each is a dict of C(host), C(root) and
      C(files) for M(certops.clm.http_01_webroot).
  type: dict
  returned: when a CA waits for proofs on web servers, or a run that was killed may have left some
withdraw:
  description: The same with all that is to be withdrawn in the end, whatever came of it.
  type: dict
  returned: when RV(publish) is
"""
