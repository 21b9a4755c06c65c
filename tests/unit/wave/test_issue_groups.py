# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store cannot say of one lineage breaks no other of its group, and a compromised key is one for all that have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.certops.clm.tests.unit.wave.test_fallback_flow import Estate


@pytest.fixture
def estate(tmp_path):
    return Estate(tmp_path)


def test_a_damaged_version_of_one_lineage_costs_no_other_its_certificate(estate):
    version = estate.run()["shop"].after["version"]
    (estate.folder / "store/lineages/shop/versions" / version / "version.json").write_text("cut")
    found = estate.run("shop", "blog")
    assert (found["blog"].state, found["shop"].state) == ("done", "failed") and "runbook_store" in found["shop"].runbook_page


def test_a_key_that_an_earlier_certificate_was_compromised_with_is_replaced(estate):
    shop = estate.manifest.lineages["shop"]
    first = estate.run()["shop"].after
    estate.manifest.lineages["shop"] = replace(shop, forced="drill", reuse_key="pinned")
    second = estate.run()["shop"].after
    assert second["spki_sha256"] == first["spki_sha256"]
    estate.manifest.lineages["shop"] = replace(shop, forced="drill", reuse_key="pinned", compromised=(first["sha256"],))
    third = estate.run()["shop"]
    assert third.reason.word == "compromised" and third.after["spki_sha256"] != first["spki_sha256"]
