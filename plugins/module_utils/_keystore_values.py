# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a keystore of Java holds, as far as one certificate and its key go. Standard library only: it travels to managed hosts."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, Tuple

from .masking import Secret
from .x509 import pem


@contextmanager
def in_memory(data: bytes) -> Iterator[str]:
    """A path under which this process and what it starts can read the data, which stands in no file system (Linux)."""
    with open(os.memfd_create("clm"), "wb") as memory:
        memory.write(data)
        memory.flush()
        yield f"/proc/{os.getpid()}/fd/{memory.fileno()}"


@dataclass(frozen=True)
class Opened:
    """The first key entry of a keystore: its alias, its chain (leaf first) and its key in PEM; `others` counts all other entries.

    An empty `key` is a keystore whose key has another password than itself; an empty chain is one without a key entry.
    """

    alias: str
    chain_der: Tuple[bytes, ...]
    key: Secret
    others: int = 0

    @property
    def text(self) -> bytes:
        """The certificates and the key as one PEM text."""
        certificates = "".join(pem.encode(pem.CERTIFICATE, der) for der in self.chain_der)
        return certificates.encode() + self.key.reveal()
