# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger is worth: anchored, unanchored or broken, by its chains and by the signed checkpoints of a second place. Offline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import files
from ._ledger_chain import Chain, chain_files, verify_folder
from ._ledger_checkpoint import Checkpoint, origin_of
from ._ledger_note import Verifier
from ._ledger_place import Kept, kept_in, vkeys_in
from ._ledger_tree import roots
from .errors import MalformedError

ANCHORED, UNANCHORED, BROKEN = "anchored", "unanchored", "broken"


@dataclass(frozen=True)
class Judged:
    """One chain: `anchored` lines are those that a signed checkpoint holds, `not_anchored` the whole ones after them."""

    chain: Chain
    state: str
    anchored: int = 0
    checkpoint: str = ""
    why: str = ""

    def as_dict(self) -> Dict[str, Any]:
        """The chain as results carry it."""
        own = {"state": self.state, "anchored": self.anchored, "not_anchored": self.chain.events - self.anchored}
        return {**self.chain.as_dict(), **own, "checkpoint": self.checkpoint, "why": self.why}


def judge(folder: str, places: Sequence[str], vkeys: Sequence[str]) -> List[Judged]:
    """Every chain that the folder or a checkpoint knows. Given vkeys are the only ones believed; without any, those of the places."""
    paths = dict(chain_files(folder))
    chains = {chain.writer_id: chain for chain in verify_folder(folder)}
    by_writer: Dict[str, List[Kept]] = {}
    for kept in kept_in(places):
        by_writer.setdefault(kept.writer_id, []).append(kept)
    for writer_id, kept_ones in by_writer.items():
        said = max(kept.size for kept in kept_ones)
        gone = f"the chain is gone: a checkpoint says that it had {said} lines"
        chains.setdefault(writer_id, Chain(writer_id, 0, 1, gone, ""))
    known = _known(places, vkeys)
    return [_judged(chains[one], paths.get(one, ""), by_writer.get(one, []), known) for one in sorted(chains)]


def state_of(judged: Sequence[Judged]) -> str:
    """The whole ledger is as good as its worst chain; without a chain nothing is anchored."""
    states = {one.state for one in judged}
    return BROKEN if BROKEN in states else UNANCHORED if UNANCHORED in states or not states else ANCHORED


def _known(places: Sequence[str], vkeys: Sequence[str]) -> Mapping[str, List[Verifier]]:
    if not vkeys:
        return vkeys_in(places)
    found: Dict[str, List[Verifier]] = {}
    for text in vkeys:
        one = Verifier.parse(text)
        found.setdefault(one.name, []).append(one)
    return found


def _judged(chain: Chain, path: str, kept: Sequence[Kept], known: Mapping[str, List[Verifier]]) -> Judged:
    """The chain by itself first, then against every checkpoint of it."""
    verifiers = known.get(origin_of(chain.writer_id), [])
    whole = [one for one in kept if not one.torn]
    if chain.problem:
        return Judged(chain, BROKEN)
    if not whole or not verifiers:
        why = "there is no checkpoint of it" if not whole else "there is no vkey to check its checkpoints with, or it is torn"
        return Judged(chain, UNANCHORED, why=why)
    try:
        if len(verifiers) > 1:
            raise MalformedError("two keys are said to sign it: give the right one in vkeys")
        opened = {one.path: one.open(verifiers) for one in whole}
    except MalformedError as error:
        return Judged(replace(chain, problem=error.message), BROKEN)
    line, problem, best = _against(path, opened)
    if problem:
        return Judged(replace(chain, first_bad_line=line, problem=problem), BROKEN, best[0], best[1])
    return Judged(chain, ANCHORED, *best)


def _against(path: str, opened: Mapping[str, Checkpoint]) -> Tuple[Optional[int], str, Tuple[int, str]]:
    """First bad line and problem (None and empty when there is none), and size and file of the best checkpoint that holds."""
    try:
        with open(path, "rb", buffering=1024 * 1024) as file:
            found = roots(file, [one.size for one in opened.values()])
    except OSError as error:
        raise files.explain(error, path, "read") from error
    end, best = max(found), (0, "")
    for file_, one in sorted(opened.items(), key=lambda item: item[1].size):
        if one.size > end:
            missing = f"{one.size - end} lines are missing: the chain ends at line {end}, {file_} says {one.size}"
            return end + 1, missing, best
        if found[one.size] != one.root:
            return best[0] + 1, f"rewritten: lines {best[0] + 1} to {one.size} are not those that {file_} was signed for", best
        best = (one.size, file_)
    return None, "", best
