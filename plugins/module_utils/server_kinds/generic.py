# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any other server: nothing is known of it but what a deployment or a list of files says."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ..contracts import Clock, Found, Source
from ._read import Use, found

NAME = "generic"
OPTIONS: Dict[str, Any] = {
    "files": {"type": "list", "elements": "str", "default": []},
    "check": {"type": "list", "elements": "str", "default": []},
    "reload": {"type": "dict", "default": {}},  # has to be said
    "endpoint": {"type": "dict", "default": {"port": 443, "starttls": "none"}},
}


class _Files:
    """The source for explicit certificate files."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files

    def find(self) -> Iterator[Found]:
        """One record for each file."""
        uses: List[Use] = [Use("", 0, file, "") for file in self.files]
        yield from found(NAME, uses)


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Files([str(file) for file in options.get("files") or ()])
