# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the certificate modules and the facade share: their common options, and the way from them to one outcome each.

`OPTIONS` is the argument spec of the doc fragment `issue`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .._ledger_options import SPEC
from .._ledger_session import opened
from ..contracts import Clock, Issuer, SecretStore
from ..errors import ClmError
from ..hints import ask_now, gives_hints, hinter_of
from ..issuers._powers import RenewalHinter
from ..ledger import NullLedger
from ..outcome import Answer, Outcome
from ..published import proofs_of, told
from ._issue_items import profiles_of, wanted_of
from ._issue_later import in_time
from ._issue_values import Wanted, leaf_of
from .guarded import converge
from .leasing import Pause
from .revoke import revoke

REVOKED = "revoked"
_TEXT: Mapping[str, Any] = {"type": "str"}
_TEXTS: Mapping[str, Any] = {"type": "list", "elements": "str"}
OPTIONS: Dict[str, Any] = {
    "certificates": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            **{name: dict(_TEXT) for name in ("id", "lineage", "owner", "service", "environment", "criticality", "runbook")},
            **{name: dict(_TEXT) for name in ("forced", "csr_pem")},
            "names": {**_TEXTS, "required": True},
            "profile": {"type": "raw"},
            "consumers": dict(_TEXTS),
            "reuse_key": {"type": "str", "no_log": False},
            "revoked": dict(_TEXTS),
            "compromised": dict(_TEXTS),
        },
    },
    "profiles": {"type": "dict", "default": {}},
    "secret_store": {"type": "dict", "required": True, "no_log": False},
    "ledger": SPEC,
    "promote": {"type": "bool", "default": True},
    "published": {"type": "list", "elements": "dict", "default": []},
    "run_id": dict(_TEXT),
}


def issue_certificates(
    params: Mapping[str, Any],
    *,
    issuer: Issuer,
    store: SecretStore,
    clock: Clock,
    run_id: str,
    check_mode: bool,
    pause: Optional[Pause] = None,
) -> Answer:
    """Outcomes by id for `params["certificates"]`, in their order; `pause` waits for a lineage that another run has.

    With `params["state"]` revoked the current ones are revoked for `params["reason"]` instead, where the module offers that.

    ConfigError only for what concerns all of them (profiles, ledger); everything else is the outcome of its item.
    """
    profiles = profiles_of(params.get("profiles") or {})
    wanted, outcomes = wanted_of(params["certificates"], profiles)
    published = told(params.get("published") or ())
    wanted = _hinted(wanted, store, issuer, clock())
    if published:
        wanted = [replace(item, published=published) for item in wanted]
    options: Dict[str, Any] = {"store": store, "issuer": issuer, "clock": clock, "run_id": run_id, "pause": pause}
    revoking = params.get("state") == REVOKED
    flow = partial(revoke, reason=str(params.get("reason"))) if revoking else partial(converge, promote=params.get("promote") is not False)
    issued: Mapping[str, Outcome] = {}
    answer = Answer()
    if check_mode:
        issued = flow(wanted, ledger=NullLedger(), check_mode=True, **options)
    elif wanted:
        with opened(params["ledger"], params["secret_store"], clock) as ledger:
            issued = flow(wanted, ledger=ledger, **options)
        answer.more, answer.problem = {**ledger.facts, **proofs_of(issued.values())}, "; ".join(ledger.problems)
    now = clock()
    answer.update({item: outcome or in_time(issued[item], now) for item, outcome in outcomes.items()})
    return answer


def _hinted(wanted: Sequence[Wanted], store: SecretStore, issuer: Issuer, now: datetime) -> List[Wanted]:
    """The items with what their issuer says of its current certificates; without it where that cannot be had."""
    if not gives_hints(issuer):
        return list(wanted)
    current: Dict[str, Tuple[RenewalHinter, str]] = {}
    for item in wanted:
        try:
            version = store.load(item.lineage)
            if version is not None and version.chain_pem and version.meta.get("issuer") == issuer.identity():
                leaf, hinter = leaf_of(version), hinter_of(issuer, version.held)
                if hinter is not None and leaf.not_after is not None and leaf.not_after > now:
                    current[version.sha256] = (hinter, leaf.pem)
        except ClmError:
            continue
    hints = ask_now(current, now)
    return [replace(item, hints=hints) for item in wanted]
