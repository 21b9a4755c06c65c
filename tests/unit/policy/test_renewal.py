# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One renewal decision: the word, the window, and that ten thousand certificates do not fall due together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Tuple

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.policy.renewal import next_due, reason_to_renew, renewal_window
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.unit.x509.make import DAY, NOW, make, tree

LEAF, ABOVE, ROOT = tree()
CURRENT = LEAF.certificate
FREE = Policy.load([])


WEB = Profile("web")


@dataclass(frozen=True)
class Wanted:
    lineage: str = "shop"
    names: Tuple[str, ...] = ("a.example.com",)
    profile: Profile = WEB


def word(wanted=Wanted(), current=CURRENT, *, now=NOW, policy=FREE, **more):
    reason = reason_to_renew(wanted, current, policy=policy, now=now, **more)
    assert reason is None or (reason.sentence and "\n" not in reason.sentence)
    return reason.word if reason else None


def test_a_good_certificate_has_no_reason():
    assert word() is None
    assert word(now=NOW - DAY - timedelta(minutes=14)) is None, "clocks differ a little"
    assert word(issuer_identity="x", current_issuer="x", spki_sha256=CURRENT.spki_sha256) is None


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("missing", {"current": None}),
        ("missing", {"current": Certificate.parse(b"x")}),
        ("missing", {"now": NOW - DAY - timedelta(minutes=16)}),  # it was made by a clock that was wrong
        ("compromised", {"compromised": True, "revoked": True}),
        ("revoked", {"revoked": True, "forced": "because"}),
        ("forced", {"forced": "drill"}),
        ("expiring", {"now": NOW + 80 * DAY}),
        ("expiring", {"now": NOW + 200 * DAY}),
        ("ari_window", {"ari_window": (NOW - DAY, NOW - DAY / 2)}),
        ("names_changed", {"wanted": Wanted(names=("a.example.com", "b.example.com"))}),
        ("names_changed", {"wanted": Wanted(names=("b.example.com",))}),
        ("key_changed", {"wanted": Wanted(profile=Profile("web", key_type="rsa-2048"))}),
        ("key_changed", {"spki_sha256": "00" * 32}),
        ("issuer_changed", {"issuer_identity": "new", "current_issuer": "old"}),
        ("policy", {"policy": Policy.load(["private_mtls"])}),
        ("policy", {"wanted": Wanted(profile=Profile("web", usages=("server_auth", "client_auth")))}),
    ],
)
def test_every_reason_has_its_word(expected, changes):
    assert word(**changes) == expected


def test_names_are_compared_as_a_set_without_case():
    made = make(None, ABOVE, names=[x509.DNSName("B.example.com"), x509.DNSName("a.example.com")]).certificate
    assert word(Wanted(names=("a.example.com", "b.example.com")), made) is None


def test_ari_is_followed_within_reason():
    later = (NOW + 70 * DAY, NOW + 80 * DAY)
    end = renewal_window(CURRENT.not_before, CURRENT.not_after, "shop").end
    assert word(ari_window=later, now=end - DAY / 100) is None  # our own window is open, the CA's is not
    assert word(ari_window=later, now=end) == "expiring"  # the backstop: a third of the life is left
    assert word(ari_window=(NOW, NOW - DAY)) is None and word(ari_window=(NOW, NOW)) is None  # no answer
    ours = next_due(CURRENT, "shop")
    assert word(ari_window=(NOW, NOW - DAY), now=ours) == "expiring"


@pytest.mark.parametrize(
    ("life", "left"), [(90 * DAY, 30 * DAY), (12 * DAY, 4 * DAY), (8 * DAY, 4 * DAY), (timedelta(minutes=40), timedelta(minutes=20))]
)
def test_a_third_of_the_life_is_left_and_half_below_ten_days(life, left):
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    window = renewal_window(start, start + life - timedelta(seconds=1), "shop")
    assert start + life - window.end == left and window.start < window.moment < window.end
    assert window.end - window.start == life / 20


@given(st.text(max_size=60), st.integers(1, 10**9), st.integers(0, 10**9))
def test_the_moment_is_inside_its_window_and_after_the_start_of_life(lineage, seconds, before):
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    window = renewal_window(start, start + timedelta(seconds=seconds - 1), lineage, before)
    assert start <= window.start + timedelta(seconds=1) and window.start <= window.moment <= window.end
    assert window.end <= start + timedelta(seconds=seconds)
    assert window == renewal_window(start, start + timedelta(seconds=seconds - 1), lineage, before)


def test_ten_thousand_certificates_of_one_minute_are_spread():
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    moments = [renewal_window(start, start + 47 * DAY, f"lineage-{number}").moment for number in range(10_000)]
    hours = Counter(moment.replace(minute=0, second=0) for moment in moments)
    assert max(moments) - min(moments) > 2 * DAY and max(hours.values()) < 300
    assert max(Counter(moment.replace(second=0) for moment in moments).values()) < 20


def test_renew_before_is_heard_but_never_makes_a_fresh_certificate_due():
    assert word(policy=Policy.load([], {"renew_before": "60d"}), now=NOW + 35 * DAY) == "expiring"
    assert word(policy=Policy.load([], {"renew_before": "400d"})) is None
    assert next_due(CURRENT, "shop", Policy.load([], {"renew_before": "60d"})) < next_due(CURRENT, "shop")


def test_what_is_due_is_what_next_due_said():
    moment = next_due(CURRENT, "shop")
    assert word(now=moment - timedelta(seconds=1)) is None and word(now=moment) == "expiring"
    assert next_due(Certificate.parse(b"x"), "shop") is None


@pytest.mark.parametrize("window", [(NOW + DAY, NOW + 2 * DAY), (NOW + 70 * DAY, NOW + 80 * DAY), (NOW + 2 * DAY, NOW + DAY)])
def test_with_an_answer_of_the_ca_next_due_is_the_earlier_instant(window):
    moment = next_due(CURRENT, "shop", ari_window=window)
    assert word(now=moment - timedelta(seconds=1), ari_window=window) is None and word(now=moment, ari_window=window) is not None
    inside = window[0] <= moment <= window[1]
    assert inside is (window[0] == NOW + DAY), "the CA's where it is earlier, else our own"


def test_a_new_certificate_of_the_profile_is_never_due_at_once():
    for lifetime in (3600, 9 * 86_400, 47 * 86_400, 200 * 86_400):
        profile = replace(Profile("web", policies=("cabf",)), lifetime=lifetime)
        start, end = profile.validity(NOW)
        fresh = make(None, ABOVE, names=[x509.DNSName("a.example.com")], start=start, end=end).certificate
        assert word(Wanted(profile=profile), fresh, policy=Policy.load(["cabf"])) is None
