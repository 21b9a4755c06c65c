# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proofs that somebody else publishes between two calls, asked for by a real Pebble: handed out, told, remembered and never guessed."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.certops.clm.plugins.module_utils.challenges import http_01_webroot
from ansible_collections.certops.clm.plugins.module_utils.contracts import Challenge
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.webroot_server import converge as webroot
from ansible_collections.certops.clm.plugins.module_utils.published import heard, rows_of, together
from ansible_collections.certops.clm.tests.lab.pebble import HOME, pebble
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, now, wanted


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


@pytest.fixture
def world(ca, tmp_path):
    """A web server where the CA asks, and an issuer whose proofs belong below its folder."""
    root = tmp_path / "www"
    root.mkdir()
    server = ThreadingHTTPServer((HOME, ca.ports["http"]), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield AcmeWorld(tmp_path, ca, challenge={"type": "http_01_webroot", "root": str(root), "hosts": ["web1"]})
    server.shutdown()
    server.server_close()


def put(outcome, state="present", **root):
    """What the host says when it publishes, or withdraws, what an outcome asks for."""
    rows = rows_of(outcome.after["challenges" if state == "present" else "withdraw"])
    answers = [(row, webroot({"files": row["files"], "root": row["root"], "state": state, **root}, False)) for row in rows]
    return together(heard(row, {"outcomes": {name: one.as_dict() for name, one in said.items()}}, "nothing") for row, said in answers)


def files_of(tmp_path):
    return [path.name for path in (tmp_path / "www").rglob("*") if path.is_file()]


def test_proofs_are_handed_out_until_somebody_says_that_they_are_published(world, tmp_path):
    asked = world.run(wanted("shop", "shop.lab.example", "www.lab.example"))["shop"]
    assert asked.state == "pending" and "proofs of shop.lab.example, www.lab.example" in asked.message, asked.message
    (row,) = rows_of(asked.after["challenges"])
    assert (row["host"], row["root"], len(row["files"])) == ("web1", str(tmp_path / "www"), 2)
    again = world.run(wanted("shop", "shop.lab.example", "www.lab.example"))["shop"]
    assert again.state == "pending" and again.after == asked.after, "it is the caller's turn, however often it asks"
    done = world.run(wanted("shop", "shop.lab.example", "www.lab.example", published=put(asked)))["shop"]
    assert done.state == "done", done.message
    assert len(files_of(tmp_path)) == 2 and set(put(asked, "absent").values()) == {None} and not files_of(tmp_path)
    assert world.run(wanted("shop", "shop.lab.example", "www.lab.example"))["shop"].state == "unchanged"


def test_what_could_not_be_published_fails_its_lineage_alone_and_the_next_run_goes_on_with_the_order(world, tmp_path):
    items = [("one", "one.lab.example"), ("two", "two.lab.example")]
    asked = world.run(*(wanted(*one) for one in items))
    published = {**put(asked["one"]), **put(asked["two"], root=str(tmp_path / "gone"))}
    given = world.run(*(wanted(*one, published=published) for one in items))
    assert given["one"].state == "done" and given["two"].state == "failed"
    assert all(word in given["two"].message for word in ("two.lab.example", "on web1", str(tmp_path / "gone"), "does not exist"))
    assert "port 80" in given["two"].next_action
    after = world.run(wanted(*items[1]))["two"]
    assert after.after["challenges"] == asked["two"].after["challenges"], "the CA was told of nothing, so the order lives"
    assert world.run(wanted(*items[1], published=put(after)))["two"].state == "done"


def test_what_a_killed_run_published_is_known_to_the_next_one_also_when_the_order_is_done(world, tmp_path):
    asked = world.run(wanted("late"), run_id="killed")["late"]
    published = put(asked)
    assert world.run(wanted("late", published=published), run_id="killed", promote=False)["late"].state == "done"
    taken = world.run(wanted("late"), run_id="next")["late"]
    assert taken.state == "done" and taken.after["withdraw"] == asked.after["challenges"]
    put(taken, "absent")
    assert not files_of(tmp_path)


def test_nothing_is_handed_out_for_an_order_that_cannot_be_proven(world):
    outcome = world.run(wanted("wild", "lab.example", "*.lab.example"))["wild"]
    assert outcome.state == "failed" and "offers no http-01 challenge for it" in outcome.message and "challenges" not in outcome.after


def test_what_a_ca_sends_is_data():
    challenger = http_01_webroot.create({"root": "/var/www/html"}, now)
    for token in ("../../etc/x", "a/b", "", "{{ x }}", "a" * 129, "a\n", ".a"):
        with pytest.raises(ConfigError):
            challenger.handed_out(Challenge("a.example", token, f"{token}.thumb"))
    with pytest.raises(ConfigError):
        challenger.handed_out(Challenge("a.example", "token", "token.{{ thumb }}"))


@pytest.mark.parametrize("options", [{"root": "www"}, {"root": "/www", "hosts": [7]}, {"root": "/www", "roots": {"web1": "x"}}])
def test_options_that_lead_nowhere_are_refused(options):
    with pytest.raises(ConfigError):
        http_01_webroot.create(options, now)
