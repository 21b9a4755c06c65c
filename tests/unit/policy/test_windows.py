# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows and freezes against a clock that is read minute by minute, around changes of the clock in odd zones."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.policy.windows import Calendar, Days, Freeze, Rule, Window, ever_opens

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
# zone and a day on which its clock is changed: by an hour at night, at midnight, by half an hour, and twice a year in Ramadan
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("Africa/Cairo", date(2026, 10, 30)),
    ("America/Santiago", date(2026, 9, 6)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Asia/Kathmandu", date(2026, 5, 1)),
    ("UTC", date(2026, 12, 31)),
]


def at(*when, zone=timezone.utc):
    return datetime(*when, tzinfo=zone).astimezone(timezone.utc)


def wall(moment, zone):
    return moment.astimezone(zone).replace(tzinfo=None)


def shown_open(rule, moment):
    """The brute force: what does the clock on the wall say, and does a stretch of the rule hold that time?"""
    now = wall(moment, rule.zone)
    for day in (now.date() - DAY, now.date()):
        if (rule.weekdays and day.weekday() not in rule.weekdays) or (rule.months and day.month not in rule.months):
            continue
        if rule.days and not any(shown_day(days, day) for days in rule.days):
            continue
        midnight = datetime(day.year, day.month, day.day)
        length = rule.end - rule.start if rule.end > rule.start else rule.end - rule.start + 24 * 60
        first = midnight + rule.start * MINUTE
        if first <= now < first + length * MINUTE:
            return True
    return False


def shown_day(days, day):
    if isinstance(days.first, date):
        return days.first <= day <= days.last
    text, first, last = f"{day:%m-%d}", "{:02d}-{:02d}".format(*days.first), "{:02d}-{:02d}".format(*days.last)
    return first <= text <= last if first <= last else text >= first or text <= last


minutes = st.integers(0, 24 * 60 - 1)
some_days = st.lists(
    st.tuples(st.integers(-2, 3), st.integers(0, 2), st.booleans()), max_size=2
)  # from the change on, how many, every year?


@st.composite
def rules(draw):
    """A rule, and a moment within two days of a change of the clock of its zone."""
    name, change = draw(st.sampled_from(CHANGES))
    days = []
    for offset, more, yearly in draw(some_days):
        first, last = change + offset * DAY, change + (offset + more) * DAY
        days.append(Days((first.month, first.day), (last.month, last.day)) if yearly else Days(first, last))
    start, end = draw(st.tuples(minutes, st.integers(0, 24 * 60)).filter(lambda pair: pair[0] != pair[1]))
    near = draw(st.sampled_from([0, 60, 90, 120, 150, 180, 1439]))
    if draw(st.booleans()):
        start = near if near != end else near + 1
    weekdays, months = draw(st.frozensets(st.integers(0, 6), max_size=4)), draw(st.sampled_from([frozenset(), {change.month}]))
    rule = Rule(ZoneInfo(name), start, end, weekdays, months, tuple(days))
    moment = datetime(change.year, change.month, change.day, tzinfo=timezone.utc) + draw(st.integers(-2880, 1440)) * MINUTE
    return rule, moment


@settings(max_examples=150, deadline=None)
@given(rules())
def test_a_rule_is_open_when_the_wall_clock_says_so_and_its_next_opening_is_the_first(drawn):
    rule, moment = drawn
    first = next((moment + count * MINUTE for count in range(4 * 1440) if shown_open(rule, moment + count * MINUTE)), None)
    assert rule.open_at(moment) == shown_open(rule, moment)
    found = rule.next_open(moment)
    if first is not None:
        assert found == first
    else:
        assert found is None or found >= moment + 4 * DAY


