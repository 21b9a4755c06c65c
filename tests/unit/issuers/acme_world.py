# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow against a real Pebble: a store and a ledger in a folder, and the real clock."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Dict

from ansible_collections.certops.clm.plugins.module_utils.flows.issue import Wanted, converge
from ansible_collections.certops.clm.plugins.module_utils.issuers import acme
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.tests.lab.pebble import Pebble
from ansible_collections.certops.clm.tests.unit.issuers import make

WEB = Profile("web", lifetime=90 * 86400)


def now() -> datetime.datetime:
    """The real clock."""
    return datetime.datetime.now(datetime.timezone.utc)


def wanted(lineage: str, *names: str, **given: Any) -> Wanted:
    """A lineage of these names, by default of one below lab.example."""
    return Wanted(lineage, lineage, names or (f"{lineage}.lab.example",), WEB, **given)


class AcmeWorld:
    """A folder with store and ledger; each call of `run` is a run of its own, with new objects."""

    def __init__(self, folder: Path, ca: Pebble, **options: Any) -> None:
        self.folder, self.ca, self.options = folder, ca, options

    @property
    def store(self) -> Any:
        """The secret store."""
        return make.store(self.folder / "store")

    def issuer(self, **options: Any) -> acme.Acme:
        """A new object for the CA."""
        made = acme.create(self.ca.issuer(**{**self.options, **options}), now)
        made.keep_in(self.store)
        return made

    def run(self, *items: Wanted, issuer: Any = None, **given: Any) -> Dict[str, Outcome]:
        """The outcomes of a run of the issue flow."""
        with Ledger(str(self.folder / "ledger"), "writer", now) as ledger:
            chosen = issuer or self.issuer()
            return converge(items, store=self.store, issuer=chosen, ledger=ledger, clock=now, **{"run_id": "run", **given})
