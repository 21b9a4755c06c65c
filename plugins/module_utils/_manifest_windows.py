# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change windows and freezes of a manifest. What can never open is refused here, and not found out at night."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Dict, Mapping, Optional, Protocol, Tuple, Union
from zoneinfo import ZoneInfo

from ._manifest_fields import Fields, kind_of, one_line, refuse
from .identifiers import meant
from .policy.duration import duration
from .policy.windows import DAY_MINUTES, Calendar, Days, Freeze, MonthDay, Rule, Window, ever_opens

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
YEARS = range(2000, 2200)
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})\Z")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})\Z")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(?::00)?\Z")
DAY_HINT = 'write "2026-12-20" for one year, "12-20" for every year'
Point = Union[datetime, date, MonthDay]


class Labelled(Protocol):
    """What a lineage needs to have a calendar."""

    @property
    def window(self) -> str:
        """The name of its change window, empty for none."""

    @property
    def environment(self) -> str:
        """Its environment."""

    @property
    def service(self) -> str:
        """Its service."""


@dataclass(frozen=True)
class Schedule:
    """Windows by name, all freezes, and `floor`, the seconds of life below which no window holds anything up; None: no wish."""

    windows: Mapping[str, Window] = field(default_factory=dict)
    freezes: Tuple[Freeze, ...] = ()
    floor: Optional[int] = None

    def calendar_of(self, lineage: Labelled) -> Calendar:
        """What holds for a lineage."""
        freezes = tuple(freeze for freeze in self.freezes if freeze.meets(lineage.environment, lineage.service))
        return Calendar(self.windows.get(lineage.window), freezes)

    def check(self, lineages: Mapping[str, Labelled]) -> None:
        """Refuse a freeze that is meant for nobody, which is a slip of the pen, and a lineage that could never be changed."""
        for freeze in self.freezes if lineages else ():
            for key, named, has in (
                ("environments", freeze.environments, {one.environment.lower() for one in lineages.values()}),
                ("services", freeze.services, {one.service for one in lineages.values()}),
            ):
                for name in sorted(named - has):
                    hint = meant(name, sorted(has - {""}))
                    refuse(f"freezes.{freeze.name}.{key}", f"no lineage has {key[:-1]} {name!r}", hint=hint)
        judged: Dict[Calendar, bool] = {}
        for name, lineage in lineages.items():
            calendar = self.calendar_of(lineage)
            if not judged.setdefault(calendar, ever_opens(calendar)):
                hint = f"shorten one of the freezes {', '.join(freeze.name for freeze in calendar.freezes)}, or take another window"
                refuse(f"lineages.{name}.window", "no moment of any year is within it and outside of the freezes", hint=hint)


def parse_schedule(fields: Fields) -> Schedule:
    """Takes `windows`, `freezes` and `window_floor` out of the manifest."""
    windows = {name: _window(name, item, at) for name, at, item in fields.named("windows")}
    freezes = tuple(_freeze(name, item, at) for name, at, item in fields.named("freezes"))
    floor = fields.take("window_floor")
    return Schedule(windows, freezes, None if floor is None else duration(floor, fields.at("window_floor")))


def _window(name: str, data: Any, path: str) -> Window:
    fields = Fields(data, path)
    zone = _zone(fields)
    rules = tuple(_rule(item, at, zone) for at, item in fields.items("rules"))
    fields.finish()
    if not rules:
        refuse(fields.at("rules"), 'is needed, such as [{weekdays: [mon, tue], from: "22:00", to: "04:00"}]')
    for index, rule in enumerate(rules):
        if not ever_opens(Calendar(Window(name, (rule,)))):
            hint = "no day has all of its weekdays, months and dates, or the clock is put past the times on every such day"
            refuse(f"{fields.at('rules')}[{index}]", "can never open", hint=hint)
    return Window(name, rules)


def _rule(data: Any, path: str, zone: tzinfo) -> Rule:
    fields = Fields(data, path)
    weekdays = frozenset(_weekday(item, at) for at, item in fields.items("weekdays"))
    months = frozenset(_month(item, at) for at, item in fields.items("months"))
    days = tuple(_days(one_line(_as_text(item), at), at) for at, item in fields.items("dates"))
    start, end = _time(fields, "from", 0), _time(fields, "to", DAY_MINUTES)
    fields.finish()
    if start == end or start == DAY_MINUTES:
        refuse(fields.at("to"), "leaves no time", hint='a whole day is from "00:00" to "24:00"')
    return Rule(zone, start, end, weekdays, months, days)