@st.composite
def freezes(draw):
    name, change = draw(st.sampled_from(CHANGES))
    kind = draw(st.sampled_from(["moments", "days", "yearly"]))
    first, last = change + draw(st.integers(-1, 1)) * DAY, change + draw(st.integers(1, 2)) * DAY
    if kind == "moments":
        begin = datetime(first.year, first.month, first.day) + draw(minutes) * MINUTE
        end = datetime(change.year, change.month, change.day) + draw(st.one_of(st.sampled_from([0, 90, 120, 150]), minutes)) * MINUTE
        first, last = min(begin, end), max(begin, end) + MINUTE
    elif kind == "yearly":
        first, last = (first.month, first.day), (last.month, last.day)
    moment = datetime(change.year, change.month, change.day, tzinfo=timezone.utc) + draw(st.integers(-2880, 2880)) * MINUTE
    return Freeze("it", ZoneInfo(name), first, last), moment, kind


def inside(freeze, moment, kind):
    """Whether the wall clock shows a time within the freeze."""
    now = wall(moment, freeze.zone)
    if kind == "moments":
        return freeze.first <= now < freeze.last
    return shown_day(Days(freeze.first, freeze.last), now.date())


@settings(max_examples=150, deadline=None)
@given(freezes())
def test_a_freeze_holds_from_the_first_to_the_last_minute_that_is_within_it(drawn):
    freeze, moment, kind = drawn
    around = range(-7 * 1440, 7 * 1440)
    shown = [count for count in around if inside(freeze, moment + count * MINUTE, kind)]
    holds = bool(shown) and shown[0] <= 0 <= shown[-1]
    until = freeze.until(moment)
    assert (until is not None) == holds
    if until is not None:
        assert until == moment + (shown[-1] + 1) * MINUTE


@settings(max_examples=100, deadline=None)
@given(rules(), st.lists(st.tuples(st.integers(-2000, 2000), st.integers(1, 3000)), max_size=3))
def test_the_next_opening_is_within_the_window_and_outside_of_every_freeze(drawn, stretches):
    rule, moment = drawn
    spans = [(moment + begin * MINUTE, moment + (begin + length) * MINUTE) for begin, length in stretches]
    frozen = tuple(Freeze(str(number), timezone.utc, wall(a, timezone.utc), wall(b, timezone.utc)) for number, (a, b) in enumerate(spans))
    calendar = Calendar(Window("w", (rule,)), frozen)

    def may(when):
        return shown_open(rule, when) and not any(begin <= when < end for begin, end in spans)

    answer = calendar.open_at(moment)
    assert answer.open == may(moment) and bool(answer.why) != answer.open
    first = next((moment + count * MINUTE for count in range(4 * 1440) if may(moment + count * MINUTE)), None)
    if not answer.open and first is not None:
        assert answer.opens == first


@pytest.mark.parametrize(
    ("start", "end", "now", "opens"),
    [
        (22 * 60, 4 * 60, at(2026, 11, 23, 12, 0), at(2026, 11, 23, 22, 0, zone=BERLIN)),
        (135, 210, at(2026, 3, 29, 0, 0), at(2026, 3, 29, 1, 0)),  # 02:15 is never shown: it opens when the clock jumps to 03:00
        (120, 150, at(2026, 3, 29, 0, 59), at(2026, 3, 30, 2, 0, zone=BERLIN)),  # nothing of it is shown: not on this day
        (150, 170, at(2026, 10, 25, 0, 55), at(2026, 10, 25, 1, 30)),  # 02:30 comes twice
    ],
)
def test_an_opening_is_exact_across_a_change_of_the_clock(start, end, now, opens):
    assert Calendar(Window("nights", (Rule(BERLIN, start, end),))).open_at(now).opens == opens


def test_it_says_what_closes_it():
    nights = Window("nights", (Rule(BERLIN, 22 * 60, 4 * 60),))
    holidays = Freeze("year-end", BERLIN, (12, 20), (1, 3))
    answer = Calendar(nights, (holidays,)).open_at(at(2026, 12, 24, 12, 0))
    assert answer.why == "the change window nights is closed and the freeze year-end holds until 2027-01-03T23:00:00Z"
    assert answer.opens == at(2027, 1, 3, 23, 0), "the night of the third goes on until four"
    assert Calendar(nights, (holidays,)).open_at(at(2027, 1, 3, 23, 0)).open


