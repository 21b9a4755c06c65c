# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_deployment as most estates run it: SSH as somebody who is not root, and sudo."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import pytest

from ansible_collections.certops.clm.tests.integration.test_server_deployment import Keeper, item_of
from ansible_collections.certops.clm.tests.lab.person import Person
from ansible_collections.certops.clm.tests.support.needles import Needles

SU = {"ansible_user": "root", "ansible_become_method": "su"}  # root needs no password for it


@pytest.fixture
def person() -> Iterator[Person]:
    """Somebody whom sshd lets in."""
    with Person() as made:
        yield made


def test_keys_go_through_sudo_and_su_is_refused_before_any_does(lab: Any, ansible: Any, person: Person, tmp_path: Any) -> None:
    keeper, site, place = Keeper(tmp_path / "store"), lab.site("app1"), lab.hosts["app1"]
    made = [lab.ca.issue(site.names) for _number in range(3)]
    items = [item_of(lab, "app1", site, version=keeper.keep(site.name, one)) for one in made]
    items[0]["target"].update(owner="nobody", key_mode="0600")
    items[1]["target"].update(owner="daemon", key_mode="0600")
    who = {"name": "who", "ansible.builtin.raw": "id -un", "vars": {"ansible_become": False}}
    plays = [
        play(f"piped {int(piped)}", item, keeper, {"ansible_pipelining": piped, "ansible_user": person.name}, who)
        for item, piped in ((items[0], True), (items[1], False))
    ]
    inventory = lab.write_inventory(tmp_path / "hosts.json", ["app1"], ansible_become=True)
    args = ["-vvvvv", "--diff"]
    first = ansible.playbook(plays[:1], inventory=inventory, args=args).ok()
    assert lab.served("app1") == made[0].sha256
    key = place.real("/etc/clm/tls/api.key")
    assert (key.owner(), key.stat().st_mode & 0o777) == ("nobody", 0o600)
    both = ansible.playbook([plays[1], play("su", items[2], keeper, SU)], inventory=inventory, args=args,
                            env={"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_BECOME_ALLOW_SAME_USER": "1"})
    assert lab.served("app1") == made[1].sha256 and key.owner() == "daemon"
    assert {run.result("who")["stdout"].strip() for run in (first, both)} == {person.name}, "it was not root who came in"
    told = both.result("deploy su")["msg"]
    assert both.rc == 2 and "become method su cannot pipe the keys" in told and "key_origin: host" in told
    nothing_lies_about(lab, ansible, person, [first, both], made)


def play(name: str, item: Dict[str, Any], keeper: Keeper, variables: Dict[str, Any], *tasks: Dict[str, Any]) -> Dict[str, Any]:
    deploy = {**keeper.task([item]), "name": f"deploy {name}"}
    return {"hosts": "app1", "gather_facts": False, "vars": variables, "tasks": [*tasks, deploy]}


def nothing_lies_about(lab: Any, ansible: Any, person: Person, runs: List[Any], made: List[Any]) -> None:
    """No byte of a key is in what was printed, in what Ansible left behind, or on the server but where keys belong."""
    texts = {"output": "".join(run.output for run in runs).encode()}
    root = lab.hosts["app1"].root
    for folder in (ansible.place, person.home, root):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                texts[str(path)] = path.read_bytes()
    assert any("AnsiballZ" in place for place in texts), "nothing was kept to be searched"
    belongs = (str(root / "etc/clm/tls/api.key"), str(root / "var/lib/certops-clm/deployments/api-app1/versions"))
    needles = Needles()
    for number, one in enumerate(made):
        needles.key(f"key {number}", one.key_pem.encode())
    found = [place for place, text in texts.items() if needles.found(text)]
    assert found and not [place for place in found if not place.startswith(belongs)], found
    assert not list((root / "var/lib/certops-clm/staged").iterdir())
