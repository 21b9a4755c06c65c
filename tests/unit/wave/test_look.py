# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at endpoints: one batch of connections, and each deployment judged by all of its endpoints."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, NOT_SERVED, SERVED, Proof
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.probe import Observation
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.plugin_utils.wave.look import Looker, anchors_of, endpoints_of, together
from ansible_collections.certops.clm.tests.lab.ca import TestCA

CA = TestCA()
ROOT = Bundle.parse(CA.root_pem)
NOW = datetime.now(timezone.utc)
NEW, OLD = (CA.issue(["shop.example.com"]).fullchain for _time in range(2))
LEAF = NEW[: NEW.index("-----END CERTIFICATE-----") + 26]


def ders(chain):
    return tuple(block.der for block in pem.split(chain)) if chain else ()


def host(*names):
    endpoints = [{"host": name, "port": 443, "server_name": "shop.example.com"} for name in names]
    return {"lineage": "shop", "deployment": {"endpoints": endpoints}}


def look(shows, **items):
    """Proofs of items when the endpoint of that host shows the chain, or could not be looked at where that is empty."""
    batches = []

    def probe(endpoints):
        batches.append(endpoints)
        rows = []
        for endpoint in endpoints:
            der = ders(shows[endpoint.host])
            seen = {"sha256": pem.sha256(der[0])} if der else {"error": "cut off"}
            rows.append([Observation(endpoint, "127.0.0.1", "answered" if der else "could_not_look", der, **seen)])
        return rows

    versions = {"shop": {"sha256": pem.sha256(ders(NEW)[0])}}
    looker = Looker({"items": items}, versions, {"shop": {"internal": ROOT}}, probe, lambda: NOW)
    proofs = looker.look(list(items))
    assert len(batches) == 1, "one batch of connections for all"
    return proofs, looker


def test_each_item_is_judged_by_its_own_endpoints():
    shows = {"a": NEW, "b": OLD, "c": "", "d": LEAF}
    proofs, looker = look(shows, a=host("a"), b=host("b"), c=host("c"), d=host("d"))
    assert [proofs[item].answer for item in "abcd"] == [SERVED, NOT_SERVED, COULD_NOT_LOOK, NOT_SERVED]
    assert len(looker.seen) == 4 and "cut off" in proofs["c"].detail


@pytest.mark.parametrize(("second", "answer"), [(NEW, SERVED), (OLD, NOT_SERVED), ("", COULD_NOT_LOOK)])
def test_all_endpoints_of_an_item_count(second, answer):
    assert look({"a": NEW, "b": second}, x=host("a", "b"))[0]["x"].answer == answer


def test_what_is_wrong_weighs_more_than_what_could_not_be_seen():
    answers = [Proof(SERVED, "n"), Proof(COULD_NOT_LOOK, detail="blind"), Proof(NOT_SERVED, "o", "one"), Proof(NOT_SERVED, "p", "two")]
    assert together(answers) == Proof(NOT_SERVED, "o", "one; two")
    assert together([]).answer == COULD_NOT_LOOK


def test_endpoints_are_read_from_the_plan():
    (endpoint,) = endpoints_of({"items": {"a": host("web1")}}, "a")
    assert (endpoint.host, endpoint.port, endpoint.name) == ("web1", 443, "shop.example.com")


def plan(consumers, **classes):
    return {"lineages": {"shop": {"labels": {"consumers": consumers}, "issuer": "internal"}}, "client_classes": classes}


def test_a_lineage_is_judged_by_its_consumers_else_by_its_issuer(tmp_path):
    (tmp_path / "root.pem").write_text(ROOT.pem)
    named = anchors_of(plan(["apps"], apps=str(tmp_path / "root.pem"), other="/nonexistent"), lambda issuer: pytest.fail("not asked"))
    assert [(name, len(bundle.certificates)) for name, bundle in named["shop"].items()] == [("apps", 1)]
    own = anchors_of(plan([]), lambda issuer: ROOT.pem)
    assert list(own["shop"]) == ["issuer internal"] and len(own["shop"]["issuer internal"].certificates) == 1
    assert len(anchors_of(plan([]), lambda issuer: "")["shop"]["issuer internal"].certificates) > 50, "the public roots"


def test_anchors_that_cannot_be_read_are_an_error_that_names_the_class():
    with pytest.raises(ConfigError) as caught:
        anchors_of(plan(["apps"], apps="/nonexistent"), lambda issuer: "")
    assert "client_classes.apps" in str(caught.value)
