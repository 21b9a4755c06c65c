# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option of every module that writes to a ledger; `module_utils/_ledger_options.py` has the same as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  ledger:
    description:
      - Where every act is recorded, before it is done and after.
      - When it cannot be written, nothing is begun, unless O(ledger.break_glass) says why it must be.
    type: dict
    required: true
    suboptions:
      path:
        description: The folder of the ledger.
        type: path
        required: true
      writer_id:
        description:
          - The name of the chain to write. By default one of this host.
          - A process that finds it taken by another writes a chain of its own, with C(@2) and so on behind the name.
        type: str
      checkpoints:
        description:
          - A second place that gets a signed checkpoint of the chain at the end, in the formats of C2SP (tlog-checkpoint, signed-note).
            M(certops.clm.ledger_info) compares the ledger with it.
          - A checkpoint that cannot be sent fails the task after its work. Nothing is lost, for the next checkpoint covers it.
        type: dict
        suboptions:
          path:
            description:
              - A folder that the ledger is not in, and that is not in the ledger. Best one where files can be added and never changed.
              - Each checkpoint is a file of its own, which is never overwritten. The first one puts the chain's public key there.
            type: path
            required: true
          key_file:
            description:
              - The file of the Ed25519 key that signs, made with mode 0600 on first use. Keep it in neither of both folders.
              - By default it lies beside the folder of a secret store of type V(directory), with C(.ledger-key.pem) added to its name.
            type: path
          command:
            description: A command, as a list of words, that is given each checkpoint on its standard input to take it elsewhere.
            type: list
            elements: str
      allow_ephemeral:
        description:
          - Whether the ledger may lie where it ends with this run. That is a container's own layer, or memory.
        type: bool
        default: false
      spool:
        description:
          - A folder for what is recorded under O(ledger.break_glass). The next run that can write the ledger merges it, each event once.
          - By default it lies beside the folder of a secret store of type V(directory), with C(.ledger-spool) added to its name.
          - It must outlive the run as the ledger must, unless O(ledger.allow_ephemeral=true).
        type: path
      break_glass:
        description:
          - Why work goes on although the ledger cannot be written. Only what has expired or is compromised is then issued, deployed or
            revoked.
          - The reason is recorded with every event. Without effect while the ledger can be written, so take it out again.
        type: str
"""
