# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lineages that no deployment serves: one outcome each, and one that fails takes no other with it."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils.wave import undeployed as kept
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World


class Slow:
    """An issuer whose answer takes its time."""

    def identity(self):
        return "slow"

    def begin(self, request):
        return Pending(ref="1", who_must_act="the support desk")

    def resume(self, ref, request):
        return Pending(ref=ref, who_must_act="the support desk")


@pytest.fixture
def world(tmp_path):
    lineages = {name: {"names": [f"{name}.example.com"], "issuer": name, "deployments": []} for name in ("slow", "gone")}
    made = World(tmp_path, data(**lineages, shop={"names": ["shop.example.com"], "deployments": [deployment()]}))
    made.manifest["issuers"].update(
        slow={"type": "manual", "path": "slow", "name": "slow", "anchors": "public"}, gone={"type": "local_ca", "path": "gone"}
    )
    return made


def opened(options, clock=None):
    if options["type"] == "manual":
        return Slow()
    raise ClmError("there is no CA")


def issued(world, *names):
    manifest = load(str(world.save()))
    how = {"open_issuer": opened, "ledger": NullLedger(), "run_id": "r1", "store": world.store}
    return manifest, kept.issue_undeployed(kept.lineages_of(manifest, names), manifest, clock=lambda: NOW, **how)


def test_what_fails_at_one_issuer_is_its_own(world):
    world.version("slow", world.authority.chain("slow.example.com", age=60), issuer="slow")
    manifest, found = issued(world, "gone", "slow")
    assert {name: outcome.state for name, outcome in found.items()} == {"gone": "failed", "slow": "pending"}
    assert "there is no CA. No certificate of it is kept. Next: Mend that, then run certops.clm.rotate again" in kept.lines(found)[0]
    events = kept.events(manifest, found, "r1")
    assert [(event["lineage"], event["state"], event["owner"]) for event in events] == [
        ("gone", "failed", "team-web"), ("slow", "pending", "team-web"),
    ]  # fmt: skip


def test_what_waits_is_said_to_wait_on_every_run(world):
    world.version("slow", world.authority.chain("slow.example.com", age=60), issuer="slow")
    assert [issued(world, "slow")[1]["slow"].state for _run in range(3)] == ["pending"] * 3


def test_what_was_never_issued_has_nothing_that_holds_and_is_red_on_every_run_until_its_issuer_answers(world):
    for _run in range(3):
        outcome = issued(world, "slow")[1]["slow"]
        assert outcome.state == "failed" and outcome.after["version"], "and the request goes on all the same"
        assert outcome.message == (
            "the CA has not answered yet, waiting for the support desk. There is no time left to wait: nothing is kept that would hold "
            "until then."
        )
        assert "certops.clm.rotate again" in outcome.next_action and outcome.as_dict()["runbook_page"].endswith("runbook_issuer.rst")
    assert len(world.store.versions("slow")) == 1


def test_what_fails_says_what_is_kept_and_until_when(world):
    world.version("gone", world.authority.chain("gone.example.com", age=80), issuer="gone")
    message = issued(world, "gone")[1]["gone"].message
    assert message.startswith("there is no CA. Kept now: SHA-256 ") and message.endswith("UTC (in 10 days 0 h).")


@pytest.mark.parametrize(("age", "state"), [(60, "pending"), (80, "failed")])
def test_what_waits_has_failed_when_too_little_life_is_left(world, age, state):
    world.version("slow", world.authority.chain("slow.example.com", age=age), issuer="slow")
    outcome = issued(world, "slow")[1]["slow"]
    assert outcome.state == state and ("no time left" in outcome.message) == (state == "failed")


@pytest.mark.parametrize(("name", "why"), [("shop", "has deployments"), ("stranger", "is not in the manifest")])
def test_what_a_wave_renews_is_not_issued_here(world, name, why):
    with pytest.raises(ConfigError, match=f"'{name}' {why}"):
        issued(world, name)
