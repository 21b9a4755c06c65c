# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three answers, over what real servers showed."""

from __future__ import annotations

import datetime
import socket

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, Observation, judge, probe
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.tests.unit.probe.tls import NOW, Pki, serving, serving_leaf

PKI, OTHER = Pki("ours"), Pki("other")
LEAF, OLD = PKI.leaf("shop.example", "127.0.0.1"), PKI.leaf("shop.example")
OURS, THEIRS = Bundle.parse(PKI.root.pem), Bundle.parse(OTHER.root.pem)


def judged(*ports, sha256=LEAF.sha256, name="shop.example", anchors=None, when=NOW):
    seen = [one for port in ports for one in probe(Endpoint("127.0.0.1", port, name), timeout=0.6)]
    return judge(seen, sha256=sha256, name=name, anchors={"internal": OURS} if anchors is None else anchors, when=when)


def test_served_is_the_certificate_the_name_and_the_path():
    with serving_leaf(LEAF) as port:
        answer = judged(port)
    assert (answer.answer, answer.sha256, answer.findings) == (SERVED, LEAF.sha256, ())
    assert answer.proof == Proof(SERVED, LEAF.sha256, "")


def test_the_old_certificate_is_not_served_and_both_are_named():
    with serving_leaf(OLD) as port:
        answer = judged(port)
    assert (answer.answer, answer.sha256, len(answer.findings)) == (NOT_SERVED, OLD.sha256, 1)
    assert LEAF.sha256 in answer.detail and OLD.sha256 in answer.detail and "the server did not take the new one" in answer.detail


def test_a_missing_intermediate_is_not_served():
    with serving_leaf(LEAF, LEAF.pem) as port:
        answer = judged(port)
    assert answer.answer == NOT_SERVED and answer.sha256 == LEAF.sha256
    assert "'internal'" in answer.detail and "ours intermediate" in answer.detail and "was not served" in answer.detail


def test_an_intermediate_that_the_server_does_not_send_is_never_taken_from_the_anchors_of_another_class():
    with serving_leaf(LEAF, LEAF.pem) as port:
        answer = judged(port, anchors={"old": Bundle.parse(PKI.root.pem + PKI.intermediate.pem), "new": OURS})
    assert answer.answer == NOT_SERVED and len(answer.findings) == 1 and "'new'" in answer.detail


def test_a_root_that_one_client_class_lacks_is_not_served():
    with serving_leaf(LEAF) as port:
        answer = judged(port, anchors={"internal": OURS, "partners": THEIRS})
    assert answer.answer == NOT_SERVED and len(answer.findings) == 1 and "clients of class 'partners'" in answer.detail


def test_an_unrelated_certificate_in_the_chain_does_not_help():
    with serving_leaf(LEAF, LEAF.pem + OTHER.intermediate.pem + OTHER.root.pem) as port:
        assert judged(port).answer == NOT_SERVED


@pytest.mark.parametrize("name", ["www.shop.example", "example", "127.0.0.2", "::1"])
def test_another_name_is_not_served(name):
    with serving_leaf(LEAF) as port:
        answer = judged(port, name=name)
    assert answer.answer == NOT_SERVED and f"not for {name}: it is for shop.example, 127.0.0.1" in answer.detail


@pytest.mark.parametrize("name", ["shop.example", "SHOP.example", "shop.example.", "127.0.0.1", ""])
def test_the_same_name_written_otherwise_is_served(name):
    with serving_leaf(LEAF) as port:
        assert judged(port, name=name).answer == SERVED


@pytest.mark.parametrize(("days", "word"), [(40, "expired at"), (-5, "not valid before")])
def test_a_certificate_outside_its_life_is_not_served(days, word):
    with serving_leaf(LEAF) as port:
        answer = judged(port, anchors={}, when=NOW + datetime.timedelta(days=days))
    assert answer.answer == NOT_SERVED and word in answer.detail and LEAF.sha256 in answer.detail


def test_one_address_that_cannot_be_looked_at_leaves_it_open():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    with serving_leaf(LEAF) as port:
        answer = judged(port, closed)
    assert (answer.answer, answer.sha256) == (COULD_NOT_LOOK, LEAF.sha256) and f"127.0.0.1:{closed}" in answer.detail


def test_a_wrong_address_decides_although_another_one_could_not_be_looked_at():
    with serving(lambda sock: None) as blind, serving_leaf(OLD) as port:
        answer = judged(blind, port)
    assert (answer.answer, answer.sha256, len(answer.findings)) == (NOT_SERVED, OLD.sha256, 2)


def test_addresses_with_different_certificates_are_told_apart():
    with serving_leaf(LEAF) as port, serving_leaf(OLD, address="::1", port=port):
        seen = probe(Endpoint("shop.example", port, addresses=("127.0.0.1", "::1")), timeout=2)
    answer = judge(seen, sha256=LEAF.sha256, name="shop.example", anchors={"internal": OURS}, when=NOW)
    assert answer.answer == NOT_SERVED and answer.detail.startswith(f"shop.example:{port} at ::1: serves another certificate")


def test_any_of_several_certificates_will_do():
    with serving_leaf(OLD) as port:
        assert judged(port, sha256={LEAF.sha256, OLD.sha256}).answer == SERVED
        assert judged(port, sha256="").answer == SERVED


def test_more_than_sixteen_certificates_are_a_finding():
    with serving_leaf(LEAF, LEAF.chain + PKI.intermediate.pem * 20) as port:
        answer = judged(port)
    assert answer.answer == NOT_SERVED
    assert answer.detail.endswith("sends 22 certificates, of which only the first 16 are looked at: mend its chain file")


def test_nothing_seen_is_not_served_by_nobody():
    assert judge([], sha256=LEAF.sha256, name="a", anchors={}, when=NOW).answer == COULD_NOT_LOOK


def test_a_server_that_refuses_does_not_serve():
    seen = Observation(Endpoint("a", 1), "192.0.2.1", "refused", error="the server refused the TLS handshake: tls alert internal error")
    answer = judge([seen], sha256=LEAF.sha256, name="a", anchors={}, when=NOW)
    assert (answer.answer, answer.sha256) == (NOT_SERVED, "") and answer.detail.startswith("a:1 at 192.0.2.1: the server refused")


def test_what_cannot_be_read_is_a_finding_and_no_error():
    seen = Observation(Endpoint("a", 1), "192.0.2.1", "answered", (b"0\x03\x02\x01\x05",), 1, "0" * 64)
    assert judge([seen], sha256="", name="a", anchors={"internal": OURS}, when=NOW).answer == NOT_SERVED
