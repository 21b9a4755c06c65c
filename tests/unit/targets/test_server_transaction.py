# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments on a real TLS server: what is served decides, and what was there before comes back."""

from __future__ import annotations

import os
import pathlib
import stat
from typing import Any

import pytest

NAME = "shop.example.com"
LABEL = b"system_u:object_r:cert_t:s0:c%d\0"


def outcome(result: Any, name: str = NAME) -> Any:
    return result["outcomes"][name]


@pytest.mark.parametrize("layout", ["fullchain", "combined"])
def test_a_version_is_deployed_once(world: Any, made: Any, layout: str) -> None:
    old, new = made(), made()
    item = world.add(NAME, old, layout)
    world.start()
    first = outcome(world.run((item, new)))
    assert (first["state"], first["before"]["sha256"], first["after"]["sha256"]) == ("done", old.sha256, new.sha256)
    assert world.served(item) == new.sha256
    assert outcome(world.run((item, new)))["state"] == "unchanged"
    assert outcome(world.run((item, new), state="committed"))["state"] == "done"
    assert outcome(world.run((item, new), state="committed"))["state"] == "unchanged"
    assert outcome(world.run((item, None), state="restored"))["state"] == "done"
    assert world.served(item) == old.sha256
    assert outcome(world.run((item, None), state="restored"))["state"] == "unchanged"
    assert os.listdir(world.state_dir + "/staged") == []


def test_separate_files_links_modes_and_owner_are_kept(world: Any, made: Any) -> None:
    old, new = made(), made()
    item = world.add(NAME, old)
    link, real = pathlib.Path(item["target"]["certificate_file"]), world.folder / "real.pem"
    link.rename(real)
    link.symlink_to("real.pem")
    real.chmod(0o640)
    item["target"].update(layout="separate", chain_file=str(world.folder / "chain.pem"))
    world.start()
    assert outcome(world.run((item, new)))["state"] == "done"
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_text().count("BEGIN") == 1 and (world.folder / "chain.pem").read_text().count("BEGIN") == 1
    item["target"]["mode"] = "0600"
    assert outcome(world.run((item, new)))["state"] == "done"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert outcome(world.run((item, new)))["state"] == "unchanged"


def test_check_mode_writes_nothing(world: Any, made: Any) -> None:
    old, new = made(), made()
    item = world.add(NAME, old)
    world.start()
    seen = outcome(world.run((item, new), check_mode=True))
    assert (seen["state"], seen["before"]["sha256"], seen["after"]["sha256"]) == ("planned", old.sha256, new.sha256)
    assert seen["after"]["not_after"] and world.served(item) == old.sha256 and not os.path.exists(world.state_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away and sets labels")
@pytest.mark.parametrize("layout", ["fullchain", "combined"])
def test_owner_group_mode_and_label_are_kept_there_and_back(world: Any, made: Any, layout: str) -> None:
    """The label is what SELinux reads; that it is kept needs no SELinux, what it then allows does."""
    old, new = made(), made()
    item = world.add(NAME, old, layout)
    paths = [item["target"][role] for role in ("certificate_file", "key_file") if item["target"].get(role)]
    for number, path in enumerate(paths):
        os.chown(path, 12345, 54321)
        os.chmod(path, 0o640)
        os.setxattr(path, "security.selinux", LABEL % number)
    world.start()
    for step in ({}, {"state": "committed"}, {"state": "restored"}):
        assert outcome(world.run((item, None if step.get("state") == "restored" else new), **step))["state"] == "done"
        for number, path in enumerate(paths):
            found = os.stat(path)
            assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 54321, 0o640), (step, path)
            assert os.getxattr(path, "security.selinux") == LABEL % number, (step, path)
    assert world.served(item) == old.sha256


