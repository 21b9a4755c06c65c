# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XMPP for clients (RFC 6120). Standard library only: this file travels to managed hosts."""

from __future__ import annotations

import re
from typing import Tuple
from xml.sax.saxutils import quoteattr

from ..errors import ClmError, UnavailableError
from ._wire import ANOTHER_PORT, Wire, shown

NAME = "xmpp"
PORT = 5222
MAX_TAGS = 500
STREAM = "<?xml version='1.0'?><stream:stream to={} version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
_END = re.compile(r"</(?:\w+:)?features\s*>\Z|<(?:\w+:)?features\s*/>\Z")
_ERROR = re.compile(r"<(?:\w+:)?error\b")


def start(wire: Wire, name: str) -> None:
    """A stream to the name that is asked for, its features, and `starttls`; tags are read, never parsed as a document."""
    wire.sendall(STREAM.format(quoteattr(name)).encode("utf-8", "replace"))
    if "<starttls" not in _until(wire, _END):
        raise ClmError(
            f"the XMPP server does not offer STARTTLS for {shown(name)}", hint="see that it serves this name, with a certificate"
        )
    wire.sendall(f"<starttls xmlns='{_TLS}'/>".encode())
    answer = wire.until(b">").decode("utf-8", "replace").strip()
    if not answer.startswith("<proceed"):
        raise ClmError(f"the XMPP server refused STARTTLS: {shown(answer)}", hint="see its log")


def _until(wire: Wire, end: re.Pattern[str]) -> str:
    """What the server says up to that tag."""
    text = ""
    for _tag in range(MAX_TAGS):
        text += wire.until(b">").decode("utf-8", "replace")
        if not text.lstrip().startswith("<"):
            raise ClmError(f"what answered is no XMPP server: {shown(text)}", hint=ANOTHER_PORT.format("XMPP"))
        if _ERROR.search(text):
            raise ClmError(
                f"the XMPP server refused the stream: {shown(text[-100:])}", hint="see that it serves the name that is asked for"
            )
        if end.search(text):
            return text
    raise UnavailableError(f"the XMPP server said {MAX_TAGS} tags instead of its features")


def openssl(name: str) -> Tuple[str, ...]:
    """The words of `openssl s_client`."""
    return ("-starttls", "xmpp", "-xmpphost", name) if name else ("-starttls", "xmpp")
