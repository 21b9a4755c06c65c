# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow with a real CA, store and ledger: reasons, resuming after a kill at every step, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Set

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, UnavailableError
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.request import build
from ansible_collections.certops.clm.tests.unit.flows.issue_world import WEB, Refusing, Slow, World, Wrapped, wanted
from ansible_collections.certops.clm.tests.unit.issuers import make


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def states(outcomes: Any) -> List[str]:
    return [outcome.state for outcome in outcomes.values()]


def test_a_missing_certificate_is_issued_once_and_then_left_alone(world: World) -> None:
    first = world.run(wanted())["shop"]
    assert first.reason and (first.state, first.reason.word, first.after["names"]) == ("done", "missing", ["shop.example.com"])
    again = world.run(wanted())["shop"]
    assert again.state == "unchanged" and again.reason is None and again.after == first.after and world.issued() == 1
    stored = world.store().load("shop")
    assert stored and stored.state == "issued" and stored.sha256 == first.after["sha256"]
    key = world.store().key(KeyRef("", "shop", stored.version, stored.spki_sha256))
    assert keys.spki_sha256(keys.load(key)) == first.after["spki_sha256"]


def test_the_ledger_has_the_intent_before_and_the_outcome_after_with_the_labels(world: World) -> None:
    world.run(wanted(labels={"owner": "team", "consumers": ["internal"]}))
    events = world.events()
    assert [(one["action"], one.get("state")) for one in events] == [("intent", None), ("outcome", "done")]
    assert all(one["owner"] == "team" and one["consumers"] == ["internal"] and one["request_id"] for one in events)
    assert events[0]["sha256"] == "" and len(events[1]["sha256"]) == 64 and events[0]["reason"] == "missing"


def test_the_key_is_durable_and_the_intent_written_before_the_request_leaves(world: World) -> None:
    seen: List[bool] = []

    def look(request: Any) -> Any:
        found = world.store().versions(request.lineage)[-1]  # what another process sees
        key = world.store().key(KeyRef("", request.lineage, found.version, found.spki_sha256))
        intent = world.events()[-1]["action"] == "intent"
        seen.append(intent and found.state == "pending" and keys.spki_sha256(keys.load(key)) == found.spki_sha256)
        return world.ca.begin(request)

    assert states(world.run(wanted(), wanted("api"), issuer=Wrapped(world.ca, look))) == ["done", "done"]
    assert seen == [True, True]


class Killed(BaseException):
    """What kill -9 is to a process: from then on it does nothing more, not even its `finally`."""


class Dying:
    """Something that the process uses and dies in: before or after the n-th call of one of its methods."""

    def __init__(self, what: Any, method: str, call: int, after: bool, grave: List[bool]) -> None:
        self._what, self._method, self._call, self._after, self._grave = what, method, call, after, grave

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._what, name)
        return (lambda *args: self._act(name, real, *args)) if callable(real) else real

    def _act(self, name: str, real: Any, *args: Any) -> Any:
        if self._grave:
            raise Killed
        if name == self._method:
            self._call -= 1
        dies = name == self._method and self._call == 0
        answer = None if dies and not self._after else real(*args)
        if dies:
            self._grave.append(True)
            raise Killed
        return answer


@pytest.mark.parametrize("promote", [True, False])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("step", ["begin_many", "new_version", "save", "promote", "flush", "end", "append"])
def test_a_run_killed_anywhere_is_gone_on_with_by_the_next_one(world: World, step: str, call: int, after: bool, promote: bool) -> None:
    wants = (wanted(), wanted("api"))
    grave: List[bool] = []
    ledger = Kept()
    parts: Dict[str, Any] = {"issuer": world.ca, "store": world.store(), "ledger": ledger}
    try:
        world.run(*wants, promote=promote, **{name: Dying(part, step, call, after, grave) for name, part in parts.items()})
    except Killed:
        pass
    assert grave or call > (2 if step != "save" else 4) or step in ("begin_many", "" if promote else "promote")
    world.days(1)  # the lease of the killed run is over
    before = {version.spki_sha256 for name in ("shop", "api") for version in world.store().versions(name)}
    assert set(states(world.run(*wants, promote=promote))) <= {"done", "unchanged"}
    assert states(world.run(*wants, promote=promote)) == ["unchanged", "unchanged"]
    stored = [version for name in ("shop", "api") for version in world.store().versions(name)]
    after_all = {version.spki_sha256 for version in stored}
    assert world.issued() == 2 and before <= after_all and len(after_all) == 2
    assert {version.sha256 for version in stored} == outcomes_of([*ledger.events, *world.events()])


