# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection says about itself. `tools/make_index.py` reads the action group from here."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (fingerprints, names, dates and never a key) when in C(diff_mode).
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status prediction without modifying the target.
    support: full
    details:
      - This action does not modify state.
  diff_mode:
    description: Returns details on what has changed (fingerprints, names, dates and never a key) when in C(diff_mode).
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
    details:
      - This action does not modify state.
"""

    CLM = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/certops.clm.clm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - certops.clm.clm
"""

    CLM_ISSUE = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/certops.clm.clm_issue) in C(module_defaults) to set defaults for every module that issues certificates.
      - All of them have the options O(secret_store), O(ledger), O(profiles), O(promote) and O(run_id).
    support: full
    membership:
      - certops.clm.clm_issue
"""
