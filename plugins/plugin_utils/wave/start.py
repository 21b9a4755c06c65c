# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a rotation: never blind, never with a silent nothing, and the sizes of the waves. Pure."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any, Collection, Dict, Iterable, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged, rank_of
from ansible_collections.certops.clm.plugins.plugin_utils.part import WHOLE, Part
from ansible_collections.certops.clm.plugins.plugin_utils.standing import Standing
from ansible_collections.certops.clm.plugins.plugin_utils.wave import waits
from ansible_collections.certops.clm.plugins.plugin_utils.wave.waits import listed
from ansible_collections.certops.clm.plugins.plugin_utils.waves import wave_sizes

ALL = "all"
COUNTED = ("seen", "managed", "undeployed", "due", "canaries")
UNORDERED = (
    "The inventory does not list the deployments by environment, as one that was exported or that AWX keeps does not, so a production "
    "wave does not wait for the others: limit the run to one environment after the other, or let it read the certificates.clm.yml itself."
)
LEFT_OUT_HINT = (
    "The inventory must judge by the manifest's own observations and make one host for each deployment: take the options "
    "observations and per out of it, and run again."
)
BLIND_HINT = (
    "Let the controller and the servers be reached, then run again. To go on without some of them, name them in clm_allow_blind: "
    "they are then left as they are, and the run says so."
)


def new_run_id(now: datetime) -> str:
    """An id that sorts by time and is never used twice."""
    return f"{now.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def blind_spots(
    seen: Observations,
    judged: Mapping[str, Judged],
    servers: Collection[str],
    allowed: Collection[str],
    undeployed: Sequence[Standing] = (),
) -> List[str]:
    """One sentence for everything that would be taken for good only because nobody could look at it.

    What could not be looked at but is due anyway is no blind spot: its wave proves it, or fails.
    """
    named = [name for name in dict.fromkeys(one.deployment.server for one in judged.values()) if name]
    spots = [f"the manifest names the server {name!r}, which the inventory does not have" for name in named if name not in servers]
    if ALL in allowed:
        return spots
    for name in named:
        look = seen.servers.get(name)
        if name in servers and name not in allowed and (look is None or not look.reached):
            spots.append(f"{name}: {look.error if look else 'it was not asked'}")
    for one in judged.values():
        unseen = one.answer == COULD_NOT_LOOK and one.deploy is None and one.issue is None
        if (unseen or one.standing.error) and not {one.deployment.server, one.deployment.id} & set(allowed):
            spots.append(f"{one.deployment.id}: {one.standing.error or one.detail}")
    return spots + [f"{one.lineage.name}: {one.error}" for one in undeployed if one.error and one.lineage.name not in allowed]


