# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JKS, the keystore of old Javas, read and written by its format: neither a Java nor a temporary file is needed for it.

Certificates stand in it in clear; a key is hidden by a stream of SHA-1 and the password, the whole is sealed by SHA-1 and the
password. That is weak, and it is what the format is: whoever can choose takes PKCS#12. Standard library only: it travels.
"""

from __future__ import annotations

import hashlib
import os
import struct
from datetime import datetime
from typing import List, Sequence, Tuple

from ._keystore_values import Opened
from .errors import MalformedError
from .masking import Secret
from .x509 import der as _der
from .x509 import pem

MAGIC, VERSION = 0xFEEDFEED, 2
KEY_ENTRY, TRUSTED_ENTRY = 1, 2
MAX_ENTRIES, MAX_CHAIN, SEAL = 10_000, 16, 20
WHITENER = b"Mighty Aphrodite"  # a constant of the format
PROTECTED = bytes.fromhex("300e060a2b060104012a021101010500")  # AlgorithmIdentifier 1.3.6.1.4.1.42.2.17.1.1, NULL
_WRONG = "the JKS keystore is cut or garbled, or its password is another one"


def _wrong() -> MalformedError:
    return MalformedError(_WRONG, hint="see to the password file")


class _Reader:
    """The values of a keystore one after the other; MalformedError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise _wrong()
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def text(self) -> str:
        return self.take(struct.unpack(">H", self.take(2))[0]).decode("utf-8", "replace")

    def certificate(self) -> bytes:
        self.text()
        return self.take(self.number())


def is_one(data: bytes) -> bool:
    """True for what begins as a JKS keystore."""
    return data[:4] == struct.pack(">I", MAGIC)


def unseal(data: bytes, password: Secret) -> Opened:
    """What is in it; MalformedError when it is none, or not whole, or not of this password."""
    body, seal = data[:-SEAL], data[-SEAL:]
    if len(data) < SEAL or _sealed(body, password) != seal:
        raise _wrong()
    return _entries(body, password)


def certificates(data: bytes) -> Tuple[bytes, ...]:
    """The chain of its first key entry without any password; MalformedError when it cannot be read."""
    return _entries(data[:-SEAL], None).chain_der


def _entries(body: bytes, password: object) -> Opened:
    reader = _Reader(body)
    if reader.number() != MAGIC or reader.number() != VERSION:
        raise _wrong()
    found: List[Opened] = []
    count = reader.number()
    if count > MAX_ENTRIES:
        raise _wrong()
    for _entry in range(count):
        tag, alias = reader.number(), reader.text()
        reader.take(8)
        if tag == TRUSTED_ENTRY:
            reader.certificate()
        elif tag == KEY_ENTRY:
            hidden = reader.take(reader.number())
            length = reader.number()
            chain = tuple(reader.certificate() for _one in range(min(length, MAX_CHAIN + 1)))
            if length > MAX_CHAIN:
                raise _wrong()
            found.append(Opened(alias, chain, _key(hidden, password) if isinstance(password, Secret) else Secret(b"")))
        else:
            raise _wrong()
    first = found[0] if found else Opened("", (), Secret(b""))
    return Opened(first.alias, first.chain_der, first.key, count - len(found[:1]))


def seal(alias: str, chain_der: Sequence[bytes], key: Secret, password: Secret, now: datetime) -> bytes:
    """A keystore with this one entry; key and keystore have the same password, as Java servers expect it."""
    hidden = _hidden(pem.split(key.reveal(), ("PRIVATE KEY",))[0].der, password)
    entry = struct.pack(">I", KEY_ENTRY) + _text(alias) + struct.pack(">Q", int(now.timestamp() * 1000))
    entry += struct.pack(">I", len(hidden)) + hidden + struct.pack(">I", len(chain_der))
    entry += b"".join(_text("X.509") + struct.pack(">I", len(one)) + one for one in chain_der)
    body = struct.pack(">III", MAGIC, VERSION, 1) + entry
    return body + _sealed(body, password)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _sealed(body: bytes, password: Secret) -> bytes:
    return hashlib.sha1(_wide(password) + WHITENER + body).digest()


def _wide(password: Secret) -> bytes:
    return password.reveal().decode("utf-8", "replace").encode("utf-16-be")


def _stream(data: bytes, salt: bytes, password: Secret) -> bytes:
    """The data with the stream of SHA-1 over password and the block before, which hides and shows alike."""
    wide, block, out = _wide(password), salt, bytearray()
    for at in range(0, len(data), SEAL):
        block = hashlib.sha1(wide + block).digest()
        out += bytes(one ^ other for one, other in zip(data[at : at + SEAL], block))
    return bytes(out)


def _hidden(key: bytes, password: Secret) -> bytes:
    salt = os.urandom(SEAL)
    check = hashlib.sha1(_wide(password) + key).digest()
    value = salt + _stream(key, salt, password) + check
    return _der_of(0x30, PROTECTED + _der_of(0x04, value))


def _key(hidden: bytes, password: Secret) -> Secret:
    """The key in PEM, empty when it has a password of its own."""
    tag, start, end = _der.header(hidden, 0)
    if tag != _der.SEQUENCE or hidden[start : start + len(PROTECTED)] != PROTECTED:
        raise _wrong()
    tag, start, end = _der.header(hidden, start + len(PROTECTED))
    value = hidden[start:end]
    if tag != 0x04 or len(value) < 2 * SEAL:
        raise _wrong()
    key = _stream(value[SEAL:-SEAL], value[:SEAL], password)
    good = hashlib.sha1(_wide(password) + key).digest() == value[-SEAL:]
    return Secret(pem.encode("PRIVATE KEY", key).encode() if good else b"")


def _der_of(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
