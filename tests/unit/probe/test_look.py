# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at real TLS servers on loopback, good ones and hostile ones."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.probe import (
    ANSWERED,
    COULD_NOT_LOOK,
    REFUSED,
    Endpoint,
    probe,
    probe_many,
)
from ansible_collections.certops.clm.tests.unit.probe.tls import Pki, server_context, serving, serving_leaf, tls

PKI = Pki()
LEAF = PKI.leaf("localhost", "127.0.0.1")


def one(port, timeout=3.0, **more):
    (seen,) = probe(Endpoint("127.0.0.1", port, **more), timeout=timeout)
    return seen


def test_a_look_shows_everything_that_was_served():
    with serving_leaf(LEAF) as port:
        seen = one(port)
    assert seen.answer == ANSWERED and seen.error == ""
    assert seen.sha256 == LEAF.sha256 and len(seen.chain_der) == seen.sent == 2
    assert (seen.protocol, seen.group.lower()) == ("TLSv1.3", "x25519") and seen.cipher.startswith("TLS_")
    assert seen.address == "127.0.0.1"


def test_the_server_name_decides_what_is_shown():
    other = PKI.leaf("other.example")
    asked = []
    context = server_context(LEAF.key_pem, LEAF.chain)

    def choose(tls_socket, name, _context):
        asked.append(name)
        if name == "other.example":
            tls_socket.context = server_context(other.key_pem, other.chain)

    context.sni_callback = choose
    with serving(tls(context)) as port:
        assert one(port, server_name="other.example").sha256 == other.sha256
        assert one(port).sha256 == LEAF.sha256
        assert one(port, server_name="other.example.").sha256 == other.sha256
    assert asked == ["other.example", None, "other.example"], "no SNI for an address, no dot at the end"


