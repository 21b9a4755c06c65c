# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the fault matrix see what they are there for: each is shown something broken."""

from __future__ import annotations

import datetime
import hashlib
import json
from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.certops.clm.tests.faults import cell, gate, invariants, told
from ansible_collections.certops.clm.tests.faults.faults import FAULTS
from ansible_collections.certops.clm.tests.faults.invariants import Estate, Look
from ansible_collections.certops.clm.tests.lab.ca import TestCA
from ansible_collections.certops.clm.tests.lab.playbook import Run

NOW = datetime.datetime.now(datetime.timezone.utc)
STORE = "/x/store/lineages/api/versions"
TRACE = [
    f"open {STORE}/.new-000002-aa/key.pem", f"fsync {STORE}/.new-000002-aa/key.pem", f"rename {STORE}/000002-aa", f"fsync {STORE}",
    "fsync /x/ledger/vm.jsonl", "fsync /x/ca/issued.jsonl",
]  # fmt: skip


@pytest.fixture(scope="module")
def authority():
    return TestCA()


@pytest.fixture
def made(tmp_path, authority):
    """An estate of one version, and its certificate."""
    issued = authority.issue(["api.lab.example"])
    version = tmp_path / "store" / "lineages" / "api" / "versions" / "000001-aa"
    version.mkdir(parents=True)
    (tmp_path / "ca").mkdir()
    (version / "key.pem").write_text(issued.key_pem)
    (version / "key.pem").chmod(0o600)
    (version / "chain.pem").write_text(issued.fullchain)
    (version / "version.json").write_text("{}")
    entry = {"request_id": "api/1", "certificate": b64encode(issued.leaf.public_bytes(Encoding.DER)).decode()}
    (tmp_path / "ca" / "issued.jsonl").write_text(json.dumps(entry) + '\n{"request_id": "api/2", "cert')
    folders = [tmp_path / name for name in ("store", "ledger", "ca")]
    estate = Estate(*folders, version / "chain.pem", version / "key.pem", tmp_path / "state",
                    "127.0.0.1", 1, "api.lab.example", authority.root_pem, "api")  # fmt: skip
    return estate, issued


def chained(*events):
    lines, previous = [], "0" * 64
    for number, event in enumerate(events, 1):
        lines.append(json.dumps({**event, "seq": number, "prev": previous}).encode())
        previous = hashlib.sha256(lines[-1]).hexdigest()
    return b"".join(line + b"\n" for line in lines)


def seen(estate, **more):
    found = invariants.look(estate)
    return Look(**{**found.__dict__, "handshake": "", "served": "a", **more})


def test_a_whole_estate_breaks_nothing(made):
    estate, issued = made
    log = chained({"action": "intent", "request_id": "api/1"}, {"action": "outcome", "sha256": issued.sha256})
    look = seen(estate, chains={"vm.jsonl": log})
    assert not invariants.i1(estate, look, TRACE) + invariants.i3(estate, issued.sha256, NOW) + invariants.i4(look)
    assert not invariants.i6(look, look) + invariants.i2({"in the end": look}, ["a"], ["a"], [])


def test_a_key_that_is_gone_or_open_or_late_is_seen(made):
    estate, _issued = made
    look = seen(estate)
    estate.key.chmod(0o640)
    assert "not private" in invariants.i1(estate, look, [])[0]
    estate.key.unlink()
    assert "its key is nowhere" in invariants.i1(estate, look, [])[0]


@pytest.mark.parametrize("missing, word", [(1, "key"), (3, "key"), (4, "intent")])
def test_what_was_not_synced_before_the_ca_was_asked_is_seen(missing, word):
    assert invariants.order(TRACE) == []
    (said,) = invariants.order([*TRACE[:missing], *TRACE[missing + 1 :]])
    assert word in said


def test_many_at_once_are_judged_one_by_one():
    others = [line.replace("lineages/api", "lineages/blog") for line in TRACE[:4]]
    mixed = [line for pair in zip(TRACE[:4], others) for line in pair]
    assert invariants.order([*mixed, *TRACE[4:]]) == []
    at_once = [line for line in mixed if not line.startswith("fsync") or line.endswith("versions")]
    assert "key" in invariants.order([*at_once, *TRACE[4:]])[0]
    assert invariants.order([*at_once[:2], "syncfs /x/store", *at_once[2:], *TRACE[4:]]) == []
    assert "key" in invariants.order([*mixed[:-1], *TRACE[4:]])[0]  # the second folder was not synced


