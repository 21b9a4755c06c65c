# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module and action through ansible-playbook: twice, in check mode, with a wrong argument, and without a key anywhere.

The table is every_module.yml; a module without a row fails here.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Set, Tuple

import yaml
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.plugins.doc_fragments.attributes import ModuleDocFragment as fragments
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.tests.integration.leak_modes import Modes, cached, kept_or_like, small_disk
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.aws import Aws, emulator
from ansible_collections.certops.clm.tests.lab.aws_places import places
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, bucket
from ansible_collections.certops.clm.tests.lab.pebble import Pebble, pebble
from ansible_collections.certops.clm.tests.lab.private_ca import keys_in_aws, private_ca
from ansible_collections.certops.clm.tests.support.leaks import IN_A_SITE, Place, Seen, look, needles_of, on_a_host
from ansible_collections.certops.clm.tests.support.needles import Needles
from ansible_collections.certops.clm.tests.support.world import World, finding

TABLE = Path(__file__).with_name("every_module.yml")
ROWS: List[Dict[str, Any]] = yaml.safe_load(TABLE.read_text())
NAMES = [row["module"] for row in ROWS]
MODULES = Path(__file__).parents[2] / "plugins" / "modules"
FACTS = ("observations.json",)  # what is seen is kept in check mode too


def test_every_module_has_a_row():
    missing = {path.stem for path in MODULES.glob("*.py")} - {row["module"] for row in ROWS}
    assert not missing, f"add a row for {', '.join(sorted(missing))} to {TABLE.relative_to(MODULES.parents[1])}: its head says how"


def test_no_row_is_of_a_module_that_is_gone():
    assert {row["module"] for row in ROWS} <= {path.stem for path in MODULES.glob("*.py")}


def test_what_writes_in_check_mode_or_does_nothing_in_it_says_so():
    declared = {name: attributes(name)["check_mode"] for name in NAMES}
    assert {name: support for name, support in declared.items() if support != "full"} == {"observe": "partial", "ledger_checkpoint": "none"}


