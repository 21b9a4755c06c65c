# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run: a signed checkpoint of the chain, sent to a second place, once it agrees with every earlier one that we know.

The last checkpoint is also remembered beside the key: who takes one away from the second place, or the place itself, is seen.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Sequence

from . import files
from ._ledger_checkpoint import SUFFIX, Checkpoint, origin_of
from ._ledger_key import signing_key
from ._ledger_note import LONGEST_NOTE, Verifier, sign, verifier_of
from ._ledger_options import Checkpoints
from ._ledger_place import HINT, Kept, Place, is_torn
from ._ledger_tree import roots
from .commands import pipe
from .errors import ClmError, MalformedError, NotFoundError
from .ledger import Ledger

SECONDS = 60.0


def anchor(ledger: Ledger, options: Checkpoints, tell: Callable[[str], None], again: bool = True) -> Dict[str, Any]:
    """Sign the chain as it is now and send it; returns what was sent, or nothing for a chain without lines.

    `again` False sends nothing, and reads nothing, where the last checkpoint is of as many lines: who judges a ledger reads them all.
    `tell` is told what was mended. ClmError when it cannot be sent, or does not agree with what was signed before.
    """
    writer_id = ledger.writer_id
    place, origin = Place(options.path, writer_id), origin_of(writer_id)
    remembered, sent = _remembered(options.key_file, writer_id), place.newest()
    if not again and remembered and sent and remembered[0].size == sent[0].size == ledger.lines:
        return {}
    private = signing_key(options.key_file, known=bool(sent or remembered or not is_torn(place.vkey().encode())))
    verifier = verifier_of(origin, private)
    now = _checked(ledger.path, verifier, sent, remembered, origin)
    if not now.size:
        return {}
    note, mended = sign(now.text, origin, private), place.pin(verifier)
    if mended:
        tell(mended)
    path, added = place.put(now.size, note)
    _hand_on(options.command, note)
    files.write(_memory(options.key_file, writer_id), note, mode=0o600)
    return {"origin": origin, "size": now.size, "root": now.root.hex(), "vkey": verifier.text, "file": path, "new": added}


def _checked(chain: str, verifier: Verifier, sent: Sequence[Kept], remembered: Sequence[Kept], origin: str) -> Checkpoint:
    """The checkpoint to sign: only of a chain that has every line that was signed before, as it was."""
    earlier = [(one, one.open([verifier])) for one in [*sent, *remembered]]
    try:
        with open(chain, "rb", buffering=1024 * 1024) as file:
            found = roots(file, [old.size for _kept, old in earlier])
    except OSError as error:
        raise files.explain(error, chain, "read") from error
    size = max(found)
    for kept, old in earlier:
        if old.size > size:
            raise MalformedError(f"the ledger {chain} has {size} lines, {kept.path} says {old.size}: its tail was cut", hint=HINT)
        if found[old.size] != old.root:
            raise MalformedError(f"the ledger {chain} was rewritten: its first {old.size} lines are not those of {kept.path}", hint=HINT)
    if remembered and (not sent or sent[0].size < remembered[0].size):
        raise ClmError(
            f"the checkpoint of {remembered[0].size} lines that was sent is not in the second place any more",
            hint="is it mounted? If it was moved, copy the earlier checkpoints too; else somebody took it away: " + HINT,
        )
    return Checkpoint(origin, size, found[size])


def _memory(key_file: str, writer_id: str) -> str:
    return f"{key_file}.{writer_id}{SUFFIX}"


def _remembered(key_file: str, writer_id: str) -> List[Kept]:
    path = _memory(key_file, writer_id)
    try:
        note = files.read(path, LONGEST_NOTE)
        size = Checkpoint.parse(note.decode("utf-8", "replace").partition("\n\n")[0] + "\n").size
    except NotFoundError:
        return []
    except MalformedError as error:
        raise MalformedError(f"{path}: {error.message}", hint=HINT) from None
    return [Kept(path, writer_id, size, note)]


def _hand_on(command: Sequence[str], note: bytes) -> None:
    """Give the note to the command that takes it elsewhere; what it says is quoted when it fails."""
    if not command:
        return
    done = pipe(command, SECONDS, note)
    if done.code:
        said = " ".join(done.errors.decode("utf-8", "replace").split())[-300:]
        name = os.path.basename(command[0])
        raise ClmError(f"{name} ended with {done.code} and did not take the checkpoint: {said or 'it said nothing'}")
