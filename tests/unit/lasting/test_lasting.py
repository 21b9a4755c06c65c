# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which paths outlive a run."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.lasting import ephemeral, refuse_ephemeral

MOUNTS = r"""
1 0 0:1 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a:/b
2 1 0:2 / /dev/shm rw - tmpfs shm rw
3 1 8:1 /pv /nonexistent/runner rw shared:3 master:2 - ext4 /dev/sda1 rw
4 3 0:4 / /nonexistent/runner/my\040keys rw - tmpfs tmpfs rw
5 1 8:1 / /nonexistent/twice rw - ext4 /dev/sda1 rw
6 5 0:5 / /nonexistent/twice rw - tmpfs tmpfs rw
7 1 8:1 /tmp/awx_12_abc /nonexistent/job rw - ext4 /dev/sda1 rw
8 1 8:1 /var/lib/kubelet/pods/1-2/volumes/kubernetes.io~empty-dir/keys /nonexistent/pod rw - ext4 /dev/sda1 rw
9 1 8:1 /var/lib/containers/storage/volumes/{volume}/_data /nonexistent/anonymous rw - xfs /dev/sda1 rw
10 1 8:1 /var/lib/containers/storage/volumes/keys/_data /nonexistent/named rw - xfs /dev/sda1 rw
11 1 8:1 /var/lib/kubelet/pods/1-2/volumes/kubernetes.io~csi/pvc-1/mount /nonexistent/claim rw - ext4 /dev/sdb rw
12 7 8:2 /pv /nonexistent/job/keys rw - ext4 /dev/sdb rw
13 1 8:1 /tmp/ansible-navigator_x1/artifacts /nonexistent/navigator rw - ext4 /dev/sda1 rw
14 1 8:1 / /tmp rw - ext4 /dev/sda1 rw
15 1 8:1 /x /runner rw - ext4 /dev/sda1 rw
16 15 8:2 /pv /runner/keys rw - ext4 /dev/sdb rw
garbage
""".replace("{volume}", "0123456789abcdef" * 4)
AWX = {"JOB_ID": "12", "AWX_PRIVATE_DATA_DIR": "/tmp/awx_12_abc"}


@pytest.mark.parametrize(
    "path, where",
    [
        ("/nonexistent/here/store", "overlay at /"),
        ("/nonexistent/runner/store", ""),
        ("/nonexistent/runner", ""),
        ("/nonexistent/runner-beside/store", "overlay at /"),
        ("/nonexistent/runner/my keys/store", "tmpfs at /nonexistent/runner/my keys"),
        ("/nonexistent/twice/store", "tmpfs"),
        ("/dev/shm/store", "memory"),
    ],
)
def test_where_a_path_lies(path, where):
    found = ephemeral(path, MOUNTS)
    assert (where in found) if where else found == ""


@pytest.mark.parametrize(
    "path, where",
    [
        ("/nonexistent/job/project/store", "the folder of one AWX job (/tmp/awx_12_abc/project/store)"),
        ("/nonexistent/job", "the folder of one AWX job (/tmp/awx_12_abc)"),
        ("/nonexistent/job/keys/store", ""),
        ("/tmp/awx_7_x/project/store", "the folder of one AWX job (/awx_7_x/project/store)"),
        ("/tmp/awx_notes/store", ""),
        ("/nonexistent/pod/store", "an emptyDir, which ends with its pod"),
        ("/nonexistent/anonymous/store", "a volume without a name, which ends with its container"),
        ("/nonexistent/named/store", ""),
        ("/nonexistent/claim/store", ""),
        ("/nonexistent/navigator/store", "the folder of one run of ansible-navigator"),
    ],
)
def test_a_folder_that_is_removed_after_one_job_does_not_last_though_its_file_system_does(path, where):
    found = ephemeral(path, MOUNTS, {})
    assert (where in found) if where else found == ""


@pytest.mark.parametrize(
    "path, environ, lasts",
    [
        ("/runner/project/store", AWX, False),
        ("/runner/project/store", {"JOB_ID": "12"}, False),
        ("/runner/project/store", {"AWX_HOST": "https://awx.example.com"}, False),
        ("/runner/project/store", {"HOME": "/root"}, True),
        ("/runner/keys/store", AWX, True),
        ("/runner-beside/store", AWX, False),  # the container's own layer
        ("/nonexistent/named/store", AWX, True),
        ("/nonexistent/named/mine/store", {"AWX_PRIVATE_DATA_DIR": "/nonexistent/named/mine"}, False),
        ("/nonexistent/named/store", {"AWX_PRIVATE_DATA_DIR": "/nonexistent/named/mine"}, True),
    ],
)
def test_the_private_folder_of_a_job_does_not_last_but_for_a_volume_in_it(path, environ, lasts):
    assert (ephemeral(path, MOUNTS, environ) == "") is lasts


def test_the_refusal_names_path_field_and_settings():
    with pytest.raises(ConfigError) as refused:
        refuse_ephemeral("/nonexistent/store", "secret_store", MOUNTS)
    said = str(refused.value)
    assert refused.value.field == "secret_store" and "/nonexistent/store" in said
    assert "volume-mounts" in said and "Paths to expose" in said and "secret_store.allow_ephemeral" in said


def test_a_symlink_is_followed(tmp_path):
    (tmp_path / "link").symlink_to("/nonexistent/runner/store")
    assert ephemeral(str(tmp_path / "link"), MOUNTS) == ""


def test_a_system_that_cannot_tell_is_not_refused():
    refuse_ephemeral("/nonexistent/store", "ledger", "nothing that can be read", {})
    with pytest.raises(ConfigError, match="the private folder of this job"):
        refuse_ephemeral("/runner/store", "ledger", "nothing that can be read", AWX)
