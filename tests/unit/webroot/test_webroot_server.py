# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs below the folder of a web server on a managed host: whole, for all to read, and never outside of it."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.webroot_server import converge

FILES = {"one-1": "one-1.thumb", "two_2": "two_2.thumb"}


@pytest.fixture
def www(tmp_path):
    root = tmp_path / "www"
    root.mkdir()
    return root


def run(root, state="present", files=FILES, check_mode=False):
    return converge({"root": str(root), "files": files, "state": state}, check_mode)


def states(outcomes):
    return [outcome.state for outcome in outcomes.values()]


def place(root):
    return root / ".well-known" / "acme-challenge"


def test_there_and_gone_again_and_each_once(www):
    previous = os.umask(0o077)
    try:
        assert states(run(www, check_mode=True)) == ["planned", "planned"] and not list(www.iterdir())
        assert states(run(www)) == ["done", "done"] and states(run(www)) == ["unchanged", "unchanged"]
    finally:
        os.umask(previous)
    assert {path.name: path.read_text() for path in place(www).iterdir()} == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in place(www).iterdir()} == {0o644}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place(www), place(www).parent)} == {0o755}
    assert states(run(www, "absent", check_mode=True)) == ["planned", "planned"] and len(list(place(www).iterdir())) == 2
    assert states(run(www, "absent")) == ["done", "done"] and states(run(www, "absent")) == ["unchanged", "unchanged"]
    assert not list(place(www).iterdir())


def test_a_file_that_nobody_could_serve_is_written_anew_and_what_is_not_ours_stays(www):
    place(www).mkdir(parents=True)
    (place(www) / "other").write_text("somebody else's")
    (place(www) / "one-1").write_text("one-1.thumb")
    (place(www) / "one-1").chmod(0o600)
    (place(www) / "two_2").write_text("two_2.of another account")
    outcomes = run(www)
    assert states(outcomes) == ["done", "done"] and outcomes["two_2"].before["content"] == "two_2.of another account"
    (place(www) / f".one-1.clm-{'0' * 16}.tmp").write_text("left by a kill")
    (place(www) / "one-1").unlink()
    assert states(run(www, "absent")) == ["done", "done"] and states(run(www, "absent")) == ["unchanged", "unchanged"]
    assert [path.name for path in place(www).iterdir()] == ["other"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_the_root_owns_what_is_made(www):
    os.chown(www, 33, 33)
    run(www)
    made = [place(www), place(www).parent, *place(www).iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(33, 33)}


@pytest.mark.parametrize("link", [".well-known", ".well-known/acme-challenge"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_no_link_leads_out_of_the_root(www, tmp_path, link, state):
    outside = tmp_path / "outside"
    (outside / "acme-challenge").mkdir(parents=True)
    for folder in (outside, outside / "acme-challenge"):
        (folder / "one-1").write_text("not to be touched")
    (www / link).parent.mkdir(parents=True, exist_ok=True)
    (www / link).symlink_to(outside)
    outcomes = run(www, state)
    assert states(outcomes) == ["failed", "failed"] and f"{www / link} is a symbolic link" in outcomes["one-1"].message
    assert sorted(path.name for path in outside.rglob("*") if path.is_file()) == ["one-1", "one-1"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_removed_but_not_followed(www, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("one-1.thumb")
    place(www).mkdir(parents=True)
    (place(www) / "one-1").symlink_to(precious)
    assert run(www)["one-1"].state == "done" and not (place(www) / "one-1").is_symlink()
    (place(www) / "two_2").unlink()
    (place(www) / "two_2").symlink_to(precious)
    assert run(www, "absent")["two_2"].state == "done"
    assert precious.read_text() == "one-1.thumb" and not list(place(www).iterdir())


def test_each_file_has_its_own_failure_and_leaves_no_part(www):
    (place(www) / "one-1" / "in the way").mkdir(parents=True)
    outcomes = run(www)
    assert states(outcomes) == ["failed", "done"] and str(place(www) / "one-1") in outcomes["one-1"].message
    assert sorted(path.name for path in place(www).iterdir()) == ["one-1", "two_2"]


def test_a_root_that_is_not_there_is_named_and_has_nothing_to_take_away(www, tmp_path):
    outcome = run(tmp_path / "gone")["one-1"]
    assert f"{tmp_path / 'gone'} does not exist" in outcome.message and "port 80" in outcome.next_action
    assert states(run(tmp_path / "gone", check_mode=True)) == ["failed", "failed"]
    assert states(run(tmp_path / "gone", "absent")) == ["unchanged", "unchanged"]
    (www / ".well-known").write_text("a file")
    assert str(www / ".well-known") in run(www)["one-1"].message


@pytest.mark.parametrize("name, content", [
    ("../x", "../x.thumb"), ("", ".thumb"), ("a/b", "a/b.thumb"), ("token", "other.thumb"), ("token", "token"), ("token", "token.th umb"),
    ("token\n", "token\n.thumb"), (".token", ".token.thumb"), ("t" * 129, "t" * 129 + ".thumb"),
])  # fmt: skip
@pytest.mark.parametrize("state", ["present", "absent"])
def test_names_that_are_no_tokens_touch_nothing(www, name, content, state):
    with pytest.raises(ConfigError):
        run(www, state, {"good": "good.thumb", name: content})
    assert not list(www.iterdir())


def test_a_relative_root_and_too_many_files_are_refused(www):
    with pytest.raises(ConfigError):
        run("www")
    with pytest.raises(ConfigError):
        run(www, files={f"t{number}": f"t{number}.thumb" for number in range(10001)})
    assert not list(www.iterdir())
