# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA returns is the answer to what was asked, or it is refused and nothing becomes current."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from ansible_collections.certops.clm.plugins.module_utils.contracts import Issued, IssueRequest
from ansible_collections.certops.clm.plugins.module_utils.issuers._local_ca_folder import Folder
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.tests.unit.flows.issue_world import World, Wrapped, wanted
from ansible_collections.certops.clm.tests.unit.issuers import make


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class Liar:
    """Signs with the real intermediate's key whatever it is told to, instead of what was asked for."""

    above: str
    root: str

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = Folder(str(world.folder / "ca"))
        self.key = self.folder.key("intermediate", make.SECRET)
        self.ca: Any = self.folder.known("intermediate")
        self.above = self.ca.public_bytes(serialization.Encoding.PEM).decode()
        self.root = self.folder.known("root").public_bytes(serialization.Encoding.PEM).decode()

    def leaf(self, request: IssueRequest, **lie: Any) -> str:
        now = self.world.now
        csr = x509.load_pem_x509_csr(request.csr_pem.encode())
        begins = lie.get("begins", now - datetime.timedelta(minutes=5))
        builder = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(self.ca.subject)
            .public_key(lie.get("public", csr.public_key()))
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(lie.get("ends", now + datetime.timedelta(days=29)))
            .add_extension(x509.BasicConstraints(bool(lie.get("ca")), None), True)
            .add_extension(x509.ExtendedKeyUsage([lie.get("usage", ExtendedKeyUsageOID.SERVER_AUTH)]), False)
            .add_extension(x509.SubjectAlternativeName(lie.get("names", [x509.DNSName(name) for name in request.names])), True)
        )
        if lie.get("poison"):
            builder = builder.add_extension(x509.PrecertPoison(), True)
        return builder.sign(lie.get("signer", self.key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()  # type: ignore[no-any-return]


DAY = datetime.timedelta(days=1)
NOW = make.NOW
LIES: Dict[str, Callable[[Liar, IssueRequest], str]] = {
    "another key": lambda ca, one: ca.leaf(one, public=keys.generate("ecdsa-p256").public_key()) + ca.above,
    "other names": lambda ca, one: ca.leaf(one, names=[x509.DNSName("evil.example.com")]) + ca.above,
    "a name more": lambda ca, one: ca.leaf(one, names=[x509.DNSName("shop.example.com"), x509.DNSName("evil.example.com")]) + ca.above,
    "a name of another kind": lambda ca, one: ca.leaf(one, names=[x509.DNSName("shop.example.com"), x509.RFC822Name("a@b.c")]) + ca.above,
    "no names": lambda ca, one: ca.leaf(one, names=[]) + ca.above,
    "expired": lambda ca, one: ca.leaf(one, begins=NOW - 60 * DAY, ends=NOW - DAY) + ca.above,
    "due at once": lambda ca, one: ca.leaf(one, begins=NOW - 60 * DAY, ends=NOW + DAY) + ca.above,
    "not valid yet": lambda ca, one: ca.leaf(one, begins=NOW + DAY / 24) + ca.above,
    "too long for the policy": lambda ca, one: ca.leaf(one, ends=NOW + 500 * DAY) + ca.above,
    "wrong usage": lambda ca, one: ca.leaf(one, usage=ExtendedKeyUsageOID.CODE_SIGNING) + ca.above,
    "a CA": lambda ca, one: ca.leaf(one, ca=True) + ca.above,
    "a precertificate": lambda ca, one: ca.leaf(one, poison=True) + ca.above,
    "no intermediate": lambda ca, one: ca.leaf(one),
    "another CA's intermediate": lambda ca, one: ca.leaf(one) + _stranger(ca).above,
    "another CA": lambda ca, one: _stranger(ca).leaf(one) + _stranger(ca).above,
    "signed by nobody": lambda ca, one: ca.leaf(one, signer=keys.generate("ecdsa-p256")) + ca.above,
    "a cut chain": lambda ca, one: (ca.leaf(one) + ca.above)[:-40],
    "two leaves": lambda ca, one: ca.leaf(one) + ca.leaf(one) + ca.above,
    "a private key": lambda ca, one: ca.leaf(one) + ca.above + keys.to_pem(keys.generate("ecdsa-p256")).reveal().decode(),
    "an empty text": lambda ca, one: "",
    "a web page": lambda ca, one: "<html>502 Bad Gateway</html>",
}


def _stranger(ca: Liar) -> Liar:
    other = World(ca.world.folder / "stranger")
    return Liar(other)


@pytest.mark.parametrize("lie", LIES)
def test_a_wrong_answer_is_refused_and_the_key_kept(world: World, lie: str) -> None:
    liar = Liar(world)
    item = wanted(profile=Profile("web", lifetime=30 * 86400, policies=("cabf",)))
    outcome = world.run(item, issuer=Wrapped(world.ca, lambda request: LIES[lie](liar, request)))["shop"]
    assert outcome.state == "failed" and outcome.message and "PRIVATE KEY" not in repr(outcome)
    store = world.store()
    assert store.current("shop") is None and [one.state for one in store.versions("shop")] == ["pending"]
    honest = world.run(item)["shop"]
    assert honest.state == "done" and honest.after["spki_sha256"] == store.versions("shop")[0].spki_sha256


@pytest.mark.parametrize("order", ["reversed", "root included", "twice", "with comments"])
def test_a_right_answer_in_an_odd_form_is_mended(world: World, order: str) -> None:
    liar = Liar(world)

    def answer(request: IssueRequest) -> str:
        leaf = liar.leaf(request)
        forms: Dict[str, str] = {
            "reversed": liar.above + leaf,
            "root included": leaf + liar.above + liar.root,
            "twice": leaf + liar.above + liar.above,
            "with comments": f"# shop\r\n{leaf}\n# issued by us\n{liar.above}".replace("\n", "\r\n"),
        }
        return forms[order]

    assert world.run(wanted(), issuer=Wrapped(world.ca, answer))["shop"].state == "done"
    stored = world.store().load("shop")
    assert stored and stored.chain_pem.count("BEGIN") == 2 and stored.chain_pem.endswith(liar.above)


def test_an_intermediate_checked_once_is_no_pass_for_what_another_leaf_brings(world: World) -> None:
    liar = Liar(world)
    forged = keys.generate("ecdsa-p256")

    def answer(request: IssueRequest) -> Any:
        if request.lineage == "api":
            return liar.leaf(request, signer=forged) + liar.above
        return Issued(liar.leaf(request) + liar.above)

    outcomes = world.run(wanted(), wanted("api"), wanted("web"), issuer=Wrapped(world.ca, answer))
    assert [one.state for one in outcomes.values()] == ["done", "failed", "done"]
