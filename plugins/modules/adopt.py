#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopts what was discovered. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
version_added: "0.1.0"
short_description: Propose manifest entries for what was discovered, and accept reviewed ones
description:
  - With O(state=proposed) it writes an entry for each certificate that was found on a managed server and that the manifest
    does not name into a file of its own, with what was seen in comments above it. Entries that are there stay as they are.
  - A person reads the file, changes what is wrong, and sets C(reviewed) to V(true) in the entries that are to be managed.
  - With O(state=accepted) it moves reviewed entries, as text and with their comments, to the end of the file that the manifest
    names first under C(include). The manifest itself is never written, and no existing entry is changed.
  - What was found is in the observations, so run the playbook C(certops.clm.discover) before, on all hosts that are to be
    searched, with C(-e clm_hosts=PATTERN).
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  state:
    description: Whether to propose entries, or to accept those that were reviewed.
    type: str
    choices: [proposed, accepted]
    default: proposed
  file:
    description: The file with the proposals. By default C(proposed.yml) beside the manifest.
    type: path
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.observe
  - plugin: certops.clm.certificates
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Propose entries for everything unmanaged
  certops.clm.adopt:
    manifest: /etc/clm/manifest.yml

- name: Take what was reviewed into the manifest
  certops.clm.adopt:
    manifest: /etc/clm/manifest.yml
    state: accepted
"""

RETURN = r"""
file:
  description: The path of the file with the proposals.
  type: str
  returned: success
outcomes:
  description:
    - One outcome for each lineage. V(done) was proposed or accepted now, V(unchanged) was proposed before, V(deferred) waits for a
      person or cannot be managed as it was found, V(failed) was reviewed and is not right; the reason is in C(message).
  type: dict
  returned: always
"""
