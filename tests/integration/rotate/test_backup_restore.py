# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller with encrypted keys is lost and comes back from its backup; no passphrase and no key is anywhere on the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.plugins.module_utils.ledger import verify
from ansible_collections.certops.clm.tests.integration.issuing.site import CONTROLLER
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.integration.rotate.test_leaks import LOUD
from ansible_collections.certops.clm.tests.support.leaks import Place, look, needles_of

STORE_PASS, BACKUP_PASS, CA_PASS = "the store's own passphrase", "a passphrase for backups only", "a passphrase for tests"
LOST = ("store", "mirror", "ledger", "ca", "report")


def private(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    return str(path)


def spying_command(place):
    """A command that prints the store's passphrase, and keeps every process's arguments and environment as they were then."""
    script = place / "secrets" / "give"
    script.write_text(f"#!/bin/sh\ncat /proc/[0-9]*/cmdline >> {place}/argv-seen 2>/dev/null\ncat {place}/secrets/store\n")
    script.chmod(0o700)
    return [str(script)]


def lose(place):
    """Everything that the controller kept, but the passphrases and its inventory."""
    for name in LOST:
        shutil.rmtree(place / name, ignore_errors=True)
    for name in ("manifest.yml", "observations.json", "observations.counts.json"):
        (place / name).unlink(missing_ok=True)


@pytest.fixture
def campaign(lab, ansible, tmp_path):
    """One lineage in an encrypted store with a mirror that is encrypted otherwise."""
    made = Campaign(lab, ansible, tmp_path, ["shop"])
    (tmp_path / "secrets").mkdir(mode=0o700)
    private(tmp_path / "secrets" / "store", STORE_PASS + "\n")
    private(tmp_path / "secrets" / "backup", BACKUP_PASS + "\n")
    command = spying_command(tmp_path)
    made.manifest["secret_store"] = {
        "type": "mirrored",
        "stores": [
            {"type": "directory", "allow_ephemeral": True, "path": "store", "passphrase_command": command},
            {"type": "directory", "allow_ephemeral": True, "path": "mirror", "passphrase_file": "secrets/store"},
        ],
    }
    made.write()
    return made


def act(campaign, playbook, *args, env=None, trust=True):
    extra = {
        "clm_trust_manifest": trust,
        "clm_manifest_file": str(campaign.place / "manifest.yml"),
        "clm_backup": str(campaign.place / "controller.clm"),
        "clm_backup_passphrase_file": str(campaign.place / "secrets" / "backup"),
    }
    return campaign.ansible.playbook(f"certops.clm.{playbook}", args=list(args), extra=extra, env=env, timeout=150)


@pytest.mark.every_core
def test_a_lost_controller_comes_back_and_goes_on(campaign):
    place = campaign.place
    campaign.run().ok()
    current = campaign.current("shop")
    written = act(campaign, "backup").ok().result("Write the backup")
    assert written["private_keys"] == 1 and written["damaged"] == [] and (place / "controller.clm").stat().st_mode & 0o777 == 0o600
    manifest = (place / "manifest.yml").read_bytes()
    lose(place)
    for playbook in ("backup", "restore"):
        limited = act(campaign, playbook, "-i", "web1,", "--limit", "web1")
        assert limited.rc == 2 and "--limit leaves out localhost" in limited.output, playbook
    strange = act(campaign, "restore", "--check", trust=False).result("Restore what is missing")
    assert f"there is no {place}/manifest.yml" in strange["msg"] and "clm_trust_manifest=true" in strange["msg"]
    assert str(place / "mirror") in strange["msg"] and str(place / "secrets" / "give") in strange["msg"]
    planned = act(campaign, "restore", "--check").ok()
    assert planned.result("Restore what is missing")["changed"] and not (place / "manifest.yml").exists()
    done = act(campaign, "restore").ok().result("Restore what is missing")
    assert len(done["stores"]) == 2 and (place / "manifest.yml").read_bytes() == manifest
    assert act(campaign, "restore").ok().changed() == 0
    assert campaign.current("shop") == current and str(place / "observations.counts.json") in done["restored"]
    again = campaign.run().ok()  # what was found before the loss is known, so the first look is as good as any
    assert again.changed() == 0, again.output[-2000:]
    campaign.force("after the loss")
    campaign.run().ok()
    assert campaign.current("shop") != current and len(campaign.versions("shop")) == 2
    checked = verify(str(place / "ledger"))
    assert checked.ok and [event["action"] for event in campaign.events()].count("restore") == 1
    refused = act(campaign, "restore")
    assert refused.rc == 2 and "nothing was written" in refused.result("Restore what is missing")["msg"]


@pytest.mark.every_core
def test_an_altered_backup_and_a_wrong_passphrase_write_nothing(campaign):
    place = campaign.place
    campaign.run().ok()
    act(campaign, "backup").ok()
    lose(place)
    before = sorted(str(path) for path in place.rglob("*"))
    whole = (place / "controller.clm").read_bytes()
    (place / "controller.clm").write_bytes(whole[:-9])
    cut = act(campaign, "restore")
    (place / "controller.clm").write_bytes(whole)
    private(place / "secrets" / "backup", "another long passphrase")
    wrong = act(campaign, "restore")
    for run in (cut, wrong):
        assert run.rc == 2 and "Traceback" not in run.output
        assert "altered or cut" in run.output
    assert sorted(str(path) for path in place.rglob("*")) == before


@pytest.mark.every_core
def test_a_copy_that_is_away_lets_nothing_be_written_and_everything_be_read_and_one_that_differs_is_named(campaign):
    place, ansible = campaign.place, campaign.ansible
    campaign.manifest["secret_store"]["stores"][1]["path"] = "disk/mirror"
    (place / "disk").mkdir(mode=0o700)
    campaign.write()
    campaign.run().ok()
    campaign.force("drill")
    campaign.run().ok()
    first, second = campaign.versions("shop")
    (place / "disk").rename(place / "away")
    campaign.force("without a copy")
    refused = campaign.run()
    assert refused.rc == 2 and f"{place}/disk/mirror" in refused.output and len(campaign.versions("shop")) == 2
    assert "cannot be reached" in " ".join(refused.output.split()) and campaign.current("shop") == second["sha256"]
    plan = campaign.run("rollback", ["--check"], clm_lineage="shop")
    assert first["sha256"] in plan.output and campaign.current("shop") == second["sha256"], plan.output[-3000:]
    (place / "away").rename(place / "disk")
    current = place / "disk" / "mirror" / "lineages" / "shop" / "current"
    older = sorted(path.name for path in (current.parent / "versions").iterdir())[0]
    current.unlink()
    current.symlink_to(f"versions/{older}")
    task = {"name": "act", "certops.clm.secret_store_info": {"secret_store": absolute(campaign)}}
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "vars": CONTROLLER, "tasks": [task]}])
    (said, *_more) = run.result("act")["lineages"]["shop"]["divergences"]
    assert f"{place}/disk/mirror" in said and older in said, said
    campaign.manifest["secret_store"] = {"type": "directory", "path": "clear", "passphrase_file": "clear/pass", "allow_ephemeral": True}
    campaign.write()
    (place / "clear").mkdir(mode=0o700)
    private(place / "clear" / "pass", STORE_PASS)
    inside = campaign.run()
    said = f"the passphrase lies in {place}/clear, which it protects"
    assert inside.rc != 0 and "".join(said.split()) in "".join(inside.output.split()), "core 2.16 wraps within words"
    assert not (place / "clear" / "lineages").exists()


