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
garbage
"""


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
    refuse_ephemeral("/nonexistent/store", "ledger", "nothing that can be read")
