# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run refuses to issue where its store or its ledger would end with it: a real tmpfs, overlay, and the folders of one job."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.lasting import ephemeral
from ansible_collections.certops.clm.tests.integration.issuing.site import CONTROLLER, PASSPHRASE
from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign
from ansible_collections.certops.clm.tests.lab.playbook import Ansible
from ansible_collections.certops.clm.tests.support.environment import not_there

MEMORY = Path("/dev/shm")
# What AWX and a kubelet mount into the container of a job; all of it lies on file systems that last, but for the overlay's layers.
MOUNTING = """set -e
mount --bind "$PLACE/tmp/awx_12_abc" "$PLACE/runner"
mount --bind "$PLACE/pods/kubernetes.io~empty-dir/keys" "$PLACE/pod"
mount --bind "$PLACE/volume" "$PLACE/runner/lasting"
mount -t tmpfs layers "$PLACE/layers"
mkdir "$PLACE/layers/lower" "$PLACE/layers/upper" "$PLACE/layers/work"
mount -t overlay layer -o "lowerdir=$PLACE/layers/lower,upperdir=$PLACE/layers/upper,workdir=$PLACE/layers/work" "$PLACE/layer"
exec "$@"
"""


class Job(Ansible):
    """ansible-playbook with these mounts, which nobody else sees."""

    def command(self, *given):
        return ["unshare", "--mount", "sh", "-c", MOUNTING, "job", *super().command(*given)]


@pytest.fixture
def job(ansible, tmp_path):
    for name in ("tmp/awx_12_abc/lasting", "runner", "pods/kubernetes.io~empty-dir/keys", "pod", "volume", "layers", "layer", "mine"):
        (tmp_path / name).mkdir(parents=True)
    tried = ["unshare", "--mount", "sh", "-c", MOUNTING, "job", "true"]
    done = subprocess.run(tried, env={**os.environ, "PLACE": str(tmp_path)}, capture_output=True, text=True, check=False)
    if done.returncode:
        not_there("mounts", f"only root mounts: {done.stderr.strip()}")
    made = copy.copy(ansible)
    made.__class__ = Job
    return made


@pytest.mark.every_core
def test_nothing_is_issued_into_what_awx_and_a_pod_remove_but_into_a_volume_in_it(job, tmp_path):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o600)
    ca = {"path": str(tmp_path / "ca"), "passphrase_file": str(passphrase)}
    tasks = [{"name": "ca", "certops.clm.local_ca": ca}]
    places = {"runner": "the folder of one AWX job", "pod": "an emptyDir", "layer": "a container's own layer", "runner/lasting": "",
              "mine": "the private folder of this job"}  # fmt: skip
    for name in places:
        store = {"type": "directory", "path": str(tmp_path / name / "store")}
        kept = {"secret_store": store, "ledger": {"path": str(tmp_path / name / "ledger")}}
        issue = {"issuer": {"type": "local_ca", **ca}, **kept, "certificates": [{"lineage": "a", "names": ["a.example.com"]}]}
        tasks.append({"name": name, "certops.clm.certificate": issue, "ignore_errors": True})
    env = {"PLACE": str(tmp_path), "JOB_ID": "12", "AWX_PRIVATE_DATA_DIR": str(tmp_path / "mine")}
    run = job.playbook([{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": tasks}], env=env).ok()
    for name, where in places.items():
        result = run.result(name)
        if where:
            assert where in result["msg"] and "Paths to expose to isolated jobs" in result["msg"] and not result["outcomes"], result
        else:
            assert result["outcomes"]["a"]["state"] == "done", result
    assert (tmp_path / "volume" / "store" / "lineages" / "a").exists() and not (tmp_path / "tmp" / "awx_12_abc" / "store").exists()


@pytest.fixture
def memory():
    """A folder name in a real tmpfs that nothing is at."""
    if not (MEMORY.is_dir() and ephemeral(str(MEMORY), Path("/proc/self/mountinfo").read_text())):
        not_there("tmpfs", "/dev/shm is no tmpfs on this machine")
    place = MEMORY / f"clm-{os.getpid()}"
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.every_core
@pytest.mark.parametrize("what, field", [("secret_store", "secret_store"), ("ledger", "ledger")])
def test_nothing_is_issued_into_memory_unless_that_is_meant(lab, ansible, tmp_path, memory, what, field):
    campaign, place = Campaign(lab, ansible, tmp_path), memory
    campaign.manifest[what].update(path=str(place), allow_ephemeral=False)
    campaign.write()
    before = {name: lab.served(name) for name in SHOP}
    run = campaign.run()
    assert run.rc != 0 and {name: lab.served(name) for name in SHOP} == before
    for said in (str(place), "memory", "volume-mounts", "Paths to expose to isolated jobs", f"{field}.allow_ephemeral"):
        assert said in run.output, said
    assert not place.exists() and not (tmp_path / "store" / "lineages").exists()
    task = {"issuer": {"type": "local_ca", "path": str(tmp_path / "ca"), "passphrase_file": str(tmp_path / "passphrase")},
            "secret_store": {**campaign.manifest["secret_store"], "path": str(place if what == "secret_store" else tmp_path / "store")},
            "ledger": {**campaign.manifest["ledger"], "path": str(place if what == "ledger" else tmp_path / "ledger")},
            "certificates": [{"lineage": "a", "names": ["a.example.com"]}]}  # fmt: skip
    alone = campaign.ansible.playbook(
        [{"hosts": "localhost", "gather_facts": False, "tasks": [{"name": "it", "certops.clm.certificate": task}]}]
    )
    assert alone.rc == 2 and f"{field}.allow_ephemeral" in alone.output and not place.exists()
