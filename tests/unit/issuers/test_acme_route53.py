# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-01 by Route 53: the lab's emulator (tier B), whose zones a name server on loopback answers for, and a real Pebble that asks it."""

from __future__ import annotations

import os
from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils.challenges import _index, _route53_changes
from ansible_collections.certops.clm.plugins.module_utils.challenges.dns_01_route53 import OPTIONS, Route53
from ansible_collections.certops.clm.plugins.module_utils.contracts import Challenge, Challenger
from ansible_collections.certops.clm.plugins.module_utils.nested import options_of
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.lab.route53 import serving
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, wanted

OWN, OTHER = '"somebody else\'s"', '"one more of somebody else"'


@pytest.fixture
def names(server):
    server.reset()
    with mock.patch.dict(os.environ, server.environment), serving(server) as running:
        yield running


def challenger(names, sleep=lambda _seconds: None, **more):
    _kind, options = options_of(_index, names.challenge(**more), "issuer.challenge")
    made = Route53(options, sleep)
    assert isinstance(made, Challenger) and set(options) == set(OPTIONS)
    return made


def challenges(*given):
    return [Challenge(name, f"token{number}", f"token{number}.thumbprint") for number, name in enumerate(given)]


def test_wildcards_and_delegated_names_of_many_zones_and_nothing_stays_behind(names, tmp_path):
    zones = {name: names.zone(name) for name in ("lab.example", "deep.lab.example", "delegated.example", "acme.example")}
    names.zone("private.example", private=True)
    for name in ("", ".www"):
        names.put(zones["delegated.example"], f"_acme-challenge{name}.delegated.example", "CNAME", "here.acme.example")
    names.put(zones["lab.example"], "_acme-challenge.lab.example", "TXT", OWN)
    names.put(zones["lab.example"], "www.lab.example", "A", "192.0.2.1")
    before = names.records()
    with pebble(tmp_path / "pebble", dns=names.address) as ca:
        world = AcmeWorld(tmp_path, ca, challenge=names.challenge())
        wild = ("lab.example", "*.lab.example", "*.b.deep.lab.example", "www.delegated.example", "delegated.example")
        outcomes = world.run(wanted("wild", *wild), wanted("lost", "in.private.example", "lab.example"), wanted("fine", "fine.lab.example"))
    assert outcomes["wild"].state == outcomes["fine"].state == "done", outcomes
    assert sorted(outcomes["wild"].after["names"]) == sorted(wild)
    lost = outcomes["lost"]
    assert lost.state == "failed" and "_acme-challenge.in.private.example. is in no public hosted zone" in lost.message
    assert names.records() == before, "no other record was touched, and nothing of ours is left"
    names.hidden.add("lab.example.")
    with pebble(tmp_path / "pebble", dns=names.address) as ca:
        late = AcmeWorld(tmp_path, ca, challenge=names.challenge(propagation_timeout=1)).run(wanted("late", "late.lab.example"))["late"]
    assert late.state == "failed" and f"hosted zone {zones['lab.example']}" in late.message and "127.0.0.1" in late.message
    assert names.records() == before


def test_values_of_others_stay_whatever_they_do_meanwhile(names):
    zone = names.zone("lab.example")
    names.put(zone, "_acme-challenge.lab.example", "TXT", OWN, ttl=77)
    asked, one = challenges("lab.example", "lab.example", "new.lab.example"), challenger(names)
    assert one.publish(asked) == [None, None, None]
    there = names.records()
    assert len(there["_acme-challenge.lab.example. TXT"]) == 3 and len(there["_acme-challenge.new.lab.example. TXT"]) == 1
    for name in ("lab.example", "new.lab.example"):
        values = there[f"_acme-challenge.{name}. TXT"]
        names.put(zone, f"_acme-challenge.{name}", "TXT", *values, OTHER, ttl=88)
    assert one.withdraw(asked) == [None, None, None] and one.withdraw(asked) == [None, None, None]
    kept = {"_acme-challenge.lab.example. TXT": [OWN, OTHER], "_acme-challenge.new.lab.example. TXT": [OTHER]}
    assert names.records() == kept
    assert one.publish(asked[:1]) == [None] and challenger(names).publish(asked[:1]) == [None], "a killed run left it there"
    assert one.withdraw(asked[:1]) == [None] and names.records() == kept


