# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer acme at a CA of another make: step-ca, which knows neither ARI nor profiles, and revokes."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.stepca import stepca
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, wanted


def test_it_issues_renews_without_hints_and_revokes(tmp_path):
    with stepca(tmp_path / "ca") as ca:
        world = AcmeWorld(tmp_path, ca)
        outcomes = world.run(wanted("shop"), wanted("api", "api.lab.example", "127.0.0.1"))
        assert [one.state for one in outcomes.values()] == ["done", "done"], [one.message for one in outcomes.values()]
        assert world.run(wanted("shop"))["shop"].state == "unchanged"
        assert world.run(wanted("shop", forced="drill"))["shop"].state == "done"
        chain = world.store.load("shop").chain_pem
        issuer = world.issuer()
        assert issuer.window(Chain.parse(chain).leaf.pem) is None
        issuer.revoke(chain, "superseded")
        issuer.revoke(chain, "superseded")
        with pytest.raises(ConfigError):
            issuer.revoke(ca.ca.root_pem, "superseded")
