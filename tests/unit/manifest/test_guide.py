# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide names every field of the manifest, since its reader has nothing else to look it up in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.tests.support.manifests import data

ROOT = Path(__file__).parents[3]
GUIDES = [ROOT / "docs" / "docsite" / "rst" / f"guide_{name}.rst" for name in ("manifest", "manifest_fields")]
PLACE = ("lineages", "shop", "deployments", 0)


@pytest.mark.parametrize("path", [
    (), ("defaults",), ("profiles", "web"), ("lineages", "shop"), PLACE, (*PLACE, "target"), (*PLACE, "target", "reload"),
    (*PLACE, "endpoints", 0), ("client_classes", "internal"), ("secret_store",), ("ledger",),
    ("windows", "w"), ("windows", "w", "rules", 0), ("freezes", "f"),
], ids=lambda path: ".".join(map(str, path)) or "top")  # fmt: skip
def test_every_field_is_in_a_guide(path):
    whole = data()
    whole["windows"] = {"w": {"time_zone": "UTC", "rules": [{"from": "22:00", "to": "04:00"}]}}
    whole["freezes"] = {"f": {"time_zone": "UTC", "from": "12-20", "to": "01-03"}}
    place = whole
    for step in path:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    place["qqqq"] = 1
    with pytest.raises(ConfigError) as error:
        Manifest.parse(whole, "/srv/clm/manifest.yml")
    known = re.findall(r"[a-z_0-9]+", error.value.hint.partition("known")[2].removeprefix(" are").lstrip(": "))
    text = "".join(guide.read_text() for guide in GUIDES)
    assert known and [field for field in known if not re.search(rf"``{field}(``|:)", text)] == []