def test_what_is_served_and_is_not_right_is_seen(made):
    estate, _issued = made
    look = seen(estate)
    for change in ({"handshake": "refused"}, {"served": "b"}, {"files": "no pair"}):
        assert invariants.i2({"in the end": Look(**{**look.__dict__, **change})}, ["a"], [], []), change
    assert invariants.i2({"in the end": look}, ["a"], ["a", "b"], []) and invariants.i2({"in the end": look}, ["a"], [], ["refused"])


def test_a_version_that_cannot_be_put_back_is_seen(made, authority):
    estate, issued = made
    assert "has expired" in invariants.i3(estate, issued.sha256, NOW + datetime.timedelta(days=400))[0]
    assert "not in the store" in invariants.i3(estate, "00", NOW)[0]
    estate.key.write_text(authority.issue(["x.example"]).key_pem)
    assert "cannot be put back" in invariants.i3(estate, issued.sha256, NOW)[0]
    assert invariants.pair(estate.certificate, estate.key) and invariants.pair(estate.certificate, estate.store / "none")


def test_a_certificate_without_a_record_is_seen(made):
    estate, _issued = made
    assert len(invariants.i4(seen(estate, chains={"vm.jsonl": b""}))) == 2


def ledger_of_two(*actions):
    """What two certificates b'1' and b'2' left, in that order."""
    one, two = (invariants.sha256(der) for der in (b"1", b"2"))
    known = {
        "first": {"action": "outcome", "request_id": "api/1", "sha256": one}, "rejected": {"action": "rejected", "sha256": one},
        "back": {"action": "outcome", "step": "promote", "sha256": "0", "before_sha256": one},
        "asked": {"action": "intent", "request_id": "api/2"}, "second": {"action": "outcome", "request_id": "api/2", "sha256": two},
    }  # fmt: skip
    lines = chained(*({**known[name], "time": f"2026-01-01T00:00:0{number}Z"} for number, name in enumerate(actions)))
    return Look("a", "", "", (("api/1", b"1"), ("api/2", b"2")), {"vm.jsonl": lines})


@pytest.mark.parametrize("actions", [
    ("first", "asked", "second"), ("first", "asked", "rejected", "second"), ("first", "asked", "second", "rejected"),
    ("first", "rejected", "second"), ("first", "asked", "back", "second"), (),
])  # fmt: skip
def test_a_second_certificate_of_a_lineage_whose_first_is_still_good_is_seen(actions):
    before = Look("a", "", "", (), {})
    for whole in ("rejected", "back"):
        assert invariants.once(before, ledger_of_two("first", whole, "asked", "second")) == []
    assert invariants.once(Look("a", "", "", (("api/1", b"1"),), {}), ledger_of_two(*actions)) == []
    (said,) = invariants.once(before, ledger_of_two(*actions))
    assert said.startswith("F22")


def test_a_changed_ledger_is_seen(made):
    estate, _issued = made
    whole = chained({"a": 1}, {"a": 2}, {"a": 3})
    look = seen(estate, chains={"vm.jsonl": whole})
    lines = whole.splitlines(keepends=True)
    for bad in (whole.replace(b'"a": 2', b'"a": 9'), lines[0] + lines[2], b"".join(lines[:2]), whole + b'{"torn'):
        assert invariants.i6(look, Look(**{**look.__dict__, "chains": {"vm.jsonl": bad}})), bad
    assert invariants.i6(look, Look(**{**look.__dict__, "chains": {}}))


def crl(serials):
    """A CRL of some CA; who signed it is not looked at."""
    made = x509.CertificateRevocationListBuilder().issuer_name(x509.Name([])).last_update(NOW).next_update(NOW + datetime.timedelta(days=1))
    for serial in serials:
        made = made.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW).build())
    return made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)


def test_a_revoked_certificate_that_is_served_is_seen(made):
    estate, issued = made
    (estate.ca / "intermediate.crl").write_bytes(crl([]))
    assert invariants.i5(estate, issued.sha256) == []
    (estate.ca / "intermediate.crl").write_bytes(crl([issued.leaf.serial_number]))
    assert invariants.i5(estate, issued.sha256) == ["I5: api/1 is served and revoked"]
    assert invariants.i5(estate, "00") == []


