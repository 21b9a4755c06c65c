# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zlint, from outside, judges what the local CA issues: no error, and nothing excused that we could mend."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Set

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.support.environment import program
from ansible_collections.certops.clm.tests.unit.contracts.issuer import request_for
from ansible_collections.certops.clm.tests.unit.issuers import make

# zlint knows the algorithms of the public web only (NIST curves and RSA), so these two say "not that algorithm", not "wrong".
UNKNOWN_ALGORITHM = {"e_algorithm_identifier_improper_encoding", "e_signature_algorithm_not_supported", "e_public_key_type_not_allowed"}
NAMED = {"organization": "Example", "country": "DE"}


def errors(path: Path) -> Set[str]:
    found: Dict[str, Any] = json.loads(subprocess.run([program("zlint"), str(path)], capture_output=True, check=True).stdout)
    assert len(found) > 300 and {"pass"} <= {one["result"] for one in found.values()}
    return {name for name, one in found.items() if one["result"] in ("error", "fatal")}


def issue(folder: Path, kind: str, names: Any, **given: Any) -> Path:
    ca = make.local_ca(folder, root={**NAMED, "key_type": kind}, intermediate={**NAMED, "key_type": kind}, **given)
    answer = ca.begin(request_for(names=names, key=keys.generate(kind)))
    assert isinstance(answer, Issued)
    path = folder / "leaf.pem"
    path.write_text(Chain.parse(answer.chain_pem).leaf_pem)
    return path


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
@pytest.mark.parametrize("names", [("shop.example.com",), ("*.example.com", "shop.example.com", "9.9.9.9")])
def test_leaf_root_and_intermediate_are_without_errors(tmp_path: Path, kind: str, names: Any) -> None:
    path = issue(tmp_path / "ca", kind, names, url="http://pki.example.com")
    assert {name: errors(path.parent / name) for name in ("leaf.pem", "intermediate.pem", "root.pem")} == {
        "leaf.pem": set(),
        "intermediate.pem": set(),
        "root.pem": set(),
    }


@pytest.mark.parametrize("kind", ["ed25519", "ml-dsa-65"])
def test_keys_that_zlint_does_not_know_fail_for_that_alone(tmp_path: Path, kind: str) -> None:
    path = issue(tmp_path / "ca", kind, ("shop.example.com",), url="http://pki.example.com")
    assert errors(path) <= UNKNOWN_ALGORITHM


def test_without_a_url_only_the_pointers_to_the_ca_are_missing(tmp_path: Path) -> None:
    assert errors(issue(tmp_path / "ca", "ecdsa-p256", ("shop.example.com",))) == {"e_missing_crl_distrib_point", "e_sub_cert_aia_missing"}
