# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide of the playbooks names each of them, and every variable that somebody may give them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAYBOOKS = [path for path in (ROOT / "playbooks").glob("*.yml") if path.name != "begin.yml"]
GIVEN = re.compile(r"\b((?:clm|rotate)_[a-z0-9_]+) *\| *default\(")
OWN = re.compile(r"register: (\w+)|^ +(clm_\w+):", re.MULTILINE)  # what a playbook registers, sets, or hands to another
OF_THE_INVENTORY = {"clm_sources"}


def test_every_variable_of_a_playbook_is_in_its_guide():
    text = "".join(path.read_text() for path in PLAYBOOKS)
    everything = "".join(path.read_text() for path in (ROOT / "playbooks").rglob("*.yml"))
    own = {name for found in OWN.findall(everything) for name in found if name}
    given = set(GIVEN.findall(text)) - own - OF_THE_INVENTORY
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_playbooks.rst").read_text()
    assert len(given) > 20 and {name for name in given if f"``{name}``" not in guide} == set()


def test_every_playbook_is_in_the_guide():
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_playbooks.rst").read_text()
    headings = set(re.findall(r"^([a-z_, ]+)\n-+$", guide, re.MULTILINE))
    assert {path.stem for path in PLAYBOOKS} == {name for heading in headings for name in heading.split(", ")}
