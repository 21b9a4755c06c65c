# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets as they could turn up: every key (RSA, EC, Ed25519, ML-DSA) and every passphrase, in every encoding a program would choose.

A secret is cut into pieces of 16 bytes or characters, so that a line break, a cut or a truncation leaves others whole. Pieces are
taken from the secret parts of a key only: a public key, its certificate and its request hold none of them.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set
from urllib.parse import quote_from_bytes, quote_plus

import ahocorasick_rs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PIECE = 16
SHORTEST = 8  # a shorter secret would be found by chance
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
FORMATS = {name: getattr(serialization.PrivateFormat, name) for name in ("PKCS8", "TraditionalOpenSSL", "OpenSSH")}
PLAIN = serialization.NoEncryption()


class Needles:
    """What must be nowhere; `found` names what of it is in a text."""

    def __init__(self) -> None:
        self._names: Dict[bytes, str] = {}
        self._machine: Any = None

    def key(self, name: str, data: bytes, passphrase: Optional[bytes] = None) -> Needles:
        """A private key in PEM; `passphrase` opens one that is encrypted."""
        key = serialization.load_pem_private_key(data, passphrase)
        numbers = list(secret_numbers(key))
        for number in numbers:
            self._add(name, "number", pieces(number))
            self._names.setdefault(str(int.from_bytes(number, "big"))[: 2 * PIECE].encode(), f"{name}: number in decimal")
        for what, form in FORMATS.items():
            self._add(name, f"{what} PEM", pem_pieces(key, form, numbers))
        return self

    def text(self, name: str, secret: bytes) -> Needles:
        """A passphrase or a token, without the line break at its end."""
        secret = secret.strip()
        assert len(secret) >= SHORTEST, f"{name} is too short to be looked for"
        self._add(name, "text", [secret] if len(secret) < 2 * PIECE else pieces(secret))
        return self

    def _add(self, name: str, what: str, parts: Iterable[bytes]) -> None:
        self._machine = None
        for part in parts:
            for encoding, needle in encodings(part):
                self._names.setdefault(needle, f"{name}: {what}, {encoding}")

    def __len__(self) -> int:
        return len(self._names)

    def found(self, text: bytes) -> Set[str]:
        """Which secrets the bytes hold, and how encoded; empty is what a test wants to see."""
        if self._machine is None:
            self._order = list(self._names)
            self._machine = ahocorasick_rs.BytesAhoCorasick(self._order)
        return {self._names[self._order[index]] for index, _start, _end in self._machine.find_matches_as_indexes(text)}


def secret_numbers(key: Any) -> Iterator[bytes]:
    """The secret parts of a key as bytes: the scalar, the numbers of RSA, or the seed."""
    if isinstance(key, rsa.RSAPrivateKey):
        found = key.private_numbers()
        numbers = [found.d, found.p, found.q, found.dmp1, found.dmq1, found.iqmp]
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = [key.private_numbers().private_value]
    else:
        yield key.private_bytes_raw()
        return
    for number in numbers:  # without zeros before it, which OpenSSH leaves out
        yield number.to_bytes((number.bit_length() + 7) // 8, "big")


def pieces(secret: bytes) -> List[bytes]:
    """The secret in pieces of one length; the last one overlaps the one before."""
    starts = [*range(0, len(secret) - PIECE, PIECE), max(0, len(secret) - PIECE)]
    return [secret[start : start + PIECE] for start in starts]


def pem_pieces(key: Any, form: Any, numbers: List[bytes]) -> Iterator[bytes]:
    """Quarters of the lines of the PEM that hold at least 8 bytes of a secret number; none where the key has no such form."""
    try:
        text = key.private_bytes(PEM, form, PLAIN)
    except (ValueError, TypeError):
        return
    body = b"".join(line for line in text.splitlines() if not line.startswith(b"-"))
    der = base64.b64decode(body)
    secret = {at for number in numbers for start in [der.find(number)] if start >= 0 for at in range(start, start + len(number))}
    assert secret, f"no secret number in {form}"
    for start in range(0, len(body) - PIECE, PIECE):
        first = start * 3 // 4
        if len(secret.intersection(range(first, first + 12))) >= 8:
            yield body[start : start + PIECE]


def encodings(part: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes as they are, and as every encoder that is likely to meet them would write them."""
    as_text = part.decode("latin-1")
    yield "raw", part
    yield "UTF-16", as_text.encode("utf-16-le")
    yield "UTF-8", as_text.encode()
    yield "escaped as by repr", repr(part)[2:-1].encode()
    yield "escaped as by repr", repr(as_text)[1:-1].encode()
    yield "escaped as in JSON", json.dumps(as_text)[1:-1].encode()
    yield "escaped as in JSON", json.dumps(as_text)[1:-1].replace("/", "\\/").encode()
    yield "list of numbers", ", ".join(map(str, part)).encode()
    yield "list of numbers", ",".join(map(str, part)).encode()
    for percent in (quote_from_bytes(part, safe=""), quote_from_bytes(part), quote_plus(part)):
        yield "URL", percent.encode()
        yield "url", lower_escapes(percent).encode()
    half = len(part) // 2
    # openssl has 15 bytes in a line, hexdump twice 8, and xxd pairs of bytes.
    lines = [(part, ("",), 1), (part[:half], (":", " "), 1), (part[half:], (":", " "), 1), (part[:half], (" ",), 2)]
    for piece, separators, width in lines if half >= SHORTEST else [(part, ("", ":", " "), 1)]:
        for separator in separators:
            written = piece.hex(separator, width) if separator else piece.hex()
            yield "hex", written.encode()
            yield "HEX", written.upper().encode()
    for offset in range(3):
        yield f"base64 at offset {offset}", inside_base64(part, offset)
        yield f"base64url at offset {offset}", inside_base64(part, offset).translate(bytes.maketrans(b"+/", b"-_"))
        yield f"base64 at offset {offset} in a URL", quote_from_bytes(inside_base64(part, offset), safe="").encode()


def inside_base64(part: bytes, offset: int) -> bytes:
    """The characters that the bytes alone decide when they stand that far behind a multiple of three in what is encoded."""
    text = base64.b64encode(bytes(offset) + part)
    return text[-(-offset * 8 // 6) : (offset + len(part)) * 8 // 6]


def lower_escapes(text: str) -> str:
    """Percent escapes with small letters, as some encoders write them."""
    head, *rest = text.split("%")
    return head + "".join("%" + one[:2].lower() + one[2:] for one in rest)
