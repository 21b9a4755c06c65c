# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `tls_endpoint_info` says of real servers."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.look import look
from ansible_collections.certops.clm.tests.unit.probe.tls import NOW, Pki, serving_leaf

PKI, OTHER = Pki("ours"), Pki("other")
LEAF, WORN = PKI.leaf("127.0.0.1"), PKI.leaf("127.0.0.1", days=(-90, 10))


def looked(*endpoints, **more):
    params = {"endpoints": list(endpoints), "anchors": None, "check_name": True, "timeout": 1.0, "concurrency": 8, **more}
    return look(params, lambda: NOW)


def at(port, **more):
    return {"host": "127.0.0.1", "port": port, **more}


@pytest.fixture
def anchors(tmp_path):
    (tmp_path / "root.pem").write_bytes(PKI.root.pem)
    return {"internal": str(tmp_path / "root.pem")}


def test_what_is_right_is_unchanged_and_tells_all_facts(anchors):
    with serving_leaf(LEAF) as port:
        result = looked(at(port, id="shop", sha256=":".join([LEAF.sha256.upper()[i : i + 2] for i in range(0, 64, 2)])), anchors=anchors)
    shop = result["outcomes"]["shop"]
    assert result["ok"] and (shop["state"], shop["answer"], shop["sha256"]) == ("unchanged", "served", LEAF.sha256)
    assert shop["findings"] == shop["remarks"] == [] and shop["message"] == ""
    (address,) = shop["addresses"]
    assert address["chain"] == [LEAF.sha256, PKI.intermediate.sha256] and address["protocol"] == "TLSv1.3" and address["group"]
    assert result["certificates"][LEAF.sha256]["names"] == ["127.0.0.1"]
    assert result["certificates"][PKI.intermediate.sha256]["pem"] == PKI.intermediate.pem.decode()


def test_each_endpoint_has_its_own_outcome(anchors):
    with serving_leaf(LEAF) as good, serving_leaf(OTHER.leaf("127.0.0.1")) as foreign:
        result = looked(at(good), at(foreign), at(1), at(good, server_name="a.example"), anchors=anchors)
    assert {item: one["state"] for item, one in result["outcomes"].items()} == {
        f"127.0.0.1:{good}": "unchanged",
        f"127.0.0.1:{foreign}": "failed",
        "127.0.0.1:1": "unproven",
        f"127.0.0.1:{good}/a.example": "failed",
    }
    assert not result["ok"] and all(one["next_action"] for one in result["outcomes"].values() if one["state"] != "unchanged")


def test_names_are_not_checked_when_nobody_asks():
    with serving_leaf(PKI.leaf("other.example")) as port:
        assert not looked(at(port))["ok"]
        assert looked(at(port), check_name=False)["ok"]


def test_what_is_to_be_mended_in_time_is_a_remark(anchors):
    chain = WORN.pem + PKI.root.pem + PKI.intermediate.pem + PKI.root.pem
    with serving_leaf(WORN, chain) as port:
        result = looked(at(port, id="worn"), anchors=anchors)
    remarks = "\n".join(result["outcomes"]["worn"]["remarks"])
    assert result["ok"], "the path is there, so nothing is broken"
    for sentence in ("less than a quarter of its life", "a certificate twice", "the root along", "not in order"):
        assert sentence in remarks


def test_different_certificates_behind_one_name_are_a_remark():
    with serving_leaf(LEAF) as port, serving_leaf(WORN, address="127.0.0.2", port=port):
        result = looked({"host": "shop.example", "port": port, "id": "shop", "addresses": ["127.0.0.1", "127.0.0.2"]}, check_name=False)
    assert f"127.0.0.1 serves {LEAF.sha256}; 127.0.0.2 serves {WORN.sha256}" in result["outcomes"]["shop"]["remarks"][0]


@pytest.mark.parametrize(
    ("endpoints", "more", "field"),
    [
        ([at(1), at(1)], {}, "endpoints[1].id"),
        ([at(1, sha256="abc")], {}, "endpoints[0].sha256"),
        ([at(1)], {"timeout": 0}, "timeout"),
        ([at(1)], {"concurrency": 0}, "concurrency"),
        ([at(1)], {"anchors": {"x": "/nowhere/root.pem"}}, "anchors.x"),
    ],
)
def test_wrong_input_is_named(endpoints, more, field):
    with pytest.raises(ConfigError) as caught:
        looked(*endpoints, **more)
    assert caught.value.field == field


def test_anchors_are_certificates_and_never_a_key(tmp_path):
    (tmp_path / "both.pem").write_bytes(PKI.root.pem + PKI.root.key_pem)
    with pytest.raises(ConfigError) as caught:
        looked(at(1), anchors={"x": str(tmp_path / "both.pem")})
    assert caught.value.field == "anchors.x" and "PRIVATE KEY-----" not in str(caught.value)


def test_the_public_roots_do_not_know_our_ca():
    with serving_leaf(LEAF) as port:
        assert "clients of class 'browsers'" in looked(at(port, id="x"), anchors={"browsers": "public"})["outcomes"]["x"]["message"]
