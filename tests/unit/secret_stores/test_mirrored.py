# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `mirrored` holds to the contract, whatever its copies are."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.secret_stores import mirrored
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import SecretStoreContract

ONE = {"type": "directory", "path": "/s"}


class TestMirrored(SecretStoreContract):
    provider = mirrored
    wrong = ({"stores": [ONE]}, {"stores": [ONE, ONE]}, {"stores": [ONE, {"type": "directory"}]}, {"stores": [ONE, {**ONE, "pth": "/t"}]})

    def options(self, folder):
        (folder / "passphrase").touch(0o600)
        (folder / "passphrase").write_text("correct horse battery staple\n")
        encrypted = {"type": "directory", "path": str(folder / "second"), "passphrase_file": str(folder / "passphrase")}
        return {"stores": [{"type": "directory", "path": str(folder / "store")}, encrypted]}
