# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer acme where the CA is not kind: rejected nonces, limits, kills in mid-order, staging, and accounts of every sort."""

from __future__ import annotations

import email.utils
import json
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import _hinted
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect_store import inspect_store
from ansible_collections.certops.clm.plugins.module_utils.issuers import _acme_setup
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_account import Account
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_ari import certificate_id
from ansible_collections.certops.clm.plugins.module_utils.issuers._acme_wire import Wire
from ansible_collections.certops.clm.plugins.module_utils.sources import secret_store
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.ca import TestCA
from ansible_collections.certops.clm.tests.lab.pebble import EAB, HOME, pebble
from ansible_collections.certops.clm.tests.unit.issuers.acme_world import AcmeWorld, now, wanted


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble"), PEBBLE_ALTERNATE_ROOTS=2) as running:
        yield running


@pytest.fixture
def world(tmp_path, ca):
    return AcmeWorld(tmp_path, ca)


@pytest.mark.parametrize("percent", [5, 50])
def test_rejected_nonces_cost_time_and_nothing_else(tmp_path, percent):
    with pebble(tmp_path / "pebble", PEBBLE_WFE_NONCEREJECT=percent) as ca:
        outcomes = AcmeWorld(tmp_path, ca).run(*[wanted(f"n{number}") for number in range(10)])
    assert {outcome.state for outcome in outcomes.values()} == {"done"}


class Killed(BaseException):
    """What stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("step", ["look", "tell", "finish"])
def test_an_order_that_was_killed_in_the_middle_goes_on_with_its_own_key(world, step):
    dying = world.issuer()

    def die(*_args, **_more):
        raise Killed

    setattr(dying._orders, step, die)
    with pytest.raises(Killed):
        world.run(wanted("shop"), issuer=dying)
    (left,) = world.store.versions("shop")
    assert left.state == "pending" and left.meta["ref"].startswith("https://")
    outcome = world.run(wanted("shop"))["shop"]
    (done,) = world.store.versions("shop")
    assert outcome.state == "done", outcome.message
    assert (done.meta["ref"], done.spki_sha256) == (left.meta["ref"], left.spki_sha256)
    assert Chain.parse(done.chain_pem).leaf.spki_sha256 == left.spki_sha256 and "earlier run" in outcome.message


def test_the_chain_that_is_preferred_is_taken_and_a_missing_one_is_said(world, ca):
    roots = [json_name(ca, number) for number in (1, 2)]
    for root in roots:
        (ca.place / "anchors.pem").write_bytes(b"".join(ca.door(f"/roots/{number}") for number in range(3)))
        issuer = world.issuer(preferred_chain=root, anchors=str(ca.place / "anchors.pem"))
        assert world.run(wanted(f"chain-{root[-6:].lower()}"), issuer=issuer).popitem()[1].state == "done"
        version = world.store.load(f"chain-{root[-6:].lower()}")
        assert root in Chain.parse(version.chain_pem).certificates[-1].issuer
    said = world.run(wanted("other"), issuer=world.issuer(preferred_chain="No Such Root"))["other"]
    assert said.state == "done" and "no chain ends at 'No Such Root'" in said.message


def json_name(ca, number):
    """The common name of a root of Pebble's."""
    return Chain.parse([__import__("ssl").PEM_cert_to_DER_cert(ca.door(f"/roots/{number}").decode())]).leaf.common_name


def test_profiles_are_asked_for_by_name(world):
    short = world.run(wanted("short"), issuer=world.issuer(profile="shortlived"))["short"]
    leaf = Chain.parse(world.store.load("short").chain_pem).leaf
    assert short.state == "done" and leaf.not_after - leaf.not_before < timedelta(hours=161)
    refused = world.run(wanted("none"), issuer=world.issuer(profile="gold"))["none"]
    assert refused.state == "failed" and "'gold'" in refused.message and "shortlived" in refused.next_action


