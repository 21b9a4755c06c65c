# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA behind a support desk through ansible-playbook: asked in one run, answered by hand, taken in a later one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.certops.clm.tests.integration.issuing.site import Site, play, states

SHOP = {"lineage": "shop", "names": ["shop.example.com"]}


def desk(folder: Path) -> None:
    """What the people at the desk do, with a CA of their own and openssl alone."""
    (folder / "ext").write_text(
        "subjectAltName=DNS:shop.example.com\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
        "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
    )
    (request,) = (folder / "desk").glob("*.csr")
    command = "openssl x509 -req -in {} -CA root.pem -CAkey root.key -days 60 -extfile ext -set_serial 4711 -out {}"
    subprocess.run(command.format(request, request.with_suffix(".pem")).split(), cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("way", ["facade", "module"])
def test_it_waits_for_the_desk_and_then_goes_on(ansible, tmp_path, way):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 100 -subj /CN=Desk"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    site = Site(tmp_path)
    options = {"path": str(tmp_path / "desk"), "name": "desk", "anchors": str(tmp_path / "root.pem"), "contact": "desk@example.com"}
    ways = {"facade": ("certificate", {"issuer": {"type": "manual", **options}}), "module": ("manual_certificate", options)}
    name, own = ways[way]
    tasks = play((name, {**own, **site.kept, "certificates": [SHOP]}))
    assert states(ansible.playbook(tasks, args=["--check", "--diff"]).ok().result(f"{name} 0")) == {"shop": "planned"}
    assert not (tmp_path / "desk").exists()
    asked = ansible.playbook(tasks).ok().result(f"{name} 0")
    assert states(asked) == {"shop": "pending"} and "desk@example.com" in asked["outcomes"]["shop"]["message"]
    run = ansible.playbook(tasks)  # asked for by an earlier run, still no answer, and nothing kept that would hold until then
    unanswered = run.result(f"{name} 0")
    assert run.rc == 2 and states(unanswered) == {"shop": "failed"} and run.changed() == 0
    assert "desk@example.com" in unanswered["msg"] and "goes on with the same request" in unanswered["msg"]
    desk(tmp_path)
    taken = ansible.playbook(tasks, args=["--diff"]).ok().result(f"{name} 0")
    assert states(taken) == {"shop": "done"}
    assert taken["outcomes"]["shop"]["after"]["spki_sha256"] == asked["outcomes"]["shop"]["after"]["spki_sha256"]
    assert ansible.playbook(tasks).ok().changed() == 0
