# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest's `ledger:`: its options, their paths, and places that must not lie in each other."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.tests.support.manifests import data


def parse(ledger):
    return Manifest.parse({**data(), "ledger": ledger}, "/srv/clm/manifest.yml").ledger


def test_paths_are_relative_to_the_manifest_and_what_is_not_given_is_not_there():
    assert parse({}) == {"path": "/srv/clm/ledger"}
    given = {
        "path": "l",
        "spool": "s",
        "break_glass": "INC-7",
        "checkpoints": {"path": "/mnt/c", "key_file": "k.pem", "command": ["put", "x"]},
    }
    assert parse(given) == {
        "path": "/srv/clm/l",
        "spool": "/srv/clm/s",
        "break_glass": "INC-7",
        "checkpoints": {"path": "/mnt/c", "key_file": "/srv/clm/k.pem", "command": ["put", "x"]},
    }


@pytest.mark.parametrize(
    ("ledger", "field"),
    [
        ({"checkpoint": {}}, "ledger.checkpoint"),
        ({"checkpoints": {}}, "ledger.checkpoints.path"),
        ({"checkpoints": []}, "ledger.checkpoints"),
        ({"checkpoints": {"path": "c", "key": "x"}}, "ledger.checkpoints.key"),
        ({"checkpoints": {"path": "c", "command": "put x"}}, "ledger.checkpoints.command"),
        ({"checkpoints": {"path": "ledger/c"}}, "ledger.checkpoints.path"),
        ({"checkpoints": {"path": "c", "key_file": "ledger/k"}}, "ledger.checkpoints.key_file"),
        ({"checkpoints": {"path": "c", "key_file": "c/k"}}, "ledger.checkpoints.key_file"),
        ({"spool": "ledger/s"}, "ledger.spool"),
        ({"break_glass": True}, "ledger.break_glass"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(ledger, field):
    with pytest.raises(ConfigError) as error:
        parse(ledger)
    assert error.value.field == field
