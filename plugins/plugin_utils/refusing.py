# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a failed task's message: what is kept or served and until when, the command that goes on, and the page of the runbook."""

from __future__ import annotations

import os
import re
from datetime import datetime
from typing import Any, Dict, List, Mapping, Union

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import error_result, provider_options, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._issue_values import leaf_of
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.again import RUNBOOK, command, with_command
from ansible_collections.certops.clm.plugins.plugin_utils.answers import TRY, gave_none, said
from ansible_collections.certops.clm.plugins.plugin_utils.holds import first_end
from ansible_collections.certops.clm.plugins.plugin_utils.wave.telling import Served, served_text

NAMED = 3
SAID = re.compile(r"\b([Ss]erved|kept) now: |\bKept: |\bServed before this: |this ends first, |is served nothing is known")
NOT_KNOWN = "What is served or kept now is not known"
UNSEEN = "What is served now is not known: it ended before anybody looked, and certops.clm.tls_endpoint_info tells it."
UNREAD = "What is kept now was not read: it lies where the task ran, and certops.clm.secret_store_info tells it there."


def refused(error: Union[ClmError, OSError], args: Mapping[str, Any], runbook: str = "refused") -> Dict[str, Any]:
    """The result of an action that ended as a whole in `error`; `args` are those of its task."""
    if not isinstance(error, ClmError):
        error = ClmError(f"the system refused: {error.strerror or error} ({error.filename or 'no file'})")
    return told({"changed": False, "failed": True, **error_result(error, runbook)}, args, runbook)


def told(result: Dict[str, Any], args: Mapping[str, Any], runbook: str = "refused", here: bool = True) -> Dict[str, Any]:
    """The result of a failed task, whose message ends with what its reader needs next, as far as it does not say so already.

    `here` is False where the secret store of its arguments is not one of this machine.
    """
    message = str(result.get("msg") or "")
    if not result.get("failed") or not message:
        return result
    if gave_none(result):
        message = f"{said(result)}. Next: {TRY}"
    text, named, page = message.rpartition(RUNBOOK)
    text, page = (text, page) if named else (message, path_of(runbook))
    outcomes = result.get("outcomes")
    holds = held_by(args, outcomes, here) if outcomes or not SAID.search(text) else ""
    if holds.startswith(NOT_KNOWN) and holds.removeprefix(f"{NOT_KNOWN}: ").rstrip(".") in text:
        holds = f"{NOT_KNOWN}."  # the reason is what the message says already
    text = f"{text.rstrip('.')}. {holds}".rstrip(" .") if holds else text
    return with_command({"runbook_page": page, **result, "msg": f"{text.rstrip('.')}{RUNBOOK}{page}"}, command())


def held_by(args: Mapping[str, Any], outcomes: Any = None, here: bool = True) -> str:
    """What the lineages in a task's own arguments have now; empty for a task that is about none. Nothing of it fails."""
    try:
        if args.get("manifest"):
            return "" if outcomes else _held_in(args)
        lineages = _lineages(args, outcomes)
        if lineages and args.get("secret_store"):
            return _kept(_store(args["secret_store"]), lineages, utc_now()) if here else UNREAD
    except (ClmError, OSError) as error:
        return f"{NOT_KNOWN}: {error}."
    except (TypeError, ValueError, AttributeError):  # the arguments themselves are what is wrong
        return f"{NOT_KNOWN}."
    return UNSEEN if (args.get("deployments") or args.get("keystores")) and _any_silent(outcomes) else ""


def _held_in(args: Mapping[str, Any]) -> str:
    """Of a manifest what ends first, or the lineage that the task is about."""
    manifest = load(os.path.expanduser(str(args["manifest"])))
    if args.get("lineage"):
        return _kept(_store(manifest.secret_store), [str(args["lineage"])], utc_now())
    return first_end(manifest, load_observations(manifest.observations), utc_now())


def _lineages(args: Mapping[str, Any], outcomes: Any) -> List[str]:
    """The lineages of the task's items, but for those whose outcomes are good or say themselves what was there."""
    found: List[str] = []
    for item in args.get("certificates") or args.get("lineages") or ():
        name = str(item.get("lineage") or item.get("id") or "") if isinstance(item, Mapping) else ""
        outcome = outcomes.get(str(item.get("id") or name)) if name and isinstance(outcomes, Mapping) else None
        if name and (outcome is None or _silent(outcome)):
            found.append(name)
    return list(dict.fromkeys(found))


def _silent(outcome: Any) -> bool:
    """Whether an item failed and does not say what was there."""
    return isinstance(outcome, Mapping) and outcome.get("state") == "failed" and not outcome.get("before")


def _any_silent(outcomes: Any) -> bool:
    return not outcomes or (isinstance(outcomes, Mapping) and any(_silent(one) for one in outcomes.values()))


def _store(options: Mapping[str, Any]) -> SecretStore:
    return secret_stores.create(options.get("type"), provider_options(secret_stores, options, "secret_store"), utc_now)


def _kept(store: SecretStore, lineages: List[str], now: datetime) -> str:
    said = [_kept_of(store, name, now) for name in lineages[:NAMED]]
    more = f"And {len(lineages) - NAMED} more, which certops.clm.secret_store_info shows." if len(lineages) > NAMED else ""
    return " ".join([*said, more]).strip()


def _kept_of(store: SecretStore, name: str, now: datetime) -> str:
    try:
        version = store.load(name)
        if version is None or not version.chain_pem:
            return f"{name}, kept now: nothing."
        leaf = leaf_of(version)
        until = rfc3339(leaf.not_after) if leaf.not_after is not None else ""
        return served_text(Served(leaf.sha256, until), now, f"{name}, kept")
    except ClmError as error:
        return f"{name}, kept now: not known ({error})."