def test_a_ca_that_binds_accounts_and_one_that_wants_its_terms_read(tmp_path):
    binding = {"externalAccountBindingRequired": True, "externalAccountMACKeys": {EAB[0]: EAB[1]}}
    key = tmp_path / "eab.key"
    key.write_text(EAB[1] + "\n")
    key.chmod(0o644)
    with pebble(tmp_path / "pebble", names=binding) as ca:
        world = AcmeWorld(tmp_path, ca)
        without = world.run(wanted("shop"))["shop"]
        assert without.state == "failed" and "eab_kid" in without.next_action
        bound = {"eab_kid": EAB[0], "eab_key_file": str(key)}
        assert "open to others" in world.run(wanted("shop"), issuer=world.issuer(**bound))["shop"].message
        key.chmod(0o600)
        assert world.run(wanted("shop"), issuer=world.issuer(**bound))["shop"].state == "done"
        (unread,) = AcmeWorld(tmp_path / "two", ca, **bound, terms_agreed=False).run(wanted("shop")).values()
        assert unread.state == "failed" and "terms of service" in unread.message


def test_a_forgotten_account_is_made_again_and_a_new_contact_is_told(tmp_path):
    with pebble(tmp_path / "one") as ca:
        world = AcmeWorld(tmp_path, ca)
        assert world.run(wanted("shop"))["shop"].state == "done"
        assert world.run(wanted("api"), issuer=world.issuer(contact=["new@lab.example"]))["api"].state == "done"
        first = world.issuer().account
        (version,) = world.store.versions(first.lineage)
        assert version.meta["contact"] == ["mailto:new@lab.example"]
        ca.stop()
        ca.start()
        world.options["anchors"] = str(ca.root_file)
        again = world.run(wanted("mail"))["mail"]
        assert again.state == "done", again.message
        assert [one.spki_sha256 for one in world.store.versions(first.lineage)] == [version.spki_sha256]


def account_of(world, check_mode=False, **given):
    """What the module acme_account does."""
    params = {**world.ca.issuer(), "account": "default", "contact": [], **given}
    return _acme_setup.converge(params, world.store, now, check_mode, None)["default"]


def test_the_accounts_key_is_changed_once_for_each_reason_and_killed_in_between(world, monkeypatch):
    assert world.run(wanted("shop"))["shop"].state == "done"
    first = account_of(world)
    assert first.state == "unchanged" and account_of(world, True, rollover="2027").state == "planned"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Account, "taken", lambda *_args: (_ for _ in ()).throw(Killed()))
        account_of(world, rollover="2027")
    assert [one.state for one in world.store.versions(first.after["lineage"])] == ["issued", "pending"], "the CA knows the new one only"
    second = account_of(world, rollover="2027", contact=["pki@lab.example"])
    assert second.state == "done", second.message
    assert second.after["account"] == first.after["account"] and second.after["spki_sha256"] != first.after["spki_sha256"]
    assert account_of(world, rollover="2027").state == "unchanged"
    with monkeypatch.context() as patch, pytest.raises(Killed):  # this time before the CA hears of it, and the reason is another one then
        patch.setattr(Wire, "resource", lambda *_args: (_ for _ in ()).throw(Killed()))
        account_of(world, rollover="2028")
    assert account_of(world, rollover="2029").state == "done" and account_of(world, rollover="2029").state == "unchanged"
    assert world.run(wanted("api"))["api"].state == "done"


def test_a_certificate_of_another_hierarchy_never_replaces_the_current_one(world):
    assert world.run(wanted("shop"))["shop"].state == "done"
    before = world.store.current("shop")
    staging = world.run(wanted("shop", forced="try"), issuer=world.issuer(anchors="public"))["shop"]
    assert staging.state == "failed" and world.store.current("shop") == before
    assert "another CA than the issuer's" in staging.message and len(staging.message) < 1000


def test_the_window_of_a_certificate_moves_and_its_name_is_the_standards(world, ca):
    assert world.run(wanted("shop"))["shop"].state == "done"
    leaf = Chain.parse(world.store.load("shop").chain_pem).leaf
    hint = world.issuer().window(leaf.pem)
    assert hint.start < hint.end < leaf.not_after and timedelta(minutes=1) <= hint.ask_again - now() + timedelta(seconds=9)
    ca.move_window(leaf.pem, timedelta(hours=-2), timedelta(hours=-1), "https://ca.example/why")
    assert world.issuer().window(leaf.pem).explanation_url == "https://ca.example/why"
    (item,) = _hinted([wanted("shop")], world.store, world.issuer(), now())
    outcome = world.run(item)["shop"]
    assert (outcome.state, outcome.reason.word) == ("done", "ari_window")
    ca.move_window(leaf.pem, timedelta(hours=2), timedelta(hours=1))
    with pytest.raises(ClmError, match="no window"):
        world.issuer().window(leaf.pem)
    assert certificate_id(VECTOR) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


