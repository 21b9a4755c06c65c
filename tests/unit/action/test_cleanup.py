# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of versions in clouds, as the action brings them together with what was seen: nothing goes that anybody serves."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

pytest.importorskip("ansible.plugins.action")

from ansible_collections.certops.clm.plugins.action import cleanup
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.plugin_utils import tidying_copies
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.support.world import World
from ansible_collections.certops.clm.tests.unit.flows.test_cleanup_copies import Cloud

AT = "192.0.2.1|443|shop.example.com|none"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/shop/0/0"


class Estate(World):
    """Three versions that are served by a listener: two are expired, and each has a copy in ACM."""

    def __init__(self, folder: Path, patched: pytest.MonkeyPatch) -> None:
        endpoint = {"host": "192.0.2.1", "port": 443, "server_name": "shop.example.com"}
        place = {"target": {"type": "aws_elbv2_listener", "listener_arn": LISTENER}, "endpoints": [endpoint]}
        super().__init__(folder, data(shop={"names": ["shop.example.com"], "deployments": [place]}))
        chains = [self.authority.chain("shop.example.com", age=age) for age in (200, 150, 1)]
        self.ids = [self.version("shop", chain) for chain in chains]
        self.serve(AT, chains[-1])
        self.save()
        self.sha256s = [one.sha256 for one in self.store.versions("shop")]
        self.cloud = Cloud({f"arn:{number}": sha256 for number, sha256 in enumerate(self.sha256s)})
        patched.setattr(cleanup, "places", lambda manifest, clock: {"shop": [(self.cloud, {"id": "shop-aws", "lineage": "shop"})]})

    def run(self, check_mode: bool = False, **given: Any) -> Tuple[Dict[str, Tuple[str, str]], str]:
        """State and word of each outcome, and what is said."""
        action = cleanup.ActionModule.__new__(cleanup.ActionModule)
        action._variables = given.pop("variables", {})
        manifest = load(str(self.folder / "manifest.yml"))
        args = {"manifest": str(self.folder / "manifest.yml"), "hosts": [one.id for one in manifest.deployments], "blind": [], "seen": []}
        answer: Any = action._work({**args, "lying": {}, "max_age": "1h", "retention": "7d", "run_id": "r", **given}, check_mode)
        return {name: (one.state, one.reason.word if one.reason else "") for name, one in answer.items()}, answer.more.get("said", "")


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    return Estate(tmp_path, monkeypatch)


def test_copies_go_with_their_versions_and_an_unused_copy_of_ours_keeps_nothing(estate: Estate) -> None:
    lying = {"arn:0": estate.sha256s[0], "arn:1": estate.sha256s[1], "arn:of-others": "ab" * 32}
    names = [f"shop/{one}" for one in (*estate.ids[:2], "arn:0", "arn:1")]
    planned, _said = estate.run(check_mode=True, lying=lying)
    assert planned == dict.fromkeys(names, ("planned", "superseded")) and len(estate.cloud.held) == 3
    done, said = estate.run(lying=lying)
    assert done == dict.fromkeys(names, ("done", "superseded")) and sorted(estate.cloud.held) == ["arn:2"]
    assert "Of the versions that nobody wants: 2 dropped." in said and "Of the copies that targets keep of them: 2 deleted." in said
    assert estate.run()[0] == {}


def test_copies_of_a_lineage_that_has_ended_go_too_but_for_one_that_somebody_uses(estate: Estate) -> None:
    lease: Any = estate.store.begin("shop", estate.store.current("shop"))
    for one in estate.store.versions("shop"):
        estate.store.save(lease, dataclasses.replace(one, state="retired", meta={**one.meta, "retired": {"key": "destroyed"}}))
    estate.store.end(lease)
    estate.store.flush()
    assert estate.run(check_mode=True)[0]["shop/arn:2"] == ("unchanged", "in_use"), "its endpoint was seen to serve it"
    estate.serve(AT, estate.authority.chain("other.example.com"))
    estate.save()
    estate.cloud.used = {"arn:1": ["arn:somebody-elses-balancer"]}
    planned, _said = estate.run(check_mode=True)
    words = {"shop/arn:0": "left_over", "shop/arn:1": "in_use", "shop/arn:2": "left_over"}
    assert {name: word for name, (_state, word) in planned.items()} == words and len(estate.cloud.held) == 3
    done, said = estate.run()
    assert {name: state for name, (state, _word) in done.items()} == {"shop/arn:0": "done", "shop/arn:1": "unchanged", "shop/arn:2": "done"}
    assert list(estate.cloud.held) == ["arn:1"] and "2 deleted, 1 still in use" in said
    assert [one.state for one in estate.store.versions("shop")] == ["retired"] * 3


def test_what_a_source_saw_elsewhere_or_the_cloud_says_is_used_stays_with_its_version(estate: Estate) -> None:
    estate.cloud.used = {"arn:0": ["arn:somebody-elses-balancer"]}
    kept, said = estate.run(lying={"arn:not-ours": estate.sha256s[1]})
    assert set(kept.values()) == {("unchanged", "in_use")} and len(kept) == 4 and len(estate.cloud.held) == 3
    assert [one.state for one in estate.store.versions("shop")] == ["proven"] * 3 and "2 still in use" in said


def test_nothing_goes_in_a_part_of_the_inventory_or_after_a_look_that_was_not_whole(estate: Estate) -> None:
    parts: Any = (
        {"variables": {"ansible_limit": "shop"}},
        {"variables": {"clm_slices": 4}},
        {"hosts": []},
        {"blind": ["a source is silent"]},
    )
    for part in parts:
        with pytest.raises(ClmError):
            estate.run(**part)
    estate.serve(AT)
    estate.save()
    with pytest.raises(ClmError, match="not everything was seen"):
        estate.run()
    assert len(estate.cloud.held) == 3


def test_targets_that_keep_a_copy_of_each_version_are_asked_once_for_each_kind(estate: Estate) -> None:
    manifest = load(str(estate.folder / "manifest.yml"))
    found = tidying_copies.places(manifest, lambda: None)  # type: ignore[arg-type, return-value]
    ((_target, where),) = found["shop"]
    assert where["listener_arn"] == LISTENER and where["lineage"] == "shop" and "type" not in where