class Kept:
    """A ledger that outlives the process that dies with its own still open."""

    def __init__(self) -> None:
        self.events: List[Any] = []

    def append(self, events: Any) -> None:
        self.events.extend(events)


def outcomes_of(events: List[Any]) -> Set[str]:
    """The certificates that have an outcome in the ledger."""
    return {one["sha256"] for one in events if one["action"] == "outcome" and one["state"] != "failed"}


def test_what_waits_is_asked_for_again_with_its_own_key(world: World) -> None:
    slow = Slow(world.ca)
    first = world.run(wanted(), issuer=slow)["shop"]
    assert first.state == "pending" and "the desk" in first.message
    still = world.run(wanted(), issuer=slow)["shop"]
    assert still.state == "unchanged" and still.after["version"] == first.after["version"]
    slow.ready = True
    last = world.run(wanted(), issuer=slow)["shop"]
    assert last.state == "done" and last.after["spki_sha256"] == first.after["spki_sha256"] and slow.begun == 1
    assert states(world.run(wanted(), issuer=slow)) == ["unchanged"]


def test_a_request_for_other_names_is_not_gone_on_with(world: World) -> None:
    slow = Slow(world.ca)
    first = world.run(wanted(), issuer=slow)["shop"]
    other = world.run(wanted("shop", "new.example.com"), issuer=slow)["shop"]
    assert other.state == "pending" and other.after["version"] != first.after["version"]


def test_what_is_issued_and_not_promoted_is_taken_and_not_issued_again(world: World) -> None:
    first = world.run(wanted(), promote=False)["shop"]
    assert first.state == "done" and world.store().current("shop") is None
    again = world.run(wanted(), promote=False)["shop"]
    assert again.state == "unchanged" and again.after["version"] == first.after["version"]
    assert world.run(wanted(), check_mode=True)["shop"].state == "planned"
    taken = world.run(wanted())["shop"]
    assert taken.state == "done" and world.store().current("shop") == first.after["version"] and world.issued() == 1


def test_a_rejected_version_is_never_taken(world: World) -> None:
    first = world.run(wanted(), promote=False)["shop"]
    store = world.store()
    lease: Any = store.begin("shop", None)
    stored = store.load("shop", first.after["version"])
    assert stored
    store.save(lease, replace(stored, state="rejected"))
    store.flush()
    store.end(lease)
    again = world.run(wanted(), promote=False)["shop"]
    assert again.state == "done" and again.after["version"] > first.after["version"]


def test_policy_is_asked_before_a_key_is_made_or_the_ca_hears_of_it(world: World) -> None:
    long = Profile("long", lifetime=300 * 86400, policies=("cabf",))
    issuer = Wrapped(world.ca, world.ca.begin)
    outcomes = world.run(wanted(profile=long), wanted("api"), issuer=issuer)
    assert states(outcomes) == ["failed", "done"] and "200 days" in outcomes["shop"].message
    assert [one.lineage for one in issuer.asked] == ["api"] and list(world.store().lineages()) == ["api"]
    strict = Policy.load((), {"key_types": ["rsa-4096"], "labels_required": ["owner"]})
    message = world.run(wanted("web"), policy=strict)["web"].message
    assert "ecdsa-p256" in message and "owner" in message


def test_renewal_makes_a_new_key_and_reusing_one_needs_its_reason(world: World) -> None:
    first = world.run(wanted())["shop"].after
    world.days(25)
    second = world.run(wanted())["shop"]
    assert second.reason and second.reason.word == "expiring" and second.after["spki_sha256"] != first["spki_sha256"]
    assert second.before["sha256"] == first["sha256"]
    world.days(25)
    third = world.run(wanted(reuse_key="pinned by the printer"))["shop"]
    assert third.after["spki_sha256"] == second.after["spki_sha256"]
    assert "pinned by the printer" in world.events()[-2]["message"]
    fourth = world.run(wanted(reuse_key="pinned by the printer", compromised=(third.after["sha256"],)))["shop"]
    assert fourth.reason and fourth.reason.word == "compromised" and fourth.after["spki_sha256"] != third.after["spki_sha256"]
    assert states(world.run(wanted(compromised=(third.after["sha256"],)))) == ["unchanged"]


def test_forced_is_a_token_that_one_new_version_satisfies(world: World) -> None:
    world.run(wanted())
    assert world.run(wanted(forced="drill 2026-11"), promote=False)["shop"].state == "done"
    assert world.run(wanted(forced="drill 2026-11"))["shop"].state == "done"
    assert world.run(wanted(forced="drill 2026-11"))["shop"].state == "unchanged"
    assert world.issued() == 2
    assert world.run(wanted(forced="drill 2026-12"))["shop"].reason.word == "forced"  # type: ignore[union-attr]


