# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest that a backup carries is somebody else's word: what it would decide is said, and nothing of it is opened or run."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Sequence

from ..errors import ConfigError
from ..manifest import Manifest, parse_yaml
from ._backup_parts import leaves, parts_of

SHOWN, LONGEST = 10, 120
_HINT = (
    "put your own copy of the manifest there; or, when you trust whoever wrote the backup and have read this, set "
    "trust_manifest: true (certops.clm.restore: -e clm_trust_manifest=true)"
)


def refuse_strange(data: bytes, path: str) -> None:
    """ConfigError that says where the manifest in a backup would write, and what it would run."""
    fields = parse_yaml(data, path)
    included = fields.pop("include", None) if isinstance(fields, dict) else None  # none of these files is opened
    manifest = Manifest.parse(fields, path)
    stores = [str(one.get("path") or one["type"]) for one in leaves(manifest.secret_store)]
    places = [*stores, *(part.path for part in parts_of(manifest, True)), *(included if isinstance(included, list) else ())]
    commands = list(_commands([manifest.secret_store, manifest.ledger, manifest.issuers]))
    runs = f", and which commands give passphrases ({_said(commands)})" if commands else ""
    text = f"there is no {path}, and the manifest in the backup would decide where files are written ({_said(places)}){runs}"
    raise ConfigError(f"{text}: nothing was written", hint=_HINT, field="trust_manifest")


def _commands(options: Any) -> Iterator[str]:
    """Every command among the options."""
    if isinstance(options, Mapping):
        for name, value in options.items():
            if str(name).endswith("_command") and isinstance(value, (list, tuple)):
                yield " ".join(map(str, value))
            else:
                yield from _commands(value)
    elif isinstance(options, (list, tuple)):
        for one in options:
            yield from _commands(one)


def _said(texts: Sequence[Any]) -> str:
    """A few of these texts of somebody else, cut, on one line."""
    shown: List[str] = []
    for text in dict.fromkeys(map(str, texts)):
        shown.append("".join(char if char.isprintable() else "?" for char in text[:LONGEST]))
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")