# RFC 9773 appendix A
VECTOR = """-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
"""


class _Grumpy(BaseHTTPRequestHandler):
    """A CA that has a directory and answers every order in one way."""

    answer = (503, {})

    def do_GET(self):
        where = f"https://{HOME}:{self.server.server_port}"
        names = ("newNonce", "newAccount", "newOrder")
        self._say(200, json.dumps({name: f"{where}/{name}" for name in names}).encode(), {})

    def do_HEAD(self):
        self._say(200, b"", {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers = (201, {"Location": "https://x/account"}) if self.path == "/newAccount" else self.answer
        self.server.asked.append(self.path)
        body = json.dumps({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many of you"}).encode()
        self._say(status, b"{}" if status == 201 else body, headers)

    def _say(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Replay-Nonce": "b25jZQ", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Nothing."""


@pytest.fixture
def grumpy(tmp_path, ca):
    """A server, options of the issuer for it, and `asked`: which paths were posted to."""
    authority = TestCA("grumpy")
    tls = authority.issue([HOME])
    for name, text in (("tls.pem", tls.fullchain), ("tls.key", tls.key_pem), ("root.pem", authority.root_pem)):
        (tmp_path / name).write_text(text)
    server = ThreadingHTTPServer((HOME, 0), _Grumpy)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem", tmp_path / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.options = {"directory": f"https://{HOME}:{server.server_port}/", "ca_file": str(tmp_path / "root.pem")}
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "answer, minutes",
    [
        ((429, {"Retry-After": "3600"}), 60),
        ((503, {"Retry-After": "7200"}), 120),
        ((503, {"Retry-After": "date"}), 30),
        ((429, {}), 60),
        ((503, {}), None),
        ((500, {"Retry-After": "nonsense"}), None),
    ],
)
def test_a_busy_ca_is_asked_again_when_it_said_so(tmp_path, ca, grumpy, monkeypatch, answer, minutes):
    status, headers = answer
    if headers.get("Retry-After") == "date":
        headers = {"Retry-After": email.utils.format_datetime(now() + timedelta(minutes=30), usegmt=False)}
    monkeypatch.setattr(_Grumpy, "answer", (status, headers))
    world = AcmeWorld(tmp_path, ca, **grumpy.options, profile=None)
    outcomes = world.run(*[wanted(f"w{number}") for number in range(30)])
    states = {outcome.state for outcome in outcomes.values()}
    assert states == ({"deferred"} if minutes else {"failed"}), outcomes["w0"].message
    if minutes:
        again = outcomes["w0"].after["ask_again"]
        expected = now() + timedelta(minutes=minutes)
        assert abs((expected - __import__("datetime").datetime.fromisoformat(again.replace("Z", "+00:00"))).total_seconds()) < 60
    if status == 503 and minutes:
        assert grumpy.asked.count("/newOrder") <= 8, "one that is not there is not asked 30 times"


def test_a_ca_with_an_unknown_certificate_of_its_own_names_the_option(tmp_path, ca, grumpy):
    world = AcmeWorld(tmp_path, ca, **{**grumpy.options, "ca_file": str(ca.ca_file)})
    outcome = world.run(wanted("shop"))["shop"]
    assert outcome.state == "failed" and "issuer.ca_file" in outcome.message
    with pytest.raises(ConfigError):
        AcmeWorld(tmp_path, ca, directory="http://127.0.0.1/dir").issuer()


def test_the_accounts_lineage_is_no_certificate_and_no_finding_anywhere(world):
    assert world.run(wanted("shop"))["shop"].state == "done"
    name = world.issuer().account.lineage
    assert name in set(world.store.lineages()) and world.store.current(name) is None and world.store.load(name) is None
    listed = inspect_store(world.store, None)["lineages"]
    assert name in str(listed) and "PRIVATE KEY" not in str(listed)
    found = list(secret_store.create({"store": world.store}, now).find())
    assert [one.error for one in found] == [""] * len(found) and not any(name in str(one.where) for one in found)
