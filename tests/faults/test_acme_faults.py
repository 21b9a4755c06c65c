# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of an ACME CA do what they say, and their judges see a client that asks too soon or never again."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from ansible_collections.certops.clm.tests.faults import acme_faults, ca_proxy
from ansible_collections.certops.clm.tests.lab.playbook import Run


class AskingWorld:
    """What a Renewal asks of a world: each run asks the CA at the next of these moments about the same certificate, or not at all."""

    def __init__(self, place, already, moments):
        self.place, self.moments = place, list(moments)
        self.service = SimpleNamespace(proxy=SimpleNamespace(renewals=[("/renewalInfo/x", when) for when in already]))

    def on_server(self, _environment):
        pass

    def rotate(self, **_more):
        when = self.moments.pop(0)
        self.service.proxy.renewals += [] if when is None else [("/renewalInfo/x", when)]
        return Run(0, "")


@pytest.mark.parametrize("already, moments, word", [
    ([0.0], (None, 30.0), ""), ([0.0], (61.0, 70.0), ""),
    ([], (None, None), "never asked"), ([0.0], (30.0, 70.0), "asked again after 30 s"), ([0.0, 2.0], (None, 9.0), "asked again after 2 s"),
    ([0.0], (None, None), "a day later"),
])  # fmt: skip
def test_a_ca_that_is_asked_too_soon_or_never_again_is_seen(tmp_path, already, moments, word):
    renewal = acme_faults.Renewal("", "", acme_faults.malformed, acme_faults.FLOOR)
    world = AskingWorld(tmp_path, already, moments)
    said = renewal.judge(SimpleNamespace(world=world, gate=SimpleNamespace(shim="")))
    assert any(word in one for one in said) if word else said == []


def test_what_a_ca_gives_is_changed_as_the_fault_says():
    whole = (200, {"Retry-After": "21600"}, b'{"suggestedWindow": {"start": "a", "end": "b"}}')
    with pytest.raises(ValueError):
        json.loads(acme_faults.malformed(whole)[2])
    assert json.loads(acme_faults.backwards(whole)[2]) == {"suggestedWindow": {"start": "b", "end": "a"}}
    assert acme_faults.wait(1)(whole)[1] == {"Retry-After": "1"}


@pytest.mark.parametrize("payload, answer", [({"identifiers": [], "replaces": "a.b"}, True), ({"identifiers": []}, False)])
def test_only_an_order_that_names_what_it_replaces_is_refused_for_it(payload, answer):
    encoded = ca_proxy.base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    assert ca_proxy.replaces(json.dumps({"payload": encoded}).encode()) is answer