@pytest.mark.parametrize("words, state", [("keep_old", "rolled_back"), ("fail_reload", "rolled_back"), ("hang", "unproven")])
def test_the_served_certificate_decides(world: Any, made: Any, words: str, state: str) -> None:
    old, new = made(), made()
    item = world.add(NAME, old)
    world.start()
    world.sabotage(words)
    seen = outcome(world.run((item, new)))
    assert seen["state"] == state, seen
    if state == "rolled_back":
        assert pathlib.Path(item["target"]["certificate_file"]).read_text() == old.chain_pem
        assert seen["after"]["sha256"] == old.sha256 and world.served(item) == old.sha256
    else:
        assert pathlib.Path(item["target"]["certificate_file"]).read_text() == new.chain_pem
    world.sabotage("")
    world.reload()
    mended = outcome(world.run((item, new)))
    assert mended["state"] == "done" and mended["before"]["sha256"] == old.sha256
    assert outcome(world.run((item, new)))["state"] == "unchanged"


@pytest.mark.parametrize("words", ["refuse", "die_on_reload"])
def test_a_server_that_refuses_since_the_change_does_not_serve(world: Any, made: Any, words: str) -> None:
    old, new = made(), made()
    item = world.add(NAME, old)
    world.start()
    world.sabotage(words)
    seen = outcome(world.run((item, new)))
    assert seen["state"] == "failed" and old.sha256 in seen["message"] and new.sha256 in seen["message"], seen
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == old.chain_pem


def test_a_server_that_was_down_before_is_unproven(world: Any, made: Any) -> None:
    item = world.add(NAME, made())
    item["target"]["reload"] = {"command": ["true"]}
    assert outcome(world.run((item, made())))["state"] == "unproven"


def test_a_configuration_that_was_broken_before_is_refused(world: Any, made: Any) -> None:
    old = made()
    item = world.add(NAME, old)
    world.start()
    world.sabotage("fail_check")
    seen = outcome(world.run((item, made())))
    assert seen["state"] == "failed" and "broken before" in seen["message"] and "nothing was changed" in seen["message"]
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == old.chain_pem


@pytest.mark.parametrize("dead", ["expired", "listed"])
def test_a_dead_certificate_never_comes_back(world: Any, made: Any, dead: str) -> None:
    old, new = made(days=0.5 if dead == "expired" else 30), made()
    item = world.add(NAME, old)
    item["dead"] = [old.sha256] if dead == "listed" else []
    world.start()
    world.sabotage("keep_old")
    seen = outcome(world.run((item, new)))
    assert seen["state"] == "failed" and old.sha256 in seen["message"] and new.sha256 in seen["message"], seen
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == new.chain_pem


def test_one_check_and_one_reload_and_neighbours_keep_their_outcomes(world: Any, made: Any) -> None:
    old, new = made(), made()
    items = [world.add(f"{name}.example.com", old) for name in "abc"]
    log = world.folder / "log"
    for item in items:
        for field in ("check", "reload"):
            words = item["target"][field] if field == "check" else item["target"][field]["command"]
            script = ["sh", "-c", f'echo {field} >> {log}; exec "$0" "$@"', *words]
            item["target"][field] = script if field == "check" else {"command": script}
    wrong = {**items[2], "target": {**items[2]["target"], "layout": "nonsense"}}
    world.start()
    result = world.run((items[0], new), (items[1], new), (wrong, new))
    assert [outcome(result, f"{name}.example.com")["state"] for name in "abc"] == ["done", "done", "failed"]
    assert log.read_text().split() == ["check", "check", "reload"]


def test_a_file_that_the_check_refuses_costs_its_neighbour_nothing(world: Any, made: Any) -> None:
    old, new, refused = made(), made(), made()
    good, bad = world.add("good.example.com", old), world.add("bad.example.com", old)
    script = f"! grep -q {refused.chain_pem.splitlines()[1]} {bad['target']['certificate_file']}"
    for item in (good, bad):
        item["target"]["check"] = ["sh", "-c", script]
    world.start()
    result = world.run((good, new), (bad, refused))
    assert outcome(result, "good.example.com")["state"] == "done"
    assert (
        outcome(result, "bad.example.com")["state"] == "failed" and "the old ones are back" in outcome(result, "bad.example.com")["message"]
    )
    assert world.served(good) == new.sha256 and world.served(bad) == old.sha256


