# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account by itself: made, told its contact, and given a new key, without any certificate."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

from ..contracts import Clock, SecretStore
from ..errors import ClmError
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason, failed
from ._acme_account import ACCOUNT, Account
from ._acme_wire import Wire
from ._powers import Pause

STEP = "account"
OPTIONS: Dict[str, Any] = {
    **ACCOUNT,
    "rollover": {"type": "str"},
    "secret_store": {"type": "dict", "required": True, "no_log": False},
}


def converge(params: Mapping[str, Any], store: SecretStore, clock: Clock, check_mode: bool, pause: Optional[Pause]) -> Dict[str, Outcome]:
    """The outcome of the account, by its name."""
    name = str(params["account"])
    try:
        wire = Wire(str(params["directory"]), str(params.get("ca_file") or ""), 1, clock)
        account = Account(wire, params)
        account.keep_in(store, pause)
        return {name: _converged(account, wire, str(params.get("rollover") or ""), check_mode)}
    except ClmError as error:
        return {name: failed(STEP, error)}


def _converged(account: Account, wire: Wire, token: str, check_mode: bool) -> Outcome:
    before = account.kept_facts()
    todo: List[str] = []
    if not before:
        todo.append("missing")
    if before and account.contact() and before["contact"] != account.contact():
        todo.append("contact")
    rolls = bool(before and token and before["rollover"] != token)
    if rolls:
        todo.append("rollover")
    if not todo:
        return Outcome(UNCHANGED, STEP, before=before, after=before)
    reason = Reason("missing" if not before else "forced", _sentence(todo, token))
    if check_mode:
        after = {**before, "contact": account.contact() or before.get("contact", []), "rollover": token or before.get("rollover", "")}
        return Outcome(PLANNED, STEP, reason, before, {**after, "lineage": account.lineage}, f"would do: {reason.sentence}")
    account.opened()
    if rolls and account.kept_facts()["rollover"] != token:  # a run that was killed may have got that far
        roll_over(account, wire, token)
    return Outcome(DONE, STEP, reason, before, account.kept_facts(), reason.sentence)


def _sentence(todo: List[str], token: str) -> str:
    words = {"missing": "the account is made", "contact": "the CA is told the contact", "rollover": f"the key is changed: {token}"}
    return " and ".join(words[one] for one in todo)


def roll_over(account: Account, wire: Wire, token: str) -> None:
    """A new key for the account (RFC 8555 section 7.3.5): durable before the CA hears of it, used from the CA's answer on."""
    old, kid = account.opened()
    with account.writing() as lease:
        fresh = account.prepared(lease, rollover=token)
        signer, url = account.signer(fresh), wire.resource("keyChange")
        inner = signer.sign({"account": kid, "oldKey": old.jwk.public_key().to_partial_json()}, url, None)
        wire.post(url, json.loads(inner), old, kid)
        account.taken(lease, fresh, kid)
    account.forget()
