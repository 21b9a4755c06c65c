# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_deployment and server_certificates_info through ansible-playbook, over SSH, on real servers."""

from __future__ import annotations

import datetime
import os
import re
from pathlib import Path
from typing import Any, Dict, List

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from ansible_collections.certops.clm.plugins.module_utils.contracts import StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import create
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.support.leaks import Place, look, on_a_host
from ansible_collections.certops.clm.tests.support.needles import Needles

SERVERS = ["web1", "lb1", "db1", "app1"]
PROOF = {"timeout": 10, "consecutive": 2, "interval": 0.05}


class Keeper:
    """A secret store on the controller, and deployment items whose keys are in it."""

    def __init__(self, place: Path) -> None:
        self.options = {"type": "directory", "path": str(place), "allow_ephemeral": True}
        self.store = create(self.options, lambda: datetime.datetime.now(datetime.timezone.utc))

    def keep(self, lineage: str, issued: Any) -> Dict[str, str]:
        """The version as a deployment item carries it."""
        facts = pem.leaf_facts(pem.split(issued.fullchain)[0].der)
        lease = self.store.begin(lineage, self.store.current(lineage))
        version = self.store.new_version(lineage)
        key = Secret(issued.key_pem.encode())
        self.store.save(lease, StoredVersion(lineage, version, "issued", facts.spki_sha256, issued.sha256, issued.fullchain, key=key))
        self.store.flush()
        self.store.promote(lease, version)
        self.store.flush()
        self.store.end(lease)
        public = {"sha256": issued.sha256, "spki_sha256": facts.spki_sha256, "chain_pem": issued.fullchain}
        return {"lineage": lineage, "version": version, **public}

    def task(self, items: List[Dict[str, Any]], **options: Any) -> Dict[str, Any]:
        """The task that deploys them."""
        args = {"deployments": items, "secret_store": self.options, "proof": PROOF, **options}
        return {"name": "deploy", "certops.clm.server_deployment": args}


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    """A store of the test's own."""
    return Keeper(tmp_path / "store")


def item_of(lab: Any, host: str, site: Any, **more: Any) -> Dict[str, Any]:
    """The deployment item of a site, as the manifest makes it."""
    deployment = lab.server(host).deployment(site)
    if deployment["target"]["layout"] == "combined":
        deployment["target"].pop("key_file", None)
    return {"id": f"{site.name}-{host}", "lineage": site.name, **deployment, **more}


def sign(ca: Any, csr: str) -> str:
    """A certificate for the request's names and key, with its chain."""
    request = x509.load_pem_x509_csr(csr.encode())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(ca.intermediate.subject)
    builder = builder.public_key(request.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=30))
    leaf = builder.add_extension(names.value, critical=True).sign(ca.intermediate_key, hashes.SHA256())
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in (leaf, ca.intermediate))


def play(host: str, *tasks: Dict[str, Any]) -> List[Dict[str, Any]]:
    """One play on the real host."""
    return [{"hosts": host, "gather_facts": False, "tasks": list(tasks)}]


def deployed_and_restored(lab: Any, ansible: Any, keeper: Keeper, place: Path, host: str) -> None:
    """Planned, deployed, committed and brought back, each of them twice."""
    inventory = lab.write_inventory(place / "hosts.json", [host])
    site, old = lab.site(host), lab.server(host).initial[lab.site(host).name]
    new = lab.ca.issue(site.names)
    item = item_of(lab, host, site, version=keeper.keep(site.name, new))
    planned = ansible.playbook(play(host, keeper.task([item])), inventory=inventory, args=["--check", "--diff"]).ok()
    assert planned.result("deploy")["outcomes"][item["id"]]["state"] == "planned" and new.sha256 in planned.output
    assert lab.served(host) == old.sha256
    present, committed = keeper.task([item]), keeper.task([item], state="committed")
    plan = {"check_mode": True, "diff": True}
    tasks = [present, present, {**committed, **plan}, committed, committed]
    run = ansible.playbook(play(host, *tasks), inventory=inventory).ok()
    done = run.results("deploy")[0]["outcomes"][item["id"]]
    assert (done["state"], done["before"]["sha256"], done["after"]["sha256"]) == ("done", old.sha256, new.sha256)
    assert lab.served(host) == new.sha256
    assert [result["changed"] for result in run.results("deploy")] == [True, False, True, True, False]
    back = keeper.task([{name: value for name, value in item.items() if name != "version"}], state="restored")
    run = ansible.playbook(play(host, {**back, **plan}, back, back), inventory=inventory).ok()
    states = [result["outcomes"][item["id"]]["state"] for result in run.results("deploy")]
    assert states == ["planned", "done", "unchanged"], "the plan was not the act, and the act was enough"
    assert lab.served(host) == old.sha256
    assert not list(lab.hosts[host].real("/var/lib/certops-clm/staged").iterdir())