def test_every_address_of_a_name_is_looked_at_and_told_apart():
    old = PKI.leaf("localhost")
    with serving_leaf(LEAF) as port, serving_leaf(old, address="::1", port=port):
        seen = probe(Endpoint("localhost", port, addresses=("127.0.0.1", "::1")), timeout=3)
        assert [(one.address, one.sha256) for one in seen] == [("127.0.0.1", LEAF.sha256), ("::1", old.sha256)]
        resolved = {one.address for one in probe(Endpoint("localhost", port), timeout=3)}
    assert resolved == {row[4][0] for row in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate_is_seen(version):
    context = server_context(LEAF.key_pem, LEAF.chain)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    with serving(tls(context)) as port:
        seen = one(port)
    assert (seen.answer, seen.sha256, len(seen.chain_der)) == (ANSWERED, LEAF.sha256, 2), seen.error


def half_way(change):
    """TLS 1.2 up to the client's second flight, the server's first one changed on its way, then no word more."""
    context = server_context(LEAF.key_pem, LEAF.chain)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def talk(sock):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(sock.recv(1 << 20))
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        sock.sendall(change(outgoing.read()))
        sock.recv(1 << 20)

    return talk


def test_a_server_that_dies_after_it_has_proven_its_key_is_seen():
    with serving(half_way(bytes)) as port:
        assert (one(port).answer, one(port).sha256) == (ANSWERED, LEAF.sha256)


def test_a_certificate_whose_key_the_server_does_not_have_is_never_seen():
    borrowed = next(leaf for leaf in iter(lambda: PKI.leaf("localhost", "127.0.0.1"), None) if len(leaf.der) == len(LEAF.der))
    with serving(half_way(lambda flight: flight.replace(LEAF.der, borrowed.der))) as port:
        seen = one(port)
    assert (seen.answer, seen.chain_der) == (COULD_NOT_LOOK, ()) and "signature" in seen.error


def test_a_refused_handshake_is_not_blindness():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # no certificate at all
    with serving(tls(context)) as port:
        seen = one(port)
    assert (seen.answer, seen.sha256, seen.chain_der) == (REFUSED, "", ()) and "refused the TLS handshake" in seen.error


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seen = one(port)
    assert seen.answer == COULD_NOT_LOOK and "Connection refused" in seen.error and "firewall" in seen.error


def test_a_name_without_address():
    (seen,) = probe(Endpoint("no-such-host.invalid", 443), timeout=3)
    assert seen.answer == COULD_NOT_LOOK and "no-such-host.invalid" in seen.error


@pytest.mark.parametrize("name", ["bücher.example", "a\0b", "a b\n", "x" * 254])
def test_a_name_that_cannot_be_asked_for(name):
    with serving_leaf(LEAF) as port:
        seen = one(port, server_name=name)
    assert seen.answer == COULD_NOT_LOOK and "server_name" in seen.error


def hang(sock):
    sock.recv(1 << 20)
    threading.Event().wait(30)


def drip(sock):
    """Slow-loris: a good record header, then a byte now and then, for ever."""
    sock.sendall(b"\x16\x03\x03\x40\x00")
    while True:
        sock.sendall(b"\x02")
        time.sleep(0.05)


def garbage(sock):
    sock.sendall(b"\xff\x00HTTP garbage" * 50)
    sock.recv(1 << 20)


def http(sock):
    sock.recv(1 << 20)
    sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


def shut(sock):
    sock.recv(1 << 20)


def endless_records(sock):
    """Valid records without end: handshake fragments of a message that is never complete."""
    sock.recv(1 << 20)
    sock.sendall(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff")
    while True:
        sock.sendall(b"\x16\x03\x03\x40\x00" + b"\0" * 16384)


def endless_warnings(sock):
    sock.recv(1 << 20)
    while True:
        sock.sendall(b"\x15\x03\x03\x00\x02\x01\x5a" * 1000)


@pytest.mark.parametrize("talk", [hang, drip, garbage, http, shut, endless_records, endless_warnings])
def test_a_hostile_server_costs_no_more_than_the_timeout(talk):
    with serving(talk) as port:
        started = time.monotonic()
        seen = one(port, timeout=0.6)
    assert seen.answer == COULD_NOT_LOOK and seen.error and seen.chain_der == ()
    assert time.monotonic() - started < 2.5


def test_a_server_that_hangs_loses_no_neighbour_and_no_order():
    with serving(hang) as bad, serving_leaf(LEAF) as good:
        rows = probe_many([Endpoint("127.0.0.1", port) for port in (good, bad, good)], timeout=0.6, concurrency=2)
    assert [row[0].answer for row in rows] == [ANSWERED, COULD_NOT_LOOK, ANSWERED]
    assert [row[0].endpoint.port for row in rows] == [good, bad, good]


def test_at_most_sixteen_certificates_are_taken():
    with serving_leaf(LEAF, LEAF.chain + PKI.intermediate.pem * 40) as port:
        seen = one(port)
    assert (seen.answer, seen.sent, len(seen.chain_der)) == (ANSWERED, 42, 16)


def test_a_huge_chain_is_refused_by_size():
    with serving_leaf(LEAF, LEAF.chain + PKI.intermediate.pem * 600) as port:
        seen = one(port)
    assert seen.answer == COULD_NOT_LOOK and seen.chain_der == ()


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"N", "switched off"), (b"E", "not with S or N"), (b"", "closed the connection"), (None, "in time"), (b"S", "")],
)
def test_postgresql_asks_first(answer, message):
    request = []

    def talk(sock):
        request.append(sock.recv(8))
        if answer is None:
            threading.Event().wait(30)
            return
        sock.sendall(answer)
        if answer == b"S":
            tls(server_context(LEAF.key_pem, LEAF.chain))(sock)

    with serving(talk) as port:
        seen = one(port, timeout=0.6, starttls="postgresql")
    assert request == [bytes.fromhex("0000000804d2162f")]
    assert (message in seen.error and seen.answer == COULD_NOT_LOOK) if message else seen.sha256 == LEAF.sha256


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "here: host"),
        ({"host": "a", "port": 0}, "here.port"),
        ({"host": "a", "port": "x"}, "here.port"),
        ({"host": "a", "starttls": "gopher"}, "here.starttls"),
        ({"host": "a", "addresses": ["b"]}, "here.addresses"),
        ({"host": "a", "sni": "b"}, "here: unknown field 'sni'"),
    ],
)
def test_wrong_input_is_named(data, field):
    with pytest.raises(ConfigError) as caught:
        Endpoint.from_dict(data, "here")
    assert str(caught.value).startswith(field)


def test_an_endpoint_survives_its_mapping():
    endpoint = Endpoint("::1", 5432, "db.example", "postgresql", ("::1",))
    assert Endpoint.from_dict(endpoint.as_dict()) == endpoint
    assert endpoint.label == "[::1]:5432 (db.example)" and endpoint.key == "::1|5432|db.example|postgresql"
