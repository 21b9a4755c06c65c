#!/usr/bin/python
# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a signed checkpoint of a ledger."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_checkpoint
short_description: Send a signed checkpoint of a ledger to a second place
version_added: "0.1.0"
author: certops.clm authors (@certops)
description:
  - Signs how many lines this host's chain of the ledger has and the root of the Merkle tree (RFC 6962) over them, and sends that to
    O(ledger.checkpoints). It is the last act of the playbooks that change something.
  - Compares the chain with the checkpoints that were sent before. Nothing is signed for a chain that was rewritten or cut.
  - What was recorded under O(ledger.break_glass) is merged first.
options:
  secret_store:
    description: The secret store whose folder the key and the spool lie beside by default.
    type: dict
    default: {}
extends_documentation_fragment:
  - certops.clm.attributes
  - certops.clm.ledger
attributes:
  check_mode:
    support: none
seealso:
  - module: certops.clm.ledger_info
"""

EXAMPLES = r"""
- name: Send a checkpoint to a mount that only takes new files
  certops.clm.ledger_checkpoint:
    ledger:
      path: /srv/pki/ledger
      checkpoints:
        path: /mnt/worm/checkpoints
        key_file: /srv/pki/ledger-key.pem

- name: The same, and to a bucket
  certops.clm.ledger_checkpoint:
    ledger:
      path: /srv/pki/ledger
      checkpoints:
        path: /mnt/worm/checkpoints
        key_file: /srv/pki/ledger-key.pem
        command: [/usr/local/bin/put-checkpoint, audit-bucket]
"""

RETURN = r"""
checkpoint:
  description:
    - The signed checkpoint that ended the run. Its C(origin) is the name of the chain, and C(size) and C(root) say how many lines it
      has and the root over them. C(vkey) is the public key that signs it, C(file) where it was written, and C(new) whether it was
      not there before.
  type: dict
  returned: when it was sent
  sample:
    origin: certops.clm/control-5b0c1f0e
    size: 128
    root: 9f6f7a0a3f0d9d1a6a0f4b4a2a1e6e4e7c3f1f0b8e8d7c6b5a4938270f1e2d3c
    vkey: certops.clm/control-5b0c1f0e+5ed6b3f1+AWM5ZTc2YjY1NDMyMTBmZWRjYmE5ODc2NTQzMjEwZmVk
    file: /mnt/worm/checkpoints/control-5b0c1f0e.000000000128.checkpoint
    new: true
merged:
  description: How many events that were recorded under O(ledger.break_glass) were taken into the ledger now.
  type: int
  returned: when there were any
"""

from typing import Any, Dict, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.certops.clm.plugins.module_utils._ledger_options import SPEC
from ansible_collections.certops.clm.plugins.module_utils._ledger_session import opened
from ansible_collections.certops.clm.plugins.module_utils.edge import run_raw, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError

OPTIONS: Dict[str, Any] = {"ledger": SPEC, "secret_store": {"type": "dict", "default": {}, "no_log": False}}


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=False)
    run_raw(module, send)


def send(params: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The checkpoint that was sent; a failure when none could be."""
    if not params["ledger"].get("checkpoints"):
        raise ConfigError("is needed to know where the checkpoint goes", field="ledger.checkpoints")
    with opened(params["ledger"], params["secret_store"], utc_now) as ledger:
        pass
    changed = bool(ledger.checkpoint.get("new") or ledger.merged)
    result = {"changed": changed, **ledger.facts, **({"diff": {"before": {}, "after": _shown(ledger.facts)}} if changed else {})}
    return {**result, "failed": True, "msg": "; ".join(ledger.problems)} if ledger.problems else result


def _shown(facts: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: facts[name] for name in ("checkpoint", "merged") if name in facts}


if __name__ == "__main__":
    main()
