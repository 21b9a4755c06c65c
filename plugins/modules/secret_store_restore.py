#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a backup. The code is the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_store_restore
short_description: Bring a controller back from its backup
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Puts everything that M(certops.clm.secret_store_backup) wrote back in its place, on a controller that has lost it.
  - The backup is read whole and checked first, each key against its certificate. One that was altered or cut is refused, and
    nothing is written.
  - Nothing that is there is replaced. A secret store that is not empty is refused, unless it holds what the backup holds, and so
    is a file that differs. A ledger that went on since then is left as it is.
  - A restore that was stopped is ended by running it again. Running it once more changes nothing.
  - In check mode the backup is checked and compared, and nothing is written.
options:
  manifest:
    description:
      - Path of the manifest. It names where everything belongs.
      - Everything is restored below the paths that it names, and nowhere else.
      - Where there is none, the task fails and says what the manifest in the backup names, unless O(trust_manifest) is set.
      - A manifest and observations that are there are kept, also when the backup has other ones.
    type: path
    required: true
  path:
    description: The backup.
    type: path
    required: true
  local_ca:
    description: Whether the folders of issuers of type V(local_ca) are restored.
    type: bool
    default: true
  trust_manifest:
    description:
      - Whether the manifest in the backup may decide where files are written and which commands give passphrases, where there is
        no manifest at O(manifest). It is then restored after everything else.
      - Whoever can write a backup that its passphrase opens has written that manifest too. Set this only for a backup whose way you know.
    type: bool
    default: false
requirements:
  - cryptography >= 46
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.passphrase
seealso:
  - module: certops.clm.secret_store_backup
"""

EXAMPLES = r"""
- name: Bring everything back
  certops.clm.secret_store_restore:
    manifest: /etc/clm/manifest.yml
    path: /mnt/backups/clm/controller.clm
    passphrase_file: /root/backup.passphrase

- name: Bring everything back where not even the manifest is left, from a backup whose way is known
  certops.clm.secret_store_restore:
    manifest: /etc/clm/manifest.yml
    path: /mnt/backups/clm/controller.clm
    passphrase_file: /root/backup.passphrase
    trust_manifest: true
"""

RETURN = r"""
path:
  description: The backup.
  type: str
  returned: success
created:
  description: When the backup was written.
  type: str
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
stores:
  description: The stores that were filled, or would be in check mode. Empty when each one holds all of it already.
  type: list
  elements: str
  returned: success
restored:
  description: The files and folders in which something was restored, or would be in check mode.
  type: list
  elements: str
  returned: success
kept:
  description: The manifest, observations and included files that were there and were kept as they are.
  type: list
  elements: str
  returned: success
"""
