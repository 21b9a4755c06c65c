# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a deployment may be changed: change windows and freezes, judged for one moment. Pure; the clock is an argument.

A window is open while the wall clock of its zone shows a time in it: what a change of the clock leaves out never is, what it
shows twice is twice. A freeze lasts from the first moment at which the wall clock has reached its beginning until the last at
which it has not reached its end. So both err on the side of waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import FrozenSet, Iterator, List, Optional, Tuple, Union

DAY_MINUTES = 24 * 60
AHEAD = 366 * 5  # days for which the next opening is looked for
CYCLE = 366 * 41  # days within which every date has met every weekday, also around a year such as 2100
EPOCH = datetime(2024, 1, 1, tzinfo=timezone.utc)
_DAY = timedelta(days=1)
_STEP = timedelta(hours=1)
_FURTHEST = timedelta(hours=26)  # no wall clock is further from UTC
MonthDay = Tuple[int, int]


@dataclass(frozen=True)
class Days:
    """Days from `first` to `last`, both within: dates, or month and day in every year, then also over New Year."""

    first: Union[date, MonthDay]
    last: Union[date, MonthDay]

    def has(self, day: date) -> bool:
        """Whether the day is one of them."""
        if isinstance(self.first, date) and isinstance(self.last, date):
            return self.first <= day <= self.last
        here, first, last = (day.month, day.day), self.first, self.last
        if first <= last:  # type: ignore[operator]
            return first <= here <= last  # type: ignore[operator]
        return here >= first or here <= last  # type: ignore[operator]


@dataclass(frozen=True)
class Rule:
    """On days that all it names allow, from minute `start` of the day until before minute `end`, on the next day when that is
    not later; empty weekdays (0 is Monday), months and days allow every one."""

    zone: tzinfo
    start: int = 0
    end: int = DAY_MINUTES
    weekdays: FrozenSet[int] = frozenset()
    months: FrozenSet[int] = frozenset()
    days: Tuple[Days, ...] = ()

    def begins_on(self, day: date) -> bool:
        """Whether it opens on this day of its zone."""
        return (
            (not self.weekdays or day.weekday() in self.weekdays)
            and (not self.months or day.month in self.months)
            and (not self.days or any(days.has(day) for days in self.days))
        )

    def open_at(self, now: datetime) -> bool:
        """Whether the wall clock shows a time in it."""
        wall = now.astimezone(self.zone)
        minute, today = wall.hour * 60 + wall.minute, wall.date()
        if self.end > self.start:
            return self.start <= minute < self.end and self.begins_on(today)
        return (minute >= self.start and self.begins_on(today)) or (minute < self.end and self.begins_on(today - _DAY))

    def next_open(self, now: datetime, ahead: int = AHEAD) -> Optional[datetime]:
        """The first moment from now on at which it is open; None when that is further than `ahead` days."""
        if self.open_at(now):
            return now
        today = now.astimezone(self.zone).date()
        for offset in range(-1, ahead):
            day = today + offset * _DAY
            if self.begins_on(day):
                opening = self._opening(day, now)
                if opening is not None:
                    return opening
        return None

    def _opening(self, day: date, now: datetime) -> Optional[datetime]:
        """The first moment after now at which the stretch that begins on the day is open: its beginning, also the second one
        of a doubled time, or a change of the clock into it."""
        midnight = datetime(day.year, day.month, day.day)
        first = midnight + timedelta(minutes=self.start)
        last = midnight + timedelta(minutes=self.end if self.end > self.start else self.end + DAY_MINUTES)
        moments = [*_readings(first, self.zone), *_changes(first, last, self.zone)]
        inside = [one for one in moments if one > now and first <= _wall(one, self.zone) < last]
        return min(inside, default=None)


@dataclass(frozen=True)
class Window:
    """Open while one of its rules is."""

    name: str
    rules: Tuple[Rule, ...]

    def open_at(self, now: datetime) -> bool:
        """Whether it is open."""
        return any(rule.open_at(now) for rule in self.rules)

    def next_open(self, now: datetime, ahead: int = AHEAD) -> Optional[datetime]:
        """The first moment from now on at which it is open, None when nobody lives to see it."""
        found = [rule.next_open(now, ahead) for rule in self.rules]
        return min((one for one in found if one is not None), default=None)


