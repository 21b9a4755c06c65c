# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revocation alone: what is compromised is in the CRL and marked, nothing is dropped, and what goes wrong is said of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._ending import Revokers
from ansible_collections.certops.clm.plugins.module_utils.flows.revoke_only import compromised_of, counted, revoke
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.tests.unit.flows.issue_world import wanted
from ansible_collections.certops.clm.tests.unit.flows.test_cleanup import Estate


class Doomed(Estate):
    """`shop` with three versions, of which the first shares its key with the second, and some are compromised."""

    def revoke(self, *compromised: int, revokers: Any = None, ledger: Any = None, **given: Any) -> Dict[str, Outcome]:
        versions = self.store().versions("shop")
        doomed = compromised_of(versions, [versions[number].sha256 for number in compromised])
        how: Dict[str, Any] = {"store": self.store(), "clock": lambda: self.now, "run_id": "r1", **given}
        with Ledger(str(self.folder / "ledger"), "writer", lambda: self.now) as real:
            return revoke("shop", doomed, revokers=revokers or Revokers([self.ca]), ledger=ledger or real, **how)


@pytest.fixture
def estate(tmp_path: Path) -> Doomed:
    made = Doomed(tmp_path)
    made.renew()
    made.run(wanted("shop", forced="same key", reuse_key="pinned"))
    made.renew()
    return made


def test_all_certificates_of_a_compromised_key_are_revoked_and_nothing_is_dropped(estate: Doomed) -> None:
    first, second, third = estate.ids()
    before = estate.states()
    outcomes = estate.revoke(0, labels={"owner": "team-web"})
    assert {item: one.state for item, one in outcomes.items()} == {f"shop/{first}": "done", f"shop/{second}": "done"}
    assert estate.revoked() == {estate.serial(one): "keyCompromise" for one in (first, second)}
    assert estate.states() == before and all(estate.key_there(one) for one in (first, second, third))
    rows = [(one["action"], one["step"], one["version"], one["owner"]) for one in estate.events() if one["run_id"] == "r1"]
    assert rows == [(word, "revoke", one, "team-web") for word in ("intent", "outcome") for one in (first, second)]
    assert f"revoked: shop/{first}, shop/{second}" in counted(outcomes)
    assert estate.revoke(0) == {}, "nothing is revoked twice"


def test_what_is_in_use_or_has_expired_is_not_revoked(estate: Doomed) -> None:
    third = estate.store().versions("shop")[2]
    (outcome,) = estate.revoke(2, in_use={third.sha256: "web1 serves it"}).values()
    assert outcome.state == "failed" and "still in use: web1 serves it" in outcome.message and outcome.next_action
    estate.days(31)
    assert estate.revoke(0, 2) == {} and not (estate.folder / "ca" / "revoked.jsonl").exists()


def test_an_issuer_that_is_unknown_or_away_fails_its_own_certificates_with_the_reason(estate: Doomed) -> None:
    (outcome,) = estate.revoke(2, revokers=Revokers([])).values()
    assert outcome.state == "failed" and "none of the manifest's issuers is" in outcome.message and "again" in outcome.next_action

    class Away:
        def identity(self) -> str:
            return estate.ca.identity()

        def begin(self, request: Any) -> Any:
            raise AssertionError

        def resume(self, ref: str) -> Any:
            raise AssertionError

        def revoke(self, chain_pem: str, reason: str) -> None:
            raise ClmError("it is away")

    (outcome,) = estate.revoke(2, revokers=Revokers([Away()])).values()
    assert (outcome.state, "it is away" in outcome.message) == ("failed", True) and estate.revoke(2)


class Full:
    """Takes so many batches, then no more."""

    def __init__(self, batches: int) -> None:
        self.left, self.taken = batches, []  # type: ignore[var-annotated]

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        if not self.left:
            raise ClmError("the spool is full")
        self.left -= 1
        self.taken += events


@pytest.mark.parametrize(("batches", "revoked", "said"), [(0, 0, "the spool is full"), (1, 1, "it is revoked, but not recorded")])
def test_what_cannot_be_recorded_is_not_begun_and_what_was_done_is_said(estate: Doomed, batches: int, revoked: int, said: str) -> None:
    (outcome,) = estate.revoke(2, ledger=Full(batches)).values()
    assert outcome.state == "failed" and said in outcome.message
    path = estate.folder / "ca" / "revoked.jsonl"
    lines: List[str] = path.read_text().splitlines() if path.exists() else []
    assert len(lines) == revoked
