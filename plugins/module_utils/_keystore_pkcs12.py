# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS#12, read and written by the host's openssl through pipes: keys touch no file and no command line.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import re
from typing import List, Sequence, Tuple

from . import commands
from ._keystore_values import Opened, in_memory
from .errors import ClmError, MalformedError
from .masking import Secret
from .x509 import pem

SECONDS = 30.0
TRUSTED = b"2.16.840.1.113894.746875.1.1"  # the attribute of Java's trusted entries
WRONG = "mac verify"
_KEY = re.compile(rb"-----BEGIN (?:ENCRYPTED )?PRIVATE KEY-----")
_ALIAS = re.compile(rb"friendlyName: ([^\r\n]*)")


def unseal(data: bytes, password: Secret) -> Opened:
    """What is in it; MalformedError when it is none or not of this password, ClmError when openssl cannot be run."""
    with in_memory(password.reveal() + b"\n") as secret:
        words = ["openssl", "pkcs12", "-nodes", "-passin", f"file:{secret}"]
        done = commands.pipe(words, SECONDS, data)
        if done.code != 0 and WRONG not in _said(done.errors).lower():  # ciphers of old Javas are legacy for OpenSSL 3
            done = commands.pipe([*words, "-legacy"], SECONDS, data)
    if done.code != 0:
        raise MalformedError(
            f"the PKCS#12 keystore cannot be opened: {_said(done.errors) or 'openssl does not say why'}", hint="see to the password file"
        )
    return _opened(done.output)


def _opened(output: bytes) -> Opened:
    """The key entry in what openssl printed: bags with their attributes, in no order that could be relied on."""
    keys, certificates = _bags(output)
    alias = keys[0][0] if keys else ""
    chain = _chain([der for _alias, der, _trusted in certificates], keys[0][1] if keys else Secret(b""), alias, certificates)
    others = max(0, len(keys) - 1) + sum(1 for _alias, _der, trusted in certificates if trusted)
    return Opened(alias, chain, keys[0][1] if keys else Secret(b""), others)


Bag = Tuple[str, bytes, bool]  # alias, DER, whether it is a trusted entry of Java


def _bags(output: bytes) -> Tuple[List[Tuple[str, Secret]], List[Bag]]:
    keys: List[Tuple[str, Secret]] = []
    certificates: List[Bag] = []
    attributes: List[bytes] = []
    block: List[bytes] = []
    for line in output.splitlines(keepends=True):
        if line.startswith(b"-----BEGIN "):
            block = [line]
        elif block:
            block.append(line)
        else:
            attributes.append(line)
        if line.startswith(b"-----END ") and block:
            told, text = b"".join(attributes), b"".join(block)
            found = _ALIAS.search(told)
            alias = found.group(1).decode("utf-8", "replace").strip() if found else ""
            if _KEY.match(text):
                keys.append((alias, Secret(text)))
            else:
                certificates.append((alias, pem.split(text)[0].der, TRUSTED in told))
            attributes, block = [], []
    return keys, certificates


def _chain(ders: Sequence[bytes], key: Secret, alias: str, bags: Sequence[Bag]) -> Tuple[bytes, ...]:
    """The leaf, which has the key's alias, then the others in their order."""
    if not key.reveal():
        return ()
    first = next((der for name, der, trusted in bags if name == alias and not trusted), ders[0] if ders else b"")
    return tuple([first, *(der for _name, der, trusted in bags if der != first and not trusted)] if first else [])


def seal(alias: str, chain_der: Sequence[bytes], key: Secret, password: Secret) -> bytes:
    """A keystore with this one entry, made by openssl with the ciphers that it takes by default; ClmError when it does not."""
    text = key.reveal().strip() + b"\n" + "".join(pem.encode(pem.CERTIFICATE, der) for der in chain_der).encode()
    with in_memory(password.reveal() + b"\n") as secret:
        done = commands.pipe(["openssl", "pkcs12", "-export", "-name", alias, "-passout", f"file:{secret}"], SECONDS, text)
    if done.code != 0 or not done.output:
        raise ClmError(f"openssl could not make the PKCS#12 keystore: {_said(done.errors)}", hint="see that the host's openssl works")
    return done.output


def _said(errors: bytes) -> str:
    return " ".join(errors.decode("utf-8", "replace").split())[:300]