class OneWorld:
    """What `_converged` asks of a world."""

    def __init__(self, current):
        self.current = lambda: current


def after(served, issued=()):
    return Look(served, "", "", tuple(issued), {})


def run(code, changed=0, *events):
    return Run(code, "", {"web1": {"changed": changed}}, list(events))


RED = {"task": "Verdict", "status": "failed", "result": {"msg": "api on web1: failed at step prove, nothing was changed",
                                                         "outcome": {"step": "prove", "next_action": "look"}}}  # fmt: skip


@pytest.mark.parametrize("reruns, again, looks, current, word", [
    ([run(2, 1, RED)], run(0), {}, "new", "still red"),
    ([run(0, 1)], run(0, 1), {}, "new", "changed 1"),
    ([run(0, 1)], run(2, 0, RED), {}, "new", "ended with 2"),
    ([run(0, 1)], run(0), {"in the end": after("new", [("api/2", b"")])}, "new", "issued again"),
    ([run(0, 1)], run(0), {}, "old", "current is old"),
    ([run(0, 1)], run(0), {"before": after("new")}, "new", "current is new"),
])  # fmt: skip
def test_a_rerun_that_does_not_converge_is_seen(reruns, again, looks, current, word):
    seen_at = {"before": after("old"), "after rerun 1": after("new"), "in the end": after("new"), **looks}
    it = cell.Cell(OneWorld(current), "", FAULTS["kill before"], None, looks=seen_at)
    (said,) = cell._converged(it, reruns, again)
    assert said.startswith("I7") and word in said
    seen_at.update({"before": after("old"), "in the end": after("new")})
    whole = cell.Cell(OneWorld("new"), "", FAULTS["kill before"], None, looks=seen_at)
    assert cell._converged(whole, [run(0, 1)], run(0)) == []


@pytest.mark.parametrize("result, word", [
    ({}, "no red result"),
    ({"msg": "it failed"}, "does not say what failed"),
    ({"msg": "something somewhere did not go as it should have gone"}, "does not say what failed"),
    ({"msg": "api on web1: failed at step issue. KeyError in the step issue: 'Certificate'"}, "what Python said"),
    ({"msg": RED["result"]["msg"], "outcome": {"step": "prove"}}, "no next_action"),
    ({"msg": RED["result"]["msg"], "outcome": {"next_action": "look"}}, "no step"),
])  # fmt: skip
def test_a_message_that_helps_nobody_is_seen(result, word):
    events = [{**RED, "result": result}] if result else []
    said = told.told(run(2, 0, *events))["broken"][0]
    assert said.startswith("I8") and word in said
    assert told.told(run(2, 0, RED))["broken"] == []


def test_only_what_made_a_run_red_is_held_to_its_message():
    """Ansible's own text about a host that a task goes on without is no message of ours."""
    text = {"task": "Find certificates", "status": "unreachable", "result": {"msg": "Data could not be sent to remote host 127.0.0.3"}}
    assert told.told(run(2, 0, {**text, "ignored": True}, RED))["broken"] == []
    assert "does not say" in told.told(run(2, 0, {**text, "ignored": False}))["broken"][0]
    assert "no red result" in told.told(run(2, 0, {**text, "ignored": True}))["broken"][0]


@pytest.mark.parametrize("half", ["", "0 err", None])
def test_a_half_written_word_of_who_was_caught_is_not_read(tmp_path, half):
    it = gate.Gate(tmp_path / "gate", tmp_path / "trace")
    if half is not None:
        (it.place / "at").write_text(half)
    assert it.caught() is None
    (it.place / "at").write_text("0 errno\n")
    assert it.caught() == 0


def test_a_green_run_that_did_nothing_is_seen():
    proven = chained({"step": "prove", "sha256": "new"})
    done = Look("new", "", "", (), {"vm.jsonl": proven})
    assert told.green(run(0), done, after("old")) == []
    assert "still served" in told.green(run(0), done, after("new"))[0]
    assert "not recorded" in told.green(run(0), after("new"), after("old"))[0]
