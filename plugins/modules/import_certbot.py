#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposes what certbot keeps. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: import_certbot
version_added: "0.1.0"
short_description: Propose manifest entries for what certbot keeps on servers, and accept reviewed ones
description:
  - With O(state=proposed) it writes an entry for each of certbot's lineages that the manifest does not have into a file of its own. Its
    issuer, profile and deployments are those that renew and serve it now, and what of certbot's settings has no counterpart stands above
    it as a comment that begins with C(REVIEW). Entries that are there stay as they are.
  - A person reads the file, changes what is wrong, and sets C(reviewed) to V(true) in the entries that are to be managed.
  - With O(state=accepted) it moves reviewed entries to the manifest's include, as M(certops.clm.adopt) does, and returns what the store
    is to take over from which server with M(certops.clm.certbot_lineages).
  - Which programs use a certificate is in the observations, so run the playbook C(certops.clm.discover) before.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  found:
    description: What M(certops.clm.certbot_lineages) said, by server.
    type: dict
    required: true
  state:
    description: Whether to propose entries, or to accept those that were reviewed.
    type: str
    choices: [proposed, accepted]
    default: proposed
  file:
    description: The file with the proposals. By default C(proposed.yml) beside the manifest, as with M(certops.clm.adopt).
    type: path
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.certbot_lineages
  - module: certops.clm.adopt
"""

EXAMPLES = r"""
- name: Propose entries for everything that certbot keeps
  certops.clm.import_certbot:
    manifest: /etc/clm/manifest.yml
    found: "{{ groups['web'] | certops.clm.registered(hostvars, 'certbot') }}"
"""

RETURN = r"""
file:
  description: The path of the file with the proposals.
  type: str
  returned: success
outcomes:
  description:
    - One outcome for each lineage. V(done) was proposed or accepted now, V(unchanged) was proposed before, V(deferred) waits for a
      person or cannot be managed, V(failed) was reviewed and is not right. The reason is in C(message).
  type: dict
  returned: always
needed:
  description: The issuers and profiles that the manifest needs for the proposals, in YAML. Empty when it has them.
  type: str
  returned: success
take:
  description: With O(state=accepted), by server, the C(name) of each lineage of certbot and the C(lineage) that it is in the manifest.
  type: dict
  returned: success
unread:
  description: What could not be read on a server, one sentence for each.
  type: list
  elements: str
  returned: success
"""