class Site:
    """One managed server with one deployment, lineages that are kept only, and versions to go back to."""

    def __init__(self, lab: Any, ansible: Any, place: Path, ca: Pebble, aws: Aws) -> None:
        self.acme, self.aws, self.places = ca.issuer(), aws.environment, places(aws)
        self.private_ca, self.cloud = private_ca(aws), aws
        bucket(aws, BUCKET)
        aws.client("route53").create_hosted_zone(Name="lab.example", CallerReference="every module")
        self.campaign = Campaign(lab, ansible, place, ["api"])
        kept_by_certbot(lab.hosts["app1"], lab.ca.issue(["bot.lab.example"]), ca.directory)
        for name in ("ldap", "mail", "bot", "bot-two"):
            self.campaign.manifest["lineages"][name] = {"names": [f"{name}.lab.example"], "deployments": []}
        self.campaign.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second", "passphrase_file": "passphrase"}
        for name in ("spare", "spare-two"):
            wanted = {"names": [f"{name}.lab.example"], "deployments": [], "consumers": ["spares"], "standby": "second"}
            self.campaign.manifest["lineages"][name] = wanted
        self.campaign.manifest["client_classes"]["spares"] = {"anchors": "spares.pem"}
        self.campaign.write()
        world = World(place)
        (place / "spares.pem").write_bytes(world.authority.root.public_bytes(serialization.Encoding.PEM))
        for name in ("kept", "kept-two", "ended", "ended-two", "spare.standby", "spare-two.standby", "desk", "desk-two"):
            for age in (9, 1):  # `desk` is due for its other name, and can wait for a CA that does not answer
                world.version(name, world.authority.chain(f"{name}.{'old' if 'desk' in name else 'lab'}.example", age=age))
        world.store.flush()
        self.foreign = finding("/etc/tls/foreign.pem", world.authority.chain("foreign.lab.example"), server_names=["foreign.lab.example"])
        self.lab, self.ansible, self.place = lab, ansible, place
        (self.item,) = load(str(place / "manifest.yml")).deployments
        self.output, self.needles = b"", Needles()
        self.modules: Set[str] = set()  # whose AnsiballZ was found and read
        self.secrets = {"the CA's passphrase": b"a passphrase for tests", "the backup's passphrase": b"a long passphrase of a backup"}
        with os.fdopen(os.open(ansible.place / "backup.passphrase", os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            stream.write("a long passphrase of a backup\n")

    def variables(self) -> Dict[str, Any]:
        """What the rows may name."""
        endpoints = [endpoint.as_dict() for endpoint in self.item.endpoints]
        look = {"files": [self.item.certificate_file], "endpoints": endpoints}
        look["named"] = [{**one, "id": f"e{number}"} for number, one in enumerate(endpoints)]
        state = self.lab.hosts["app1"].path("/var/lib/certops-clm")
        paths = {"place": str(self.place), "outside": str(self.ansible.place), "state_dir": state}
        clouds = {"acme": self.acme, "aws": self.places, "private_ca": self.private_ca}
        return {**paths, **clouds, "item_id": self.item.id, "look_at": look, "foreign": self.foreign}

    def run(self, tasks: List[Dict[str, Any]], args: List[str], env: Dict[str, str]) -> Dict[str, Dict[str, Any]]:
        """The results by the names of the tasks; nothing stops at a failure."""
        play = {"hosts": "localhost", "gather_facts": False, "vars": self.variables(), "tasks": tasks}
        run = self.ansible.playbook([play], inventory=self.campaign.inventories, args=args, env={**env, **self.aws}, timeout=900)
        self.output += run.output.encode()
        self.gather()
        return {event["task"]: {**event["result"], "status": event["status"]} for event in run.events if "task" in event}

    def files(self) -> Dict[str, str]:
        """A hash of all that a task could have written, here and on the server."""
        found = {}
        for place in (self.place, *(self.lab.hosts["app1"].real(folder) for folder in ("/etc", "/var/lib"))):
            for path in place.rglob("*"):
                if path.is_symlink():
                    found[str(path)] = os.readlink(path)
                elif path.is_file() and path.name not in FACTS:
                    found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def gather(self) -> None:
        """Every secret that there is now is looked for at the end, also when it is gone by then."""
        needles_of([self.place, self.lab.hosts["app1"].root], self.secrets, self.needles)
        for name, pem in keys_in_aws(self.cloud).items():
            self.needles.key(name, pem)

    def leaks(self, **texts: bytes) -> Seen:
        """What was looked through: all that was printed, and every file here, of Ansible and of the server; no secret is out of place."""
        host = on_a_host(self.lab.servers["app1"])
        places = [Place("site", self.place, IN_A_SITE), Place("ansible", self.ansible.place, ("backup.passphrase",)), host]
        seen = look(self.needles, places, {"output": self.output, **texts})
        self.modules |= seen.modules
        assert not seen.leaks, sorted(seen.leaks)
        assert not list(host.root.glob("var/lib/certops-clm/staged/*")), "a key that was handed over is still on its way"
        return seen


def kept_by_certbot(host: Any, issued: Any, directory: str) -> None:
    """A lineage in /etc/letsencrypt as certbot keeps it, with a hook; tests of the playbook have a real certbot's."""
    host.empty("/etc/letsencrypt")
    home, name = "/etc/letsencrypt", "bot.lab.example"
    host.write(f"{home}/archive/{name}/fullchain1.pem", issued.fullchain)
    host.write(f"{home}/archive/{name}/privkey1.pem", issued.key_pem, 0o600)
    host.real(f"{home}/live/{name}").mkdir(parents=True)
    for part in ("fullchain", "privkey"):
        host.real(f"{home}/live/{name}/{part}.pem").symlink_to(f"../../archive/{name}/{part}1.pem")
    host.write(f"{home}/renewal/{name}.conf", f"[renewalparams]\nserver = {directory}\nauthenticator = standalone\nrenew_hook = true\n")


def task(row: Dict[str, Any], name: str, arguments: Dict[str, Any], register: bool = True) -> Dict[str, Any]:
    """One call that stops nothing."""
    made: Dict[str, Any] = {"name": name, f"certops.clm.{row['module']}": arguments, "ignore_errors": True, "ignore_unreachable": True}
    if row.get("server"):
        made.update(delegate_to="app1", vars={})
    return {**made, "register": f"r_{row['module']}"} if register else made


@contextlib.contextmanager
def estate(lab: Any, ansible: Any, place: Path, folders: Any) -> Iterator[Site]:
    """A site on a disk of its own, while the CA of the rows acme_* and the emulator of the rows aws_* run."""
    pebbles, clouds = folders.mktemp("pebble"), folders.mktemp("aws")
    with small_disk(place / "site") as folder, pebble(pebbles) as ca, emulator(clouds) as aws:
        yield Site(lab, ansible, folder, ca, aws)


def test_each_twice_planned_wrong_and_without_a_key(lab, ansible, tmp_path, tmp_path_factory):
    with estate(lab, ansible, tmp_path, tmp_path_factory) as site:
        modes = Modes(site, ROWS)
        done, said = as_its_row_says(site, modes.loud())
        seen = site.leaks(syslog=modes.heard())
        assert len(seen.holders) > 20, "keys were found where they belong"
        table = modes.table(done, said)
    kept_or_like(table, "modules")


def test_each_failing_and_in_the_background_without_a_key(lab, ansible, tmp_path, tmp_path_factory):
    with estate(lab, ansible, tmp_path, tmp_path_factory) as site:
        modes = Modes(site, ROWS)
        issuing = ("wave_plan", "wave_issue", "local_ca_certificate")
        first = [task(row, row["module"], row["call"]) for row in ROWS if row["module"] in issuing]
        assert problems(site.run(first, [], {}), issuing[1:]) == []  # from now on there is what can be deployed
        modes.failing(lambda row, name: task(row, name, row.get("planned", row["call"])))
        modes.in_the_background(lambda row, name: task(row, name, row.get("planned", row["call"]), False))
        site.leaks(syslog=modes.heard())
    kept_or_like(modes.failures(), "modules that fail or run in the background")


def as_its_row_says(site: Site, loud: Mapping[str, str]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The results of every call, and of every plan and every wrong call."""
    done = twice_changes_once(site, loud)
    site.leaks()  # before the server is as on its first day, without what was kept there
    site.lab.servers["app1"].reset()  # there is something to deploy again
    before = site.files()
    planned = [task(row, row["module"], row.get("planned", row["call"])) for row in ROWS]
    refused = [{**task(row, f"{row['module']} wrong", {**row["call"], **row["wrong"]}, False), "check_mode": False} for row in ROWS]
    said = site.run([*planned, *refused], ["--check", "--diff", "-vvvvv"], {})
    after = site.files()
    assert [path for path in {**before, **after} if before.get(path) != after.get(path)] == [], (
        "something was written in check mode, or for a wrong argument"
    )
    assert problems(said, NAMES) == []
    assert changed(said, NAMES) == [row["module"] for row in ROWS if row.get("plans", row.get("changes"))]
    assert [text for row in ROWS for text in untrue(row, done, said)] == []
    assert [f"{row['module']}: {text}" for row in ROWS for text in [unclear(row, said)] if text] == []
    assert b"DEPRECATION" not in site.output
    return done, said


def twice_changes_once(site: Site, loud: Mapping[str, str]) -> Dict[str, Dict[str, Any]]:
    """The results of every row two times in a row, as loud as Ansible can be."""
    calls = [(row, f"{row['module']}{again}", not again) for row in ROWS for again in ("", " again")]
    tasks = [task(row, name, row["call"], register) for row, name, register in calls]
    done = site.run([*tasks, cached(NAMES)], ["-vvvvv", "--diff"], loud)
    assert problems(done, [name for _row, name, _register in calls]) == []
    assert changed(done, NAMES) == [row["module"] for row in ROWS if row.get("changes")]
    again = [f"{row['module']} again" for row in ROWS if not row.get("mirrors")]
    assert changed(done, again) == [], "the second call changed something"
    return done


def untrue(row: Mapping[str, Any], done: Mapping[str, Any], planned: Mapping[str, Any]) -> Iterator[str]:
    """What the module says of its diffs and does not keep."""
    name, declared = row["module"], attributes(row["module"])["diff_mode"]
    for how, result in (("done", done[name]), ("planned", planned[name])):
        if result.get("changed") and not shows(result):
            yield f"{name} is {how}, and its diff is empty: {result.get('diff')}"
    seen = any(result.get("changed") for result in (done[name], planned[name]))
    if seen and declared != "full":
        yield f"{name} declares diff_mode {declared}, and changes something"
    if not seen and declared == "full" and not row.get("no_change"):
        yield f"{name} declares diff_mode {declared}, and nothing here shows it: say why under no_change"
    if shows(done[name]) and not done[name].get("changed"):
        yield f"{name} shows a diff of nothing"


def shows(result: Mapping[str, Any]) -> bool:
    """Whether there is a diff of two different sides."""
    diffs = result.get("diff") or []
    return any(one.get("before") != one.get("after") for one in ([diffs] if isinstance(diffs, dict) else diffs))


def attributes(module: str) -> Dict[str, str]:
    """How far a module says to support check mode and diffs: its own words, else those of its fragment."""
    tree = ast.parse((MODULES / f"{module}.py").read_text())
    (text,) = [node.value.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION"]
    document = yaml.safe_load(text)
    info = "certops.clm.attributes.info" in document["extends_documentation_fragment"]
    fragment = yaml.safe_load(fragments.INFO if info else fragments.DOCUMENTATION)["attributes"]
    found = {**fragment, **document.get("attributes", {})}
    return {name: str(found[name]["support"]) for name in ("check_mode", "diff_mode")}


def problems(said: Mapping[str, Any], names: Iterable[str]) -> List[str]:
    """What failed, or was never reached."""
    return [f"{name}: {message(said[name]) if name in said else 'did not run'}" for name in names if failed(said.get(name))]


def changed(said: Mapping[str, Any], names: Iterable[str]) -> List[str]:
    return [name for name in names if said[name].get("changed")]


def unclear(row: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """The message of a wrong call, when it is not one line that names the field and what comes next; empty when it is."""
    result = said[f"{row['module']} wrong"]
    text = message(result)
    good = failed(result) and row["says"] in text and "\n" not in text and "Traceback" not in text
    return "" if good and (row["module"].startswith("wave_") or tells_a_reader(row, text)) else text or "it said nothing"


def tells_a_reader(row: Mapping[str, Any], text: str) -> bool:
    """Whether a failure ends with this run's command and a page, and where the task is about lineages, with what is there until when."""
    call = row["call"]
    about = any(call.get(name) for name in ("manifest", "deployments", "keystores", "lineages")) or "names" in str(call.get("certificates"))
    said = "Kept: SHA-256|kept now: |Served now: |served (now )?(nothing )?is (not )?known|kept now is not known"
    holds = not about or bool(re.search(said, text))
    return holds and "`ansible-playbook -i " in text and ". Runbook: docs/docsite/rst/runbook_" in text


def message(result: Mapping[str, Any]) -> str:
    """What a person reads: the message of the task, or for a step that never fails that of its first outcome."""
    outcomes = [one.get("message", "") for one in (result.get("outcomes") or {}).values() if one.get("state") == "failed"]
    return str(result.get("msg") or (outcomes or [""])[0])


def failed(result: Any) -> bool:
    """Whether a call failed, or a step of a wave has an outcome that did."""
    if result is None or result["status"] not in ("ok", "skipped"):
        return True
    outcomes = result.get("outcomes")
    return isinstance(outcomes, dict) and any(isinstance(one, dict) and one.get("state") == "failed" for one in outcomes.values())
