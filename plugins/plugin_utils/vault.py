# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vault secrets of this run, for passphrase files that ansible-vault encrypted; nothing decrypted touches a file."""

from __future__ import annotations

from functools import partial
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.passphrase import use_vault


def remember(loader: Any) -> None:
    """Let passphrases of this process be read by the loader of the run; one process has one run."""
    use_vault(partial(_read, loader))


def _read(loader: Any, path: str) -> bytes:
    """The decrypted bytes. get_real_file would write them into a temporary file, so it is not used."""
    try:
        if hasattr(loader, "get_text_file_contents"):  # ansible-core >= 2.19
            return str(loader.get_text_file_contents(path)).encode()
        return bytes(loader._get_file_contents(path)[0])
    except AnsibleError:  # its text is Ansible's own, and differs from core to core
        raise ConfigError(
            "none of the vault secrets of this run decrypts it", hint="give --vault-id or --vault-password-file to ansible-playbook"
        ) from None
