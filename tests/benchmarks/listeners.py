# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation of 200 listeners of AWS in waves, one of which never changes: what it costs, and how often it calls AWS. Tier B.

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


def main() -> None:
    """Rotate all, then again with one that never changes, then what was left."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lineages", type=int, default=20)
    parser.add_argument("--each", type=int, default=10)
    given = parser.parse_args()
    count, waves = given.lineages * given.each, ["10%", "30%", "rest"]
    with tempfile.TemporaryDirectory(prefix="clm-aws-", dir="/var/tmp") as place:
        for name in ("lab", "ansible", "campaign"):
            (Path(place) / name).mkdir()
        ansible = Ansible(DEV_CORE, collection.installed()[0], Path(place) / "ansible")
        with emulator(Path(place) / "lab") as aws:
            campaign = AwsCampaign(aws, ansible, Path(place) / "campaign", {f"site{n}": given.each for n in range(given.lineages)})
            first = rotate(campaign, clm_waves=waves)
            hold("the first rotation", (first["states"], first["exit"]), ({"done": count}, 0))
            campaign.force("again")
            stuck = campaign.listeners["site1"][-1]
            campaign.freeze(stuck)
            second = rotate(campaign, clm_waves=waves)
            hold("rolled back", second["states"].get("rolled_back"), 1)
            hold("the rotation with one that never changes is red", second["exit"] != 0, True)
            campaign.freeze(stuck, never=False)
            third = rotate(campaign, clm_waves=waves)
            hold("the rest", (second["states"]["done"] + third["states"]["done"], third["exit"]), (count, 0))
            fourth = rotate(campaign)
            hold("nothing is left", (fourth["states"], fourth["exit"]), ({}, 0))
    stamp.write("listeners", {
        "listeners": count, "lineages": given.lineages, "goal": GOAL, "calls_each": round(sum(first["calls"].values()) / count, 2),
        "first": first, "one_never_changes": second, "the_rest": third, "nothing_due": fourth,
    })  # fmt: skip


if __name__ == "__main__":
    main()
