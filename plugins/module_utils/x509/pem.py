# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict PEM: what is cut, garbled or of another kind is refused, never read as less than it was.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import List, Optional, Sequence, Union

from ..errors import MalformedError
from . import der as _der

CERTIFICATE = "CERTIFICATE"
REQUEST = "CERTIFICATE REQUEST"
KEY_LABELS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
MAX_BYTES = 64 * 1024 * 1024

_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*\r?\n"
    # (?=(x))\2 takes what x takes and never goes back over it, so that no text costs more than one reading
    rb"(?=((?:[A-Za-z][A-Za-z0-9-]{0,63}:[^\r\n]*\r?\n){0,64}))\2"  # headers, which only old encrypted keys have
    rb"(?=([A-Za-z0-9+/ \t\r\n]*(?:=[ \t\r\n]*){0,2}))\3"
    rb"^-----END \1-----[ \t]*\r?$",
    re.MULTILINE,
)
_WHITE = b" \t\r\n"
_MARK = b"-----BEGIN "
_LONGEST_MARK = 128
_END_OF_MARK = re.compile(rb"(?:-{0,4}END )?[A-Z0-9 ]*-{1,5}[ \t\r]*\Z")


@dataclass(frozen=True)
class Block:
    """One PEM block: its label and its decoded bytes, which no repr shows because they may be a key's."""

    label: str
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class LeafFacts:
    """What a managed host must know of a leaf; the hashes are lower-case hex, the dates are in UTC with their zone."""

    sha256: str
    spki_der: bytes = field(repr=False)
    spki_sha256: str
    not_before: datetime
    not_after: datetime


def split(data: Union[bytes, str], allow: Sequence[str] = (CERTIFICATE,), limit: Optional[int] = None) -> List[Block]:
    """Every block in order, at least one; MalformedError when any is cut, garbled or not of an allowed label.

    Text around the blocks, CRLF and a byte order mark are fine. `limit` None: as many as MAX_BYTES hold.
    A key where `allow` names none is refused, and no message ever repeats what stood in a block.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    if len(raw) > MAX_BYTES:
        raise MalformedError(f"more than {MAX_BYTES // (1024 * 1024)} MiB of PEM")
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    matches = list(_BLOCK.finditer(raw))
    if not (raw.count(b"-----BEGIN") == raw.count(b"-----END") == len(matches)) or _cut_mark(raw):
        raise MalformedError(_what_is_wrong(raw, len(matches)), hint="the file is cut or garbled: write it again from its source")
    if not matches:
        raise MalformedError("no PEM block found", hint="a PEM block starts with a line -----BEGIN ...-----")
    if limit is not None and len(matches) > limit:
        raise MalformedError(f"{len(matches)} PEM blocks where at most {limit} are taken")
    return [_block(match, number, allow) for number, match in enumerate(matches, 1)]


def _block(match: re.Match[bytes], number: int, allow: Sequence[str]) -> Block:
    label = match.group(1).decode("ascii")
    if label not in allow:
        _refuse(label, number, allow)
    headers = match.group(2)
    if headers and label not in KEY_LABELS:
        raise MalformedError(f"PEM block {number} ({label}) has headers, which only old encrypted keys have")
    body = match.group(3).translate(None, _WHITE)
    try:
        if len(body) % 4:
            raise binascii.Error
        decoded = binascii.a2b_base64(body)
    except binascii.Error:
        raise MalformedError(f"PEM block {number} ({label}) is not whole base64") from None
    if not headers and not _der.is_whole(decoded):  # an old encrypted key's bytes are no DER
        raise MalformedError(f"PEM block {number} ({label}) is cut or has bytes behind its end: its DER length does not fit")
    return Block(label, decoded)


def _refuse(label: str, number: int, allow: Sequence[str]) -> None:
    wanted = " or ".join(allow)
    if label.endswith("PRIVATE KEY"):
        raise MalformedError(
            f"PEM block {number} is a private key, where {wanted} belongs",
            hint="take the key out of this file; if others could read it, it is compromised",
        )
    if label == "TRUSTED CERTIFICATE":
        raise MalformedError(
            f"PEM block {number} is OpenSSL's TRUSTED CERTIFICATE, whose trust settings would be lost",
            hint="convert it on purpose: openssl x509 -in FILE -out FILE.pem",
        )
    raise MalformedError(f"PEM block {number} is a {label}, where {wanted} belongs")


def _cut_mark(raw: bytes) -> bool:
    """True when the last line is the beginning of a BEGIN line, or the first line the end of an END line."""
    last = raw[max(raw.rfind(b"\n"), raw.rfind(b"\r")) + 1 :]
    first = raw[: raw.find(b"\n") + 1].rstrip(b"\n")
    return bool(last and _MARK.startswith(last)) or bool(len(first) < _LONGEST_MARK and _END_OF_MARK.match(first))


def _what_is_wrong(raw: bytes, whole: int) -> str:
    begins, ends = raw.count(b"-----BEGIN"), raw.count(b"-----END")
    if _cut_mark(raw) or begins > ends:
        return f"PEM is cut: {begins} blocks begin, {ends} end, {whole} are whole"
    if ends > begins:
        return f"PEM is cut at its beginning: {begins} blocks begin, {ends} end"
    return f"PEM is garbled: of {begins} blocks {whole} are whole (BEGIN and END alone on their lines, base64 between)"


def encode(label: str, der: bytes) -> str:
    """The PEM text of one block, in lines of 64 characters, with its last newline (RFC 7468)."""
    text = binascii.b2a_base64(der, newline=False).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def canonical(label: str, text: str) -> Optional[bytes]:
    """The bytes of a text that is what `encode` makes of them, which is quickly seen; None for any other, good or bad."""
    try:
        der = binascii.a2b_base64(text[text.index("\n") : text.rindex("-----END ")])
    except ValueError:
        return None
    return der if encode(label, der) == text and _der.is_whole(der) else None


def sha256(der: bytes) -> str:
    """The identity of a certificate: lower-case hex SHA-256 of its DER."""
    return hashlib.sha256(der).hexdigest()


def leaf_facts(der: bytes) -> LeafFacts:
    """The facts of one DER certificate by a small walk; MalformedError when it is not one or a date cannot be read."""
    fields = _der.certificate_fields(der)
    return LeafFacts(
        sha256=sha256(der),
        spki_der=fields.spki,
        spki_sha256=sha256(fields.spki),
        not_before=_der.time_of(fields.not_before),
        not_after=_der.time_of(fields.not_after),
    )
