# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of old versions where targets keep them: which go, which stay and why, and what they show of their versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Dropper, Where
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup_copies import drop_copies, find
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import InUseError
from ansible_collections.certops.clm.tests.unit.flows.test_cleanup import Estate

WHERE = {"id": "shop-aws", "lineage": "shop"}


class Cloud:
    """A Dropper: `held` is ref -> SHA-256, `used` whom AWS names, `busy` what it refuses only when it is to delete it."""

    def __init__(
        self, held: Mapping[str, str], used: Mapping[str, Sequence[str]] = {}, busy: Collection[str] = (), error: str = ""
    ) -> None:
        self.held, self.used, self.busy, self.error = dict(held), used, busy, error

    def copies(self, where: Where, sha256s: Collection[str]) -> Mapping[str, str]:
        if self.error == "copies":
            raise ClmError("AWS answered AccessDenied", hint="let the role call tag:GetResources")
        return {ref: sha256 for ref, sha256 in self.held.items() if sha256 in sha256s}

    def users(self, where: Where, ref: str) -> Sequence[str]:
        return self.used.get(ref, ())

    def drop(self, where: Where, ref: str) -> None:
        if ref in self.busy:
            raise InUseError(f"{ref} is used by a load balancer")
        if self.error == ref:
            raise ClmError("AWS answered InternalFailure")
        del self.held[ref]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Three versions: the first may go, the second is within its retention, the third is current."""
    made = Estate(tmp_path)
    made.renew(3)
    made.days(6)
    return made


def sha256s(estate: Estate) -> List[str]:
    return [one.sha256 for one in estate.store().versions("shop")]


def run(
    estate: Estate, *clouds: Cloud, check_mode: bool = False, ledger: Any = None, seen: Any = None
) -> Tuple[Dict[str, Outcome], Dict[str, str]]:
    """As the action does it: the plan of the versions, then their copies."""
    assert all(isinstance(one, Dropper) for one in clouds)
    store, verdicts = estate.store(), estate.clean(check_mode=True)
    old = [one for one in store.versions("shop") if one.version != store.current("shop")]
    found = find("shop", old, [(one, {**WHERE, "id": f"place-{number}"}) for number, one in enumerate(clouds)], {"owner": "team-web"})
    with Ledger(str(estate.folder / "ledger"), "writer", lambda: estate.now) as real:
        how = {"in_use": seen or {}, "store": store, "ledger": ledger or real, "clock": lambda: estate.now, "run_id": "c1"}
        return drop_copies(found, verdicts, check_mode=check_mode, **how)


def words(outcomes: Mapping[str, Outcome]) -> Dict[str, Tuple[str, str]]:
    return {name: (one.state, one.reason.word if one.reason else "") for name, one in outcomes.items()}


def test_the_copy_of_what_goes_is_deleted_once_and_each_other_one_stays_with_its_reason(estate: Estate) -> None:
    first, second, third = sha256s(estate)
    cloud = Cloud({"arn:1": first, "arn:2": second, "arn:3": third, "arn:other": "ab" * 32})
    planned, _stay = run(estate, cloud, cloud, check_mode=True)
    assert words(planned) == {"shop/arn:1": ("planned", "superseded"), "shop/arn:2": ("unchanged", "retained")} and len(cloud.held) == 4
    outcomes, stay = run(estate, cloud, cloud)
    assert words(outcomes) == {"shop/arn:1": ("done", "superseded"), "shop/arn:2": ("unchanged", "retained")} and stay == {}
    assert sorted(cloud.held) == ["arn:2", "arn:3", "arn:other"] and "stays restorable until" in outcomes["shop/arn:2"].message
    events = [one for one in estate.events() if one.get("copy")]
    assert [(one["action"], one.get("state"), one["copy"], one["owner"]) for one in events] == [
        ("intent", None, "arn:1", "team-web"),
        ("outcome", "done", "arn:1", "team-web"),
    ]


@pytest.mark.parametrize("how", [{"used": {"arn:1": ["arn:balancer"]}}, {"busy": ["arn:1"]}], ids=["told", "refused"])
def test_a_copy_in_use_stays_and_so_does_its_version(estate: Estate, how: Any) -> None:
    first = sha256s(estate)[0]
    outcomes, stay = run(estate, Cloud({"arn:1": first}, **how))
    assert words(outcomes) == {"shop/arn:1": ("unchanged", "in_use")} and "balancer" in stay[first]
    kept = estate.clean(in_use=stay)
    assert kept[f"shop/{estate.ids()[0]}"].state == "unchanged" and estate.revoked() == {}


def test_what_fails_fails_alone_and_its_version_stays(estate: Estate) -> None:
    first = sha256s(estate)[0]
    good = Cloud({"arn:1": first})
    outcomes, stay = run(estate, Cloud({}, error="copies"), Cloud({"arn:9": first}, error="arn:9"), good)
    assert {name: one.state for name, one in outcomes.items() if one.state != "unchanged"} == {
        "shop/place-0": "failed",
        "shop/arn:9": "failed",
        "shop/arn:1": "done",
    }
    assert "tag:GetResources" in outcomes["shop/place-0"].next_action and set(stay) == set(sha256s(estate)[:2]) and not good.held


def test_the_copy_of_a_version_that_went_before_goes_too(estate: Estate) -> None:
    first = sha256s(estate)[0]
    assert estate.clean()[f"shop/{estate.ids()[0]}"].state == "done"
    cloud = Cloud({"arn:1": first})
    seen, _stay = run(estate, cloud, seen={first: "web9:443 serves it"})
    assert words(seen) == {"shop/arn:1": ("unchanged", "in_use")} and "web9:443" in seen["shop/arn:1"].message and cloud.held
    assert words(run(estate, cloud)[0]) == {"shop/arn:1": ("done", "left_over")} and not cloud.held
    assert run(estate, cloud) == ({}, {})


def test_without_the_ledger_nothing_is_deleted_and_somebody_elses_lease_is_respected(estate: Estate) -> None:
    class Full:
        def append(self, events: Any) -> None:
            raise ClmError("no space left on the device")

    first = sha256s(estate)[0]
    cloud = Cloud({"arn:1": first})
    outcomes, stay = run(estate, cloud, ledger=Full())
    assert outcomes["shop/arn:1"].state == "failed" and "nothing was deleted" in outcomes["shop/arn:1"].message and first in stay
    store = estate.store()
    lease = store.begin("shop", store.current("shop"))
    busy, _stay = run(estate, cloud)
    assert busy["shop/arn:1"].state == "failed" and cloud.held
    store.end(lease)  # type: ignore[arg-type]
    assert run(estate, cloud)[0]["shop/arn:1"].state == "done"
