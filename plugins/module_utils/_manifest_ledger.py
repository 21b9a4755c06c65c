# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest's `ledger:`; what a ledger is checked against must not lie where the ledger is."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ._ledger_options import settle
from ._manifest_fields import Fields, one_line, refuse, resolve


def parse_ledger(data: Any, base: str, secret_store: Mapping[str, Any]) -> Dict[str, Any]:
    """The options that are given, and `path`; paths are resolved against the manifest."""
    fields = Fields(data, "ledger")
    ledger: Dict[str, Any] = {"path": resolve(base, fields.text("path") or "ledger"), "writer_id": fields.name("writer_id")}
    ledger["break_glass"] = fields.text("break_glass")
    ledger["allow_ephemeral"] = fields.flag("allow_ephemeral")
    spool = fields.text("spool")
    ledger["spool"] = spool and resolve(base, spool)
    checkpoints = fields.take("checkpoints")
    ledger["checkpoints"] = None if checkpoints is None else _checkpoints(checkpoints, base)
    fields.finish()
    settle(ledger, secret_store)
    return {key: value for key, value in ledger.items() if value}


def _checkpoints(data: Any, base: str) -> Dict[str, Any]:
    fields = Fields(data, "ledger.checkpoints")
    found: Dict[str, Any] = {name: fields.text(name) for name in ("path", "key_file")}
    command = [one_line(word, where) for where, word in fields.items("command")]
    fields.finish()
    if not found["path"]:
        refuse("ledger.checkpoints.path", "is needed: a folder that the ledger is not in")
    resolved = {name: resolve(base, value) for name, value in found.items() if value}
    return {**resolved, "command": command} if command else resolved
