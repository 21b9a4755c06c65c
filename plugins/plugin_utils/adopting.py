# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adopting what was discovered: proposals into a file of their own, and from there, once reviewed, into the manifest's include."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load_yaml
from ansible_collections.certops.clm.plugins.module_utils.outcome import DEFERRED, DONE, UNCHANGED, Outcome, failed
from ansible_collections.certops.clm.plugins.plugin_utils.lineage_files import Entry, LineageFile, accepted, reviewed
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place
from ansible_collections.certops.clm.plugins.plugin_utils.proposals import UNDECIDED, Proposal, proposals

STEP = "adopt"
PROPOSED_HEAD = """\
# Proposed by certops.clm.adopt from what was discovered. Nothing here is managed yet.
# Read an entry, change what is wrong, set `reviewed: true`, then run: ansible-playbook certops.clm.adopt -e clm_adopt=accepted
# What certbot keeps is accepted by certops.clm.import_certbot -e clm_import=accepted, which takes certificates and keys over as well.
# An entry that you do not want may be deleted; it is proposed again as long as the manifest does not name its places.
"""
ACCEPTED_HEAD = "# Lineages that were discovered and adopted. The manifest includes this file.\n"


@dataclass(frozen=True)
class Adoption:
    """What the files are to become, by path, and an outcome for each lineage; nothing is written yet."""

    texts: Mapping[str, Tuple[str, str]]
    outcomes: Mapping[str, Outcome]

    @property
    def changed(self) -> Dict[str, str]:
        """The new text of each file that changes."""
        return {path: after for path, (before, after) in self.texts.items() if before != after}


def propose(manifest: Manifest, places: Sequence[Place], servers: Mapping[str, str], path: str) -> Adoption:
    """Add an entry for each unmanaged certificate that the file at `path` does not propose already; entries there stay as they are."""
    file = LineageFile(read_text(path), path)
    proposed = proposed_places(file)
    new = [place for place in places if (place.found.server, place.found.where.get("certificate_file")) not in proposed]
    return added(file, proposals(new, servers, {*manifest.lineages, *file.names}), path)


def added(file: LineageFile, offered: Sequence[Proposal], path: str) -> Adoption:
    """The proposals at the end of their file, and an outcome for each, also for what the file had before."""
    before = "".join(file.lines)
    outcomes = {name: Outcome(UNCHANGED, STEP, message="proposed before", next_action=f"review it in {path}") for name in file.names}
    blocks: List[str] = []
    for proposal in offered:
        if proposal.refused:
            outcomes[proposal.name] = Outcome(DEFERRED, STEP, message=proposal.refused)
            continue
        blocks.append(proposal.text)
        outcomes[proposal.name] = Outcome(DONE, STEP, after={"names": list(proposal.entry["names"])}, next_action=f"review it in {path}")
    return Adoption({path: (before, file.with_more(blocks, PROPOSED_HEAD) if blocks else before)}, outcomes)


def accept(manifest: Manifest, path: str) -> Adoption:
    """Move every reviewed entry from the file at `path` to the manifest's include; one that is no good stays where it is."""
    if not manifest.includes:
        hint = "add `include: [adopted.yml]` to the manifest"
        raise ConfigError("the manifest includes no file for adopted lineages", hint=hint, field="include")
    target = manifest.includes[0]
    proposed, adopted = LineageFile(read_text(path), path), LineageFile(read_text(target), target)
    there = {entry.name: entry.data for entry in adopted.entries}
    whole = dict(load_yaml(manifest.path))
    outcomes: Dict[str, Outcome] = {}
    blocks: List[str] = []
    for entry in proposed.entries:
        if not reviewed(entry):
            outcomes[entry.name] = Outcome(DEFERRED, STEP, message="nobody has reviewed it", next_action=f"set `reviewed: true` in {path}")
            continue
        try:
            block, data = accepted(proposed, entry)
            if there.get(entry.name) != data:
                whole = _with(manifest, whole, entry.name, data, block)
                blocks.append(block)
            outcomes[entry.name] = Outcome(DONE, STEP, after={"names": data.get("names", [])})
        except ClmError as error:
            outcomes[entry.name] = failed(STEP, error)
    done = [name for name, outcome in outcomes.items() if outcome.state == DONE]
    after = adopted.with_more(blocks, ACCEPTED_HEAD) if blocks else read_text(target)
    return Adoption({target: (read_text(target), after), path: (read_text(path), proposed.without(done))}, outcomes)


def _with(manifest: Manifest, whole: Mapping[str, Any], name: str, data: Mapping[str, Any], block: str) -> Dict[str, Any]:
    """The manifest's data with one lineage more, checked as a whole."""
    if name in manifest.lineages:
        raise ConfigError("the manifest has a lineage of this name", field=name, hint="give the proposed one another name")
    if UNDECIDED in block:
        raise ConfigError(f"{UNDECIDED} is still in it", field=name, hint=f"say what belongs where {UNDECIDED} stands")
    more = {**whole, "lineages": {**(whole.get("lineages") or {}), name: data}}
    Manifest.parse(more, manifest.path)
    return more


def proposed_places(file: LineageFile) -> Collection[Tuple[str, Any]]:
    """Server and certificate file of everything that the file proposes."""
    return {place for entry in file.entries for place in _places_of(entry)}


def _places_of(entry: Entry) -> Collection[Tuple[str, Any]]:
    """Server and certificate file of every deployment of an entry, whatever its editor made of it."""
    data = entry.data if isinstance(entry.data, Mapping) else {}
    rows = [row for row in data.get("deployments") or () if isinstance(row, Mapping) and isinstance(row.get("target"), Mapping)]
    return {(str(row.get("server")), row["target"].get("certificate_file")) for row in rows}


def read_text(path: str) -> str:
    """The file's text, empty when it is not there."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None


def default_path(manifest: Manifest, given: Optional[str]) -> str:
    """Where proposals stand: `proposed.yml` beside the manifest, or the path given."""
    return os.path.abspath(os.path.expanduser(given)) if given else os.path.join(os.path.dirname(manifest.path), "proposed.yml")


def difference(adoption: Adoption) -> List[Dict[str, str]]:
    """What changes in which file: public facts, as everything in a manifest."""
    return [
        {"before": before, "after": after, "before_header": path, "after_header": path}
        for path, (before, after) in adoption.texts.items()
        if before != after
    ]
