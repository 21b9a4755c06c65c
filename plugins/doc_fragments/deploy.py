# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules that deploy to a target behind an API have in common; `module_utils/flows/deployments.py` has the same as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  secret_store:
    description:
      - Where the versions and their keys are. The C(type) is V(directory) or V(mirrored), with the options that
        M(certops.clm.certificate) has.
      - The module reads a key there at the moment it sends it, so it runs where the store is, on the controller as a rule.
    type: dict
    required: true
  proof:
    description:
      - How it is proven that a certificate is served, with C(timeout) in seconds (30), C(consecutive) good looks in a row on every
        address (3) and C(interval) in seconds between them (0.2).
      - A change at a cloud takes from seconds to minutes. Nothing sleeps for it, so a long C(timeout) costs nothing when it is fast.
    type: dict
    default: {}
  concurrency:
    description: How many calls are under way at once.
    type: int
    default: 8
requirements:
  - cryptography >= 46
  - pyOpenSSL >= 26
"""
