# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local CA whose intermediate's key is in AWS KMS, under the contract of issuers, against the lab's emulator (tier B)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers import local_ca
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_options import OPTIONS, setup_of
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_setup import converge
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.unit.contracts.issuer import NOW, IssuerContract, request_for


def kms_key(lab, spec="ECC_NIST_P256", usage="SIGN_VERIFY"):
    return lab.client("kms").create_key(KeyUsage=usage, KeySpec=spec)["KeyMetadata"]["Arn"]


def set_up(folder, key, now=NOW, **more):
    """Outcomes of the module's flow, as its options come from Ansible."""
    given = {name: spec.get("default") for name, spec in OPTIONS.items()}
    holder = {"type": "aws_kms", "key_id": key, "region": REGION}
    given.update(path=str(folder), root_passphrase="a passphrase for tests", intermediate_key=holder)
    given.update(more)
    return converge(setup_of(given), now, False)


class TestLocalCaByKms(IssuerContract):
    provider = local_ca

    @pytest.fixture(autouse=True)
    def _lab(self, lab):
        self.lab = lab

    def options(self, folder: Path):
        if not (folder / "ca").exists():
            assert {one.state for one in set_up(folder / "ca", kms_key(self.lab)).values()} == {"done"}
        return {"path": str(folder / "ca")}


@pytest.mark.parametrize(("spec", "signature"), [("RSA_2048", "rsa-sha256"), ("ECC_NIST_P384", "ecdsa-sha384")])
def test_the_key_is_nowhere_and_signs_what_it_can(lab, tmp_path, spec, signature):
    set_up(tmp_path / "ca", kms_key(lab, spec))
    assert {one.state for one in set_up(tmp_path / "ca", kms_key(lab, spec)).values()} == {"unchanged"}
    assert not (tmp_path / "ca" / "intermediate.key").exists()
    issuer = local_ca.create({"path": str(tmp_path / "ca")}, lambda: NOW)
    leaf = Chain.parse(issuer.begin(request_for()).chain_pem).leaf
    assert leaf.signature == signature
    issuer.revoke(leaf.pem, "superseded")
    with pytest.raises(ClmError, match="never leaves"):
        issuer._folder.signing_key("intermediate", lambda: None).private_numbers()


def test_a_key_that_cannot_sign_or_that_nobody_may_use_is_said(lab, tmp_path):
    outcome = set_up(tmp_path / "one", kms_key(lab, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))["intermediate"]
    assert outcome.state == "failed" and not (tmp_path / "one" / "intermediate.key.json").exists()
    with pytest.raises(ConfigError, match="key_id"):
        set_up(tmp_path / "two", None)
    set_up(tmp_path / "three", kms_key(lab))
    lab.faults({"match": "kms:Sign", "share": 1, "code": "AccessDeniedException"})
    with pytest.raises(ClmError) as caught:
        local_ca.create({"path": str(tmp_path / "three")}, lambda: NOW).begin(request_for())
    assert "kms:Sign" in caught.value.hint


def test_an_intermediate_alone_needs_no_passphrase_and_takes_in_what_the_root_signed(lab, tmp_path):
    here, there, stick, key = tmp_path / "ca", tmp_path / "vault", tmp_path / "signed.pem", kms_key(lab)
    none = {"root_passphrase": None, "part": "intermediate", "certificate": str(stick), "root_certificate": str(there / "root.pem")}
    assert set_up(here, key, **none)["intermediate"].state == "pending"
    sign = {"part": "root", "request": str(here / "intermediate.csr"), "certificate": str(stick), "intermediate_key": None}
    assert set_up(there, key, **sign)["request"].state == "done"
    assert set_up(here, key, **none)["intermediate"].state == "done"
    assert set_up(here, key, **{**none, "intermediate_key": None})["intermediate"].state == "unchanged", "the folder remembers who keeps it"
    assert local_ca.create({"path": str(here)}, lambda: NOW).begin(request_for()).chain_pem
