# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the guide on servers is a manifest that is accepted, and a target that the managed host accepts."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml

from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import place_of
from ansible_collections.certops.clm.tests.support.manifests import data
from ansible_collections.certops.clm.tests.unit.manifest.test_manifest import parse

GUIDE = Path(__file__).parents[2] / "docs" / "docsite" / "rst" / "guide_servers.rst"
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"code-block:: yaml\n\n((?:  .*\n|\n)+)", GUIDE.read_text())]


def test_the_guide_has_its_examples():
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_an_example_is_accepted_here_and_on_the_server(number):
    example = yaml.safe_load(BLOCKS[number])
    base = data(**example["lineages"])
    base["profiles"] = {**base.get("profiles", {}), **example.get("profiles", {})}
    manifest = parse(base)
    assert len(manifest.deployments) >= len(example["lineages"])
    for deployment in manifest.deployments:
        place = place_of(deployment.as_item())
        assert place.program.what and place.endpoints