def _freeze(name: str, data: Any, path: str) -> Freeze:
    fields = Fields(data, path)
    zone = _zone(fields)
    first, last = _point(fields, "from"), _point(fields, "to")
    environments = frozenset(text.lower() for text in fields.texts("environments"))
    services = frozenset(fields.texts("services"))
    fields.finish()
    if _kind(first) != _kind(last):
        refuse(fields.at("to"), f"is {_kind(last)}, but from is {_kind(first)}", hint="write both in the same way")
    if not isinstance(first, tuple) and (first > last or (isinstance(first, datetime) and first == last)):  # type: ignore[operator]
        refuse(fields.at("to"), "does not lie after from")
    freeze = Freeze(name, zone, first, last, environments, services)
    if not ever_opens(Calendar(None, (freeze,))):
        refuse(path, "never ends", hint="leave at least one day of the year free")
    return freeze


def _zone(fields: Fields) -> tzinfo:
    name = fields.text("time_zone")
    if not name:
        fields.lacks("time_zone", "is needed, such as Europe/Berlin or UTC")
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        hint = "a name of the IANA database, such as Europe/Berlin; without one on the controller: pip install tzdata"
        refuse(fields.at("time_zone"), f"there is no time zone {name!r}", hint=hint)


def _weekday(value: Any, path: str) -> int:
    text = one_line(value, path).lower()
    if text not in (*WEEKDAYS, *LONG_WEEKDAYS):
        refuse(path, f"{value!r} is no weekday", hint=f"one of {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(text[:3])


def _month(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 12:
        refuse(path, "must be a month, from 1 to 12")
    return int(value)


def _time(fields: Fields, key: str, default: int) -> int:
    """Minutes after midnight. YAML reads a bare 22:00 as the number 1320, and a bare 08:00 as text."""
    value = fields.take(key)
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        said = f'"{value // 60:02d}:{value % 60:02d}"' if 0 <= value <= DAY_MINUTES else '"22:00"'
        refuse(fields.at(key), "must be a time as text, not a number", hint=f"put it in quotes: {said}")
    match = _TIME.match(one_line(value, fields.at(key)))
    minutes = int(match.group(1)) * 60 + int(match.group(2)) if match and int(match.group(2)) < 60 else -1
    if not 0 <= minutes <= DAY_MINUTES:
        refuse(fields.at(key), f"{value!r} is no time", hint='from "00:00" to "24:00"')
    return minutes


def _as_text(value: Any) -> Any:
    """YAML reads a bare 2026-12-20 as a date and a bare moment as a date with a time: both are what they look like."""
    if isinstance(value, datetime):
        return value
    return value.isoformat() if isinstance(value, date) else value


def _days(text: str, path: str) -> Days:
    first, dots, last = text.partition("..")
    begin = _day(first.strip(), path)
    end = _day(last.strip(), path) if dots else begin
    if _kind(begin) != _kind(end):
        refuse(path, f"{text!r} mixes a year with every year", hint=DAY_HINT)
    if isinstance(begin, date) and isinstance(end, date) and begin > end:
        refuse(path, f"{text!r} ends before it begins")
    return Days(begin, end)


def _day(text: str, path: str) -> Union[date, MonthDay]:
    try:
        match = _DATE.match(text)
        if match and int(match.group(1)) in YEARS:
            return date(int(match.group(1)), int(match.group(2)), int(match.group(3)))
        match = _MONTH_DAY.match(text)
        if match:
            leap = date(2024, int(match.group(1)), int(match.group(2)))
            return leap.month, leap.day
    except ValueError:
        pass
    refuse(path, f"{text!r} is no day", hint=DAY_HINT)


def _point(fields: Fields, key: str) -> Point:
    """A day, a day of every year, or a moment on the wall clock of the zone."""
    value = _as_text(fields.take(key))
    path = fields.at(key)
    if value is None:
        refuse(path, "is needed", hint=f'{DAY_HINT}, "2026-12-20 18:00" for a moment')
    if not isinstance(value, str):
        hint = 'put it in quotes: "2026-12-20 18:00"'
        refuse(path, f"must be text, not {'a moment that YAML made' if isinstance(value, datetime) else kind_of(value)}", hint=hint)
    match = _MOMENT.match(one_line(value, path))
    if not match:
        return _day(value, path)
    day = _day(match.group(1), path)
    hour, minute = (int(part) for part in match.group(2).split(":"))
    if not isinstance(day, date) or hour > 23 or minute > 59:
        refuse(path, f"{value!r} is no moment", hint='such as "2026-12-20 18:00"')
    return datetime(day.year, day.month, day.day, hour, minute)


def _kind(point: Point) -> str:
    """What was written, in words."""
    return "a day of every year" if isinstance(point, tuple) else "a moment" if isinstance(point, datetime) else "a day"