@pytest.mark.every_core
def test_deploy_again_commit_and_restore(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    """On every core: how a key and a module reach a server is Ansible's part."""
    deployed_and_restored(lab, ansible, keeper, tmp_path, SERVERS[0])


@pytest.mark.parametrize("host", SERVERS[1:])
def test_every_kind_of_server_is_deployed_to_and_restored(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path, host: str) -> None:
    """On one core: what is done on the server is ours alone."""
    deployed_and_restored(lab, ansible, keeper, tmp_path, host)


def test_haproxy_takes_a_certificate_through_its_runtime_socket(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["lb1"])
    site, server, pids = lab.site("lb1"), lab.server("lb1"), lab.hosts["lb1"].processes
    new = lab.ca.issue(site.names)
    item = item_of(lab, "lb1", site, version=keeper.keep(site.name, new))
    item["target"]["reload"] = server.certificate_through_socket(site)["reload"]
    before = set(pids())
    run = ansible.playbook(play("lb1", keeper.task([item]), {**keeper.task([item]), "name": "again"}), inventory=inventory).ok()
    assert run.result("deploy")["outcomes"][item["id"]]["state"] == "done" and not run.result("again")["changed"]
    assert lab.served("lb1") == new.sha256 and before <= set(pids()), "the same processes serve it: nothing was reloaded"


def test_a_reload_that_serves_the_old_one_is_rolled_back(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["app1"])
    site, server = lab.site("app1"), lab.server("app1")
    server.sabotage("keep_old")
    item = item_of(lab, "app1", site, version=keeper.keep(site.name, lab.ca.issue(site.names)))
    run = ansible.playbook(play("app1", keeper.task([item], proof={**PROOF, "timeout": 2})), inventory=inventory)
    assert run.rc == 2 and run.result("deploy")["outcomes"][item["id"]]["state"] == "rolled_back"
    assert lab.served("app1") == server.initial[site.name].sha256


def beside(item: Dict[str, Any], name: str) -> Dict[str, Any]:
    """Another deployment of the same server, with files of its own that no site reads."""
    files = {role: f"{item['target'][role]}.{name}" for role in ("certificate_file", "key_file") if item["target"].get(role)}
    return {**item, "id": name, "target": {**item["target"], **files}}


@pytest.mark.every_core
def test_a_key_that_the_store_cannot_give_fails_its_own_deployment(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1"])
    site = lab.site("web1")
    new, other = lab.ca.issue(site.names), lab.ca.issue(site.names)
    item = item_of(lab, "web1", site, version=keeper.keep(site.name, new))
    lost = {**beside(item, "lost"), "version": keeper.keep("lost", other)}
    for key in (tmp_path / "store").rglob(f"{lost['version']['version']}/*"):
        if "lost" in str(key) and "key" in key.name:
            key.unlink()
    run = ansible.playbook(play("web1", keeper.task([lost, item])), inventory=inventory)
    result = run.result("deploy")
    assert run.rc == 2 and "1 of 2 items failed: lost at step hand_over" in result["msg"], result
    assert result["outcomes"]["lost"]["next_action"] and list(result["outcomes"]) == ["lost", item["id"]]
    assert result["outcomes"][item["id"]]["state"] == "done" and lab.served("web1") == new.sha256
    assert not list(lab.hosts["web1"].real("/var/lib/certops-clm/staged").iterdir())


def test_a_place_that_cannot_be_recovered_fails_alone(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1"])
    site = lab.site("web1")
    new = lab.ca.issue(site.names)
    item = item_of(lab, "web1", site, version=keeper.keep(site.name, new))
    folder = lab.hosts["web1"].real("/var/lib/certops-clm/deployments/stuck")
    folder.mkdir(parents=True)
    (folder / "journal.json").write_text('{"format": 1, "phase": "open"}')
    for path in (folder, folder.parent, folder.parent.parent):
        path.chmod(0o700)
    run = ansible.playbook(play("web1", keeper.task([beside(item, "stuck"), item])), inventory=inventory)
    outcomes = run.result("deploy")["outcomes"]
    assert run.rc == 2 and (outcomes["stuck"]["state"], outcomes["stuck"]["step"]) == ("failed", "recover"), outcomes
    assert "/var/lib/certops-clm/deployments/stuck/journal.json" in outcomes["stuck"]["message"] and outcomes["stuck"]["next_action"]
    assert outcomes[item["id"]]["state"] == "done" and lab.served("web1") == new.sha256
    alone = ansible.playbook(play("web1", keeper.task([item])), inventory=inventory).ok().result("deploy")
    assert not alone["changed"] and "stuck" in alone["unrecovered"][0]


def test_a_failed_reload_does_not_mend_a_chain(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["app1"])
    site, server = lab.site("app1"), lab.server("app1")
    new = lab.ca.issue(site.names)
    item = item_of(lab, "app1", site, version=keeper.keep(site.name, new))
    leaf = {**item, "version": {**item["version"], "chain_pem": pem.encode(pem.CERTIFICATE, pem.split(new.fullchain)[0].der)}}
    ansible.playbook(play("app1", keeper.task([leaf]), keeper.task([leaf], state="committed")), inventory=inventory).ok()
    server.sabotage("fail_reload")
    run = ansible.playbook(play("app1", keeper.task([item])), inventory=inventory)
    seen = run.result("deploy")["outcomes"][item["id"]]
    assert run.rc == 2 and seen["state"] == "failed" and seen["reason"]["word"] == "incomplete_chain" and seen["next_action"], seen
    server.sabotage()
    done = ansible.playbook(play("app1", keeper.task([item])), inventory=inventory).ok().result("deploy")["outcomes"][item["id"]]
    assert done["state"] == "done", done


NOISY = {
    "pipelining": {"ANSIBLE_PIPELINING": "1"},
    "files": {"ANSIBLE_PIPELINING": "0"},
    "kept": {"ANSIBLE_PIPELINING": "0", "ANSIBLE_KEEP_REMOTE_FILES": "1"},
    "debug": {"ANSIBLE_PIPELINING": "0", "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_DEBUG": "1"},
}


@pytest.mark.every_core
@pytest.mark.parametrize("how", NOISY)
def test_no_key_is_seen_anywhere(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path, how: str) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1"], ansible_pipelining=how == "pipelining")
    site = lab.site("web1")
    new, old = lab.ca.issue(site.names), lab.server("web1").initial[site.name]
    item = item_of(lab, "web1", site, version=keeper.keep(site.name, new))
    run = ansible.playbook(play("web1", keeper.task([item])), inventory=inventory, args=["-vvvvv", "--diff"], env=NOISY[how]).ok()
    assert lab.served("web1") == new.sha256
    needles = Needles().key("new", new.key_pem.encode()).key("old", old.key_pem.encode())
    seen = look(needles, [on_a_host(lab.server("web1")), Place("ansible", ansible.place)], {"output": run.output.encode()})
    assert not seen.leaks, sorted(seen.leaks)
    assert len(seen.holders) == 3, "the new key is served and kept, and so is the old one, to go back to"
    if how in ("kept", "debug"):
        assert "server_deployment" in seen.modules, "the needles were looked for where nothing lies"


def test_a_connection_that_cannot_pipe_is_refused(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    plugins = tmp_path / "connections"
    plugins.mkdir()
    (plugins / "nopipe.py").write_text(
        "from ansible.plugins.connection.local import Connection as Local, DOCUMENTATION\n"
        "DOCUMENTATION = DOCUMENTATION.replace('name: local', 'name: nopipe')\n"
        "class Connection(Local):\n    transport = 'nopipe'\n    has_pipelining = False\n"
    )
    site = lab.site("app1")
    item = item_of(lab, "app1", site, version=keeper.keep(site.name, lab.ca.issue(site.names)))
    here = {"check": [], "reload": {"command": ["true"]}, "key_file": str(tmp_path / "a.key")}
    item["target"].update(certificate_file=str(tmp_path / "a.pem"), **here)
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["app1"], ansible_connection="nopipe")
    task = keeper.task([item], state_dir=str(tmp_path / "state"))
    run = ansible.playbook(play("app1", task), inventory=inventory, env={"ANSIBLE_CONNECTION_PLUGINS": str(plugins)})
    assert run.rc == 2 and "key_origin: host" in run.result("deploy")["msg"]
    assert lab.served("app1") == lab.server("app1").initial[site.name].sha256


def test_a_key_that_is_made_on_the_server_never_leaves_it(lab: Any, ansible: Any, keeper: Keeper, tmp_path: Path) -> None:
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["web1"])
    site = lab.site("web1")
    request = {"names": list(site.names), "key_type": "ecdsa-p256"}
    item = item_of(lab, "web1", site, key_origin="host", request=request)
    asked = ansible.playbook(play("web1", keeper.task([item], state="requested")), inventory=inventory).ok().result("deploy")
    csr = asked["requests"][item["id"]]["csr_pem"]
    twice = ansible.playbook(play("web1", keeper.task([item], state="requested")), inventory=inventory).ok().result("deploy")
    assert not twice["changed"] and twice["requests"][item["id"]]["csr_pem"] == csr
    issued = sign(lab.ca, csr)
    facts = pem.leaf_facts(pem.split(issued)[0].der)
    version = {"lineage": site.name, "version": "000001-00000000", "sha256": facts.sha256, "spki_sha256": facts.spki_sha256}
    item["version"] = {**version, "chain_pem": issued}
    done = ansible.playbook(play("web1", keeper.task([item])), inventory=inventory).ok().result("deploy")
    assert done["outcomes"][item["id"]]["state"] == "done" and lab.served("web1") == facts.sha256
    fresh = ansible.playbook(play("web1", keeper.task([item], state="requested")), inventory=inventory).ok().result("deploy")
    assert fresh["requests"][item["id"]]["csr_pem"] != csr


def test_servers_say_what_they_hold(lab: Any, ansible: Any, tmp_path: Path) -> None:
    names = ["web1", "lb1", "db1"]
    inventory = lab.write_inventory(tmp_path / "hosts.json", names)
    look = {
        "name": "look",
        "certops.clm.server_certificates_info": {
            "endpoints": [lab.server(names[0]).endpoint(lab.site(names[0]))],
        },
    }
    run = ansible.playbook(play("lab", look), inventory=inventory).ok()
    for name in names if lab.isolated else []:
        found = run.result("look", name)["findings"]
        held = {pem.sha256(pem.split(entry["chain_pem"][0])[0].der) for entry in found if entry["chain_pem"]}
        wanted = {issued.sha256 for issued in lab.server(name).initial.values()}
        assert wanted <= held, (name, found)
        assert not re.search("PRIVATE KEY", str(found))
    served = run.result("look", "web1")["served"][0]
    assert served["sha256"] == lab.served("web1") and os.linesep in served["chain_pem"][0]
