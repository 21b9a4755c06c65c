# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How names are proven: DNS-01 at a real bind9, TLS-ALPN-01 and HTTP-01 by a responder, all asked by a real Pebble."""

from __future__ import annotations

import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Challenge
from ansible_collections.certops.clm.tests.lab.bind import bind
from ansible_collections.certops.clm.tests.lab.pebble import HOME, pebble
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, wanted


@pytest.fixture(scope="module")
def dns(tmp_path_factory):
    with bind(tmp_path_factory.mktemp("dns")) as running:
        yield running


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


class Killed(BaseException):
    """As SIGKILL is: nobody catches it."""


@pytest.mark.parametrize("when", ["published", "proven"])
def test_records_of_a_run_that_was_killed_are_taken_away_by_the_next(dns, tmp_path, when):
    with pebble(tmp_path / "pebble", dns=f"{dns.primary}:53") as ca:
        world = AcmeWorld(tmp_path, ca, challenge=dns.challenge())
        issuer, name = world.issuer(), f"{when}.lab.example"
        issuer._challenger.withdraw = mock.Mock(side_effect=Killed)
        if when == "published":
            issuer._orders.tell = mock.Mock(side_effect=Killed)
        with pytest.raises(Killed):
            world.run(wanted(when), issuer=issuer)
        assert len(dns.texts(name)) == 1
        dns.add_text(name, "of another client")
        after = world.run(wanted(when))[when]
        assert after.state == "done" and "taken away" not in after.message
        assert dns.texts(name) == ['"of another client"']


def test_wildcards_and_delegated_names_by_dns_and_nothing_stays_behind(dns, tmp_path):
    with pebble(tmp_path / "pebble", dns=f"{dns.primary}:53") as ca:
        world = AcmeWorld(tmp_path, ca, challenge=dns.challenge())
        names = ("lab.example", "*.lab.example", "*.b.lab.example", "www.delegated.example", "delegated.example")
        outcome = world.run(wanted("wild", *names))["wild"]
        assert outcome.state == "done", outcome.message
        assert sorted(outcome.after["names"]) == sorted(names)
        refused = world.run(wanted("refused", "refused.example", "lab.example"), wanted("fine", "fine.lab.example"))
        assert refused["fine"].state == "done"
        assert all(word in refused["refused"].message for word in ("REFUSED", "refused.example"))
        assert [dns.texts(name) for name in ("lab.example", "b.lab.example", "fine.lab.example", "_here.acme.example")] == [[], [], [], []]
        dns.stop(1)
        late = AcmeWorld(tmp_path, ca, challenge=dns.challenge(propagation_timeout=2)).run(wanted("late", "late.lab.example"))["late"]
        assert late.state == "failed" and dns.secondary in late.message and dns.texts("late.lab.example") == []


def test_names_and_addresses_by_tls_alpn(ca, tmp_path):
    world = AcmeWorld(tmp_path, ca, challenge={"type": "tls_alpn_01", "address": HOME, "port": ca.ports["tls"]})
    outcome = world.run(wanted("both", "alpn.lab.example", "127.0.0.1"))["both"]
    assert outcome.state == "done" and set(outcome.after["names"]) == {"alpn.lab.example", "127.0.0.1"}
    with pytest.raises(OSError):
        socket.create_connection((HOME, ca.ports["tls"]), timeout=2)


def test_a_wildcard_without_dns_says_what_the_ca_offers(ca, tmp_path):
    outcome = AcmeWorld(tmp_path, ca).run(wanted("wild", "*.lab.example"))["wild"]
    assert outcome.state == "failed" and "offers no http-01 challenge for it, only dns-01" in outcome.message


def test_files_below_a_web_servers_folder(ca, tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    server = ThreadingHTTPServer((HOME, ca.ports["http"]), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        outcome = AcmeWorld(tmp_path, ca, challenge={"type": "http_01", "webroot": str(tmp_path / "web")}).run(wanted("files"))["files"]
    finally:
        server.shutdown()
        server.server_close()
    assert outcome.state == "done" and not [one for one in (tmp_path / "web").rglob("*") if one.is_file()]


def test_a_port_that_is_taken_is_named_and_a_token_that_leads_elsewhere_is_refused(ca, tmp_path):
    with socket.create_server((HOME, ca.ports["http"])):
        outcome = AcmeWorld(tmp_path, ca).run(wanted("taken"))["taken"]
    assert outcome.state == "failed" and f"{HOME}:{ca.ports['http']}" in outcome.message
    challenger = AcmeWorld(tmp_path, ca, challenge={"type": "http_01", "webroot": str(tmp_path / "web")}).issuer()._challenger
    (problem,) = challenger.publish([Challenge("a.example", "../../../etc/x", "y")])
    assert problem is not None and not (tmp_path / "etc").exists()
