# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slices of one run need one store: a folder that only this machine sees is refused, unless somebody said that it is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import directory, mirrored
from ansible_collections.certops.clm.plugins.module_utils.sharing import refuse_unshared
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import Clock

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /srv/nfs rw - nfs4 nas:/clm rw
31 22 0:41 / /srv/ceph rw - ceph mon:/ rw
32 22 0:42 / /srv/gluster rw - fuse.glusterfs a:/b rw
33 30 0:43 / /srv/nfs/scratch rw - xfs /dev/sdb rw
34 22 0:44 / /srv/host rw - 9p hostshare rw
"""


@pytest.mark.parametrize("path", ["/srv/nfs/clm", "/srv/nfs", "/srv/ceph/x/y", "/srv/gluster/x"])
def test_a_network_file_system_is_shared(path: str) -> None:
    refuse_unshared(path, "secret_store", MOUNTS)


@pytest.mark.parametrize(
    ("path", "where"),
    [("/var/lib/clm", "ext4 at /,"), ("/srv/nfs/scratch/a", "xfs at /srv/nfs/scratch,"), ("/srv/nfsx", "ext4"), ("/srv/host/x", "9p")],
)
def test_any_other_is_refused_with_path_kind_and_what_helps(path: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_unshared(path, "secret_store", MOUNTS)
    error = caught.value
    assert path in error.message and f"on {where}" in error.message and "issue everything again" in error.message
    assert "secret_store.shared: true" in error.hint and error.field == "secret_store" and error.runbook == "store"


def test_nobody_who_cannot_tell_says_that_it_is_shared() -> None:
    with pytest.raises(ConfigError, match="nobody can name"):
        refuse_unshared("/x", "secret_store", "no mounts")


def test_the_stores_ask_unless_somebody_said_so(tmp_path: Path) -> None:
    one = {"type": "directory", "path": str(tmp_path / "a")}
    two = {"type": "directory", "path": str(tmp_path / "b")}
    said = {"shared": True}
    with pytest.raises(ConfigError, match="slice"):
        directory.create(one, Clock()).refuse_unshared()  # type: ignore[attr-defined]
    directory.create({**one, **said}, Clock()).refuse_unshared()  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=str(tmp_path / "b")):
        mirrored.create({"stores": [{**one, **said}, two]}, Clock()).refuse_unshared()  # type: ignore[attr-defined]
    mirrored.create({"stores": [{**one, **said}, {**two, **said}]}, Clock()).refuse_unshared()  # type: ignore[attr-defined]
