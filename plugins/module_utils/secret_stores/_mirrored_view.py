# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the copies of one lineage say together, and where they differ.

A copy that lacks what another one has as its current version has lost something. Of those that lack nothing, the one that was
taken to be written more often is newer: that count goes back only with the whole copy, so one from an old backup never wins. Where
the counts are the same, a write stopped; the first copy is written first, so it is the one that is ahead. What follows from none of
these is a contradiction, and is refused, never chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Mapping, Optional, Sequence, Tuple

from ..contracts import DROPPED, StoredVersion
from ..errors import MalformedError

Count = Tuple[int, bool]
_FIXED = ("spki_sha256", "sha256", "chain_pem", "csr_pem")


@dataclass(frozen=True)
class Seen:
    """One copy of a lineage: its versions by id, its current one, what keeps that from being read, and how often it was taken."""

    store: str
    versions: Mapping[str, StoredVersion] = field(default_factory=dict)
    current: Optional[str] = None
    problem: str = ""
    count: Count = (0, True)

    def good(self, version: str) -> Optional[StoredVersion]:
        """The version, None when this copy has none that can be read."""
        found = self.versions.get(version)
        return None if found is None or found.meta.get("malformed") else found


@dataclass(frozen=True)
class View:
    """The copies that answered, in the order in which they are written; there is at least one."""

    lineage: str
    copies: Sequence[Seen]

    def ids(self) -> List[str]:
        """Every version that some copy has, oldest first."""
        return sorted({version for copy in self.copies for version in copy.versions})

    def version(self, version: str) -> Optional[StoredVersion]:
        """The version as the copy has it that is furthest; MalformedError when two contradict each other, or none can be read."""
        return merged(self.lineage, version, self.copies)

    def versions(self) -> List[StoredVersion]:
        """Every version, oldest first; one that the copies contradict each other on is one that is malformed."""
        found: List[StoredVersion] = []
        for version in self.ids():
            try:
                one = self.version(version)
            except MalformedError as error:
                one = StoredVersion(self.lineage, version, "rejected", meta={"malformed": error.message})
            found += [one] if one is not None else []
        return found

    def current(self) -> Optional[str]:
        """The current version by the rules above; MalformedError when they do not decide."""
        told = [copy for copy in self.copies if copy.current is not None]
        if len({copy.current for copy in told}) == 1:
            return told[0].current
        if told:
            whole = [copy for copy in told if all(other.current in copy.versions for other in told)]
            newest = max(copy.count for copy in told)
            for copy in whole:
                if copy.count == newest:
                    return copy.current
            raise self._contradiction(
                told, "and the one that was written last lacks the other's" if whole else "and neither has the other's"
            )
        problems = [copy.problem for copy in self.copies if copy.problem]
        if problems:
            raise MalformedError(problems[0], field=self.lineage)
        return None

    def _contradiction(self, told: Sequence[Seen], why: str) -> MalformedError:
        says = ", ".join(f"{copy.store} has {copy.current}" for copy in told)
        return MalformedError(
            f"the copies contradict each other: {says} as its current version, {why}",
            field=self.lineage,
            hint=f"look which one is served, and move the folder of {self.lineage} in the other copy away: it is filled again",
        )

    def divergences(self) -> Tuple[str, ...]:
        """One sentence for everything in which the copies differ."""
        found = [f"{copy.store}: {copy.problem}" for copy in self.copies if copy.problem]
        for version in self.ids():
            found += self._differing(version)
        says = {copy.current for copy in self.copies}
        if len(says) > 1:
            found.append("current version: " + ", ".join(f"{copy.current or 'none'} in {copy.store}" for copy in self.copies))
        if found and len({copy.count for copy in self.copies}) > 1:
            newest = max(self.copies, key=lambda copy: copy.count)
            others = ", ".join(copy.store for copy in self.copies if copy.count != newest.count)
            found.append(f"{newest.store} was written last; {others} lacks writes, as a copy from an old backup does")
        return tuple(found)

    def _differing(self, version: str) -> List[str]:
        try:
            best = self.version(version)
        except MalformedError as error:
            return [error.message]
        found = []
        for copy in self.copies:
            have = copy.versions.get(version)
            if have is None:
                found.append(f"version {version} is missing in {copy.store}")
            elif have.meta.get("malformed"):
                found.append(f"version {version} is damaged in {copy.store}: {have.meta['malformed']}")
            elif have != best:
                found.append(f"version {version} is {have.state} in {copy.store}, and {best.state if best else 'gone'} in another copy")
        return found


def merged(lineage: str, version: str, copies: Sequence[Seen]) -> Optional[StoredVersion]:
    """One version from its copies: the one that is furthest, of several the newer copy's; None when nobody has it."""
    there = [copy.versions[version] for copy in copies if version in copy.versions]
    good = [(copy, copy.versions[version]) for copy in copies if copy.good(version) is not None]
    if not good:
        return there[0] if there else None
    where, best = max(good, key=lambda pair: (*_way(pair[1]), pair[0].count))
    for copy, one in good:
        for name in _FIXED:
            mine, other = getattr(best, name), getattr(one, name)
            if mine and other and mine != other:
                raise MalformedError(
                    f"version {version}: its {name} in {where.store} is not the one in {copy.store}",
                    field=lineage,
                    hint="look which one is served, and move the version's folder in the other copy away: it is filled again",
                )
    return best


def _way(version: StoredVersion) -> Tuple[bool, bool, bool]:
    """What a version never goes back from: its certificate, that its key was destroyed, that it does not wait any more."""
    return bool(version.chain_pem), version.state == DROPPED, version.state != "pending"
