# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that stays with its issuer is served only where the issuer keeps it, and everything else is refused in the plan."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyHolder
from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.plugins.plugin_utils.wave.held import unfit, wrong_origin
from ansible_collections.certops.clm.plugins.plugin_utils.wave.plan import make_plan
from ansible_collections.certops.clm.plugins.plugin_utils.wave.watched import watched
from ansible_collections.certops.clm.tests.support.manifests import deployment
from ansible_collections.certops.clm.tests.unit.wave.test_plan import judged, manifest


class Holder:
    """An issuer that keeps keys."""

    def identity(self):
        return "holder"

    def begin(self, request):
        raise AssertionError

    resume = begin

    def held_in(self):
        return "acm:1:eu"

    def check(self, request):
        raise UnavailableError("asked")


class Binder:
    def held_in(self, where):
        return f"acm:1:{where['listener_arn'].split(':')[3]}"


def target(region):
    return {
        "target": {"type": "aws_elbv2_listener", "listener_arn": f"arn:aws:elasticloadbalancing:{region}:1:listener/app/a/b/c"},
        "endpoints": [{"host": f"{region}.example.com"}],
    }


def problems(found, issuer, create=lambda *_given: Binder()):
    return [str(one) for one in unfit(found, judged(found), lambda _options: issuer, None, create).values()]


@pytest.mark.parametrize("origin", ["issuer", "store"])
def test_a_place_must_use_keys_where_the_issuer_keeps_them(origin):
    found = manifest(key_origin=origin, deployments=[target("eu"), target("us")])
    said = problems(found, Holder())
    assert len(said) == (origin == "issuer")
    if said:
        assert "keeps the key of shop in acm:1:eu, and this place uses keys in acm:1:us" in said[0]


def test_a_server_and_a_target_that_needs_the_key_are_refused_with_the_fix():
    found = manifest(key_origin="issuer", deployments=[deployment("web1"), target("eu")])
    said = problems(found, Holder(), lambda *_given: SimpleNamespace())
    assert len(said) == 2 and all("needs the key itself" in one and "key_origin: store" in one for one in said)
    assert "the server web1" in said[0] and "aws_elbv2_listener" in said[1]


def test_the_plan_refuses_them_before_anything_is_written():
    found = manifest(key_origin="issuer", deployments=[target("eu"), target("us")])
    hosts = [one.id for one in found.deployments]
    cannot = unfit(found, judged(found), lambda _options: Holder(), None, lambda *_given: Binder())
    answer = make_plan(found, hosts, judged(found), [], run_id="r1", issue=True, unfit=cannot)
    assert list(answer["plan"]["items"]) == hosts[:1] and list(answer["plan"]["refused"]) == hosts[1:]
    assert answer["outcomes"][hosts[1]]["state"] == "failed" and "lineage of its own" in answer["outcomes"][hosts[1]]["next_action"]


def test_issuer_and_key_origin_must_say_the_same():
    kept, ours = manifest(key_origin="issuer").lineages["shop"], manifest().lineages["shop"]
    plain = SimpleNamespace()
    assert wrong_origin(kept, Holder()) is None and wrong_origin(ours, plain) is None
    assert "key_origin: store" in str(wrong_origin(kept, plain)) and "key_origin: issuer" in str(wrong_origin(ours, Holder()))
    assert problems(manifest(key_origin="issuer", deployments=[target("eu")]), plain)[0].startswith("lineages.shop.key_origin")


def test_an_issuer_that_is_asked_in_turn_still_keeps_its_keys():
    one = watched(Holder(), lambda _lineage: ())
    assert isinstance(one, KeyHolder) and one.held_in() == "acm:1:eu"
    with pytest.raises(UnavailableError):
        one.check(None)
