# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a managed server for all its deployments of a batch: recover, then request, deploy, restore or commit.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ..contracts import Version, Where
from ..errors import ClmError, ConfigError
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, failed
from ..targets._server_recovery import Recovered
from ..targets._server_request import Requests, wanted_of
from ..targets._server_where import dead_of, mapping_of
from ..targets.server import ServerTarget
from .absent_server import unbind
from .deploy import Item, commit, converge, restore

CONCURRENCY = 16
Result = Dict[str, Any]


def item_of(where: Where) -> Item:
    """The flow's item of a deployment as plain data; what is wrong with it is said by the target."""
    given = mapping_of(where, "version")
    version = Version(
        str(given.get("sha256") or "").lower(), str(given.get("chain_pem") or ""), str(given.get("spki_sha256") or "").lower()
    )
    return Item(str(where.get("id")), where, version, dead_of(where), bool(where.get("allow_no_rollback")))


def serve(target: ServerTarget, params: Mapping[str, Any], *, check_mode: bool) -> Result:
    """`outcomes` by id, and beside them `requests`, `need_keys`, `recovered` and `unrecovered` where there are any."""
    wheres: Sequence[Where] = params["deployments"]
    names = [str(where.get("id")) for where in wheres]
    if len(set(names)) != len(names):
        raise ConfigError("every deployment has an id of its own", field="deployments")
    done = Recovered()
    if not check_mode:
        target.state.lock()
        target.state.clean_staged(list(target.staged_keys.values()))
        done = target.recover(wheres)
    try:
        result = _serve(target, params, [item_of(where) for where in wheres if str(where.get("id")) not in done.stuck], check_mode)
    finally:
        if not check_mode:
            target.state.unstage(list(target.staged_keys.values()))  # another controller's key may have come meanwhile
    if "need_keys" not in result:  # else this is not yet the run itself
        stuck = {name: failed("recover", error) for name, error in done.stuck.items()}
        result["outcomes"] = {name: stuck.get(name) or result["outcomes"][name] for name in names}
    unrecovered = [str(error) for name, error in done.stuck.items() if name not in names]
    return {**result, "recovered": done.mended, "unrecovered": unrecovered}


def _serve(target: ServerTarget, params: Mapping[str, Any], items: Sequence[Item], check_mode: bool) -> Result:
    state = params["state"]
    if state == "requested":
        return request(target, items, Requests(target.state, params["openssl"], target.seconds), check_mode)
    if state == "committed":
        return {"outcomes": commit(items, target=target, clock=target.clock, check_mode=check_mode)}
    if state == "restored":
        return {"outcomes": restore(items, target=target, clock=target.clock, check_mode=check_mode, concurrency=CONCURRENCY)}
    if state == "absent":
        return {"outcomes": unbind(target, [item.where for item in items], check_mode=check_mode)}
    if params["hand_over"] and not check_mode:
        need_keys = _need_keys(target, items)
        if need_keys:
            return {"outcomes": {}, "need_keys": need_keys}
    return {"outcomes": converge(items, target=target, clock=target.clock, check_mode=check_mode, concurrency=CONCURRENCY)}


def _need_keys(target: ServerTarget, items: Sequence[Item]) -> Dict[str, str]:
    """deployment -> path for its key, for what would be deployed and whose key is not here; nothing is handed over for nothing."""
    needed: List[Item] = []
    for item in items:
        try:
            mine = item.where.get("key_origin", "store") == "store"
            if mine and not target.holds(item.where, item.version) and target.needs_key(item.where, item.version):
                needed.append(item)
        except (ClmError, OSError):  # the run itself says what is wrong with it
            continue
    refused = target.plan([(item.where, item.version) for item in needed])
    return {item.id: target.state.stage(item.id) for item, error in zip(needed, refused) if error is None}


def request(target: ServerTarget, items: Sequence[Item], requests: Requests, check_mode: bool) -> Result:
    """A request for each item: the one that waits already, or a new key and its request."""
    outcomes: Dict[str, Outcome] = {}
    made: Dict[str, Dict[str, Any]] = {}
    for item in items:
        try:
            outcomes[item.id], found = _request(target, item, requests, check_mode)
        except ClmError as error:
            outcomes[item.id] = failed("request", ClmError(f"{item.id}: {error}", hint=error.hint))
        except OSError as error:
            outcomes[item.id] = failed("request", ClmError(f"{item.id}: {error.strerror} ({error.filename})"))
        else:
            if found:
                made[item.id] = {name: found[name] for name in ("csr_pem", "spki_sha256", "names")}
    return {"outcomes": outcomes, "requests": made}


def _request(target: ServerTarget, item: Item, requests: Requests, check_mode: bool) -> Any:
    """(outcome, request); the request is empty in check mode when there is none yet."""
    place = target.place(item.where)
    wanted = wanted_of(mapping_of(item.where, "request"))
    found = requests.pending(place.id, wanted, target.spki_in_use(item.where))
    if found:
        facts = {"spki_sha256": found["spki_sha256"], "names": found["names"]}
        return Outcome(UNCHANGED, "request", before=facts, after=facts, message=f"{item.id}: the request waits for its certificate"), found
    if check_mode:
        return Outcome(PLANNED, "request", after=wanted, message=f"{item.id}: would make a key and a request"), {}
    made = requests.make(place.id, wanted)
    facts = {"spki_sha256": made["spki_sha256"], "names": made["names"]}
    return Outcome(DONE, "request", after=facts, message=f"{item.id}: a new key is on the server, its request is here"), made