def test_another_issuer_is_a_reason(world: World) -> None:
    world.run(wanted())
    other = make.local_ca(world.folder / "other")
    outcome = world.run(wanted(), issuer=other)["shop"]
    assert outcome.state == "done" and outcome.reason and outcome.reason.word == "issuer_changed"
    assert states(world.run(wanted(), issuer=other)) == ["unchanged"]


def test_a_key_made_elsewhere_stays_there(world: World) -> None:
    key = keys.generate("ecdsa-p256")
    csr = build(key, ["shop.example.com"])
    outcome = world.run(wanted(csr_pem=csr))["shop"]
    assert outcome.state == "done" and outcome.after["spki_sha256"] == keys.spki_sha256(key)
    assert not list(world.folder.glob("store/**/key.pem"))
    assert states(world.run(wanted(csr_pem=csr))) == ["unchanged"]
    assert world.run(wanted(csr_pem=build(keys.generate("ecdsa-p256"), ["shop.example.com"])))["shop"].reason.word == "key_changed"  # type: ignore[union-attr]


def test_a_key_made_elsewhere_that_is_compromised_is_refused_before_the_ca(world: World) -> None:
    key = keys.generate("ecdsa-p256")
    csr = build(key, ["shop.example.com"])
    lost = (world.run(wanted(csr_pem=csr))["shop"].after["sha256"],)
    issuer = Wrapped(world.ca, world.ca.begin)
    outcome = world.run(wanted(csr_pem=csr, compromised=lost), issuer=issuer)["shop"]
    assert outcome.state == "failed" and not issuer.asked and "a key that is declared compromised" in outcome.message
    fresh = build(keys.generate("ecdsa-p256"), ["shop.example.com"])
    assert states(world.run(wanted(csr_pem=fresh, compromised=lost))) == ["done"]


@pytest.mark.parametrize("wrong", ["names", "type", "signature", "garbage"])
def test_a_wrong_request_from_elsewhere_is_refused_before_the_ca(world: World, wrong: str) -> None:
    key = keys.generate("rsa-2048" if wrong == "type" else "ecdsa-p256")
    csr = build(key, ["evil.example.com" if wrong == "names" else "shop.example.com"])
    if wrong == "signature":
        lines = csr.splitlines()
        lines[-2] = lines[-2][:-8] + ("AAAA" if not lines[-2].endswith("AAAA====") else "BBBB") + lines[-2][-4:]
        csr = "\n".join(lines) + "\n"
    if wrong == "garbage":
        csr = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    issuer = Wrapped(world.ca, world.ca.begin)
    assert states(world.run(wanted(csr_pem=csr), issuer=issuer)) == ["failed"] and not issuer.asked


def test_a_lineage_that_somebody_has_fails_alone(world: World) -> None:
    world.store().begin("shop", None)
    outcomes = world.run(wanted(), wanted("api"))
    assert states(outcomes) == ["failed", "done"] and "shop" in outcomes["shop"].message


def test_one_bad_item_never_costs_its_neighbours_their_outcome(world: World) -> None:
    bad = wanted("evil", "a.example.com,DNS:evil.example.com")
    huge = wanted("huge", profile=Profile("long", lifetime=4000 * 86400))
    outcomes = world.run(wanted(), bad, huge, wanted("api"))
    assert states(outcomes) == ["done", "failed", "failed", "done"] and list(outcomes) == ["shop", "evil", "huge", "api"]


def test_a_lineage_asked_for_twice_is_refused_the_second_time(world: World) -> None:
    outcomes = world.run(wanted(), replace(wanted(), id="again"))
    assert states(outcomes) == ["done", "failed"] and world.issued() == 1
    with pytest.raises(ConfigError):
        world.run(wanted(), wanted())


def test_a_ca_that_refuses_or_is_down_fails_its_items_and_keeps_their_keys(world: World) -> None:
    for error in (UnavailableError("the CA is down"), ConfigError("no")):
        outcomes = world.run(wanted(), wanted("api"), issuer=Refusing(world.ca, error))
        assert states(outcomes) == ["failed", "failed"] and error.message in outcomes["shop"].message
    kept = world.store().versions("shop")
    assert len(kept) == 1 and kept[0].state == "pending"
    assert world.run(wanted())["shop"].after["spki_sha256"] == kept[0].spki_sha256
    assert [one["state"] for one in world.events() if one["action"] == "outcome"] == ["failed"] * 4 + ["done"]


