# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that only its passphrase opens, and that opens whole or not at all.

    certops.clm sealed 1\n
    {"cipher":"aes-256-gcm","chunk":65536,"kdf":"scrypt","n":131072,"p":1,"r":8,"salt":"<64 hex digits>"}\n
    chunk, chunk, ... last chunk

The key is scrypt (RFC 7914) of the passphrase with a new salt of 32 bytes, so it is used for this file alone. Each chunk is
AES-256-GCM of 65,536 bytes (the last one: of 0 to 65,536), its nonce the chunk's number in 11 bytes and a byte that is 1 for the
last chunk (the STREAM construction, as age has it), its associated data the two lines above. So a chunk that is altered, missing,
doubled, moved or cut off does not open, and neither does one of another file.
"""

from __future__ import annotations

import json
import os
from typing import IO, Any, Dict, Iterator, Tuple

from .errors import ConfigError, MalformedError
from .masking import Secret
from .x509._crypto import require

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
except ImportError:
    InvalidTag = AESGCM = Scrypt = None  # type: ignore

MAGIC = b"certops.clm sealed 1\n"
CHUNK, TAG = 65536, 16
COST = {"n": 2**17, "r": 8, "p": 1}  # 128 MiB, a third of a second
CHEAPEST, DEAREST = 2**14, 2**18
LONGEST_HEADER = 1024


class Sealer:
    """Writes a sealed file; nothing of it opens before `close`."""

    def __init__(self, file: IO[bytes], passphrase: Secret, cost: int = COST["n"]) -> None:
        require()
        fields = {"cipher": "aes-256-gcm", "chunk": CHUNK, "kdf": "scrypt", **COST, "n": cost, "salt": os.urandom(32).hex()}
        header = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
        self._file, self._head, self._number, self._waiting = file, MAGIC + header, 0, bytearray()
        self._cipher = _cipher(passphrase, fields)
        file.write(self._head)

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), False)
            del self._waiting[:CHUNK]

    def close(self) -> None:
        """Write the last chunk; the file itself stays open."""
        self._seal(bytes(self._waiting), True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._head))
        self._number += 1


def unsealed(file: IO[bytes], passphrase: Secret) -> Iterator[bytes]:
    """The bytes of a sealed file, each piece verified; only when the iterator ends without MalformedError is the file whole."""
    require()
    head, fields = _header(file)
    cipher = _cipher(passphrase, fields)
    number, chunk = 0, file.read(CHUNK + TAG)
    while True:
        following = file.read(CHUNK + TAG)
        try:
            yield bytes(cipher.decrypt(_nonce(number, not following), chunk, head))
        except (InvalidTag, ValueError):
            problem = f"it was altered or cut behind byte {len(head) + number * (CHUNK + TAG)}: nothing of it can be used"
            if number == 0:
                problem = "it does not open: the passphrase is not the one it was made with, or the file was altered or cut"
            raise MalformedError(problem) from None
        if not following:
            return
        number, chunk = number + 1, following


def _header(file: IO[bytes]) -> Tuple[bytes, Dict[str, Any]]:
    magic, line = file.read(len(MAGIC)), file.readline(LONGEST_HEADER)
    if magic != MAGIC:
        raise MalformedError("it is no sealed file of certops.clm, or one of a newer release")
    try:
        fields = json.loads(line)
        bytes.fromhex(fields["salt"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MalformedError("its second line cannot be read") from None
    wanted = {"cipher": "aes-256-gcm", "chunk": CHUNK, "kdf": "scrypt", "r": COST["r"], "p": COST["p"]}
    cost = fields.get("n")
    strange = any(fields.get(name) != value or not isinstance(fields[name], type(value)) for name, value in wanted.items())
    if strange or not isinstance(cost, int) or cost not in [2**bits for bits in range(14, 19)]:
        raise MalformedError("it was sealed in a way that this release does not know")
    return magic + line, fields


def _cipher(passphrase: Secret, fields: Dict[str, Any]) -> Any:
    if not CHEAPEST <= int(fields["n"]) <= DEAREST:
        raise ConfigError(f"the cost of a passphrase is {CHEAPEST} to {DEAREST}")
    salt = bytes.fromhex(fields["salt"])
    return AESGCM(Scrypt(salt=salt, length=32, n=fields["n"], r=fields["r"], p=fields["p"]).derive(passphrase.reveal()))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")
