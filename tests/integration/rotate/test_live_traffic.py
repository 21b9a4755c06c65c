# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients see the old or the new certificate with its full chain, and never an error: those that open new connections all the
time, and those that keep one and ask on it.

`make traffic` rotates 20 times and keeps what came of it for README; `make test` rotates three times, with clients that leave the
other tests some of the machine.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign

ROTATIONS = int(os.environ.get("CLM_ROTATIONS", "3"))
KEPT = os.environ.get("CLM_TRAFFIC") == "keep"
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "traffic.json"
NEVER_ENDED = ("db1", "app1")  # PostgreSQL and the small server let a session live on when they read their files again
LINEAGES = {**dict.fromkeys(SHOP, "shop"), **{name: lineage for lineage, name in OTHERS.items()}}


def test_no_client_ever_sees_an_error(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", *OTHERS])
    expected = {name: [lab.server(name).initial[lineage].sha256] for name, lineage in LINEAGES.items()}
    began = time.monotonic()
    with ExitStack() as stack:
        watcher = partial(lab.watcher, anchors=campaign.root_pem, interval=0.01 if KEPT else 0.05)
        watchers = {name: stack.enter_context(watcher(name)) for name in LINEAGES}
        holders = {name: stack.enter_context(lab.holder(name, anchors=campaign.root_pem)) for name in LINEAGES}
        for number in range(ROTATIONS):
            campaign.force(f"rotation {number}")
            campaign.run(rotate_soak=0, rotate_soak_canary=0, rotate_proof_consecutive=1, clm_waves=["rest"], timeout=400).ok()
            for name, lineage in LINEAGES.items():
                expected[name].append(campaign.current(lineage))
    clients = {**watchers, **{f"{name}, held": one for name, one in holders.items()}}
    assert {name: one.errors for name, one in clients.items() if one.errors} == {}
    for name, watcher in watchers.items():
        seen = list(dict.fromkeys(watcher.seen))
        assert seen == expected[name], f"{name}: every certificate once, in their order, and no other"
    for name, holder in holders.items():
        assert holder.requests > 10 * ROTATIONS and set(holder.served) <= set(expected[name])
        assert name not in NEVER_ENDED or holder.reopened == 0, f"{name} ended a session that it could have kept"
    tell(watchers, holders, time.monotonic() - began)


def tell(watchers, holders, seconds):
    """What the clients saw, kept where it was asked for."""
    found = {
        "rotations": ROTATIONS, "servers": len(LINEAGES), "seconds": round(seconds),
        "new_connections": sum(len(one.looks) for one in watchers.values()),
        "held": {name: {"requests": one.requests, "ended_by_the_server": one.reopened, "asked_again": one.unanswered}
                 for name, one in holders.items()},
        "errors": sum(len(one.errors) for one in (*watchers.values(), *holders.values())),
        "date": time.strftime("%Y-%m-%d"), "cpus": os.cpu_count(),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if KEPT:
        RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
