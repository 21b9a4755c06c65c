# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every issuer must hold to: a provider's test inherits `IssuerContract` and says how to make one and how it is answered."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, List, Mapping

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import (
    Anchored,
    Answer,
    BatchIssuer,
    Issued,
    Issuer,
    IssueRequest,
    KeyHolder,
    Pending,
    Revoker,
)
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index
from ansible_collections.certops.clm.plugins.module_utils.issuers._powers import BatchResumer
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.plugins.module_utils.x509.request import build

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.timezone.utc)
DAY = 86400
NAMES = ("shop.example.com", "www.shop.example.com")


def request_for(name: str = "shop/000001-00000001", names: Any = NAMES, key: Any = None, csr_names: Any = None) -> IssueRequest:
    """A request as the flow makes it."""
    csr = build(key or keys.generate("ecdsa-p256"), csr_names or names)
    return IssueRequest(name, name.split("/")[0], csr, tuple(names), 30 * DAY, 300)


class IssuerContract:
    """Give `provider`, `options` and, where an issuer does not answer by itself, `act`; get the tests."""

    provider: ModuleType
    now = NOW

    def options(self, folder: Path) -> Mapping[str, Any]:
        """Options of an issuer in that folder that is ready to be asked; asked for again, the same issuer."""
        raise NotImplementedError

    def request(self, folder: Path, name: str = "shop/000001-00000001", names: Any = NAMES) -> IssueRequest:
        """A request as the flow makes it for this issuer: without a CSR where it makes the key itself."""
        made = request_for(name, names)
        return replace(made, csr_pem="", key_type="ecdsa-p256") if isinstance(self.issuer(folder), KeyHolder) else made

    def takes_requests(self, folder: Path) -> None:
        """Skip the test where the key is not ours to make."""
        if isinstance(self.issuer(folder), KeyHolder):
            pytest.skip("makes every key itself")

    def act(self, folder: Path, request: IssueRequest) -> None:
        """What somebody outside does so that a pending request is answered."""

    def stranger(self, folder: Path) -> str:
        """A certificate that the issuer of another folder must not revoke."""
        return self.issued(folder, self.request(folder)).pem

    def issuer(self, folder: Path) -> Issuer:
        """A new object for the issuer in that folder, as every run makes one."""
        made: Issuer = self.provider.create(self.options(folder), lambda: self.now)
        assert isinstance(made, Issuer)
        return made

    def asked(self, folder: Path, request: IssueRequest, answer: Any = None) -> Answer:
        """What an issuer says that is asked for the request, and gone on with as long as it goes on at once."""
        answer = answer or self.issuer(folder).begin(request)
        while isinstance(answer, Pending) and answer.go_on:
            answer = self.issuer(folder).resume(answer.ref, request)
        return answer

    def issued(self, folder: Path, request: IssueRequest, ref: str = "") -> Chain:
        """The chain that the request ends with, over as many runs as it takes; `ref` is what an earlier run kept."""
        answer = self.asked(folder, request, Pending(ref, go_on=True) if ref else None)
        if isinstance(answer, Pending):
            self.act(folder, request)
            answer = self.issuer(folder).resume(answer.ref, request)
        assert isinstance(answer, Issued) and "PRIVATE KEY" not in answer.chain_pem
        return Chain.parse(answer.chain_pem)

    def test_the_certificate_is_for_the_requests_key_names_and_time(self, tmp_path: Path) -> None:
        self.takes_requests(tmp_path)
        key = keys.generate("ecdsa-p256")
        leaf = self.issued(tmp_path, request_for(key=key)).leaf
        assert leaf.spki_sha256 == keys.spki_sha256(key) and set(leaf.names) == set(NAMES)
        assert leaf.not_before is not None and leaf.not_after is not None
        assert leaf.not_before <= self.now < leaf.not_after <= self.now + datetime.timedelta(days=30)
        assert "server_auth" in leaf.extended_key_usage and not leaf.is_ca

    def test_the_chain_is_leaf_first_and_in_order_without_the_root(self, tmp_path: Path) -> None:
        request = self.request(tmp_path)
        chain = self.issued(tmp_path, request)
        assert not chain.notes and chain.certificates[-1].subject != chain.certificates[-1].issuer

    def test_asking_twice_gives_one_certificate(self, tmp_path: Path) -> None:
        """Asked anew where it remembers requests; where it answers to go on, nothing was issued yet and the flow has its reference."""
        request = self.request(tmp_path)
        first = self.issuer(tmp_path).begin(request)
        ref = first.ref if isinstance(first, Pending) and first.go_on else ""
        assert self.issued(tmp_path, request, ref).sha256 == self.issued(tmp_path, request, ref).sha256

    def test_two_requests_give_two_certificates(self, tmp_path: Path) -> None:
        one, two = (self.issued(tmp_path, self.request(tmp_path, f"shop/00000{number}-0000000{number}")) for number in (1, 2))
        assert one.sha256 != two.sha256 and one.leaf.serial != two.leaf.serial

    def test_a_request_id_is_good_for_one_key_only(self, tmp_path: Path) -> None:
        self.takes_requests(tmp_path)
        first = self.issuer(tmp_path).begin(request_for(key=(key := keys.generate("ecdsa-p256"))))
        ref = first.ref if isinstance(first, Pending) and first.go_on else ""
        self.issued(tmp_path, request_for(key=key), ref)
        with pytest.raises(ConfigError):
            self.issued(tmp_path, request_for(), ref)

    def test_other_names_in_the_csr_than_asked_for_are_refused(self, tmp_path: Path) -> None:
        self.takes_requests(tmp_path)
        with pytest.raises(ClmError):
            self.issuer(tmp_path).begin(request_for(csr_names=("evil.example.com",)))

    def test_one_that_keeps_the_keys_makes_the_kind_asked_for_and_says_before_what_it_refuses(self, tmp_path: Path) -> None:
        issuer = self.issuer(tmp_path)
        if not isinstance(issuer, KeyHolder):
            pytest.skip("is given requests")
        request = self.request(tmp_path)
        issuer.check(replace(request, request_id=""))
        with pytest.raises(ConfigError):
            issuer.check(replace(request, request_id="", key_type="no such key"))
        leaf = self.issued(tmp_path, request).leaf
        assert set(leaf.names) == set(NAMES) and leaf.key_type == "ecdsa-p256" and "server_auth" in leaf.extended_key_usage
        assert leaf.not_before <= self.now < leaf.not_after and issuer.held_in() == self.issuer(tmp_path).held_in()

    def test_waiting_keeps_its_reference(self, tmp_path: Path) -> None:
        request = self.request(tmp_path)
        first = self.issuer(tmp_path).begin(request)
        if isinstance(first, Pending) and not first.go_on:
            again, later = self.issuer(tmp_path).begin(request), self.issuer(tmp_path).resume(first.ref, request)
            assert isinstance(again, Pending) and isinstance(later, Pending)
            assert first.ref == again.ref == later.ref and first.who_must_act

    def test_an_unknown_reference_is_an_error(self, tmp_path: Path) -> None:
        for ref in ("shop/000009-00000009", "../../etc/passwd", ""):
            with pytest.raises(ClmError):
                self.issued(tmp_path, request_for(csr_names=("evil.example.com",)), ref or " ")

    def test_its_identity_is_stable_and_of_its_type(self, tmp_path: Path) -> None:
        identity = self.issuer(tmp_path).identity()
        assert identity.startswith(self.provider.NAME + ":") and identity == self.issuer(tmp_path).identity()

    def test_a_batch_answers_in_order_and_loses_no_neighbour(self, tmp_path: Path) -> None:
        issuer = self.issuer(tmp_path)
        if not isinstance(issuer, BatchIssuer):
            pytest.skip("answers one at a time")
        bad = request_for("bad/000001-00000001", names=("bad.example.com",), csr_names=("evil.example.com",))
        bad = replace(bad, csr_pem="", key_type="no such key") if isinstance(issuer, KeyHolder) else bad
        requests = [self.request(tmp_path), bad, self.request(tmp_path, "api/000001-00000001", names=("api.example.com",))]
        answers: List[Any] = issuer.begin_many(requests)
        if isinstance(issuer, BatchResumer):
            going = [(answer.ref, request) for answer, request in zip(answers, requests) if isinstance(answer, Pending)]
            answers = [*issuer.resume_many(going[:1]), answers[1], *issuer.resume_many(going[1:])]
        assert isinstance(answers[0], Issued) and isinstance(answers[1], ClmError) and isinstance(answers[2], Issued)
        assert Chain.parse(answers[2].chain_pem).leaf.names == ("api.example.com",)

    def test_its_certificates_end_at_its_anchors(self, tmp_path: Path) -> None:
        issuer = self.issuer(tmp_path)
        if not isinstance(issuer, Anchored):
            pytest.skip("does not know its anchors")
        chain = self.issued(tmp_path, self.request(tmp_path))
        result = verify(chain.certificates, Bundle.parse(issuer.anchors_pem()), name=NAMES[0], when=self.now)
        assert result.ok, result.findings

    def test_revoking_again_is_no_error_and_a_stranger_is_refused(self, tmp_path: Path) -> None:
        issuer = self.issuer(tmp_path / "one")
        if not isinstance(issuer, Revoker):
            pytest.skip("cannot revoke")
        chain = self.issued(tmp_path / "one", self.request(tmp_path / "one"))
        issuer.revoke(chain.pem, "superseded")
        issuer.revoke(chain.pem, "superseded")
        with pytest.raises(ConfigError):
            issuer.revoke(self.stranger(tmp_path / "two"), "superseded")
        with pytest.raises(ConfigError):
            issuer.revoke(chain.pem, "ca_compromise")

    def test_its_options_are_an_argument_spec_and_the_index_has_it(self) -> None:
        spec = self.provider.OPTIONS
        assert all(option["type"] in {"str", "int", "bool", "list", "dict", "path"} for option in spec.values())
        assert self.provider.NAME in _index.NAMES and _index.options_of(self.provider.NAME) == spec