@dataclass(frozen=True)
class Freeze:
    """Nothing is changed from `first` until before `last`, as the wall clock of the zone shows them: moments, or days both
    within, of one year or of every year. Empty environments and services mean every one."""

    name: str
    zone: tzinfo
    first: Union[datetime, date, MonthDay]
    last: Union[datetime, date, MonthDay]
    environments: FrozenSet[str] = frozenset()
    services: FrozenSet[str] = frozenset()

    @property
    def yearly(self) -> bool:
        """Whether it comes back every year."""
        return isinstance(self.first, tuple)

    def meets(self, environment: str, service: str) -> bool:
        """Whether it is meant for a lineage with these labels."""
        return (not self.environments or environment.lower() in self.environments) and (not self.services or service in self.services)

    def until(self, now: datetime) -> Optional[datetime]:
        """When it ends if it holds now, else None."""
        ends = [end for begin, end in self._spans(now) if begin <= now < end]
        return max(ends, default=None)

    def _spans(self, now: datetime) -> Iterator[Tuple[datetime, datetime]]:
        for first, last in self._walls(now):
            yield _first_at(first, self.zone), _last_before(last, self.zone)

    def _walls(self, now: datetime) -> Iterator[Tuple[datetime, datetime]]:
        """From when until when, as the wall clock shows it: the years around now of one that comes back."""
        if isinstance(self.first, tuple) and isinstance(self.last, tuple):
            over_new_year = 1 if self.last < self.first else 0
            here = now.astimezone(self.zone).year
            for year in (here - 1, here, here + 1):
                yield _midnight(year, self.first), _midnight(year + over_new_year, self.last, after=True)
        elif isinstance(self.first, datetime) and isinstance(self.last, datetime):
            yield self.first, self.last
        elif isinstance(self.first, date) and isinstance(self.last, date):
            first, last = self.first, self.last + _DAY
            yield datetime(first.year, first.month, first.day), datetime(last.year, last.month, last.day)


@dataclass(frozen=True)
class Answer:
    """`why` is empty when open, else one sentence; `opens` is the exact moment of the next opening, None when there is none in
    the next five years."""

    open: bool
    why: str = ""
    opens: Optional[datetime] = None


@dataclass(frozen=True)
class Calendar:
    """What holds for a lineage: its window, None for always, and the freezes that are meant for it."""

    window: Optional[Window] = None
    freezes: Tuple[Freeze, ...] = ()

    def open_at(self, now: datetime) -> Answer:
        """Whether a change may be made now, if not why, and when it may be."""
        reasons = self._reasons(now)
        if not reasons:
            return Answer(True)
        return Answer(False, " and ".join(reasons), self.next_open(now))

    def _reasons(self, now: datetime) -> List[str]:
        found = []
        if self.window is not None and not self.window.open_at(now):
            found.append(f"the change window {self.window.name} is closed")
        for freeze in self.freezes:
            until = freeze.until(now)
            if until is not None:
                found.append(f"the freeze {freeze.name} holds until {until.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}")
        return found

    def next_open(self, now: datetime, ahead: int = AHEAD) -> Optional[datetime]:
        """The first moment from now on at which the window is open and no freeze holds."""
        limit, at = now + ahead * _DAY, now
        while at < limit:
            ends = [end for end in (freeze.until(at) for freeze in self.freezes) if end is not None]
            if ends:
                at = max(ends)
                continue
            opening = self.window.next_open(at, ahead) if self.window is not None else at
            if opening is None or opening == at:
                return opening and opening.astimezone(timezone.utc)
            at = opening
        return None


def ever_opens(calendar: Calendar) -> bool:
    """False when no year has a moment for it. Windows with dates of certain years are looked at from those dates on."""
    years = [days.first for rule in (calendar.window.rules if calendar.window else ()) for days in rule.days]
    dated = [datetime(one.year, one.month, one.day, tzinfo=timezone.utc) - 2 * _DAY for one in years if isinstance(one, date)]
    lasting = Calendar(calendar.window, tuple(freeze for freeze in calendar.freezes if freeze.yearly))
    return any(lasting.next_open(begin, CYCLE) is not None for begin in (*dated, EPOCH))


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _utc(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)


def _readings(wall: datetime, zone: tzinfo) -> List[datetime]:
    """The moments at which the wall clock shows this time: none, one or two."""
    moments = dict.fromkeys((_utc(wall, zone, 0), _utc(wall, zone, 1)))
    return [one for one in moments if _wall(one, zone) == wall]


def _changes(first: datetime, last: datetime, zone: tzinfo) -> List[datetime]:
    """The moments between two wall times at which the clock of the zone is changed."""
    found = []
    at, end = first.replace(tzinfo=timezone.utc) - _FURTHEST, last.replace(tzinfo=timezone.utc) + _FURTHEST
    while at < end:
        if _offset(at, zone) != _offset(at + _STEP, zone):
            found.append(_change(at, at + _STEP, zone))
        at += _STEP
    return found


def _change(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The second at which the clock is changed between two moments."""
    before = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _offset(moment: datetime, zone: tzinfo) -> Optional[timedelta]:
    return moment.astimezone(zone).utcoffset()


def _first_at(wall: datetime, zone: tzinfo) -> datetime:
    """The first moment at which the wall clock has reached this time."""
    early, late = sorted((_utc(wall, zone, 0), _utc(wall, zone, 1)))
    return early if _wall(early, zone) >= wall else _change(early, late, zone)


def _last_before(wall: datetime, zone: tzinfo) -> datetime:
    """The first moment from which on the wall clock never shows an earlier time again."""
    early, late = sorted((_utc(wall, zone, 0), _utc(wall, zone, 1)))
    return late if _wall(early, zone) == wall else _change(early, late, zone)


def _midnight(year: int, day: MonthDay, after: bool = False) -> datetime:
    """The midnight before the day, or after it; 29 February is the day after 28 February in years that have none."""
    month, number = day
    if day == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        return datetime(year, 3, 1)
    return datetime(year, month, number) + (_DAY if after else timedelta())
