# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a passphrase comes from; `module_utils/passphrase.py` has the same as a spec."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  passphrase_file:
    description:
      - A file with the passphrase, one line of at least 20 bytes, that nobody else may read.
      - It may be encrypted with ansible-vault as a whole. It is decrypted in the controller's process, never into a file.
    type: path
  passphrase_env:
    description: The name of an environment variable that holds the passphrase.
    type: str
  passphrase_command:
    description:
      - A program and its arguments that print the passphrase, without a shell. It has 30 seconds and prints at most 4096 bytes.
      - What it prints as errors is not shown, for it may quote the passphrase.
    type: list
    elements: str
  passphrase:
    description: The passphrase itself, as from a variable that ansible-vault encrypted.
    type: str
"""
