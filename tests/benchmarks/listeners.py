# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""200 listeners of AWS rotated in waves: as they are, with one that never changes, throttled, and with credentials that end. Tier B.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/listeners.py [--lineages 20] [--each 10]
Writes tests/benchmarks/results/listeners.json. The emulator and its TLS front run on the same machine; each listener has two addresses.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict

import stamp

from ansible_collections.certops.clm.tests.integration.rotate.aws_campaign import AwsCampaign
from ansible_collections.certops.clm.tests.lab.aws import emulator
from ansible_collections.certops.clm.tests.lab.playbook import Ansible
from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import DEV_CORE

GOAL = 4.0  # calls of AWS for each deployment
WAVES = ["10%", "30%", "rest"]
THROTTLED = {"match": "*", "share": 0.3, "code": "Throttling"}
ENDED = {"match": "elasticloadbalancing:ModifyListener", "share": 1, "code": "ExpiredToken"}


def hold(what: str, found: Any, wanted: Any) -> None:
    """End the run where the rotation did something else than it must."""
    if found != wanted:
        sys.exit(f"{what}: {found}, must be {wanted}")


def rotate(campaign: AwsCampaign, **extra: Any) -> Dict[str, Any]:
    """One rotation: seconds, calls, and how many deployments ended in which state."""
    campaign.aws.forget_calls()
    begun = time.monotonic()
    run = campaign.rotate(rotate_proof_timeout=20, **extra)
    calls = {name: count for name, count in campaign.aws.calls().items() if name != "sts:GetCallerIdentity"}
    states = dict(Counter(campaign.verdicts(run).values()))
    return {"seconds": round(time.monotonic() - begun, 1), "calls": calls, "states": states, "exit": run.rc}


def undisturbed(campaign: AwsCampaign, count: int) -> Dict[str, Any]:
    """The first rotation of all."""
    first = rotate(campaign, clm_waves=WAVES)
    hold("the first rotation", (first["states"], first["exit"]), ({"done": count}, 0))
    return {"calls_each": round(sum(first["calls"].values()) / count, 2), "first": first}


def sabotaged(campaign: AwsCampaign, count: int) -> Dict[str, Any]:
    """Again with one that never changes, then what was left, then nothing."""
    campaign.force("again")
    stuck = campaign.listeners["site1"][-1]
    campaign.freeze(stuck)
    second = rotate(campaign, clm_waves=WAVES)
    hold("rolled back", second["states"].get("rolled_back"), 1)
    hold("the rotation with one that never changes is red", second["exit"] != 0, True)
    campaign.freeze(stuck, never=False)
    third = rotate(campaign, clm_waves=WAVES)
    hold("the rest", (second["states"]["done"] + third["states"]["done"], third["exit"]), (count, 0))
    fourth = rotate(campaign)
    hold("nothing is left", (fourth["states"], fourth["exit"]), ({}, 0))
    return {"one_never_changes": second, "the_rest": third, "nothing_due": fourth}


def hindered(campaign: AwsCampaign, count: int) -> Dict[str, Any]:
    """With every third call throttled, and with credentials that end in the middle of a wave."""
    campaign.force("throttled")
    campaign.aws.faults(THROTTLED)
    throttled = rotate(campaign, clm_waves=WAVES)
    hold("throttled", (throttled["states"], throttled["exit"]), ({"done": count}, 0))
    campaign.force("with credentials that end")
    campaign.aws.faults({**ENDED, "after": count // 2})
    ended = rotate(campaign, clm_waves=WAVES)
    hold("done before they ended", ended["states"].get("done"), count // 2)
    hold("a rotation whose credentials ended is red", ended["exit"] != 0, True)
    campaign.aws.faults()
    resumed = rotate(campaign, clm_waves=WAVES)
    hold("with new credentials", (resumed["states"], resumed["exit"]), ({"done": count - count // 2}, 0))
    hold("imported once a lineage", sum(one["calls"].get("acm:ImportCertificate", 0) for one in (ended, resumed)), len(campaign.listeners))
    return {"throttled": throttled, "credentials_end": ended, "with_new_credentials": resumed}


def main() -> None:
    """Rotate all four times, each with another hindrance."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lineages", type=int, default=20)
    parser.add_argument("--each", type=int, default=10)
    given = parser.parse_args()
    count = given.lineages * given.each
    with tempfile.TemporaryDirectory(prefix="clm-aws-", dir="/var/tmp") as place:
        for name in ("lab", "ansible", "campaign"):
            (Path(place) / name).mkdir()
        ansible = Ansible(DEV_CORE, collection.installed()[0], Path(place) / "ansible")
        with emulator(Path(place) / "lab") as aws:
            campaign = AwsCampaign(aws, ansible, Path(place) / "campaign", {f"site{n}": given.each for n in range(given.lineages)})
            campaign.patience = 1500.0
            found = {**undisturbed(campaign, count), **sabotaged(campaign, count), **hindered(campaign, count)}
    stamp.write("listeners", {"listeners": count, "lineages": given.lineages, "goal": GOAL, **found})


if __name__ == "__main__":
    main()
