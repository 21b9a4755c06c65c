# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The local CA under the contract of issuers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from ansible_collections.certops.clm.plugins.module_utils.issuers import local_ca
from ansible_collections.certops.clm.tests.unit.contracts.issuer import IssuerContract
from ansible_collections.certops.clm.tests.unit.issuers import make


class TestLocalCa(IssuerContract):
    provider = local_ca

    def options(self, folder: Path) -> Mapping[str, Any]:
        make.local_ca(folder / "ca")
        return {"path": str(folder / "ca"), "passphrase": make.PASSPHRASE}