def sizes(
    due: Sequence[str], canaries: Collection[str], judged: Mapping[str, Judged], waves: Sequence[Any], part: Part = WHOLE
) -> Dict[str, List[int]]:
    """The sizes for serial, of the canaries and of the rest, in the order of the inventory.

    No wave has deployments of two environments, so a later one begins only once the earlier ones are proven, and each goes through
    `waves` from its first entry on; but where the inventory lists them in another order, nothing is ordered (`unordered` says so).
    `judged` has every deployment of the manifest: what slices take at once is a third of a service together, not each.
    """
    totals = Counter(one.lineage.service for one in judged.values())
    services = {host: judged[host].lineage.service for host in due if host in judged}
    rows = [(host, service, totals[service] // part.share(totals[service])) for host, service in services.items()]
    wave_sizes([], waves)  # a mistake in them is one also where nothing is due
    mixed = bool(unordered(due, judged))

    def each(some: Iterable[Tuple[str, str, int]], wanted: Sequence[Any]) -> List[int]:
        environments = groupby(some, key=lambda row: 0 if mixed else rank_of(judged[row[0]].lineage))  # in the order of the inventory
        return [size for _rank, environment in environments for size in wave_sizes(list(environment), wanted)] or [1]

    return {
        "canary_sizes": each((row for row in rows if row[0] in canaries), ["rest"]),
        "wave_sizes": each((row for row in rows if row[0] not in canaries), waves),
    }


def unordered(due: Sequence[str], judged: Mapping[str, Judged]) -> str:
    """What a person must know where the inventory does not list the deployments by environment; empty where it does."""
    ranks = [rank_of(judged[host].lineage) for host in due if host in judged]
    return "" if ranks == sorted(ranks) else UNORDERED


def summary(
    judged: Mapping[str, Judged],
    undeployed: Sequence[Standing],
    due: Sequence[str],
    canaries: Collection[str],
    now: datetime,
    ignored: str = "",
) -> Dict[str, Any]:
    """How much was seen, is managed and is due, with and without a deployment, and when the next one falls due."""
    standing = [*(one.standing for one in judged.values()), *undeployed]
    later = sorted((one.next_due, one.lineage.name) for one in standing if one.next_due and one.next_due > now)
    to_issue = [one.lineage.name for one in undeployed if one.issue is not None]
    kept = sum(bool(one.chain) for one in undeployed)
    return {
        "seen": sum(one.served is not None for one in judged.values()) + kept,
        "managed": len(judged) + len(undeployed),
        "undeployed": len(undeployed),
        "kept": kept,
        "due": len(due) + len(to_issue),
        "to_issue": to_issue,
        "canaries": sum(1 for host in due if host in canaries),
        "held": sorted(one.deployment.id for one in judged.values() if one.held),
        "next_due": rfc3339(later[0][0]) if later else "",
        "next_lineage": later[0][1] if later else "",
        **waits.facts(judged, due, ignored),
    }


def sentence(facts: Mapping[str, Any], found: Mapping[str, List[int]], part: Part = WHOLE) -> str:
    """What a person reads before the first wave, also when there is nothing to do. Of a part it never says that of everything."""
    here = " in this part" if part else ""
    text = f"{facts['seen'] - facts['kept']} of {facts['managed'] - facts['undeployed']} managed deployments seen"
    if facts["undeployed"]:
        text += f", and {facts['kept']} of {facts['undeployed']} lineages without a deployment in the secret store"
    text += f"; {facts['due']} due{here}.{left_alone(facts)}{waits.sentences(facts)}"
    if not facts["due"]:
        next_one = f"The next one is {facts['next_lineage']} at {facts['next_due']}." if facts["next_due"] else "No next renewal is known."
        return f"{text} Nothing to do{here}. {next_one}"
    if facts["to_issue"]:
        text += f" Issued into the secret store only: {listed(facts['to_issue'])}."
    return f"{text} {order(facts, found)}".strip()


def left_alone(facts: Mapping[str, Any]) -> str:
    """What serves a certificate that nobody asked us to replace."""
    held = facts["held"]
    if not held:
        return ""
    text = f" {len(held)} serve a foreign certificate and are left alone (take_over: true replaces it): {listed(held)}."
    return f"{text} Runbook: {path_of('foreign')}."


def order(facts: Mapping[str, Any], found: Mapping[str, List[int]]) -> str:
    """Who goes first, and in which waves the others follow; empty when no deployment is due."""
    deployments = facts["due"] - len(facts["to_issue"])
    rest = deployments - facts["canaries"]
    waves = f"{rest} in waves of {', '.join(map(str, found['wave_sizes']))}" if rest else "no others"
    return f"{facts['canaries']} go first as canaries, then {waves}." if deployments else ""


def blind_message(spots: Sequence[str]) -> str:
    """What could not be looked at, the first ten by name."""
    more = f"; and {len(spots) - 10} more" if len(spots) > 10 else ""
    return f"This run would be blind, so it stops before anything is changed: {'; '.join(spots[:10])}{more}"


def events(run_id: str, facts: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """The ledger's event for the beginning."""
    return [{"action": "campaign", "step": "start", "run_id": run_id, **{key: facts[key] for key in COUNTED}, **waits.counted(facts)}]


def left_out(judged: Mapping[str, Judged], due: Sequence[str], now: datetime) -> List[str]:
    """What is due, though the inventory does not say so: it judged by another file, or its hosts are no deployments.

    What fell due in the last minutes, while the inventory was read, is not meant.
    """
    lately = now - timedelta(minutes=5)
    missing = [host for host, one in judged.items() if one.due and host not in due]
    return [host for host in missing if judged[host].deploy is not None or (judged[host].next_due or lately) <= lately]
