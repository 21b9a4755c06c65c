# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for a desk or for a CA that limits its rate is green only while there is time to wait."""

from __future__ import annotations

import shutil

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.support.collection import provider_index

# No CA of the lab limits its rate yet, so one provider of the tests answers every request as a CA that does.
LIMITED = '''
from ..errors import UnavailableError

NAME = "limited"
OPTIONS = {}


class Limited:
    def identity(self):
        return "limited"

    def begin(self, request):
        raise UnavailableError("429: too many certificates for lab.example", retry_after=3600)

    def resume(self, ref, request):
        return self.begin(request)


def create(options, clock):
    return Limited()
'''


@pytest.fixture(scope="session")
def installed(installed, tmp_path_factory):
    """The installed collection with one more issuer."""
    where = tmp_path_factory.mktemp("limited")
    shutil.copytree(installed / "ansible_collections", where / "ansible_collections", symlinks=True)
    issuers = where / "ansible_collections" / "certops" / "clm" / "plugins" / "module_utils" / "issuers"
    (issuers / "limited.py").write_text(LIMITED)
    (issuers / "_index.py").write_text(provider_index(issuers, "Issuer"))
    return where


@pytest.mark.every_core
def test_it_waits_while_there_is_time_and_is_red_below_a_quarter_of_the_life(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api", "edge"])
    desk = {"type": "manual", "path": "desk", "name": "desk", "anchors": "ca/root.pem", "contact": "desk@example.com"}
    campaign.manifest["issuers"].update(desk=desk, limited={"type": "limited"})
    campaign.manifest["lineages"]["api"]["issuer"], campaign.manifest["lineages"]["edge"]["issuer"] = "desk", "limited"
    campaign.write()
    before = {name: lab.served(name) for name in ("app1", "lb1")}
    waiting = campaign.outcomes(campaign.run().ok())
    assert {name: outcome["state"] for name, outcome in waiting.items()} == {"app1": "pending", "lb1": "deferred"}
    assert "waiting for desk@example.com" in waiting["app1"]["message"] and len(list((tmp_path / "desk").glob("*.csr"))) == 1
    assert "429: too many certificates" in waiting["lb1"]["message"] and "asked to be asked again, at 20" in waiting["lb1"]["message"]
    assert {name: lab.served(name) for name in before} == before and campaign.report()["headline"]
    for name in before:
        lab.servers[name].reset(days=6, age_days=25)
    run = campaign.run(clm_waves=["rest"])
    late = campaign.outcomes(run)
    assert run.rc == 2 and late and {outcome["state"] for outcome in late.values()} == {"failed"}, run.output[-3000:]
    for name, outcome in late.items():
        assert "There is no time left to wait: what is served holds no longer than" in outcome["message"]
        assert ("429" if name == "lb1" else "desk@example.com") in outcome["message"]
        assert outcome["runbook_page"].endswith("runbook_issuer.rst")
    assert len(list((tmp_path / "desk").glob("*.csr"))) == 1
    for name in before:  # a quarter of this life would be 3 hours
        lab.servers[name].reset(days=0.4, age_days=0.1)
    run = campaign.run(clm_waves=["rest"])
    last = campaign.outcomes(run)
    assert run.rc == 2 and last and {outcome["state"] for outcome in last.values()} == {"failed"}, run.output[-3000:]
    assert all("holds no longer than 12 hours" in outcome["message"] for outcome in last.values())