def absolute(campaign):
    """The store's options as a task outside of the manifest's folder needs them."""
    first, second = campaign.manifest["secret_store"]["stores"]
    place = campaign.place
    second = {**second, "path": str(place / "disk" / "mirror"), "passphrase_file": str(place / "secrets" / "store")}
    return {"type": "mirrored", "stores": [{**first, "path": str(place / "store")}, second]}


def test_no_key_and_no_passphrase_is_anywhere_but_where_it_belongs(campaign):
    place, ansible = campaign.place, campaign.ansible
    kept = {"ANSIBLE_CACHE_PLUGIN_CONNECTION": str(place / "facts"), "ANSIBLE_LOG_PATH": str(place / "log")}
    loud = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", **kept, **LOUD["debug"]}
    runs = [
        ansible.playbook(
            "certops.clm.rotate",
            inventory=campaign.inventories,
            args=["-vvvvv", "--diff"],
            extra=campaign.settings(),
            env=loud,
            timeout=300,
        )
    ]
    keys = [path.read_bytes() for path in place.rglob("key.pem")]
    assert len(keys) == 2 and all(b"BEGIN ENCRYPTED PRIVATE KEY" in key for key in keys), "no key is in clear at rest"
    runs.append(act(campaign, "backup", "-vvvvv", "--diff", env=loud))
    lose(place)
    runs.append(act(campaign, "restore", "-vvvvv", "--diff", env=loud))
    assert [run.rc for run in runs] == [0, 0, 0], runs[-1].output[-3000:]
    needles = needles_of([place], {name: name.encode() for name in (STORE_PASS, BACKUP_PASS, CA_PASS)})
    texts = {f"output {number}": run.output.encode() for number, run in enumerate(runs)}
    seen = look(needles, [Place("site", place, ("passphrase", "secrets/(store|backup)")), Place("ansible", ansible.place)], texts)
    assert not seen.leaks, sorted(seen.leaks)
    assert seen.holders == ["site/passphrase", "site/secrets/backup", "site/secrets/store"], "and no key lies in clear"
    assert b"ansible-playbook" in (place / "argv-seen").read_bytes(), "the arguments of the processes were seen while the command ran"


