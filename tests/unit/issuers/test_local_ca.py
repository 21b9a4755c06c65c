# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the local CA's own: its certificates, its folder, its CRL, its log, its offline root."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from ansible_collections.certops.clm.plugins.module_utils import passphrase
from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, MalformedError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _local_ca_crl as crl
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_folder import ROOT, Folder, passphrase_of
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_setup import converge
from ansible_collections.certops.clm.plugins.module_utils.issuers.local_ca import create
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.unit.contracts.issuer import request_for
from ansible_collections.certops.clm.tests.unit.issuers import make

NOW = make.NOW
OTHER = "a passphrase of the root's own"
ALL_KEYS = ("rsa-2048", "ecdsa-p256", "ecdsa-p384", "ed25519", "ml-dsa-65")


def states(outcomes: Any) -> Any:
    return {name: outcome.state for name, outcome in outcomes.items()}


def leaf(ca: Any, *args: Any, **given: Any) -> Chain:
    answer = ca.begin(request_for(*args, **given))
    assert isinstance(answer, Issued)
    return Chain.parse(answer.chain_pem)


@pytest.mark.parametrize("kind", ALL_KEYS)
def test_every_type_of_ca_key_issues_for_every_type_of_leaf_key(tmp_path: Path, kind: str) -> None:
    ca = make.local_ca(tmp_path / "ca", root={"key_type": kind}, intermediate={"key_type": kind})
    for number, own in enumerate(ALL_KEYS):
        chain = leaf(ca, f"shop/{number:06d}-00000001", key=keys.generate(own))
        chain.check_signatures()
        assert chain.leaf.key_type == own and chain.intermediates[0].key_type == kind


def test_setting_up_again_changes_nothing_and_check_mode_writes_nothing(tmp_path: Path) -> None:
    wanted = make.setup(tmp_path / "ca")
    assert set(states(converge(wanted, NOW, True)).values()) == {"planned"} and not (tmp_path / "ca").exists()
    assert set(states(converge(wanted, NOW, False)).values()) == {"done"}
    before = {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()}
    assert set(states(converge(wanted, NOW, False)).values()) == {"unchanged"}
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()}


def test_keys_are_encrypted_and_for_their_owner_only(tmp_path: Path) -> None:
    make.local_ca(tmp_path / "ca")
    for name in ("root.key", "intermediate.key"):
        path = tmp_path / "ca" / name
        assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes() and path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700


def test_a_wrong_passphrase_is_named_and_not_shown(tmp_path: Path) -> None:
    make.local_ca(tmp_path / "ca")
    with pytest.raises(MalformedError) as caught:
        create({"path": str(tmp_path / "ca"), "passphrase": "wrong and visible"}, lambda: NOW).begin(request_for())
    assert "intermediate.key" in str(caught.value) and "visible" not in str(caught.value)


