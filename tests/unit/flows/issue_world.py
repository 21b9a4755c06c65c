# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issue flow's surroundings for its tests: a real CA, a real store and ledger in a folder, and issuers that misbehave."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from ansible_collections.certops.clm.plugins.module_utils.contracts import Answer, Issued, IssueRequest, Pending, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.issue import Wanted, converge
from ansible_collections.certops.clm.plugins.module_utils.issuers.local_ca import LocalCa
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, read
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.unit.issuers import make

NOW = make.NOW
WEB = Profile("web", lifetime=30 * 86400)


class World:
    """A folder with CA, store and ledger; each call of `run` is a run of its own, with new objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.ca: LocalCa = make.local_ca(folder / "ca", lambda_now(self))
        self.ca._clock = lambda: self.now

    def store(self, **given: Any) -> DirectoryStore:
        return DirectoryStore(str(self.folder / "store"), clock=lambda: self.now, owner="test", **given)

    def run(self, *wanted: Wanted, issuer: Any = None, store: Optional[SecretStore] = None, **given: Any) -> Dict[str, Outcome]:
        with Ledger(str(self.folder / "ledger"), "writer", lambda: self.now) as ledger:
            tools: Dict[str, Any] = {"ledger": ledger, "clock": lambda: self.now, "run_id": "run", **given}
            return converge(wanted, store=store or self.store(), issuer=issuer or self.ca, **tools)

    def events(self) -> List[Dict[str, Any]]:
        return list(read(str(self.folder / "ledger")))

    def issued(self) -> int:
        """How many certificates the CA ever made."""
        log = self.folder / "ca" / "issued.jsonl"
        return log.read_bytes().count(b"\n") if log.exists() else 0

    def days(self, count: float) -> None:
        self.now += datetime.timedelta(days=count)


def lambda_now(world: World) -> datetime.datetime:
    return world.now


def wanted(lineage: str = "shop", *names: str, profile: Profile = WEB, **given: Any) -> Wanted:
    return Wanted(lineage, lineage, names or (f"{lineage}.example.com",), profile, **given)


class Wrapped:
    """The CA with its answers changed on the way; not a BatchIssuer, so that requests come one by one."""

    def __init__(self, ca: LocalCa, change: Callable[[IssueRequest], Union[Answer, str]]) -> None:
        self._ca = ca
        self._change = change
        self.asked: List[IssueRequest] = []

    def begin(self, request: IssueRequest) -> Answer:
        self.asked.append(request)
        answer = self._change(request)
        return Issued(answer) if isinstance(answer, str) else answer

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        raise AssertionError("nothing was pending")

    def identity(self) -> str:
        return self._ca.identity()

    def anchors_pem(self) -> str:
        return self._ca.anchors_pem()


class Slow:
    """A CA whose answer comes when `ready` is set; it remembers what it was asked for."""

    def __init__(self, ca: LocalCa) -> None:
        self._ca = ca
        self.ready = False
        self.requests: Dict[str, IssueRequest] = {}
        self.begun = 0

    def begin(self, request: IssueRequest) -> Answer:
        self.begun += 1
        self.requests[f"ref-{request.lineage}"] = request
        return self.resume(f"ref-{request.lineage}", request)

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        return self._ca.begin(self.requests[ref]) if self.ready else Pending(ref, who_must_act="the desk")

    def identity(self) -> str:
        return self._ca.identity()


class Refusing:
    """A batch issuer that refuses as a whole."""

    def __init__(self, ca: LocalCa, error: ClmError) -> None:
        self._ca = ca
        self._error = error

    def begin(self, request: IssueRequest) -> Answer:
        raise self._error

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        raise self._error

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        raise self._error

    def identity(self) -> str:
        return self._ca.identity()
