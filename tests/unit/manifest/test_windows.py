# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change windows and freezes in a manifest: read as they are written, and refused with field and fix when they are wrong."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, parse_yaml
from ansible_collections.certops.clm.plugins.module_utils.policy.windows import Days
from ansible_collections.certops.clm.tests.support.manifests import data

NIGHTS = {"time_zone": "Europe/Berlin", "rules": [{"weekdays": ["mon", "Tuesday"], "from": "22:00", "to": "04:00"}]}
YEAR_END = {"time_zone": "Europe/Berlin", "from": "12-20", "to": "01-03"}


def parse(windows=None, freezes=None, floor=None, **shop):
    whole = data(shop={"names": ["shop.example.com"], **shop})
    whole.update({key: value for key, value in (("windows", windows), ("freezes", freezes), ("window_floor", floor)) if value is not None})
    return Manifest.parse(whole, "/etc/clm/manifest.yml")


def test_a_lineage_has_its_window_and_the_freezes_that_are_meant_for_it():
    freezes = {
        "all": YEAR_END,
        "prod": {**YEAR_END, "environments": ["PROD"]},
        "other": {**YEAR_END, "services": ["other"]},
        "audit": {"time_zone": "UTC", "from": "2026-10-01 18:00", "to": "2026-10-05T06:00:00"},
        "week": {"time_zone": "UTC", "from": "2026-10-01", "to": "2026-10-07"},
    }
    whole = data(
        shop={"names": ["shop.example.com"], "window": "nights"}, other={"names": ["o.example.com"], "environment": "dev", "window": ""}
    )
    whole.update(windows={"nights": NIGHTS}, freezes=freezes, window_floor="2d")
    whole["defaults"]["window"] = "nights"
    manifest = Manifest.parse(whole, "/etc/clm/manifest.yml")
    shop, other = (manifest.schedule.calendar_of(manifest.lineages[name]) for name in ("shop", "other"))
    assert shop.window is not None and shop.window.name == "nights" and other.window is None
    assert [freeze.name for freeze in shop.freezes] == ["all", "prod", "audit", "week"]
    assert [freeze.name for freeze in other.freezes] == ["all", "other", "audit", "week"]
    assert shop.freezes[2].last == datetime(2026, 10, 5, 6) and shop.freezes[3].until(datetime(2026, 10, 7, 23, 59, tzinfo=timezone.utc))
    (rule,) = shop.window.rules
    assert (rule.weekdays, rule.start, rule.end) == ({0, 1}, 1320, 240) and manifest.schedule.floor == 2 * 86400


def test_without_any_of_it_everything_is_open_at_all_times():
    manifest = parse()
    assert manifest.schedule.calendar_of(manifest.lineages["shop"]).open_at(datetime(2026, 12, 24, tzinfo=timezone.utc)).open


def test_dates_are_read_as_people_and_yaml_write_them():
    text = b"{time_zone: UTC, rules: [{dates: [2026-12-05, 2026-12-10..2026-12-12, 06-01..06-30, '02-29'], months: [2, 6, 12]}]}"
    manifest = parse({"days": parse_yaml(text, "x")})
    (rule,) = manifest.schedule.windows["days"].rules
    days = (Days(date(2026, 12, 5), date(2026, 12, 5)), Days(date(2026, 12, 10), date(2026, 12, 12)))
    assert rule.days == (*days, Days((6, 1), (6, 30)), Days((2, 29), (2, 29)))
    (freeze,) = parse(freezes={"f": parse_yaml(b"{time_zone: UTC, from: 2026-12-20, to: 2026-12-24}", "x")}).schedule.freezes
    assert (freeze.first, freeze.last) == (date(2026, 12, 20), date(2026, 12, 24))


def rule(**fields):
    return {"w": {"time_zone": "Europe/Berlin", "rules": [fields]}}


def freeze(**fields):
    return {"f": {"time_zone": "Europe/Berlin", **fields}}


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"windows": {"w": {"rules": [{}]}}}, "windows.w.time_zone", "is needed"),
        ({"windows": {"w": {"time_zone": "Mars/Olympus", "rules": [{}]}}}, "windows.w.time_zone", "no time zone 'Mars/Olympus'"),
        ({"windows": {"w": {"time_zone": "../../etc/passwd", "rules": [{}]}}}, "windows.w.time_zone", "no time zone"),
        ({"windows": {"w": {"time_zone": "UTC"}}}, "windows.w.rules", "is needed"),
        ({"windows": rule(weekdays=["funday"])}, "windows.w.rules[0].weekdays[0]", "no weekday"),
        ({"windows": rule(**{"from": 1320})}, "windows.w.rules[0].from", 'put it in quotes: "22:00"'),
        ({"windows": rule(**{"from": "24:30"})}, "windows.w.rules[0].from", "no time"),
        ({"windows": rule(**{"from": "06:00", "to": "06:00"})}, "windows.w.rules[0].to", 'a whole day is from "00:00" to "24:00"'),
        ({"windows": rule(months=[13])}, "windows.w.rules[0].months[0]", "a month"),
        ({"windows": rule(dates=["2026-02-30"])}, "windows.w.rules[0].dates[0]", "no day"),
        ({"windows": rule(dates=["0001-01-01"])}, "windows.w.rules[0].dates[0]", "no day"),
        ({"windows": rule(dates=["12-20..2027-01-03"])}, "windows.w.rules[0].dates[0]", "mixes"),
        ({"windows": rule(dates=["2026-12-20..2026-12-01"])}, "windows.w.rules[0].dates[0]", "ends before"),
        ({"windows": rule(dates=["02-01"], months=[3])}, "windows.w.rules[0]", "can never open"),
        ({"windows": rule(dates=["2026-03-29"], **{"from": "02:00", "to": "03:00"})}, "windows.w.rules[0]", "can never open"),
        ({"windows": rule(day="mon")}, "windows.w.rules[0].day", "no such field"),
        ({"freezes": freeze(**{"from": "12-20"})}, "freezes.f.to", "is needed"),
        ({"freezes": freeze(**{"from": "12-20", "to": "2027-01-03"})}, "freezes.f.to", "write both in the same way"),
        ({"freezes": freeze(**{"from": "2027-01-03", "to": "2026-12-20"})}, "freezes.f.to", "does not lie after"),
        ({"freezes": freeze(**{"from": "01-01", "to": "12-31"})}, "freezes.f", "never ends"),
        ({"freezes": freeze(**{"from": "2026-12-20 25:00", "to": "2026-12-24 06:00"})}, "freezes.f.from", "no moment"),
        ({"freezes": freeze(**{"from": datetime(2026, 12, 20, 6), "to": "x"})}, "freezes.f.from", "put it in quotes"),
        ({"freezes": freeze(**{"from": "12-20", "to": "01-03", "environments": ["prd"]})}, "freezes.f.environments", "known are prod"),
        ({"freezes": freeze(**{"from": "12-20", "to": "01-03", "services": ["shp"]})}, "freezes.f.services", "known are shop"),
        ({"floor": "soon"}, "window_floor", "no duration"),
        ({"window": "days", "windows": {"nights": NIGHTS}}, "lineages.shop.window", "known are nights"),
        (
            {"window": "w", "windows": rule(dates=["12-24"]), "freezes": freeze(**{"from": "12-20", "to": "01-03"})},
            "lineages.shop.window", "no moment of any year",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_field_and_the_fix(given, field, says):
    with pytest.raises(ConfigError) as error:
        parse(**given)
    assert error.value.field == field and says in f"{error.value.message} {error.value.hint}"
