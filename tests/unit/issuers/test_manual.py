# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the manual issuer's own: the folder, and what people put into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, Pending
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.issuers.manual import create
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.unit.contracts.issuer import request_for
from ansible_collections.certops.clm.tests.unit.flows.issue_world import World, wanted
from ansible_collections.certops.clm.tests.unit.issuers import make


@pytest.fixture
def options(tmp_path: Path) -> Dict[str, Any]:
    make.local_ca(tmp_path / "ca")
    return {"path": str(tmp_path / "desk"), "name": "desk", "anchors": str(tmp_path / "ca" / "root.pem"), "contact": "pki@example.com"}


def test_who_must_act_is_named_with_both_files(options: Dict[str, Any]) -> None:
    answer = create(options, lambda: make.NOW).begin(request_for())
    assert isinstance(answer, Pending)
    for word in ("pki@example.com", "shop.000001-00000001.csr", "shop.000001-00000001.pem"):
        assert word in answer.who_must_act
    assert Path(options["path"], "shop.000001-00000001.csr").read_text().startswith("-----BEGIN CERTIFICATE REQUEST-----")


@pytest.mark.parametrize("wrong", ["another key", "no intermediates", "another CA", "cut", "empty", "mail", "a key"])
def test_what_comes_back_wrong_is_refused_with_its_file(options: Dict[str, Any], tmp_path: Path, wrong: str) -> None:
    request = request_for()
    issuer = create(options, lambda: make.NOW)
    assert isinstance(issuer.begin(request), Pending)
    ca = make.local_ca(tmp_path / ("other" if wrong == "another CA" else "ca"))
    answer = ca.begin(request_for() if wrong == "another key" else request)
    assert isinstance(answer, Issued)
    text = {
        "no intermediates": pem.encode(pem.CERTIFICATE, pem.split(answer.chain_pem)[0].der),
        "cut": answer.chain_pem[:-100],
        "empty": "",
        "mail": "Dear all, see the attachment",
        "a key": answer.chain_pem + keys.to_pem(keys.generate("ecdsa-p256")).reveal().decode(),
    }.get(wrong, answer.chain_pem)
    Path(options["path"], "shop.000001-00000001.pem").write_text(text)
    with pytest.raises(ClmError) as caught:
        issuer.begin(request)
    assert "shop.000001-00000001.pem" in str(caught.value) and "PRIVATE KEY-----" not in str(caught.value)


def test_a_reference_never_leads_out_of_the_folder(options: Dict[str, Any]) -> None:
    issuer = create(options, lambda: make.NOW)
    for ref in ("../ca/root", "/etc/passwd", "a/b", "..", ""):
        with pytest.raises(NotFoundError):
            issuer.resume(ref, request_for())


def test_a_ca_without_a_name_is_refused(options: Dict[str, Any]) -> None:
    for name in ("", None, "A CA", "../x"):
        with pytest.raises(ConfigError):
            create({**options, "name": name}, lambda: make.NOW)


def test_the_public_roots_may_be_its_anchors(options: Dict[str, Any]) -> None:
    assert create({**options, "anchors": "public"}, lambda: make.NOW).anchors_pem().count("BEGIN CERTIFICATE") > 100


def test_the_flow_waits_and_goes_on_with_the_same_key_in_a_later_run(options: Dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path)
    first = world.run(wanted(), issuer=create(options, lambda: world.now))["shop"]
    assert first.state == "pending" and "pki@example.com" in first.message
    assert world.run(wanted(), issuer=create(options, lambda: world.now))["shop"].state == "unchanged"
    version = world.store().versions("shop")[0]
    answer = world.ca.begin(request_of(version.csr_pem, version.version))
    assert isinstance(answer, Issued)
    Path(options["path"], f"shop.{version.version}.pem").write_text(answer.chain_pem)
    last = world.run(wanted(), issuer=create(options, lambda: world.now))["shop"]
    assert last.state == "done" and last.after["spki_sha256"] == first.after["spki_sha256"]
    assert world.run(wanted(), issuer=create(options, lambda: world.now))["shop"].state == "unchanged"


def request_of(csr: str, version: str) -> Any:
    from dataclasses import replace

    return replace(request_for(f"shop/{version}", names=("shop.example.com",)), csr_pem=csr)
