# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More than one controller: in PID namespaces of their own or as slices, on one store and one ledger, and one that stands still."""

from __future__ import annotations

import copy
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pytest

from ansible_collections.certops.clm.plugins.module_utils import ledger as ledgers
from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign
from ansible_collections.certops.clm.tests.integration.rotate.test_never_green import sliced
from ansible_collections.certops.clm.tests.lab.host import signal_all, tree
from ansible_collections.certops.clm.tests.lab.playbook import Ansible

APART = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"] if os.geteuid() == 0 else []
EVERYTHING = ["shop", *OTHERS]
BUSY = "runbook_busy"


class Controller(Ansible):
    """The same core in the same folder, in a PID namespace of its own as a container is, with SSH connections of its own."""

    def command(self, *given: Any) -> List[str]:
        return [*APART, *super().command(*given)]

    def start(self, campaign: Campaign, number: int, inventory: Sequence[Path] = (), **extra: Any) -> Any:
        sockets = self.place / f"cp{number}"
        sockets.mkdir(exist_ok=True)
        where = list(inventory) or campaign.inventories
        env = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets)}
        process, _events = self.begin("certops.clm.rotate", where, extra=campaign.settings(**extra), env=env)
        return process


def controller(ansible: Ansible) -> Controller:
    made = copy.copy(ansible)
    made.__class__ = Controller
    return made  # type: ignore[return-value]


def ends(processes: Sequence[Any]) -> List[str]:
    """What each said, once all have ended."""
    return [process.communicate(timeout=280)[0] for process in processes]


def issued(campaign: Campaign) -> Dict[str, int]:
    """By lineage, how often the CA was heard of it, by its own log."""
    lines = (campaign.place / "ca" / "issued.jsonl").read_text().splitlines()
    counted = Counter(name for line in lines for name in campaign.manifest["lineages"] if f'"{name}/' in line)
    assert sum(counted.values()) == len(lines), lines
    return dict(counted)


def check(campaign: Campaign, chains: int) -> None:
    """Each lineage once, everywhere, and a ledger that holds."""
    assert issued(campaign) == dict.fromkeys(campaign.manifest["lineages"], 1)
    for lineage in campaign.manifest["lineages"]:
        assert [version["state"] for version in campaign.versions(lineage)] == ["proven"], lineage
    served = {name: campaign.lab.served(name, verify=False) for name in (*SHOP, *OTHERS.values())}
    current = {**dict.fromkeys(SHOP, campaign.current("shop")), **{name: campaign.current(one) for one, name in OTHERS.items()}}
    assert served == current
    found = ledgers.verify(str(campaign.place / "ledger"))
    assert found.ok and len(found.chains) >= chains, found


@pytest.mark.every_core
def test_two_controllers_at_once_issue_each_lineage_once(lab, ansible, tmp_path):
    campaign, both = Campaign(lab, ansible, tmp_path, EVERYTHING), controller(ansible)
    processes = [both.start(campaign, number) for number in (1, 2)]
    said = [" ".join(one.split()) for one in ends(processes)]
    assert all("certops.clm.rotate : Issue" in one for one in said), said
    codes = sorted(process.returncode for process in processes)
    assert codes[0] == 0, said
    for process, one in zip(processes, said):  # where both met on one server, one of them may have stopped there, and says so
        assert process.returncode == 0 or (process.returncode == 2 and BUSY in one), one
    campaign.run().ok()
    check(campaign, 1)
    assert campaign.run().ok().changed() == 0, said


@pytest.mark.every_core
def test_canaries_in_one_run_and_then_four_slices_at_once(lab, ansible, tmp_path):
    campaign, slices = after_the_canaries(lab, ansible, tmp_path)
    # as guide_rotate.rst has it: four jobs that nobody slices, each with the whole inventory
    processes = [slices.start(campaign, number, clm_slices=4, clm_slice=number) for number in range(1, 5)]
    all_in_time(campaign, processes, [f"slice {number} of 4" for number in range(1, 5)])


def test_canaries_in_one_run_and_then_four_slices_that_awx_cut(lab, ansible, tmp_path):
    campaign, slices = after_the_canaries(lab, ansible, tmp_path, service="")  # two of three at once: somebody has to allow that
    inventories = [sliced(campaign, number, 4, whole=tuple(lab.hosts)) for number in range(1, 5)]
    processes = [slices.start(campaign, number, [one], clm_slices=4) for number, one in enumerate(inventories, 1)]
    all_in_time(campaign, processes, ["one of 4 slices"] * 4)


def after_the_canaries(lab: Any, ansible: Ansible, place: Path, **shop: Any) -> Tuple[Campaign, Controller]:
    campaign = Campaign(lab, ansible, place, EVERYTHING)
    campaign.manifest["secret_store"]["shared"] = True
    campaign.manifest["lineages"]["shop"].update(shop)
    campaign.write()
    campaign.run(args=["--limit", "localhost,clm_canary,clm_servers"]).ok()
    return campaign, controller(ansible)


def all_in_time(campaign: Campaign, processes: Sequence[Any], parts: Sequence[str]) -> None:
    said = [" ".join(one.split()) for one in ends(processes)]
    assert [process.returncode for process in processes] == [0] * 4, "\n\n".join(said)
    assert all(part in one for part, one in zip(parts, said))
    check(campaign, 1)
    assert campaign.run().ok().changed() == 0


@pytest.mark.every_core
def test_a_store_that_slices_do_not_share_is_refused(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    run = campaign.run(clm_slices=4, clm_slice=1)
    said = " ".join(run.output.split())
    assert run.rc == 2 and f"{tmp_path}/store lies on" in said and "each slice would have a store of its own" in said
    assert "secret_store.shared: true" in said and "runbook_store" in said and not (tmp_path / "store" / "lineages").exists()


@pytest.mark.every_core
def test_one_that_stood_still_while_its_lease_was_taken_cannot_commit_and_says_so(lab, ansible, tmp_path):
    campaign, slow = Campaign(lab, ansible, tmp_path, ["api"]), controller(ansible)
    campaign.manifest["secret_store"]["lease_seconds"] = 3
    campaign.manifest["profiles"]["web"]["key_type"] = "rsa-4096"  # its key takes a while, under the lease
    campaign.write()
    process = slow.start(campaign, 1)
    lease = tmp_path / "store" / "lineages" / "api" / "lease-1"
    deadline = time.monotonic() + 90
    while not os.path.lexists(lease) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.001)
    stopped = tree(process.pid)
    signal_all(stopped, signal.SIGSTOP)
    assert os.path.lexists(lease) and not list((tmp_path / "store").rglob("version.json")), "it was not caught in the middle"
    campaign.run().ok()
    versions = campaign.versions("api")
    signal_all(stopped, signal.SIGCONT)
    said = " ".join(ends([process])[0].split())
    assert process.returncode != 0 and "the lease on api was taken over" in said, said
    assert campaign.versions("api") == versions and issued(campaign) == {"api": 1}
    assert lab.served("app1", verify=False) == campaign.current("api")
    assert campaign.run().ok().changed() == 0