def test_a_day_before_the_29th_of_february_ends_in_every_year():
    freeze = Freeze("leap", timezone.utc, (2, 27), (2, 29))
    assert freeze.until(at(2027, 2, 28)) == at(2027, 3, 1) and freeze.until(at(2028, 2, 29)) == at(2028, 3, 1)
    assert Freeze("leap", timezone.utc, (2, 29), (3, 1)).until(at(2027, 2, 28)) is None


@pytest.mark.parametrize(
    ("rule", "opens"),
    [
        (Rule(BERLIN, 120, 180, days=(Days((3, 29), (3, 29)),), weekdays=frozenset([6])), False),  # the hour that is left out
        (Rule(BERLIN, 120, 181, days=(Days((3, 29), (3, 29)),), weekdays=frozenset([6])), True),
        (Rule(BERLIN, months=frozenset([2]), days=(Days((3, 1), (3, 31)),)), False),
        (Rule(BERLIN, weekdays=frozenset([0]), days=(Days(date(2026, 11, 24), date(2026, 11, 29)),)), False),
        (Rule(BERLIN, weekdays=frozenset([0]), days=(Days(date(2010, 11, 22), date(2010, 11, 22)),)), True),  # long ago, but it did
        (Rule(BERLIN, weekdays=frozenset([0]), days=(Days((2, 29), (2, 29)),)), True),
    ],
)
def test_what_can_never_open_is_known_beforehand(rule, opens):
    assert ever_opens(Calendar(Window("w", (rule,)))) is opens


def test_a_window_whose_dates_are_over_has_no_next_opening():
    once = Window("once", (Rule(timezone.utc, days=(Days(date(2026, 1, 1), date(2026, 1, 2)),)),))
    answer = Calendar(once).open_at(at(2026, 11, 23))
    assert (answer.open, answer.why, answer.opens) == (False, "the change window once is closed", None)
    assert Calendar().open_at(at(2026, 11, 23)).open


@pytest.mark.parametrize(
    ("first", "last", "begins", "ends"),
    [
        ((2026, 10, 24, 6, 0), (2026, 10, 25, 2, 30), at(2026, 10, 24, 4), at(2026, 10, 25, 1, 30)),  # the second 02:30
        ((2026, 10, 25, 2, 30), (2026, 10, 25, 6, 0), at(2026, 10, 25, 0, 30), at(2026, 10, 25, 5)),  # the first 02:30
        ((2026, 3, 28, 6, 0), (2026, 3, 29, 2, 30), at(2026, 3, 28, 5), at(2026, 3, 29, 1)),  # when 02:30 is left out
        ((2026, 3, 29, 2, 30), (2026, 3, 29, 6, 0), at(2026, 3, 29, 1), at(2026, 3, 29, 4)),
    ],
)
def test_a_freeze_whose_ends_are_doubled_or_left_out(first, last, begins, ends):
    freeze, second = Freeze("it", BERLIN, datetime(*first), datetime(*last)), timedelta(seconds=1)
    assert freeze.until(begins - second) is None and freeze.until(begins) == ends == freeze.until(ends - second)
    assert freeze.until(ends) is None


def test_a_freeze_over_new_year_holds_on_both_sides_of_it():
    freeze = Freeze("year-end", BERLIN, (12, 20), (1, 3))
    ends = at(2027, 1, 4, 0, 0, zone=BERLIN)
    assert [freeze.until(at(*day)) for day in ((2026, 12, 31), (2027, 1, 1), (2027, 1, 2))] == [ends] * 3
    assert freeze.until(ends) is None and freeze.until(at(2026, 12, 19, 22, 59)) is None
