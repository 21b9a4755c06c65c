# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `ledger:`, as a manifest and the modules give them, with their defaults; refused where one place is inside another.

Whoever can change the ledger must not be able to change by that what it is checked against.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import ConfigError, check_path

SPEC: Dict[str, Any] = {
    "type": "dict",
    "required": True,
    "options": {
        "path": {"type": "path", "required": True},
        "writer_id": {"type": "str"},
        "checkpoints": {
            "type": "dict",
            "options": {
                "path": {"type": "path", "required": True},
                "key_file": {"type": "path", "no_log": False},
                "command": {"type": "list", "elements": "str"},
            },
        },
        "spool": {"type": "path"},
        "allow_ephemeral": {"type": "bool", "default": False},
        "break_glass": {"type": "str"},
    },
}


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints go (`path`, and what `command` is given on its standard input), and the key that signs them."""

    path: str
    key_file: str
    command: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """A ledger and what belongs to it. `spool` is empty where none could be chosen; `break_glass` is the reason, or empty.

    `spool_chosen`: somebody named it. One beside a store that is meant to end with the run hinders nothing before it is used.
    """

    path: str
    writer_id: str = ""
    checkpoints: Optional[Checkpoints] = None
    spool: str = ""
    break_glass: str = ""
    allow_ephemeral: bool = False
    spool_chosen: bool = False


def settle(given: Mapping[str, Any], secret_store: Mapping[str, Any]) -> Settings:
    """The settings; key and spool lie beside the secret store's folder by default. ConfigError names the field that is wrong."""
    path, beside = str(given["path"]), str(secret_store.get("path") or "").rstrip("/")
    check_path(path, "ledger.path", required=True)
    spool = str(given.get("spool") or (beside and f"{beside}.ledger-spool"))
    reason = str(given.get("break_glass") or "").strip()
    if reason and not spool:
        raise ConfigError("is needed for break_glass with this secret store", field="ledger.spool", hint="name a folder that lasts")
    checkpoints = _checkpoints(given.get("checkpoints"), path, beside)
    if spool:
        _apart(spool, path, "ledger.spool", "the ledger")
    if spool and checkpoints:
        _apart(spool, checkpoints.path, "ledger.spool", "the checkpoints")
    writer_id, ephemeral, chosen = str(given.get("writer_id") or ""), bool(given.get("allow_ephemeral")), bool(given.get("spool"))
    return Settings(path, writer_id, checkpoints, spool, reason, ephemeral, chosen)


def _checkpoints(given: Optional[Mapping[str, Any]], ledger: str, beside: str) -> Optional[Checkpoints]:
    if not given:
        return None
    field = "ledger.checkpoints"
    path, key_file = str(given["path"]), str(given.get("key_file") or (beside and f"{beside}.ledger-key.pem"))
    if not key_file:
        raise ConfigError("is needed with this secret store", field=f"{field}.key_file", hint="name a file outside the ledger's folder")
    _apart(path, ledger, f"{field}.path", "the ledger")
    _outside(key_file, ledger, f"{field}.key_file", "the ledger")
    _outside(key_file, path, f"{field}.key_file", "the checkpoints")
    return Checkpoints(path, key_file, tuple(str(word) for word in given.get("command") or ()))


def _apart(one: str, other: str, field: str, what: str) -> None:
    _outside(one, other, field, what)
    if _inside(other, one):
        raise ConfigError(f"{what} lies in it: {other}", field=field, hint="choose a folder of its own")


def _outside(one: str, folder: str, field: str, what: str) -> None:
    if _inside(one, folder):
        raise ConfigError(f"{one} lies where {what} is: {folder}", field=field, hint="choose a place of its own")


def _inside(path: str, folder: str) -> bool:
    real, tree = os.path.realpath(path), os.path.realpath(folder)
    return os.path.commonpath((real, tree)) == tree
