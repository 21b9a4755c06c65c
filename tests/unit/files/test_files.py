# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are there whole or not at all, keep what they had, and nothing stays behind."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils import durable, files, ownership
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away or mount")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_file_is_nobody_elses_unless_asked(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        files.write(str(tmp_path / "a"), b"1")
        files.write(str(tmp_path / "b"), b"1", mode=0o644)
    finally:
        os.umask(old)
    assert (mode_of(tmp_path / "a"), mode_of(tmp_path / "b")) == (0o600, 0o644)


def test_a_rewrite_keeps_mode_and_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    before = path.stat().st_ino
    with open(path, "rb") as reader:
        files.write(str(path), b"new")
        assert reader.read() == b"old"  # whoever reads the old one reads it to its end
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o640) and path.stat().st_ino != before
    files.write(str(path), b"newer", mode=0o600)
    assert mode_of(path) == 0o600


@root_only
def test_owner_and_group_are_kept_or_given(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    os.chown(path, 12345, 54321)
    files.write(str(path), b"1")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)
    files.write(str(path), b"1", owner="root", group=7)
    assert (path.stat().st_uid, path.stat().st_gid) == (0, 7)
    for wrong in ({"owner": "no-such-user"}, {"group": "no-such-group"}):
        with pytest.raises(ConfigError):
            files.write(str(path), b"2", **wrong)
    assert path.read_bytes() == b"1" and os.listdir(tmp_path) == ["a"]


def test_extended_attributes_that_count_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    acl = bytes.fromhex("0200000001000600ffffffff0200040039300000040004 00ffffffff10000400ffffffff20000000ffffffff".replace(" ", ""))
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no ACLs")
    files.write(str(path), b"1")
    assert os.getxattr(path, "system.posix_acl_access") == acl


def test_a_symlinked_destination_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"old")
    (tmp_path / "one").symlink_to("real/a")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "dangling").symlink_to("real/new")
    files.write(str(tmp_path / "two"), b"new")
    files.write(str(tmp_path / "dangling"), b"there")
    assert (tmp_path / "two").is_symlink() and (tmp_path / "one").is_symlink()
    assert (tmp_path / "real" / "a").read_bytes() == b"new" and (tmp_path / "real" / "new").read_bytes() == b"there"


def test_a_link_is_swapped_at_once(tmp_path: Path) -> None:
    for target in ("v1", "v2"):
        files.swap_link(target, str(tmp_path / "current"))
        assert os.readlink(tmp_path / "current") == target
    assert os.listdir(tmp_path) == ["current"]


def test_a_batch_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(RuntimeError), files.Batch() as batch:
        batch.write(str(tmp_path / "a"), b"new")
        batch.write(str(tmp_path / "b"), b"new")
        batch.link("x", str(tmp_path / "c"))
        assert (tmp_path / "a").read_bytes() == b"old"
        raise RuntimeError
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"
    with files.Batch() as batch:
        for number in range(200):  # more than are synced one by one
            batch.write(str(tmp_path / f"f{number}"), b"new")
    assert len(os.listdir(tmp_path)) == 201 and (tmp_path / "f199").read_bytes() == b"new"


def test_a_swap_that_fails_says_which_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")
    batch = files.Batch()
    for name in "abc":
        batch.write(str(tmp_path / name), b"new")
    (tmp_path / "b").unlink()
    (tmp_path / "b").mkdir()
    with pytest.raises(ClmError, match=r"/b:") as caught:
        batch.commit()
    assert caught.value.hint and sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("what", ["folder", "missing/x", "file/x"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, what: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ClmError, match=what.replace("/", ".")):
        files.write(str(tmp_path / what), b"1")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"] and not os.listdir(tmp_path / "folder")


@root_only
def test_a_full_a_read_only_and_a_mounted_place(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        (small / "a").write_bytes(b"old")
        with pytest.raises(ClmError, match="no space") as caught:
            files.write(str(small / "a"), b"x" * 200_000)
        assert str(small / "a") in str(caught.value)
        assert os.listdir(small) == ["a"] and (small / "a").read_bytes() == b"old"
        (tmp_path / "mounted").touch()
        subprocess.run(["mount", "--bind", str(small / "a"), str(tmp_path / "mounted")], check=True)
        with pytest.raises(ClmError, match="mount"):
            files.write(str(tmp_path / "mounted"), b"new")
        subprocess.run(["umount", str(tmp_path / "mounted")], check=True)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        with pytest.raises(ClmError, match="read-only"):
            files.write(str(small / "a"), b"new")
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_temporary_files_of_killed_runs_are_removed(tmp_path: Path) -> None:
    batch = files.Batch()
    batch.write(str(tmp_path / "key.pem"), b"secret")
    (tmp_path / ".other.tmp").touch()
    (left,) = (path for path in tmp_path.iterdir() if "clm-" in path.name)
    now = left.stat().st_mtime
    assert mode_of(left) == 0o600
    assert files.remove_stale(str(tmp_path), 60, now + 30) == []
    assert files.remove_stale(str(tmp_path), 60, now + 90) == [str(left)]
    assert os.listdir(tmp_path) == [".other.tmp"]


@given(st.text(max_size=150))
def test_a_joined_path_never_leads_out(name: str) -> None:
    try:
        path = files.join("/base", name)
    except ConfigError:
        return
    assert os.path.dirname(os.path.normpath(path)) == "/base" and "\0" not in path and "\n" not in path


def test_a_private_place(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    files.check_private(str(tmp_path / "not" / "there" / "yet"))
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o702)
    for path in (tmp_path / "open", tmp_path / "open" / "below"):
        with pytest.raises(ConfigError, match="writable"):
            files.check_private(str(path))
    (tmp_path / "link").symlink_to("open")
    with pytest.raises(ConfigError):
        files.check_private(str(tmp_path / "link"))


@root_only
def test_a_group_of_ones_own_is_private_and_others_are_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    files.check_private(str(tmp_path))
    os.chown(tmp_path, 0, 12345)
    with pytest.raises(ConfigError, match="group"):
        files.check_private(str(tmp_path))


@root_only
def test_a_folder_of_somebody_else_is_not_private(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(ConfigError, match="12345"):
        files.check_private(str(tmp_path / "theirs" / "store"))


def test_reading_has_a_limit_and_names_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read(str(tmp_path / "a"), 5) == b"12345"
    with pytest.raises(ConfigError):
        files.read(str(tmp_path / "a"), 4)
    with pytest.raises(NotFoundError, match="none"):
        files.read(str(tmp_path / "none"))


def test_every_explained_error_says_what_to_do() -> None:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EBUSY, errno.EXDEV, errno.EIO):
        told = files.explain(OSError(number, os.strerror(number)), "/x/y", "write")
        assert "/x/y" in told.message and told.hint
    assert "unknown" in files.explain(OSError("?"), "/x", "write").message


def test_a_file_system_that_is_not_known_is_synced_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    many = [str(tmp_path / "a")] * (durable.ONE_BY_ONE + 1)
    durable.sync(many, [str(tmp_path)])
    with pytest.raises(FileNotFoundError):
        durable.sync([str(tmp_path / "gone")], ())
    if os.path.isdir("/proc/self/fd"):
        assert not durable.sync_whole("/proc/self")


def test_attributes_of_what_is_no_file_are_refused(tmp_path: Path) -> None:
    assert ownership.attributes(str(tmp_path / "none")) is None
    with pytest.raises(ConfigError):
        ownership.attributes(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError):
        files.write(str(tmp_path / "pipe"), b"1")
