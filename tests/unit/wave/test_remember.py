# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the observations say after a wave: the controller's own look, else what a server saw in it, else what was there."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.plugins.module_utils.observations import load
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.module_utils.probe import ANSWERED, COULD_NOT_LOOK, Endpoint, Observation
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.plugin_utils.wave.remember import remember, still_there
from ansible_collections.certops.clm.plugins.plugin_utils.wave.server_looks import seen_by_servers
from ansible_collections.certops.clm.tests.lab.ca import TestCA

CA = TestCA()
OLD, NEW = (CA.issue(["shop.example.com"]) for _time in range(2))
AT = Endpoint("db.inside", 5432)
PLAN = {
    "items": {"a": {"lineage": "shop", "server": "db1", "lead": "a", "deployment": {"endpoints": [{"host": "db.inside", "port": 5432}]}}}
}
ASKED = {"a": [{"id": "a/0"}]}
BLIND = {AT.key: [Observation(AT, "", COULD_NOT_LOOK, error="no address")]}


def pems(issued):
    return [pem.encode(pem.CERTIFICATE, block.der) for block in pem.split(issued.fullchain)]


def looked(*chain, **more):
    """What the server says of its endpoint."""
    row = {"address": "10.0.0.1", "answer": "answered", "sha256": "what it says", "chain_pem": list(chain), "sent": 1, "detail": "", **more}
    return seen_by_servers(PLAN, ASKED, {"a": {"looks": {"a/0": [row]}}})


@pytest.fixture
def file(tmp_path):
    """The observations of before the wave: the server saw the old certificate."""
    row = {"address": "10.0.0.1", "answer": "answered", "sha256": OLD.sha256, "chain_pem": pems(OLD), "error": ""}
    endpoints = {AT.key: {"from": "db1", "observations": [row]}}
    data = {"version": 1, "taken_at": "2026-01-01T00:00:00Z", "servers": {}, "endpoints": endpoints}
    (tmp_path / "observations.json").write_text(json.dumps(data))
    return tmp_path / "observations.json"


def kept(file, seen, by_servers):
    remember(str(file), seen, by_servers)
    return load(str(file)).endpoints[AT.key]


def test_what_a_server_saw_in_the_wave_goes_before_what_it_saw_before(file):
    (row,) = kept(file, BLIND, looked(*pems(NEW)))
    assert (row.sha256, row.chain_pem, row.whole, row.answer) == (NEW.sha256, tuple(pems(NEW)), True, ANSWERED)
    assert json.loads(file.read_text())["endpoints"][AT.key]["from"] == "db1"


@pytest.mark.parametrize("seen", [BLIND, {}])
def test_a_controller_that_cannot_look_takes_nothing_away(file, seen):
    assert kept(file, seen, {})[0].sha256 == OLD.sha256
    assert kept(file, seen, looked(*pems(NEW)))[0].sha256 == NEW.sha256


def test_the_controllers_own_look_goes_before_everything(file):
    own = {AT.key: [Observation(AT, "10.0.0.1", ANSWERED, (pem.split(OLD.fullchain)[0].der,), 1, OLD.sha256)]}
    (row,) = kept(file, own, looked(*pems(NEW)))
    assert (row.sha256, row.whole) == (OLD.sha256, True)


@pytest.mark.parametrize(("answer", "whole"), [("answered", True), ("could_not_look", False)])
def test_one_certificate_is_whole_only_where_its_server_saw_no_more_being_sent(file, answer, whole):
    (row,) = kept(file, BLIND, looked(pems(NEW)[0], answer=answer))
    assert (row.sha256, len(row.chain_pem), row.whole, row.answer) == (NEW.sha256, 1, whole, ANSWERED)


@pytest.mark.parametrize(
    "rows",
    [None, 7, [], [7], [{}], [{"answer": "answered", "chain_pem": ["no PEM"], "sha256": "a"}], [{"answer": "answered", "chain_pem": 7}]],
)
def test_an_answer_that_holds_no_certificate_is_not_kept(rows):
    assert seen_by_servers(PLAN, ASKED, {"a": {"looks": {"a/0": rows}}}) == {} == seen_by_servers(PLAN, ASKED, {"a": rows})


def test_words_of_a_server_are_one_plain_line():
    (row,) = looked(pems(NEW)[0], answer="x", detail="a\x1b[31m\nb" * 9999)[AT.key]["observations"]
    assert "\x1b" not in row["error"] and "\n" not in row["error"] and len(row["error"]) <= 500


@pytest.mark.parametrize(
    ("state", "step", "stays"),
    [
        ("done", "prove", True),
        ("unproven", "prove", True),
        ("failed", "record", True),
        ("rolled_back", "prove", False),
        ("failed", "restore", False),
    ],
)
def test_what_was_put_back_since_is_not_what_is_there(state, step, stays):
    rows = looked(*pems(NEW))
    assert still_there(rows, PLAN, {"a": Outcome(state, step).as_dict()}) == (rows if stays else {})
