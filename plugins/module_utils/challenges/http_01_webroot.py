# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP-01 (RFC 8555 section 8.3) by files below the folders of web servers on managed hosts, which tasks on those hosts write."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..contracts import Challenge, Challenger, Clock
from ..errors import ClmError, ConfigError
from .http_01 import KIND, checked

NAME = "http_01_webroot"
OPTIONS: Dict[str, Any] = {
    "root": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "roots": {"type": "dict", "default": {}},
}
_AUTHORIZATION = re.compile(r"[A-Za-z0-9_-]{1,128}\.[A-Za-z0-9_-]{1,128}\Z")


def create(options: Mapping[str, Any], clock: Clock) -> Challenger:
    """Proofs for these hosts; ConfigError when a folder is no absolute path or a host no name."""
    hosts, roots = options.get("hosts") or [], options.get("roots") or {}
    if not all(isinstance(one, str) and one for one in hosts):
        raise ConfigError("a list of inventory hosts is needed", field="issuer.challenge.hosts")
    for field, root in [("root", options.get("root")), *((f"roots.{host}", root) for host, root in roots.items())]:
        if not isinstance(root, str) or not root.startswith("/"):
            raise ConfigError("an absolute path is needed, as the host itself calls it", field=f"issuer.challenge.{field}")
    return Webroots(str(options["root"]), [str(one) for one in hosts], {str(host): str(root) for host, root in roots.items()})


class Webroots:
    """A Challenger that hands its proofs out."""

    kind = KIND

    def __init__(self, root: str, hosts: Sequence[str], roots: Mapping[str, str]) -> None:
        self._root, self._hosts, self._roots = root, list(hosts), dict(roots)

    def handed_out(self, challenge: Challenge) -> Mapping[str, Any]:
        """A file below `root`, or the host's own one of `roots`, on every host; no hosts: on whatever serves the lineage."""
        if not _AUTHORIZATION.match(challenge.key_authorization):
            raise ConfigError(f"the CA's token for {challenge.name} is none")
        file = {"file": checked(challenge), "content": challenge.key_authorization}
        return {"name": challenge.name, "hosts": list(self._hosts), "root": self._root, "roots": dict(self._roots), **file}

    def publish(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """They are published already, or nobody would ask."""
        return [None for _one in challenges]

    def withdraw(self, challenges: Sequence[Challenge]) -> List[Optional[ClmError]]:
        """Whoever published them does that."""
        return [None for _one in challenges]
