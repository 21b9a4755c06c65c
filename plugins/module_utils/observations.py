# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen when somebody last looked: the file that `observe` writes, and that inventory and campaigns read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .errors import ClmError, ConfigError, NotFoundError
from .moments import moment_of
from .x509.pem import split

VERSION = 1
LARGEST = 1024 * 1024 * 1024
MAX_CHAIN = 16
ANSWERED = "answered"
CONTROLLER = "controller"


@dataclass(frozen=True)
class Seen:
    """What one address of an endpoint served. `answer` and `sha256` as in `probe.Observation`; PEM, leaf first.

    `whole` is false where only the leaf could be seen: a host's own Python may have no way to the rest.
    """

    address: str
    answer: str
    sha256: str = ""
    chain_pem: Tuple[str, ...] = ()
    error: str = ""
    whole: bool = True


@dataclass(frozen=True)
class ServerLook:
    """What a managed server said of itself; `findings` and `served` are as `server_certificates_info` returned them.

    `kept_from` is when it said so, where the last look was of a part of the inventory and did not ask it; else empty.
    `clock_ahead` is by how many seconds at least the controller's clock was ahead of its own, None when nobody compared them.
    """

    reached: bool
    error: str = ""
    findings: Tuple[Mapping[str, Any], ...] = ()
    served: Tuple[Mapping[str, Any], ...] = ()
    kept_from: str = ""
    clock_ahead: Optional[float] = None

    @property
    def unread(self) -> List[str]:
        """The errors of configurations that could not be read, so that nobody knows which certificates they name."""
        errors = [(finding.get("where"), str(finding.get("error") or "")) for finding in self.findings]
        return [error for where, error in errors if error and not (isinstance(where, Mapping) and where.get("certificate_file"))]


@dataclass(frozen=True)
class Observations:
    """One look at everything. `taken_at` is None when nobody has looked yet; endpoints by their key `host|port|name|starttls`.

    `part` says what the look was limited to, empty when it was of everything.
    """

    taken_at: Optional[datetime] = None
    servers: Mapping[str, ServerLook] = field(default_factory=dict)
    endpoints: Mapping[str, Tuple[Seen, ...]] = field(default_factory=dict)
    part: str = ""

    @classmethod
    def parse(cls, data: Any) -> Observations:
        """The observations of the file's JSON; ConfigError when it is not such a file."""
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            raise ConfigError(f"these are no observations of version {VERSION}")
        try:
            taken_at = moment_of(data["taken_at"])
            servers = {str(name): _server(item) for name, item in data["servers"].items()}
            endpoints = {str(key): _endpoint(item) for key, item in data["endpoints"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(f"the observations are damaged: {type(error).__name__} {error}") from None
        if taken_at is None:
            raise ConfigError("the observations are damaged: taken_at is no date")
        return cls(taken_at, servers, endpoints, str(data.get("part") or ""))

    def blind_at(self) -> List[str]:
        """One sentence for every server that could not be asked, or could not say everything; it begins with the server's name."""
        found = [f"{name}: {look.error or 'it was not reached'}" for name, look in self.servers.items() if not look.reached or look.error]
        return found + [f"{name}: {error}" for name, look in self.servers.items() for error in look.unread]


def counts_file(observations: str) -> str:
    """Where the numbers of the last accepted look are kept, beside the file of the observations."""
    return os.path.splitext(observations)[0] + ".counts.json"


def load(path: str) -> Observations:
    """The observations in a file; NotFoundError when nobody has looked yet, ConfigError when the file is damaged."""
    hint = "run the playbook certops.clm.discover"
    try:
        with open(path, "rb") as stream:
            data = json.loads(stream.read(LARGEST))
    except FileNotFoundError:
        raise NotFoundError(f"nobody has looked yet: there is no file {path}", hint=hint) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path} is no JSON", hint=hint) from None
    try:
        return Observations.parse(data)
    except ClmError as error:
        raise ConfigError(f"{path}: {error.message}", hint=hint) from None


def chain_der(chain_pem: Any) -> Tuple[bytes, ...]:
    """The certificates of a chain as it stands in the file, at most 16; MalformedError for what is no PEM."""
    return tuple(block.der for text in list(chain_pem)[:MAX_CHAIN] for block in split(text, limit=MAX_CHAIN))[:MAX_CHAIN]


def _server(item: Mapping[str, Any]) -> ServerLook:
    findings, served, kept_from = _maps(item.get("findings")), _maps(item.get("served")), str(item.get("kept_from") or "")
    ahead = item.get("clock_ahead")
    clock_ahead = float(ahead) if isinstance(ahead, (int, float)) else None
    return ServerLook(bool(item["reached"]), str(item.get("error") or ""), findings, served, kept_from, clock_ahead)


def _maps(items: Any) -> Tuple[Mapping[str, Any], ...]:
    return tuple(item for item in items or () if isinstance(item, Mapping))


def _endpoint(item: Mapping[str, Any]) -> Tuple[Seen, ...]:
    by_controller = item.get("from", CONTROLLER) == CONTROLLER
    return tuple(_seen(one, by_controller) for one in item["observations"])


def _seen(item: Mapping[str, Any], by_controller: bool) -> Seen:
    chain = tuple(str(pem) for pem in item.get("chain_pem") or ())
    return Seen(
        address=str(item.get("address") or ""),
        answer=str(item["answer"]),
        sha256=str(item.get("sha256") or ""),
        chain_pem=chain,
        error=str(item.get("error") or ""),
        whole=by_controller or bool(item.get("whole", len(chain) > 1)),  # files of before say nothing of it
    )


def index_servers(servers: Mapping[str, ServerLook]) -> Dict[Tuple[str, str], Mapping[str, Any]]:
    """The findings by server and certificate file; of two findings for one file the one with a certificate is kept."""
    found: Dict[Tuple[str, str], Mapping[str, Any]] = {}
    for name, look in servers.items():
        for finding in look.findings:
            where = finding.get("where")
            file = str(where.get("certificate_file") or "") if isinstance(where, Mapping) else ""
            if file and (finding.get("chain_pem") or (name, file) not in found):
                found[name, file] = finding
    return found