def test_without_a_ledger_nothing_is_asked_for(world: World) -> None:
    class Full:
        def append(self, events: Any) -> None:
            raise ClmError("no space is left")

    issuer = Wrapped(world.ca, world.ca.begin)
    assert states(world.run(wanted(), issuer=issuer, ledger=Full())) == ["failed"]
    assert not issuer.asked


@pytest.mark.parametrize("promote", [True, False])
def test_what_could_not_be_recorded_is_said_not_current_and_recorded_by_the_next_run(world: World, promote: bool) -> None:
    class FullAtTheEnd:
        def append(self, events: Any) -> None:
            if events[0]["action"] == "outcome":
                raise ClmError("no space is left")

    outcome = world.run(wanted(), ledger=FullAtTheEnd(), promote=promote)["shop"]
    assert outcome.state == "failed" and "it is done, but not recorded" in outcome.message and outcome.after["sha256"]
    assert world.store().current("shop") is None
    assert states(world.run(wanted(), promote=promote)) == ["done" if promote else "unchanged"] and world.issued() == 1
    assert outcomes_of(world.events()) == {outcome.after["sha256"]}
    assert world.store().current("shop") == (outcome.after["version"] if promote else None)
    before = world.events()
    assert states(world.run(wanted(), promote=promote)) == ["unchanged"] and world.events() == before


def test_what_is_recorded_and_cannot_become_current_is_recorded_as_failed_too(world: World) -> None:
    class NoSwap(DirectoryStore):
        def promote(self, lease: Any, version: str) -> None:
            if lease.lineage == "shop":
                raise ClmError("the disk is gone")
            super().promote(lease, version)

    store = NoSwap(str(world.folder / "store"), clock=lambda: world.now, owner="test")
    assert states(world.run(wanted(), wanted("api"), store=store)) == ["failed", "done"]
    told = [(one["lineage"], one["state"]) for one in world.events() if one["action"] == "outcome"]
    assert told == [("shop", "done"), ("api", "done"), ("shop", "failed")]
    assert states(world.run(wanted(), wanted("api"))) == ["done", "unchanged"] and world.issued() == 2


def test_a_controller_whose_clock_is_not_the_file_system_s_asks_for_nothing(world: World) -> None:
    class Off(DirectoryStore):
        def clock_ahead(self) -> float:
            return 3600.0

    store = Off(str(world.folder / "store"), clock=lambda: world.now, owner="test")
    issuer = Wrapped(world.ca, world.ca.begin)
    outcome = world.run(wanted(), store=store, issuer=issuer)["shop"]
    assert outcome.state == "failed" and "the controller's is 1 hour ahead of that of the file system" in outcome.message
    assert not issuer.asked and not world.events() and world.store().versions("shop") == []
    assert states(world.run(wanted())) == ["done"]


def test_a_run_that_changes_nothing_writes_nothing_to_the_ledger(world: World) -> None:
    world.run(wanted(), promote=False)
    before = world.events()
    assert states(world.run(wanted(), promote=False)) == ["unchanged"]  # it cannot know that the first run lived to record it
    assert [one["action"] for one in world.events()[len(before) :]] == ["intent", "outcome"]
    before = world.events()
    assert states(world.run(wanted(), promote=False)) == ["unchanged"] and world.events() == before
    world.run(wanted())
    assert [one["action"] for one in world.events()[len(before) :]] == ["intent", "outcome"]
    before = world.events()
    assert states(world.run(wanted())) == ["unchanged"] and world.events() == before


def test_check_mode_writes_nothing_and_says_what_would_be_asked_for(world: World) -> None:
    outcome = world.run(wanted(), check_mode=True)["shop"]
    assert outcome.state == "planned" and outcome.after["names"] == ["shop.example.com"] and outcome.after["not_after"]
    assert not (world.folder / "store").exists() and world.issued() == 0 and not world.events()
    assert states(world.run(wanted(profile=Profile("long", lifetime=300 * 86400, policies=("cabf",))), check_mode=True)) == ["failed"]


def test_check_mode_plans_also_for_a_ca_that_is_only_planned(world: World) -> None:
    from ansible_collections.certops.clm.plugins.module_utils.issuers.local_ca import create

    planned = create({"path": str(world.folder / "nowhere"), "passphrase": "x"}, lambda: world.now)
    assert states(world.run(wanted(), issuer=planned, check_mode=True)) == ["planned"]
    assert WEB.name == "web"