def test_a_passphrase_file_is_its_first_line_and_must_not_be_open(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_text("one\ntwo\n")
    path.chmod(0o600)
    assert passphrase_of({"passphrase_file": str(path)}).reveal() == b"one"
    path.chmod(0o604)
    with pytest.raises(ConfigError, match="everybody"):
        passphrase_of({"passphrase_file": str(path)})
    path.write_text("\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no passphrase"):
        passphrase_of({"passphrase_file": str(path)})
    with pytest.raises(ConfigError):
        passphrase_of({})


def test_serials_are_positive_random_and_of_at_most_20_octets(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    serials = {int(leaf(ca, f"shop/{number:06d}-00000001").leaf.serial, 16) for number in range(50)}
    assert len(serials) == 50 and all(0 < one < 1 << 159 for one in serials)
    assert max(serials).bit_length() > 150


def test_validity_counts_its_first_and_last_second_and_begins_in_the_past(tmp_path: Path) -> None:
    one = leaf(make.local_ca(tmp_path / "ca"), "shop/000001-00000001").leaf
    assert one.not_before == NOW - datetime.timedelta(seconds=300)
    assert one.not_after == one.not_before + datetime.timedelta(days=30) - datetime.timedelta(seconds=1)


def test_no_leaf_outlives_its_ca(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca", intermediate={"lifetime": "20d"})
    with pytest.raises(ConfigError, match="after its CA's own end"):
        ca.begin(request_for())


@pytest.mark.parametrize(
    "name,good",
    [
        ("shop.example.com", True),
        ("example.com", True),
        ("*.shop.example.com", True),
        ("*.example.com", False),  # it would stand for secret.example.com
        ("notexample.com", False),
        ("example.com.evil.org", False),
        ("secret.example.com", False),
        ("*.example.net", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::1", False),
    ],
)
def test_name_constraints_are_held_before_signing(tmp_path: Path, name: str, good: bool) -> None:
    limits = {"permitted": ["example.com", "10.0.0.0/8", "a.example.net"], "excluded": ["secret.example.com"]}
    ca = make.local_ca(tmp_path / "ca", intermediate=limits)
    if good:
        assert leaf(ca, names=(name,)).leaf.names == (name,)
    else:
        with pytest.raises(ConfigError, match="name constraints"):
            ca.begin(request_for(names=(name,)))


def test_constraints_on_names_alone_exclude_all_addresses_and_the_other_way_round(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        make.local_ca(tmp_path / "names", intermediate={"permitted": ["example.com"]}).begin(request_for(names=("10.1.2.3",)))
    with pytest.raises(ConfigError):
        make.local_ca(tmp_path / "networks", intermediate={"permitted": ["10.0.0.0/8"]}).begin(request_for())
    inner = x509.load_pem_x509_certificate((tmp_path / "names" / "intermediate.pem").read_bytes())
    assert inner.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert inner.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


@pytest.mark.parametrize("bad", ["", ".example.com", "*.example.com", "exa mple.com", "10.0.0.1/8", "münchen.example"])
def test_what_is_no_subtree_is_refused(tmp_path: Path, bad: str) -> None:
    outcomes = converge(make.setup(tmp_path / "ca", intermediate={"permitted": [bad]}), NOW, False)
    assert outcomes["intermediate"].state == "failed"
    assert not (tmp_path / "ca" / "intermediate.pem").exists()


@pytest.mark.parametrize(
    "field,given",
    [
        ("root.country", {"root": {"country": "Germany"}}),
        ("root.common_name", {"root": {"common_name": "x" * 65}}),
        ("intermediate.common_name", {"intermediate": {"common_name": "Issuing\nCA"}}),
        ("intermediate.organization", {"intermediate": {"organization": "x" * 65}}),
        ("intermediate.path_length", {"intermediate": {"path_length": -1}}),
        ("policy_oid", {"policy_oid": "any"}),
        ("policy_oid", {"policy_oid": "3.1.2"}),
        ("policy_oid", {"policy_oid": "1.40.2"}),
    ],
)
def test_what_no_ca_can_have_is_refused_before_anything_is_written(tmp_path: Path, field: str, given: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        make.setup(tmp_path / "ca", **given)
    assert caught.value.field == field and not (tmp_path / "ca").exists()


def test_an_empty_path_is_not_the_folder_in_which_this_runs() -> None:
    with pytest.raises(ConfigError, match="is empty: a path is needed"):
        create({"path": "", "passphrase": make.PASSPHRASE}, lambda: NOW)


def test_the_path_length_that_was_asked_for_and_a_policy_are_in_the_certificates(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca", intermediate={"path_length": 2, "country": "de"}, policy_oid="1.3.6.1.4.1.32473.1")
    inner = x509.load_pem_x509_certificate((tmp_path / "ca" / "intermediate.pem").read_bytes())
    assert inner.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 2
    policies = x509.load_pem_x509_certificate(leaf(ca).pem.encode()).extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert [one.policy_identifier.dotted_string for one in policies] == ["1.3.6.1.4.1.32473.1"]


def test_a_killed_run_leaves_nothing_that_the_next_one_cannot_go_on_with(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    request = request_for()
    first = ca.begin(request)
    log = tmp_path / "ca" / "issued.jsonl"
    log.write_bytes(log.read_bytes() + b'{"request_id": "torn/000001-00000001", "sha')
    assert make.local_ca(tmp_path / "ca").begin(request) == first
    torn = request_for("torn/000001-00000001")
    assert make.local_ca(tmp_path / "ca").begin(torn) == make.local_ca(tmp_path / "ca").begin(torn)
    assert [json.loads(line)["request_id"] for line in log.read_text().splitlines()] == [request.request_id, torn.request_id]
    for name in ("root.pem", "root.crl", "intermediate.pem"):  # keys durable, certificates not
        (tmp_path / "ca" / name).unlink()
    key = (tmp_path / "ca" / "root.key").read_bytes()
    assert states(converge(make.setup(tmp_path / "ca"), NOW, False))["root"] == "done"
    assert (tmp_path / "ca" / "root.key").read_bytes() == key


def test_the_crl_lists_what_is_revoked_with_reason_number_and_issuer_key(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    one = leaf(ca)
    ca.revoke(one.pem, "key_compromise")
    found: Any = crl.read_crl(Folder(str(tmp_path / "ca")), "intermediate")
    (entry,) = list(found)
    assert f"{entry.serial_number:x}" == one.leaf.serial
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    kinds = {type(extension.value) for extension in found.extensions}
    assert kinds == {x509.AuthorityKeyIdentifier, x509.CRLNumber}
    assert found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    verdict = subprocess.run(
        "openssl verify -crl_check -CAfile root.pem -untrusted intermediate.pem -CRLfile intermediate.crl.pem -attime 1795435200 leaf.pem",
        shell=True,
        cwd=_with_leaf(tmp_path / "ca", one),
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.returncode and "certificate revoked" in verdict.stderr


def _with_leaf(folder: Path, chain: Chain) -> Path:
    (folder / "leaf.pem").write_text(chain.leaf_pem)
    return folder


def test_a_crl_is_fresh_before_half_of_its_time_and_forgets_only_what_is_long_over(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    ca.revoke(leaf(ca).pem, "superseded")
    wanted = make.setup(tmp_path / "ca")
    seen = {}
    for days in (3, 4, 8, 30, 43, 50):
        outcomes = converge(wanted, NOW + datetime.timedelta(days=days), False)
        seen[days] = (outcomes["intermediate_crl"].state, outcomes["intermediate_crl"].after["revoked"])
    assert seen == {
        3: ("unchanged", 1),
        4: ("done", 1),
        8: ("done", 1),
        30: ("done", 1),
        43: ("done", 1),
        50: ("done", 0),
    }


def test_a_new_key_wants_a_long_passphrase_and_one_that_is_there_opens_with_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    for check_mode in (True, False):
        for given, field in (({"passphrase": "six by"}, "passphrase_file"), ({"root_passphrase": "six by"}, "root_passphrase_file")):
            outcome = converge(make.setup(tmp_path / "ca", **given), NOW, check_mode)[ROOT]
            assert outcome.state == "failed" and f"{field}: the passphrase is shorter than 20 bytes" in outcome.message, outcome
    assert not list(tmp_path.rglob("*.key"))
    with monkeypatch.context() as before:  # as they were made before
        before.setattr(passphrase, "SHORTEST", 1)
        converge(make.setup(tmp_path / "ca", passphrase="six by"), NOW, False)
    assert set(states(converge(make.setup(tmp_path / "ca", passphrase="six by"), NOW, False)).values()) == {"unchanged"}
    leaf(create({"path": str(tmp_path / "ca"), "passphrase": "six by"}, lambda: NOW)).check_signatures()


def test_the_offline_root_signs_on_another_machine(tmp_path: Path) -> None:
    here, there, stick = tmp_path / "ca", tmp_path / "vault", tmp_path / "stick"
    stick.mkdir()
    signed, root = stick / "intermediate.pem", there / "root.pem"
    come = {"part": "intermediate", "certificate": str(signed), "root_certificate": str(root)}
    first = converge(make.setup(here, **come), NOW, False)
    assert first["intermediate"].state == "pending" and "intermediate.csr" in first["intermediate"].message
    assert states(converge(make.setup(here, **come), NOW, False))["intermediate"] == "unchanged"
    with pytest.raises(NotFoundError):
        create({"path": str(here), "passphrase": make.PASSPHRASE}, lambda: NOW).begin(request_for())
    sign = {"part": "root", "request": str(here / "intermediate.csr"), "certificate": str(signed), "intermediate": {"path_length": 0}}
    away = converge(make.setup(there, passphrase=None, root_passphrase=OTHER, **sign), NOW, False)
    assert away["request"].state == "done" and "intermediate" not in away
    assert states(converge(make.setup(there, passphrase=None, root_passphrase=OTHER, **sign), NOW, False))["request"] == "unchanged"
    assert states(converge(make.setup(here, **come), NOW, True))["intermediate"] == "planned"
    assert states(converge(make.setup(here, **come), NOW, False))["intermediate"] == "done"
    assert set(states(converge(make.setup(here, **come), NOW, False)).values()) == {"unchanged"}
    assert not (here / "root.key").exists()
    leaf(create({"path": str(here), "passphrase": make.PASSPHRASE}, lambda: NOW)).check_signatures()


@pytest.mark.parametrize("wrong", ["other key", "other root", "leaf", "expired"])
def test_what_comes_back_for_the_intermediate_is_checked(tmp_path: Path, wrong: str) -> None:
    here, other = tmp_path / "ca", tmp_path / "other"
    stranger = make.local_ca(other)
    converge(make.setup(here, part="intermediate"), NOW, False)
    when, certificate = NOW, other / "intermediate.pem"
    if wrong != "other key":
        sign = {"part": "root", "request": str(here / "intermediate.csr"), "certificate": str(tmp_path / "signed.pem")}
        assert converge(make.setup(tmp_path / "vault", **sign), NOW, False)["request"].state == "done"
        certificate = tmp_path / "signed.pem"
    if wrong == "leaf":
        certificate.write_text(leaf(stranger, key=Folder(str(here)).key("intermediate", make.SECRET)).leaf_pem)
    if wrong == "expired":
        when = NOW + datetime.timedelta(days=4000)
    root = (tmp_path / "vault" if wrong == "expired" else other) / "root.pem"
    outcome = converge(make.setup(here, part="intermediate", certificate=str(certificate), root_certificate=str(root)), when, False)
    assert outcome["intermediate"].state == "failed" and not (here / "intermediate.pem").exists()


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"null", b"\xff"])
def test_damaged_settings_are_named_and_written_again_once_they_are_away(tmp_path: Path, damage: bytes) -> None:
    ca, settings = make.local_ca(tmp_path / "ca"), tmp_path / "ca" / "settings.json"
    whole = settings.read_bytes()
    settings.write_bytes(damage)
    said = converge(make.setup(tmp_path / "ca"), NOW, False)["settings"]
    assert said.state == "failed" and "settings.json" in said.message and "move it away" in said.next_action
    settings.unlink()
    assert states(converge(make.setup(tmp_path / "ca"), NOW, False))["settings"] == "done" and settings.read_bytes() == whole
    assert leaf(ca).leaf.names


def test_a_damaged_log_is_refused_and_not_written_over(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    leaf(ca)
    log = tmp_path / "ca" / "issued.jsonl"
    damaged = b"garbage\n" + log.read_bytes()
    log.write_bytes(damaged)
    with pytest.raises(ClmError):
        ca.begin(request_for("api/000001-00000001"))
    assert log.read_bytes() == damaged


def test_two_processes_never_issue_twice_for_one_request(tmp_path: Path) -> None:
    ca = make.local_ca(tmp_path / "ca")
    request = request_for()
    children = []
    for _number in range(4):
        child = os.fork()
        if child == 0:
            create({"path": str(tmp_path / "ca"), "passphrase": make.PASSPHRASE}, lambda: NOW).begin(request)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert (tmp_path / "ca" / "issued.jsonl").read_bytes().count(b"\n") == 1
    leaf(ca, "api/000001-00000001")
