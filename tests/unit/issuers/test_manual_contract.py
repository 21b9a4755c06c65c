# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA that is reached through people, under the contract of issuers: a local CA plays the people."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, IssueRequest
from ansible_collections.certops.clm.plugins.module_utils.issuers import manual
from ansible_collections.certops.clm.tests.unit.contracts.issuer import IssuerContract
from ansible_collections.certops.clm.tests.unit.issuers import make


class TestManual(IssuerContract):
    provider = manual

    def options(self, folder: Path) -> Mapping[str, Any]:
        make.local_ca(folder / "ca")
        return {"path": str(folder / "desk"), "name": "desk", "anchors": str(folder / "ca" / "root.pem")}

    def act(self, folder: Path, request: IssueRequest) -> None:
        answer = make.local_ca(folder / "ca").begin(request)
        assert isinstance(answer, Issued)
        (folder / "desk" / f"{request.request_id.replace('/', '.')}.pem").write_text(answer.chain_pem)
