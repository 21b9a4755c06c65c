# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every corpus is held to: no case raises, none takes 2 s, each ends as a record or as a refusal with a sentence.

A case is a function that returns RECORD or REFUSED, or MISTAKE when something was taken for good that is not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Iterator, List, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError

RECORD, REFUSED, MISTAKE = "record", "refused", "mistake"
TOO_LONG = 2.0
CLASSES = (20, 500, 2000)  # so wide that a busy machine writes the same
LONGEST_SENTENCE = 2000

Case = Tuple[str, Callable[[], str]]


@dataclass
class Row:
    """What came of one corpus."""

    corpus: str
    counts: Dict[str, int]
    mistakes: List[str]
    slowest: float = 0.0
    slowest_case: str = ""

    @property
    def cases(self) -> int:
        return sum(self.counts.values())

    def as_dict(self) -> Dict[str, object]:
        """As tests/hostile/results/corpus.json has it: the same on every machine that is not ten times slower."""
        return {
            "corpus": self.corpus,
            "cases": self.cases,
            "records": self.counts[RECORD],
            "refused": self.counts[REFUSED],
            "accepted_by_mistake": self.counts[MISTAKE],
            "slowest_ms_below": next((one for one in CLASSES if self.slowest * 1000 < one), None),
        }


def measure(corpus: str, cases: Iterable[Case]) -> Row:
    """Run every case; an error that is no refusal leaves this function, with the case's name in it."""
    row = Row(corpus, {RECORD: 0, REFUSED: 0, MISTAKE: 0}, [])
    for what, run in cases:
        begin = time.process_time()
        try:
            verdict = run()
        except ClmError as error:
            said = str(error)
            assert said and said.isprintable() and len(said) < LONGEST_SENTENCE, (
                f"{corpus}, {what}: a refusal nobody can read: {said[:200]!r}"
            )
            verdict = REFUSED
        except BaseException as error:
            raise AssertionError(f"{corpus}, {what}: raised {type(error).__name__}: {error}") from error
        took = time.process_time() - begin
        if took > row.slowest:
            row.slowest, row.slowest_case = took, what
        row.counts[verdict] += 1
        if verdict == MISTAKE:
            row.mistakes.append(what)
    return row


def cuts(data: bytes) -> Iterator[Tuple[str, bytes]]:
    """Every beginning of the data but the whole."""
    for end in range(len(data)):
        yield f"cut after {end} bytes", data[:end]


def flips(data: bytes, step: int = 1) -> Iterator[Tuple[str, bytes]]:
    """The data with one bit turned over; with a step only every so many bits."""
    for bit in range(0, len(data) * 8, step):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        yield f"byte {bit // 8}, bit {bit % 8}", bytes(turned)


def damaged(data: bytes, step: int = 1) -> Iterator[Tuple[str, bytes]]:
    """Cuts, then flips."""
    yield from cuts(data)
    yield from flips(data, step)
