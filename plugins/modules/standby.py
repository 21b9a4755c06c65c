#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a lineage's standby among its versions. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: standby
version_added: "0.1.0"
short_description: Put a lineage's standby certificate among its versions
description:
  - A lineage with C(standby) in the manifest keeps a second certificate of another issuer, with another key, which
    C(certops.clm.rotate) renews as it renews the first. This makes it a version of the lineage, so that the playbook
    C(certops.clm.standby) can deploy it in waves. No CA is asked.
  - It is refused when a client class of the lineage would not trust it, when it is not valid now, was revoked or is declared
    compromised, and while the ledger cannot be written. An ordinary rotation never deploys it.
  - Afterwards its key is in service, so the next rotation makes another standby.
options:
  manifest:
    description: Path of the manifest.
    type: path
    required: true
  lineage:
    description: The name of the lineage that the standby is for.
    type: str
    required: true
  run_id:
    description: The id of the run in the ledger. By default a new one.
    type: str
    default: ""
author: certops.clm authors (@certops)
extends_documentation_fragment:
  - certops.clm.attributes
seealso:
  - module: certops.clm.lineage_version
"""

EXAMPLES = r"""
- name: The CA is gone, take the certificate that was kept ready
  certops.clm.standby:
    manifest: /etc/clm/manifest.yml
    lineage: shop
  register: standby
"""

RETURN = r"""
outcomes:
  description:
    - One outcome, by the name of the lineage. Its C(state) is V(unchanged) when the standby is among the versions already,
      V(planned) in check mode, V(done) or V(failed).
    - C(before) has the facts of the current version, C(after) those of the standby. No key is ever returned.
  type: dict
  returned: always
version:
  description: The id of the version of the lineage that holds the standby, empty in check mode.
  type: str
  returned: success
"""
