# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleanup drops, what it keeps and why, and that a run which is killed anywhere is finished by the next one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from cryptography import x509

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows._cleanup_dates import Dates
from ansible_collections.certops.clm.plugins.module_utils.flows._ending import Revokers
from ansible_collections.certops.clm.plugins.module_utils.flows.cleanup import Tidied, clean, facts_of
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, NullLedger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.tests.unit.flows.issue_world import World, wanted
from ansible_collections.certops.clm.tests.unit.secret_stores.test_directory_kills import killed_at

WEEK = timedelta(days=7)


class Estate(World):
    """One lineage `shop` with as many versions as were asked for, each in place of the one before."""

    def renew(self, count: int = 1, lineage: str = "shop") -> None:
        for _number in range(count):
            self.days(1)
            token = f"again {self.now}"
            assert self.run(wanted(lineage, forced=token))[lineage].state == "done"

    def ids(self, lineage: str = "shop") -> List[str]:
        return [one.version for one in self.store().versions(lineage)]

    def states(self, lineage: str = "shop") -> List[str]:
        return [one.state for one in self.store().versions(lineage)]

    def clean(self, *tidied: Tidied, check_mode: bool = False, ledger: Any = None, store: Any = None, **given: Any) -> Dict[str, Outcome]:
        with Ledger(str(self.folder / "ledger"), "writer", lambda: self.now) as real:
            how: Dict[str, Any] = {"in_use": {}, "dates": Dates(self.events()), "retention": WEEK, "clock": lambda: self.now, **given}
            how.setdefault("revokers", Revokers([self.ca]))
            writes = NullLedger() if check_mode else ledger or real
            mine = tidied or (Tidied("shop", labels={"owner": "team-web"}),)
            return clean(mine, store=store or self.store(), ledger=writes, run_id="c1", check_mode=check_mode, **how)

    def revoked(self) -> Dict[int, str]:
        """Serial -> reason, as the CRL says it."""
        path = self.folder / "ca" / "intermediate.crl"
        crl = x509.load_der_x509_crl(path.read_bytes())
        return {one.serial_number: one.extensions.get_extension_for_class(x509.CRLReason).value.reason.value for one in crl}

    def serial(self, version: str) -> int:
        found = self.store().load("shop", version)
        assert found is not None
        return x509.load_pem_x509_certificate(found.chain_pem.encode()).serial_number

    def key_there(self, version: str, lineage: str = "shop") -> bool:
        try:
            self.store().key(KeyRef("", lineage, version, ""))
        except NotFoundError:
            return False
        return True


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    made = Estate(tmp_path)
    made.renew(3)
    return made


def test_what_was_replaced_goes_after_its_retention_and_is_revoked(estate: Estate) -> None:
    first, second, third = estate.ids()
    estate.days(6)
    kept = estate.clean()
    assert {item: (one.state, one.reason.word) for item, one in kept.items() if one.reason} == {
        f"shop/{first}": ("done", "superseded"),
        f"shop/{second}": ("unchanged", "retained"),
    }
    facts = facts_of(kept)
    assert facts["counts"] == {"done": 1, "retained": 1} and facts["next"] == kept[f"shop/{second}"].after["free_at"]
    estate.days(1)
    assert estate.clean()[f"shop/{second}"].state == "done"
    assert estate.states() == ["dropped", "dropped", "issued"] and estate.store().current("shop") == third
    assert [estate.key_there(one) for one in (first, second, third)] == [False, False, True]
    assert estate.revoked() == {estate.serial(first): "superseded", estate.serial(second): "superseded"}
    assert estate.clean() == {}, "running it again finds nothing"


def test_the_record_and_the_ledger_say_what_was_done(estate: Estate) -> None:
    first = estate.ids()[0]
    estate.days(20)
    estate.clean()
    gone = estate.store().load("shop", first)
    assert gone is not None and gone.chain_pem and gone.meta["request_id"] and gone.meta["revoked"]["reason"] == "superseded"
    assert gone.meta["dropped"]["run_id"] == "c1"
    mine = [one for one in estate.events() if one["step"] == "cleanup" and one["version"] == first]
    assert [(one["action"], one.get("state"), one["reason"], one["owner"]) for one in mine] == [
        ("intent", None, "superseded", "team-web"),
        ("outcome", "done", "superseded", "team-web"),
    ]
    assert mine[0]["sha256"] == gone.sha256 and mine[0]["spki_sha256"] == gone.spki_sha256


