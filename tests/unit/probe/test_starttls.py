# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said before TLS, held to scripted servers: right ones, refusing ones, and hostile ones. Real ones are in the lab's family."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.starttls import KINDS, negotiate, openssl_words, port_of

GREETING = b"\x0a5.5.5-10.11\0" + b"\1\0\0\0" + b"x" * 8 + b"\0" + b"\xff\xff" + b"\x2d" + b"\2\0" + b"\xff\xff" + bytes(20)
NO_TLS = GREETING.replace(b"\xff\xff", b"\xff\xf7", 1)
FEATURES = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
XMPP = b"<?xml version='1.0'?><stream:stream id='1' from='a' xmlns='jabber:client'>"
SASL = b"<stream:features><mechanisms><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
LDAP = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01%c\x04\x00\x04\x00"


def packet(body):
    return len(body).to_bytes(3, "little") + b"\0" + body


# What a server says, step by step: each is sent, and after it what the client says is awaited ("" at once).
GOOD = {
    "smtp": [b"220-mail.example\r\n220 ready\r\n", b"250-mail.example\r\n250-PIPELINING\r\n250 starttls\r\n", b"220 go\r\n"],
    "imap": [b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"* CAPABILITY x\r\nA1 OK go\r\n"],
    "ftp": [b"220-hello\r\n 220 not yet\r\n220 ready\r\n", b"234 go\r\n"],
    "ldap": [b"", LDAP % 0],
    "mysql": [packet(GREETING)],
    "xmpp": [b"", XMPP + FEATURES, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    "postgresql": [b"", b"S"],
}
REFUSED = [
    ("smtp", [b"554 go away\r\n"], "554 go away"),
    ("smtp", [b"220 a\r\n", b"250-a\r\n250 SIZE\r\n"], "does not offer STARTTLS"),
    ("smtp", [b"220 a\r\n", b"250-a\r\n250 STARTTLS\r\n", b"454 TLS not available\r\n"], "454 TLS not available"),
    ("smtp", [b"SSH-2.0-OpenSSH\r\n"], "is no SMTP server"),
    ("imap", [b"* BYE full\r\n"], "is no IMAP server that takes new clients"),
    ("imap", [b"* OK a\r\n", b"a1 BAD no TLS\r\n"], "refused STARTTLS: 'a1 BAD no TLS'"),
    ("ftp", [b"220 a\r\n", b"530 Please login\r\n"], "530 Please login"),
    ("ldap", [b"", LDAP % 52], "result code 52"),
    ("ldap", [b"", b"HTTP/1.1 400\r\n\r\n"], "no LDAP response"),
    ("ldap", [b"", b"\x30\x84\xff\xff\xff\xff"], "no LDAP response"),
    ("ldap", [b"", b"\x30\x80\x02\x01\x01\x00\x00"], "no LDAP response"),
    ("ldap", [b"", b"\x30\x05\x02\x84\xff\xff\xff"], "no LDAP response"),
    ("mysql", [packet(NO_TLS)], "TLS switched off"),
    ("mysql", [packet(b"\xff\x69\x04Host '10.0.0.1' is blocked")], "refuses this host: \"Host '10.0.0.1' is blocked\""),
    ("mysql", [packet(b"\x0a" + b"x" * 50)], "no MySQL greeting"),
    ("mysql", [b"\xff\xff\xff\0"], "no MySQL greeting"),
    ("xmpp", [b"", XMPP + SASL], "does not offer STARTTLS for"),
    ("xmpp", [b"", XMPP + b"<stream:error><host-unknown/></stream:error>"], "refused the stream"),
    ("xmpp", [b"", XMPP + FEATURES, b"<failure xmlns='x'/>"], "refused STARTTLS"),
    ("xmpp", [b"", b"HTTP/1.1 400 Bad>"], "is no XMPP server"),
]
ENDLESS = {
    "smtp": b"220-x\r\n",
    "imap": b"* OK x\r\n",
    "ftp": b"220-x\r\n",
    "xmpp": b"<a>",
    "ldap": b"\x30\x82\x1f\x00",
    "mysql": packet(b"\x0a" + b"x" * 99),
}


def talk(kind, steps, name="a.example", seconds=5.0, endless=b""):
    """(what the client said, what is left for TLS) of one negotiation with a server that says these steps."""
    ours, theirs = socket.socketpair()
    said = []

    def serve():
        try:
            for number, step in enumerate(steps):
                theirs.sendall(step)
                if number < len(steps) - 1 or (kind == "mysql" and not endless):
                    said.append(theirs.recv(4096))
            while endless:
                theirs.sendall(endless)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        ours.settimeout(seconds)
        negotiate(ours, kind, name)
        thread.join(5)
        theirs.sendall(b"TLS")
        return b"".join(said), ours.recv(100)
    finally:
        ours.close()
        theirs.close()
        thread.join(5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_every_protocol_ends_where_tls_begins(kind):
    said, rest = talk(kind, GOOD[kind])
    assert said and rest == b"TLS", "nothing of TLS was read"


@pytest.mark.parametrize("kind", ["smtp", "imap", "ftp", "xmpp", "ldap", "postgresql"])
def test_what_is_said_behind_the_answer_is_left_for_tls(kind):
    """A man in the middle may add something in clear: it must break the handshake, not be swallowed (CVE-2011-0411)."""
    _said, rest = talk(kind, [*GOOD[kind][:-1], GOOD[kind][-1] + b"250 injected\r\n"])
    assert rest.startswith(b"250 injected")


@pytest.mark.parametrize(("kind", "steps", "message"), REFUSED)
def test_a_refusal_is_said_in_words(kind, steps, message):
    with pytest.raises(ClmError) as caught:
        talk(kind, steps)
    assert message in caught.value.message and caught.value.hint and str(caught.value).isprintable()


@pytest.mark.parametrize("kind", sorted(ENDLESS))
def test_an_endless_talker_is_cut_off(kind):
    began = time.monotonic()
    with pytest.raises(ClmError):
        talk(kind, [b""], endless=ENDLESS[kind], seconds=10.0)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "none"])
def test_a_server_that_says_nothing_costs_the_time_that_was_given(kind):
    began = time.monotonic()
    with pytest.raises(ClmError, match="in time"):
        talk(kind, [b""], seconds=0.3)
    assert time.monotonic() - began < 2


def test_a_line_without_an_end_is_cut_off():
    with pytest.raises(ClmError, match="4096 bytes in one piece"):
        talk("smtp", [b"220 " + b"x" * 5000])


def test_no_name_leaves_its_attribute():
    said, _rest = talk("xmpp", GOOD["xmpp"], name="a' xmlns='evil\"<b>&")
    assert b"<b>" not in said and said.count(b"<stream:stream") == 1 and b"to=\"a' xmlns='evil&quot;&lt;b&gt;&amp;\"" in said


def test_every_protocol_has_its_port_and_its_words_for_openssl():
    assert {kind: port_of(kind) for kind in KINDS} == {
        "none": 443, "ftp": 21, "imap": 143, "ldap": 389, "mysql": 3306, "postgresql": 5432, "smtp": 25, "xmpp": 5222
    }  # fmt: skip
    assert openssl_words("none", "a") == () and openssl_words("xmpp", "a") == ("-starttls", "xmpp", "-xmpphost", "a")
    assert all(openssl_words(kind, "")[0] == "-starttls" for kind in KINDS if kind != "none")
