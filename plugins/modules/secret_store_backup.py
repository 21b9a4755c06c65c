#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a backup. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_store_backup
short_description: Write everything that a controller keeps into one encrypted file
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Writes every lineage with every version and key, the ledger, the observations with the numbers of the last look, the manifest
    and the local CAs of a manifest into one file, which only its passphrase opens.
  - Runs on the controller. Keys are encrypted before they leave the process, and nothing is written in clear, not for a moment.
  - The file is scrypt and AES-256-GCM in chunks. One that was altered or cut is refused whole by M(certops.clm.secret_store_restore).
  - Each run writes a new file in the place of the old one. In check mode everything is read and nothing is written.
options:
  manifest:
    description: Path of the manifest. It names everything that is backed up.
    type: path
    required: true
  path:
    description:
      - The file to write. Its folder must be there.
      - It is refused inside of what it is a backup of, and so is a passphrase there or in the folder of this file.
    type: path
    required: true
  local_ca:
    description:
      - Whether the folders of issuers of type V(local_ca) are in the backup. Their keys are encrypted by the CA's own passphrase too.
    type: bool
    default: true
  allow_damaged:
    description:
      - Whether versions that cannot be read are left out and named under RV(damaged).
      - By default the first one ends the task, and no backup is written.
    type: bool
    default: false
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.passphrase
seealso:
  - module: certops.clm.secret_store_restore
"""

EXAMPLES = r"""
- name: Back everything up
  certops.clm.secret_store_backup:
    manifest: /etc/clm/manifest.yml
    path: /var/backups/clm/controller.clm
    passphrase_command: [pass, show, clm/backup]
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
sha256:
  description: The SHA-256 of the file. Empty in check mode.
  type: str
  returned: success
size:
  description: The size of the file in bytes.
  type: int
  returned: success
lineages:
  description: How many lineages are in it.
  type: int
  returned: success
versions:
  description: How many versions are in it.
  type: int
  returned: success
private_keys:
  description: How many private keys are in it.
  type: int
  returned: success
files:
  description: How many files are in it.
  type: int
  returned: success
damaged:
  description: One sentence for everything that was left out.
  type: list
  elements: str
  returned: success
"""