def test_a_first_deployment_needs_no_old_files(world: Any, made: Any) -> None:
    first, new = world.add("first.example.com", made()), made()
    world.start()
    item = world.add(NAME, None)
    seen = outcome(world.run((item, new)))
    assert seen["state"] == "done" and seen["before"] == {}, seen
    assert stat.S_IMODE(os.stat(item["target"]["key_file"]).st_mode) == 0o600
    assert world.served(item) == new.sha256 and first["id"] != item["id"]


def test_what_cannot_be_right_is_refused_before_any_write(world: Any, made: Any) -> None:
    old, new, other = made(), made(), made()
    item = world.add(NAME, old)
    world.start()
    early, late = made(begin=1), made(begin=-2, days=1)
    mixed = type(new)(new.chain_pem, other.key_pem, new.sha256, new.spki_sha256)
    wrong = type(new)(new.chain_pem, new.key_pem, other.sha256, new.spki_sha256)
    for made_, word in ((early, "valid from"), (late, "expired"), (mixed, "does not belong"), (wrong, "does not begin with")):
        seen = outcome(world.run((item, made_)))
        assert seen["state"] == "failed" and word in seen["message"] and "nothing was changed" in seen["message"], seen
    assert world.served(item) == old.sha256 and os.listdir(world.state_dir + "/staged") == []


def test_two_deployments_never_share_a_file(world: Any, made: Any) -> None:
    item = world.add(NAME, made())
    world.start()
    result = world.run((item, made()), ({**item, "id": "other"}, made()))
    assert [outcome(result, name)["state"] for name in (NAME, "other")] == ["done", "failed"]


def test_a_swap_that_fails_leaves_the_old_pair(world: Any, made: Any) -> None:
    """A full disk, say: here the folder of the key cannot be written, which not even root can do when it is a mount."""
    old, new = made(), made()
    item = world.add(NAME, old)
    world.start()
    item["target"]["key_file"] = str(world.folder / "keys" / "a.key")
    (world.folder / "keys").mkdir()
    (world.folder / "keys" / "a.key").mkdir()
    item["target"]["check"] = []
    seen = outcome(world.run((item, new)))
    assert seen["state"] == "failed" and "nothing was changed" in seen["message"], seen
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == old.chain_pem


def test_a_dead_certificate_is_not_restored_either(world: Any, made: Any) -> None:
    old, new = made(), made()
    item = world.add(NAME, old)
    world.start()
    assert outcome(world.run((item, new)))["state"] == "done"
    seen = outcome(world.run(({**item, "dead": [old.sha256]}, None), state="restored"))
    assert seen["state"] == "failed" and old.sha256 in seen["message"] and new.sha256 in seen["message"], seen
    assert seen["after"]["sha256"] == new.sha256 and world.served(item) == new.sha256


def test_only_what_is_in_place_is_undone_or_committed(world: Any, made: Any) -> None:
    old, new, other = made(), made(), made()
    item = world.add(NAME, old)
    world.start()
    assert outcome(world.run((item, new)))["state"] == "done"
    assert outcome(world.run((item, other), state="restored"))["state"] == "unchanged"
    assert outcome(world.run((item, other), state="committed"))["state"] == "failed"
    assert outcome(world.run((item, new), state="restored"))["after"]["sha256"] == old.sha256
    assert outcome(world.run((item, new), state="restored"))["state"] == "unchanged"


def test_many_deployments_of_one_server_at_once(world: Any, made: Any) -> None:
    new = made()
    items = [world.add(f"s{number}.example.com", made()) for number in range(20)]
    world.start()
    result = world.run(*[(item, new) for item in items])
    assert {seen["state"] for seen in result["outcomes"].values()} == {"done"}