def test_what_is_seen_anywhere_stays_and_the_place_is_named(estate: Estate) -> None:
    first, second, _third = estate.ids()
    estate.days(60)
    served = estate.store().load("shop", first)
    assert served is not None
    outcomes = estate.clean(in_use={served.sha256: "web2:443 serves it"})
    assert (outcomes[f"shop/{first}"].state, outcomes[f"shop/{first}"].reason.word) == ("unchanged", "in_use")  # type: ignore[union-attr]
    assert "web2:443" in outcomes[f"shop/{first}"].message and outcomes[f"shop/{second}"].state == "done"
    assert estate.key_there(first)


def test_what_is_expired_goes_without_being_revoked(estate: Estate) -> None:
    first = estate.ids()[0]
    estate.days(28)  # 30 days of life, issued 2 days before the third
    outcome = estate.clean(dates=Dates([]))[f"shop/{first}"]
    assert outcome.state == "done" and "expired" in outcome.message and outcome.after["revoked"] == ""
    assert not (estate.folder / "ca" / "revoked.jsonl").exists()


def test_without_a_date_it_stays_until_it_expires(estate: Estate) -> None:
    estate.days(10)
    outcomes = estate.clean(dates=Dates([]))
    assert {one.reason.word for one in outcomes.values() if one.reason} == {"undated"} and facts_of(outcomes)["next"]


def test_the_wanted_and_the_current_version_have_no_verdict(estate: Estate) -> None:
    first, second, _third = estate.ids()
    estate.days(20)
    assert set(estate.clean(Tidied("shop", frozenset({first})))) == {f"shop/{second}"}


def test_a_compromised_key_is_revoked_as_such(estate: Estate) -> None:
    first = estate.store().versions("shop")[0]
    estate.days(20)
    estate.clean(Tidied("shop", compromised=frozenset({first.sha256})))
    assert estate.revoked()[estate.serial(first.version)] == "keyCompromise"


def test_pending_and_rejected_leftovers(estate: Estate) -> None:
    store = estate.store()
    lease = store.begin("shop", store.current("shop"))
    assert isinstance(lease, Lease)
    third = store.load("shop")
    assert third is not None
    new = store.new_version("shop")
    store.save(lease, type(third)("shop", new, "pending", third.spki_sha256, key=store.key(KeyRef("", "shop", third.version, ""))))
    store.flush()
    store.end(lease)
    estate.days(40)
    outcomes = estate.clean()
    assert outcomes[f"shop/{new}"].reason.word == "waiting" and estate.key_there(new)  # type: ignore[union-attr]


def test_an_issuer_that_cannot_revoke_is_said_and_one_that_fails_keeps_the_key(estate: Estate) -> None:
    class Broken:
        def __init__(self, error: str) -> None:
            self.error = error

        def identity(self) -> str:
            return estate.ca.identity()

        def begin(self, request: Any) -> Any:
            raise AssertionError

        resume = begin

        def revoke(self, certificate_pem: str, reason: str) -> None:
            raise ClmError(self.error)

    first, second, _third = estate.ids()
    estate.days(20)
    down = estate.clean(revokers=Revokers([Broken("the CA is down")]))
    assert {one.state for one in down.values()} == {"failed"} and "the CA is down" in down[f"shop/{first}"].message
    assert estate.key_there(first) and estate.states() == ["issued"] * 3
    alone = estate.clean(revokers=Revokers([]))
    assert alone[f"shop/{second}"].state == "done" and "not revoked" in alone[f"shop/{second}"].message


