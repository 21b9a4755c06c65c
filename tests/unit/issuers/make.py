# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CAs for the tests of issuers and of the issue flow: real ones, in a folder of the test."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Callable, Dict

from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_options import OPTIONS, setup_of
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_setup import Setup, converge
from ansible_collections.certops.clm.plugins.module_utils.issuers.local_ca import LocalCa, create
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.timezone.utc)
PASSPHRASE = "not a secret of anybody"
SECRET = Secret(PASSPHRASE.encode())


def options(path: Path, **given: Any) -> Dict[str, Any]:
    """The module's parameters, defaults filled in as Ansible does."""
    params = {name: option.get("default") for name, option in OPTIONS.items()}
    return {**params, "path": str(path), "passphrase": PASSPHRASE, **given}


def setup(path: Path, **given: Any) -> Setup:
    """What the module would ask for."""
    return setup_of(options(path, **given))


def local_ca(path: Path, now: datetime.datetime = NOW, **given: Any) -> LocalCa:
    """A CA that is set up; asked for again, the same one."""
    outcomes = converge(setup(path, **given), now, False)
    assert not [outcome for outcome in outcomes.values() if outcome.state == "failed"], outcomes
    return create({"path": str(path), "passphrase": PASSPHRASE}, lambda: now)


def store(path: Path, now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.timezone.utc)) -> DirectoryStore:
    """A secret store in that folder."""
    return DirectoryStore(str(path), clock=now, owner="test")
