# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deployment modules of targets behind an API share: their options, and the way from them to one outcome each.

A place's options are the target's own; `deployment_spec` adds what every deployment has.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..contracts import Clock, KeyRef, SecretStore, StoredVersion, Target, Version
from ..errors import ClmError, ConfigError, NotFoundError
from ..outcome import Outcome, failed
from ..targets._powers import KeySender
from .deploy import Item, converge

LABELS = ("owner", "service", "environment", "criticality", "runbook")
COMMON: Dict[str, Any] = {
    "id": {"type": "str", "required": True},
    "lineage": {"type": "str"},
    "version": {"type": "str"},
    "endpoints": {"type": "list", "elements": "dict", "required": True},
    "dead": {"type": "list", "elements": "str", "default": []},
    **{name: {"type": "str"} for name in LABELS},
}


def deployment_spec(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The argument spec of a module whose target has these options for each place."""
    own = {name: {key: value for key, value in spec.items() if key != "shared"} for name, spec in options.items()}  # a manifest's word
    return {
        "deployments": {"type": "list", "elements": "dict", "required": True, "options": {**COMMON, **own}},
        "secret_store": {"type": "dict", "required": True, "no_log": False},
        "proof": {"type": "dict", "default": {}},
        "concurrency": {"type": "int", "default": 8},
    }


def deploy_versions(
    params: Mapping[str, Any], *, target: Target, store: SecretStore, clock: Clock, check_mode: bool
) -> Mapping[str, Outcome]:
    """Outcomes by id for `params["deployments"]`, in their order; a wrong one fails alone, two with one id are refused together."""
    if isinstance(target, KeySender):
        target.take_keys_from(store)
    outcomes: Dict[str, Outcome] = {}
    items: List[Item] = []
    for given in params["deployments"]:
        if given["id"] in outcomes or given["id"] in [item.id for item in items]:
            raise ConfigError(f"two deployments are called {given['id']!r}", field="deployments")
        item, error = _item(given, store)
        if item is not None:
            items.append(item)
        elif error is not None:
            outcomes[given["id"]] = failed("read", error)
    concurrency = max(1, int(params.get("concurrency") or 1))
    outcomes.update(converge(items, target=target, clock=clock, check_mode=check_mode, concurrency=concurrency))
    return {given["id"]: outcomes[given["id"]] for given in params["deployments"]}


def _item(given: Mapping[str, Any], store: SecretStore) -> Tuple[Optional[Item], Optional[ClmError]]:
    lineage = str(given.get("lineage") or given["id"])
    try:
        kept = _kept(store, lineage, given.get("version"))
    except ClmError as error:
        return None, error
    key = None if kept.held else KeyRef(store.identity(), lineage, kept.version, kept.spki_sha256)
    where = {name: value for name, value in given.items() if name not in (*LABELS, "version", "dead")}
    where.update(lineage=lineage, labels={name: given[name] for name in LABELS if given.get(name)})
    version = Version(kept.sha256, kept.chain_pem, kept.spki_sha256, key, held=kept.held)
    return Item(given["id"], where, version, frozenset(given.get("dead") or ()), bool(given.get("allow_no_rollback"))), None


def _kept(store: SecretStore, lineage: str, version: Optional[str]) -> StoredVersion:
    """The version as the store has it; NotFoundError says what is missing."""
    kept = store.load(lineage, version or None)
    if kept is None or not kept.chain_pem:
        which = f"version {version}" if version else "a current version"
        raise NotFoundError(f"the secret store has not {which} of {lineage}", hint="issue it first, or name another lineage or version")
    return kept