def test_two_that_write_at_the_same_time_lose_no_value(names):
    """The other one writes between what we read and what we send, again and again."""
    zone = names.zone("lab.example")
    names.put(zone, "_acme-challenge.lab.example", "TXT", OWN)
    one, rounds = challenger(names), []
    read = _route53_changes.Changes._read

    def raced(self, name):
        found = read(self, name)
        if len(rounds) < 3:
            rounds.append(f'"round {len(rounds)}"')
            names.put(zone, name, "TXT", OWN, *rounds)
        return found

    with mock.patch.object(_route53_changes.Changes, "_read", raced):
        assert one.publish(challenges("lab.example")) == [None]
    values = names.records()["_acme-challenge.lab.example. TXT"]
    assert len(rounds) == 3 and set(values) > {OWN, *rounds} and len(values) == 5
    rounds.clear()
    with mock.patch.object(_route53_changes.Changes, "_read", raced), mock.patch.object(_route53_changes, "TRIES", 2):
        (problem,) = one.publish(challenges("lab.example")[:1])
    assert problem is not None and "somebody else keeps changing" in problem.message


def test_many_names_are_few_calls_and_a_third_of_them_throttled_changes_nothing(names, server):
    zone = names.zone("lab.example")
    asked, one = challenges(*(f"n{number}.lab.example" for number in range(150))), challenger(names, authoritative_port=9)
    server.forget_calls()
    assert one.publish(asked) == [None] * 150 and len(names.records()) == 150
    calls = {name.replace(zone, "ZONE"): count for name, count in server.calls().items() if "POST" in name}
    assert calls == {"route53:POST /2013-04-01/hostedzone/ZONE/rrset/": 2}, "150 names, two batches"
    server.faults({"match": "route53:*", "share": 0.3, "code": "Throttling"})
    assert one.withdraw(asked) == [None] * 150
    server.faults()
    assert names.records() == {}
    server.faults({"match": "route53:POST.*", "share": 1, "code": "InvalidInput"})
    problems = one.publish(asked[:2])
    assert all(problem is not None and "InvalidInput" in problem.message and zone in problem.message for problem in problems)


def test_what_cannot_be_done_says_what_to_do(names, server):
    one = names.zone("lab.example")
    two = names._client.create_hosted_zone(Name="lab.example", CallerReference="again")["HostedZone"]["Id"].rpartition("/")[2]
    (problem,) = challenger(names).publish(challenges("lab.example"))
    assert problem is not None and one in problem.message and two in problem.message and "hosted_zone_id" in problem.field
    assert challenger(names, hosted_zone_id=one, authoritative_port=9).publish(challenges("lab.example")) == [None]
    names._client.delete_hosted_zone(Id=two)
    names.put(one, "_acme-challenge.alias.lab.example", "CNAME", "_acme-challenge.alias.lab.example")
    (problem,) = challenger(names, hosted_zone_id=one).publish(challenges("alias.lab.example"))
    assert problem is not None and "lead on" in problem.message
    (problem,) = challenger(names, hosted_zone_id=one).publish(challenges("a..b"))
    assert problem is not None and "no name of the DNS" in problem.message
    server.faults({"match": ".*GET /2013-04-01/change.*", "share": 1, "code": "AccessDenied"})
    (problem,) = challenger(names, hosted_zone_id=one).publish(challenges("denied.lab.example"))
    assert problem is not None and "route53:GetChange" in problem.hint
    server.faults({"match": "route53:*", "share": 1, "code": "AccessDenied"})
    (problem,) = challenger(names).publish(challenges("denied.lab.example"))
    assert problem is not None and "route53:ListHostedZones" in problem.hint


def test_a_change_that_never_ends_is_named_in_time(names):
    names.zone("lab.example")
    one = challenger(names, propagation_timeout=0)
    (problem,) = one.publish(challenges("lab.example"))
    assert problem is not None and "has not spread _acme-challenge.lab.example. after 0 seconds (change C" in problem.message
    assert one.withdraw(challenges("lab.example")) == [None] and names.records() == {}
