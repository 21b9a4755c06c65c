# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed notes (c2sp.org/signed-note), Ed25519 only: a text, a blank line, and signatures that name their key. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

from .errors import MalformedError
from .x509._crypto import InvalidSignature, ed25519, require, serialization

ED25519 = b"\x01"
DASH = "\u2014 "
MOST_SIGNATURES = 100
LONGEST_NOTE = 64 * 1024


@dataclass(frozen=True)
class Verifier:
    """A public key with its name, as `name+id+base64` (a vkey); its id is no secret and no proof, only a way to find it."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256 over name, newline, signature type and public key."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The vkey: what an auditor pins."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode('ascii')}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """The key that a vkey says; MalformedError when it is none, is no Ed25519 key, or its id is another key's."""
        parts = text.strip().split("+", 2)
        raw = _decoded(parts[2]) if len(parts) == 3 else b""
        if len(raw) != 33 or raw[:1] != ED25519:
            raise MalformedError("this is no vkey of an Ed25519 key", hint="a vkey is one line: name+8 hex digits+base64")
        found = cls(_name(parts[0]), raw[1:])
        if found.key_id.hex() != parts[1]:
            raise MalformedError(f"the id in the vkey of {found.name} is not the one of its key")
        return found


def verifier_of(name: str, private: Any) -> Verifier:
    """The public side of a private key."""
    return Verifier(_name(name), private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def sign(text: str, name: str, private: Any) -> bytes:
    """The note of the text, which ends with a newline, with one signature. Ed25519: the same text gives the same note."""
    signature = base64.b64encode(verifier_of(name, private).key_id + private.sign(text.encode())).decode("ascii")
    return f"{text}\n{DASH}{name} {signature}\n".encode()


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> str:
    """The text, when a key that we know has signed it; MalformedError when none has, or when a known one's signature is wrong.

    Signatures of keys that we do not know are ignored: witnesses may have added theirs.
    """
    require()
    text, signatures = _split(note)
    known: Dict[Tuple[str, bytes], Verifier] = {(one.name, one.key_id): one for one in verifiers}
    signed = False
    for name, raw in signatures:
        verifier = known.get((name, raw[:4]))
        if verifier is None:
            continue
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(verifier.public).verify(raw[4:], text.encode())
        except (InvalidSignature, ValueError):
            raise MalformedError(f"its signature by {name} is wrong: the text was changed, or it was forged") from None
        signed = True
    if not signed:
        raise MalformedError("it is not signed by the key that is known")
    return text


def _split(note: bytes) -> Tuple[str, List[Tuple[str, bytes]]]:
    """Text and signatures of a note."""
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("it is no note: it is not UTF-8") from None
    if len(note) > LONGEST_NOTE or any(ord(char) < 32 and char != "\n" for char in whole):
        raise MalformedError("it is no note: it is too long, or has control characters")
    text, blank, rest = whole.rpartition("\n\n")
    lines = rest.split("\n")
    if not blank or lines.pop() != "" or not 1 <= len(lines) <= MOST_SIGNATURES:
        raise MalformedError("it is no note: a text, a blank line and signatures are needed")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> Tuple[str, bytes]:
    name, space, encoded = line[len(DASH) :].partition(" ")
    raw = _decoded(encoded)
    if not line.startswith(DASH) or not space or len(raw) < 5:
        raise MalformedError("it is no note: a signature line is malformed")
    return _name(name), raw


def _name(name: str) -> str:
    if not name or "+" in name or any(char.isspace() for char in name):
        raise MalformedError("the name of a key is not empty and has no spaces and no '+'")
    return name


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical form; empty when it is none."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode("ascii") == text else b""
