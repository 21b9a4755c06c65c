#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a host green or red. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: wave_verdict
version_added: "0.1.0"
short_description: Make a deployment green or red
description:
  - Fails the host unless its outcome says that it serves what it should, so that Ansible's recap, C(max_fail_percentage),
    retries and AWX's colours speak of certificates.
  - It is the last task of a wave, outside any block, and the only one that may fail a host.
options:
  recorded:
    description:
      - The name that the task of M(certops.clm.wave_record) gives to C(register). What is there is read as it is, and never templated.
      - Where it has no outcome for the host, the host is red.
    type: str
    required: true
  host:
    description: Whose outcome is judged. By default it is the host of the task.
    type: str
    default: ""
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.wave_record
"""

EXAMPLES = r"""
- name: Verdict
  certops.clm.wave_verdict:
    recorded: rotate_recorded
"""

RETURN = r"""
outcome:
  description: The outcome that was judged.
  type: dict
  returned: always
"""