def incomplete(whole: Any) -> Any:
    """The same version without its intermediate."""
    end = "-----END CERTIFICATE-----\n"
    return type(whole)(whole.chain_pem.split(end)[0] + end, whole.key_pem, whole.sha256, whole.spki_sha256)


def test_a_failed_reload_is_no_proof_that_the_server_took_the_missing_chain(world: Any, made: Any) -> None:
    new = made()
    item = world.add(NAME, incomplete(new))
    log = world.folder / "log"
    item["target"]["reload"]["command"] = ["sh", "-c", f'echo >> {log}; exec "$0" "$@"', *item["target"]["reload"]["command"]]
    world.start()
    world.sabotage("fail_reload")
    seen = outcome(world.run((item, new)))
    assert (seen["state"], seen["reason"]["word"]) == ("failed", "incomplete_chain") and "reload" in seen["message"], seen
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == incomplete(new).chain_pem
    world.sabotage("")
    assert outcome(world.run((item, new)))["state"] == "done"
    assert len(log.read_text().split("\n")) == 4  # failed, failed on the way back, done
    assert outcome(world.run((item, new)))["state"] == "unchanged"


def test_what_was_there_before_comes_back_when_only_the_first_reload_fails(world: Any, made: Any) -> None:
    new = made()
    item = world.add(NAME, incomplete(new))
    once = world.folder / "once"
    item["target"]["reload"]["command"] = ["sh", "-c", f'rm {once} && exit 1; exec "$0" "$@"', *item["target"]["reload"]["command"]]
    world.start()
    once.touch()
    seen = outcome(world.run((item, new)))
    assert seen["state"] == "rolled_back" and "the same leaf" in seen["message"], seen
    assert pathlib.Path(item["target"]["certificate_file"]).read_text() == incomplete(new).chain_pem
    assert outcome(world.run((item, new)))["state"] == "done"


def test_a_mode_alone_that_no_reload_followed_is_told_again(world: Any, made: Any) -> None:
    """The files are the same, so there is nothing to put back; the journal stays open until the server was told."""
    new = made()
    item = world.add(NAME, new)
    item["target"]["key_mode"] = "0640"
    world.start()
    world.sabotage("fail_reload")
    for _run in range(2):
        seen = outcome(world.run((item, new)))
        assert (seen["state"], seen["step"]) == ("failed", "bind") and "reload" in seen["message"], seen
    world.sabotage("")
    assert outcome(world.run((item, new)))["state"] == "done"
    assert outcome(world.run((item, new)))["state"] == "unchanged"


def test_a_restore_to_the_same_leaf_is_not_proven_by_it(world: Any, made: Any) -> None:
    new = made()
    item = world.add(NAME, incomplete(new))
    world.start()
    assert outcome(world.run((item, new)))["state"] == "done"
    world.sabotage("fail_reload")
    assert outcome(world.run((item, None), state="restored"))["state"] == "failed"
    world.sabotage("")
    assert outcome(world.run((item, None), state="restored"))["state"] == "done"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("going_back", [True, False])
def test_a_key_that_this_server_made_and_lost_is_told_by_the_plan(world: Any, made: Any, check_mode: bool, going_back: bool) -> None:
    old, gone = made(), made()
    item = {**world.add(NAME, old), "key_origin": "host", "going_back": going_back}
    world.start()
    told = outcome(world.run((item, gone), check_mode=check_mode))
    assert (told["state"], told["step"]) == ("failed", "plan") and f"the key of {gone.sha256} is not on this server" in told["message"]
    assert ("-e clm_version=ID" in told["next_action"]) is going_back and "forced" in told["next_action"]
    assert world.served(item) == old.sha256 and outcome(world.run((item, old)))["state"] == "unchanged"