def vaulted(ansible, path, text, password):
    """The file with the text, as ansible-vault encrypts it."""
    private(path, text)
    private(path.parent / "vault-password", password)
    argv = [str(ansible.bin / "ansible-vault"), "encrypt", "--vault-password-file", str(path.parent / "vault-password"), str(path)]
    subprocess.run(argv, check=True, capture_output=True, env=ansible.environment())
    path.chmod(0o600)
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;")


@pytest.mark.every_core
def test_a_passphrase_file_of_ansible_vault_is_decrypted_in_the_process_of_the_run(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop"])
    (tmp_path / "secrets").mkdir(mode=0o700)
    vaulted(ansible, tmp_path / "secrets" / "store", STORE_PASS + "\n", "the vault password")
    campaign.manifest["secret_store"]["passphrase_file"] = "secrets/store"
    campaign.write()
    without = campaign.run()
    assert without.rc != 0 and "none of the vault secrets of this run" in without.output and "Traceback" not in without.output
    assert not list((tmp_path / "store").rglob("key.pem"))
    done = campaign.run(args=["--vault-password-file", str(tmp_path / "secrets" / "vault-password"), "-vvv"]).ok()
    (key,) = (tmp_path / "store").rglob("key.pem")
    assert serialization.load_pem_private_key(key.read_bytes(), STORE_PASS.encode()) and STORE_PASS not in done.output
    assert campaign.run().ok().changed() == 0, "what needs no key needs no passphrase"
    campaign.force("once more")
    (tmp_path / "secrets" / "wrong").write_text("another vault password")
    wrong = campaign.run(args=["--vault-password-file", str(tmp_path / "secrets" / "wrong")])
    assert wrong.rc != 0 and len(campaign.versions("shop")) == 1 and "Traceback" not in wrong.output


PLAY = {"hosts": "localhost", "gather_facts": False}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.mark.every_core
def test_a_value_of_ansible_vault_opens_the_store_in_an_action_and_is_refused_in_a_module(ansible, tmp_path):
    (tmp_path / "secrets").mkdir()
    vaulted(ansible, tmp_path / "secrets" / "vars.yml", f"store_passphrase: {json.dumps(STORE_PASS)}\n", "the vault password")
    store = {"type": "directory", "allow_ephemeral": True, "path": str(tmp_path / "store"), "passphrase": "{{ store_passphrase }}"}
    ca = {"path": str(tmp_path / "ca"), "passphrase_file": private(tmp_path / "secrets" / "ca", CA_PASS)}
    common = {
        "secret_store": store,
        "ledger": {"path": str(tmp_path / "ledger"), "allow_ephemeral": True},
        "certificates": [{"lineage": "shop", "names": ["shop.example"]}],
    }
    tasks = [
        {"name": "ca", "certops.clm.local_ca": ca},
        {"name": "module", "certops.clm.local_ca_certificate": {**ca, **common}, "ignore_errors": True},
        {"name": "info", "certops.clm.secret_store_info": {"secret_store": store}, "ignore_errors": True},
        {"name": "action", "certops.clm.certificate": {"issuer": {"type": "local_ca", **ca}, **common}},
    ]
    play = [{**PLAY, "vars": LOCAL, "vars_files": [str(tmp_path / "secrets" / "vars.yml")], "tasks": tasks}]
    args = ["--vault-password-file", str(tmp_path / "secrets" / "vault-password"), "-vvvv", "--diff"]
    run = ansible.playbook(play, args=args).ok()
    assert run.result("action")["outcomes"]["shop"]["state"] == "done"
    for task in ("module", "info"):
        assert "a module would have it in its file" in run.result(task)["msg"]
    (key,) = (tmp_path / "store").rglob("key.pem")
    assert serialization.load_pem_private_key(key.read_bytes(), STORE_PASS.encode())
    assert STORE_PASS not in run.output


def test_a_manifest_holds_no_secret_and_says_where_it_belongs(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop"])
    campaign.manifest["secret_store"]["passphrase"] = STORE_PASS
    campaign.write()
    plain = campaign.run()
    assert plain.rc != 0 and "a manifest holds no secret" in plain.output and STORE_PASS not in plain.output
    text = json.dumps(campaign.manifest).replace(json.dumps(STORE_PASS), "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  33\n")
    (tmp_path / "manifest.yml").write_text(text)
    tagged = campaign.run()
    assert tagged.rc != 0 and "passphrase_file" in tagged.output