def test_a_ledger_that_cannot_be_written_stops_it_before_anything(estate: Estate) -> None:
    class Full:
        def append(self, events: Any) -> None:
            raise ClmError("the disk is full")

    estate.days(20)
    outcomes = estate.clean(ledger=Full())
    assert {one.state for one in outcomes.values()} == {"failed"} and "nothing was dropped" in next(iter(outcomes.values())).message
    assert estate.states() == ["issued"] * 3 and not (estate.folder / "ca" / "revoked.jsonl").exists()


def test_check_mode_is_the_plan_and_writes_nothing(estate: Estate) -> None:
    estate.days(20)
    before = {str(path): path.read_bytes() for path in estate.folder.rglob("*") if path.is_file() and "ledger" not in str(path)}
    planned = estate.clean(check_mode=True)
    assert {one.state for one in planned.values()} == {"planned"} and len(planned) == 2
    assert {one.after["state"] for one in planned.values()} == {"dropped"}
    assert {str(path): path.read_bytes() for path in estate.folder.rglob("*") if path.is_file() and "ledger" not in str(path)} == before


def test_one_that_is_busy_loses_no_neighbour(estate: Estate) -> None:
    estate.renew(2, "api")
    estate.days(20)
    other = estate.store()
    lease = other.begin("shop", other.current("shop"))
    outcomes = estate.clean(Tidied("shop"), Tidied("api"))
    states = {item.split("/")[0]: one.state for item, one in outcomes.items()}
    assert states == {"shop": "failed", "api": "done"} and isinstance(lease, Lease)


def test_one_that_is_busy_is_waited_for_and_what_changed_meanwhile_is_not_dropped(estate: Estate) -> None:
    estate.renew(2, "api")
    estate.days(20)
    other = estate.store()
    leases = [other.begin(name, other.current(name)) for name in ("api", "shop")]

    def pause(seconds: float, why: str) -> None:
        lease = leases.pop(0)
        assert isinstance(lease, Lease)
        if lease.lineage == "api":  # somebody marks the version that was to go
            old = other.versions("api")[0]
            other.save(lease, replace(old, state="proven"))
        other.end(lease)
        other.flush()

    outcomes = estate.clean(Tidied("shop"), Tidied("api"), pause=pause)
    states = {item.split("/")[0]: one.state for item, one in outcomes.items()}
    assert states == {"shop": "done", "api": "failed"} and leases == []
    assert any("since it was judged" in one.message for one in outcomes.values()) and estate.states("api") == ["proven", "issued"]


def test_less_than_a_week_is_refused(estate: Estate) -> None:
    with pytest.raises(ConfigError, match="7 days"):
        estate.clean(retention=timedelta(days=6))


def test_the_current_version_is_never_dropped_by_the_store(estate: Estate) -> None:
    store = estate.store()
    current = store.load("shop")
    assert current is not None
    lease = store.begin("shop", current.version)
    assert isinstance(lease, Lease)
    for state in ("dropped", "proven"):
        with pytest.raises(ConfigError):
            store.drop(lease, type(current)("shop", current.version, state))
    assert estate.key_there(current.version)


def test_killed_at_every_step(tmp_path: Path) -> None:
    """Wherever it was killed: nothing is damaged, no key of a good version is gone, and the next run ends it."""
    steps: List[str] = []
    while True:
        folder = tmp_path / str(len(steps))
        folder.mkdir()
        estate = Estate(folder)
        estate.renew(2)
        old, new = estate.ids()
        estate.days(20)

        def work(step: Callable[[str], None], estate: Estate = estate) -> None:
            estate.clean(store=estate.store(step=step))

        name = killed_at(len(steps) + 1, work)
        estate.days(0.01)  # the lease of the dead one ends by time
        assert not [one for one in estate.store().versions("shop") if one.meta.get("malformed")], name
        assert estate.key_there(new) and estate.store().current("shop") == new, name
        again = estate.clean()
        assert all(one.state == "done" for one in again.values()) and not estate.store().holds_key("shop", old), name
        assert estate.states() == ["dropped", "issued"] and estate.clean() == {}, name
        assert not list((folder / "store").rglob(".*")), name
        if not name:
            break
        steps.append(name)
    assert {"drop: record", "drop: rename", "drop: unlink", "drop: sync"} <= set(steps)
