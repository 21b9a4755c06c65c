# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Merkle tree of RFC 6962 section 2.1 over the lines of a chain. Pure; holds one hash for each level, never the lines."""

from __future__ import annotations

import hashlib
from typing import Collection, Dict, Iterable, List


class Tree:
    """Leaves are added in order; the root can be asked for after each."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: List[bytes] = []  # roots of the whole subtrees, the largest first: one for each 1 in the size's bits

    def add(self, entry: bytes) -> None:
        """One more leaf."""
        node = hashlib.sha256(b"\0" + entry).digest()
        merged = self.size
        while merged & 1:
            node = hashlib.sha256(b"\1" + self._peaks.pop() + node).digest()
            merged >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far; that of an empty tree is the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = hashlib.sha256(b"\1" + peak + node).digest()
        return node


def roots(lines: Iterable[bytes], sizes: Collection[int] = ()) -> Dict[int, bytes]:
    """The root over the first `size` lines for each of the sizes that there are, and over all of them.

    A line is given with its newline and is a leaf without it; one that does not end is none yet.
    """
    tree, wanted = Tree(), set(sizes)
    found: Dict[int, bytes] = {0: tree.root()} if 0 in wanted else {}
    for line in lines:
        if not line.endswith(b"\n"):
            break
        tree.add(line[:-1])
        if tree.size in wanted:
            found[tree.size] = tree.root()
    found[tree.size] = tree.root()
    return found
