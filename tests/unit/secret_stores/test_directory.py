# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `directory` holds to the contract, with and without encryption at rest."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.secret_stores import directory
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import SecretStoreContract


class TestDirectory(SecretStoreContract):
    provider = directory
    wrong = (
        {"path": "/s", "passphrase_env": "CLM_NO_SUCH_VARIABLE"},
        {"path": "/s", "passphrase_env": "A", "passphrase_file": "/b"},
        *({"path": "/s", "lease_seconds": seconds} for seconds in (-1, 0, 1, 86401)),
    )

    def options(self, folder):
        return {"path": str(folder / "store")}


class TestEncryptedDirectory(TestDirectory):
    def options(self, folder):
        (folder / "passphrase").touch(0o600)
        (folder / "passphrase").write_text("correct horse battery staple\n")
        return {"path": str(folder / "store"), "passphrase_file": str(folder / "passphrase")}
