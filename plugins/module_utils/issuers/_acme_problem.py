# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problem documents of ACME (RFC 8555 section 6.7): what the CA refuses, for which names, and what to do about it."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Tuple

from ..errors import ConfigError

PREFIX = "urn:ietf:params:acme:error:"
MAX_TEXT, MAX_NAMES = 400, 100
HINTS: Mapping[str, str] = {
    "externalAccountRequired": "give eab_kid and eab_key_file, which this CA hands out to its customers",
    "userActionRequired": "read what the CA asks for, agree to it there, and run again",
    "invalidContact": "mend the contact",
    "unsupportedContact": "give a mailto: address as contact",
    "rejectedIdentifier": "take the name out of the lineage, or ask another CA for it",
    "unsupportedIdentifier": "ask another CA for it, or another profile of this one",
    "caa": "add this CA to the name's CAA record",
    "invalidProfile": "choose one of the profiles that the CA's directory lists",
    "accountDoesNotExist": "the CA has forgotten the account; run again, and it is made anew",
    "rateLimited": "wait, and order less often",
    "badRevocationReason": "choose another reason",
}


class Problem(ConfigError):
    """The CA refuses. `kind` is the last word of its type; `names` has what it says of single names."""

    def __init__(self, status: int, kind: str, detail: str, names: Tuple[Tuple[str, str], ...] = ()) -> None:
        per_name = "; ".join(f"{name}: {said}" for name, said in names)
        told = f"the CA refuses it ({kind or f'HTTP {status}'})" + (f": {detail}" if detail else "") + (f" [{per_name}]" if names else "")
        super().__init__(told, hint=HINTS.get(kind, ""))
        self.status, self.kind, self.detail, self.names = status, kind, detail, names


def problem_of(status: int, body: bytes) -> Problem:
    """The problem of an answer, whatever its body is."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    return from_data(status, data if isinstance(data, dict) else {"detail": body[:200].decode("utf-8", "replace")})


def from_data(status: int, data: Mapping[str, Any]) -> Problem:
    """The problem of a problem document."""
    names: Dict[str, str] = {}
    parts = data.get("subproblems")
    for part in parts[:MAX_NAMES] if isinstance(parts, list) else ():
        identifier = part.get("identifier") if isinstance(part, dict) else None
        if isinstance(identifier, dict):
            names[clean(identifier.get("value"), 253)] = clean(part.get("detail"))
    kind = clean(data.get("type"), 100)
    return Problem(status, kind[len(PREFIX) :] if kind.startswith(PREFIX) else kind, clean(data.get("detail")), tuple(names.items()))


def clean(value: Any, longest: int = MAX_TEXT) -> str:
    """A text from outside on one line, without control characters."""
    text = " ".join(str(value or "")[: 4 * longest].split())
    return "".join(one for one in text if one.isprintable())[:longest]
