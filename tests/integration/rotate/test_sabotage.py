# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in a rotation: each time the right thing is served, the wave stops, and the message says what next."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign
from ansible_collections.certops.clm.tests.lab.host import signal_all, tree

WAVES = {"clm_waves": [1]}


def canary_and_rest(campaign):
    """The canary is the first of the manifest's deployments: they are all alike."""
    return SHOP[0], SHOP[1:]


def test_a_configuration_that_was_broken_before_we_came(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    canary, rest = canary_and_rest(campaign)
    before = {name: lab.served(name) for name in SHOP}
    lab.hosts[canary].real("/etc/nginx/nginx.conf").open("a").write("\nthis is no directive;\n")
    run = campaign.run(**WAVES)
    outcome = campaign.outcomes(run)[canary]
    assert run.rc == 2 and outcome["state"] == "failed" and "before" in outcome["message"] and outcome["next_action"]
    assert {name: lab.served(name) for name in SHOP} == before
    assert [version["state"] for version in campaign.versions("shop")] == ["issued"], "nobody tried it: it is not rejected"
    lab.servers[canary].configure()
    campaign.run(**WAVES).ok()
    assert len(campaign.versions("shop")) == 1, "the mended run takes the version that was issued"


def test_a_reload_that_says_ok_and_serves_the_old_one(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    before = lab.served("app1")
    lab.servers["app1"].sabotage("keep_old")
    run = campaign.run()
    outcome = campaign.outcomes(run)["app1"]
    assert run.rc == 2 and outcome["state"] == "rolled_back"
    assert lab.served("app1") == before == lab.servers["app1"].initial["api"].sha256
    assert before in outcome["message"] and campaign.versions("api")[0]["sha256"] in str(outcome)
    assert campaign.versions("api")[0]["state"] == "rejected" and campaign.versions("api")[0]["meta"]["evidence"]
    assert campaign.report()["failed"][0]["owner"] == "team-web"
    lab.servers["app1"].sabotage()
    campaign.run().ok()
    assert [version["state"] for version in campaign.versions("api")] == ["rejected", "proven"]
    assert lab.served("app1", verify=False) == campaign.current("api")


def test_a_host_that_is_unreachable_in_mid_wave(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    canary, (second, third) = canary_and_rest(campaign)
    gate = tmp_path / "gate.yml"
    touch = {"ansible.builtin.file": {"path": str(lab.hosts[second].place / "cut"), "state": "touch", "mode": "0644"}}
    gate.write_text(json.dumps([{**touch, "delegate_to": "localhost"}, {"ansible.builtin.set_fact": {"clm_gate": "passed"}}]))
    run = campaign.run(rotate_gate_tasks=str(gate), **WAVES)
    now = campaign.current("shop")
    outcome = campaign.outcomes(run)[second]
    assert run.rc != 0 and outcome["state"] == "failed" and "could not be reached" in outcome["message"]
    assert lab.served(canary, verify=False) == now and third not in campaign.outcomes(run)
    assert {lab.served(name) for name in (second, third)} == {lab.servers[name].initial["shop"].sha256 for name in (second, third)}
    lab.hosts[second].mend()
    campaign.run(**WAVES).ok()
    assert {lab.served(name, verify=False) for name in SHOP} == {now} and len(campaign.versions("shop")) == 1


def test_an_intermediate_that_the_server_does_not_send(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    lab.servers["app1"].sabotage("leaf_only")
    before = lab.served("app1", verify=False)
    run = campaign.run()
    outcome = campaign.outcomes(run)["app1"]
    assert run.rc == 2 and outcome["state"] == "rolled_back" and "internal" in outcome["message"]
    assert lab.served("app1", verify=False) == before


def test_a_root_that_one_client_class_does_not_have(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    campaign.manifest["client_classes"]["partners"] = {"anchors": "partners.pem"}
    campaign.manifest["lineages"]["api"]["consumers"] = ["internal", "partners"]
    (tmp_path / "partners.pem").write_text(lab.ca.root_pem)
    campaign.write()
    before = lab.served("app1")
    run = campaign.run()
    outcome = campaign.outcomes(run)["app1"]
    assert run.rc == 2 and outcome["state"] == "rolled_back" and "'partners'" in outcome["message"]
    assert "'internal'" not in outcome["message"] and lab.served("app1") == before


def test_an_expired_certificate_is_never_put_back(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    server = lab.servers["app1"]
    server.reset(days=-1, age_days=60)
    old = server.initial["api"].sha256
    campaign.manifest["client_classes"]["partners"] = {"anchors": "partners.pem"}
    campaign.manifest["lineages"]["api"]["consumers"] = ["partners"]
    (tmp_path / "partners.pem").write_text(lab.ca.root_pem)
    campaign.write()
    run = campaign.run()
    outcome, new = campaign.outcomes(run)["app1"], campaign.versions("api")[0]["sha256"]
    assert run.rc == 2 and outcome["state"] == "failed" and outcome["next_action"]
    assert old in outcome["message"] and new in outcome["message"] and "never put back" in outcome["message"]
    assert lab.served("app1", verify=False) == new


@pytest.mark.every_core
def test_kill_9_under_a_lease_and_the_rerun_waits_for_it_says_so_and_converges(lab, ansible, tmp_path):
    campaign = _killed(lab, ansible, tmp_path, "Issue")
    (lease,) = (tmp_path / "store" / "lineages" / "shop").glob("lease-*")
    process, _events = ansible.begin("certops.clm.rotate", campaign.inventories, extra=campaign.settings(**WAVES))
    said = threading.Event()
    alive = threading.Thread(target=_kept_alive, args=(lease, said), daemon=True)
    alive.start()  # however slow this machine is, the rerun comes to it while it holds
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "waiting at most 300 seconds: " in line:
            said.set()
    waited = said.is_set()
    said.set()
    alive.join()
    assert waited and process.wait(timeout=60) == 0, "".join(lines)[-3000:]
    _has_converged(lab, campaign)


def _kept_alive(lease, said):
    """The dead one's lease lasts for two seconds more, again and again, until somebody says that it waits for it."""
    _until, _dot, owner = os.readlink(lease).partition(".")
    draft = lease.with_name(".draft")
    while not said.wait(0.5):
        draft.symlink_to(f"{int(time.time() + 3):x}.{owner}")
        draft.replace(lease)


@pytest.mark.parametrize("task", ["Deploy to servers", "Settle what stays", "Commit on servers"])
def test_kill_9_in_the_middle_and_the_rerun_converges(lab, ansible, tmp_path, task):
    campaign = _killed(lab, ansible, tmp_path, task)
    campaign.run(**WAVES).ok()
    _has_converged(lab, campaign)


def _killed(lab, ansible, place, task):
    """A campaign whose run was killed in that task."""
    campaign = Campaign(lab, ansible, place, ["shop", "api"])
    campaign.manifest["secret_store"]["lease_seconds"] = 5  # the next run waits for no longer than that
    campaign.manifest["profiles"]["slow"] = {"key_type": "rsa-4096"}  # its key takes long enough for a kill to come in time
    campaign.manifest["lineages"]["shop"]["profile"] = "slow" if task == "Issue" else "web"
    campaign.write()
    process, events = ansible.begin("certops.clm.rotate", campaign.inventories, extra=campaign.settings(**WAVES))
    deadline = time.monotonic() + 90
    lineage = place / "store" / "lineages" / "shop"
    while time.monotonic() < deadline and process.poll() is None:
        if list(lineage.glob("lease-*")) if task == "Issue" else task in events.read_text():
            break
        time.sleep(0.001)
    signal_all(tree(process.pid), signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    served = {name: lab.served(name, verify=False) for name in SHOP}
    versions = campaign.versions("shop") if (lineage / "versions").exists() else []
    known = {version.get("sha256") for version in versions} | {lab.servers[name].initial["shop"].sha256 for name in SHOP}
    assert set(served.values()) <= known
    return campaign


def _has_converged(lab, campaign):
    assert {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}
    assert len([version for version in campaign.versions("shop") if version["sha256"]]) == 1, "nothing was issued twice"
    assert campaign.run(**WAVES).ok().changed() == 0
