# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every target of AWS shares: clients for the accounts of its places, ARNs taken apart, and what a refusal means."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from .. import aws
from ..contracts import Where
from ..errors import ClmError, ConfigError
from ._powers import InUseError, RefusedError

TOGETHER = 100  # load balancers or listeners in one call


@dataclass(frozen=True)
class Arn:
    """An ARN taken apart; `text` is the whole of it."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: Any, service: str, field: str) -> Arn:
        """The ARN of that service; ConfigError for anything else."""
        parts = str(text or "").split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or parts[2] != service or not parts[5]:
            raise ConfigError(f"{str(text)[:200]!r} is no ARN of {service}", field=field)
        return cls(str(text), *parts[1:])


class PlaceClients:
    """Clients of the SDK for the account that a place names, each made once; credentials of a role are renewed as a run goes on."""

    def __init__(self) -> None:
        self._accounts: Dict[Tuple[str, ...], aws.Account] = {}
        self._clients: Dict[Tuple[Any, ...], Any] = {}
        self._lock = Lock()  # sessions of the SDK are not made for many threads, its clients are

    def key(self, where: Where) -> Tuple[str, ...]:
        """What tells accounts apart."""
        return tuple(str(where.get(name) or "") for name in aws.ACCESS)

    def account(self, where: Where, region: str) -> aws.Account:
        """The account of a place; ClmError when its role cannot be assumed."""
        key = self.key(where)
        if key not in self._accounts:
            profile, role, external_id = key
            options = {"profile": profile, "external_id": external_id, "role_arns": [role] if role else [], "regions": [region]}
            able, unable = aws.accounts(options)
            if unable:
                raise unable[0][1]
            self._accounts[key] = able[0]
        return self._accounts[key]

    def get(self, where: Where, service: str, region: str) -> Any:
        """The client; the same one for the same account, service and region."""
        key = (*self.key(where), service, region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self.account(where, region).client(service, region)
            return self._clients[key]


def list_together(wheres: Sequence[Where], scope: Callable[[Where], Any], name: str, listing: Callable[[Where, List[str]], None]) -> None:
    """Call `listing` for what the option `name` of the places says, up to 100 of one scope at a time.

    What cannot be listed is passed over: it is asked for again where its own place is read, and its error belongs there.
    """
    groups: Dict[Any, List[Where]] = {}
    for where in wheres:
        groups.setdefault(scope(where), []).append(where)
    for group in groups.values():
        names = list(dict.fromkeys(str(where[name]) for where in group))
        for start in range(0, len(names), TOGETHER):
            with suppress(ClmError):
                listing(group[0], names[start : start + TOGETHER])


@contextmanager
def asked(what: str, in_use: str = "") -> Iterator[None]:
    """A call that changes something: RefusedError when AWS answered that it did not, so that nothing is to be undone.

    By the code `in_use` it says that somebody uses what was to be deleted: InUseError.
    """
    try:
        with aws.told(what):
            yield
    except ClmError as error:
        answer = getattr(error.__cause__, "response", None) or {}
        status = int((answer.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0)
        if in_use and aws.code_of(error) == in_use:
            raise InUseError(error.message, hint="bind another certificate there first") from error
        if 400 <= status < 500:
            raise RefusedError(error.message, hint=error.hint) from error
        raise
