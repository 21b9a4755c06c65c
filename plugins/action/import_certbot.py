# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proposes manifest entries for what certbot keeps, accepts reviewed ones, and says what is to be taken from which server."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.edge import failure_message, utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.outcome import as_dicts
from ansible_collections.certops.clm.plugins.plugin_utils import certbot
from ansible_collections.certops.clm.plugins.plugin_utils.adopting import (
    Adoption,
    accept,
    added,
    default_path,
    difference,
    proposed_places,
    read_text,
)
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.lineage_files import LineageFile
from ansible_collections.certops.clm.plugins.plugin_utils.proposals import Proposal
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused, told
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted


class ActionModule(ActionBase):
    """Reads what servers said, and writes files of the controller that people review."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            manifest, found = load(args["manifest"]), untrusted(args["found"])
            path = default_path(manifest, args["file"])
            needed = certbot.Needed()
            if args["state"] == "accepted":
                adoption = accept(manifest, path)
            else:
                adoption, needed = _propose(manifest, found, path, task_vars or {})
            for name, text in ({} if self._task.check_mode else adoption.changed).items():
                files.write(name, text.encode(), mode=0o644)
            take = _to_take(load(args["manifest"]), found) if args["state"] == "accepted" else {}
        except ClmError as error:
            return {**result, **refused(error, self._task.args)}
        message = failure_message(adoption.outcomes)
        if message:
            result.update(failed=True, msg=message)
        said = {"file": path, "outcomes": as_dicts(adoption.outcomes), "take": take, "needed": needed.as_yaml(), "unread": _unread(found)}
        done = {"changed": bool(adoption.changed), **said, "diff": difference(adoption)}
        return told({**result, **done}, self._task.args)


def _propose(manifest: Manifest, found: Mapping[str, Any], path: str, task_vars: Mapping[str, Any]) -> Any:
    """(the adoption, what the manifest needs): entries that the file has already stay as they are."""
    places = survey(manifest, [{"type": "findings"}], utc_now).places
    hostvars = task_vars.get("hostvars", {})
    servers = {name: str(untrusted(hostvars[name].get("ansible_host") or name)) for name in found if name in hostvars}
    file = LineageFile(read_text(path), path)
    proposals, needed = certbot.proposals_of(manifest, found, places, servers, {*manifest.lineages, *file.names})
    there = proposed_places(file)
    adoption: Adoption = added(file, [one for one in proposals if not _there(one, there)], path)
    return adoption, needed


def _there(proposal: Proposal, there: Any) -> bool:
    rows = proposal.entry.get("deployments") or ()
    return any((row["server"], row["target"]["certificate_file"]) in there for row in rows)


def _to_take(manifest: Manifest, found: Mapping[str, Any]) -> Dict[str, List[Dict[str, str]]]:
    """By server the lineages of certbot that the manifest has as lineages of its own, whose keys the store may have."""
    take: Dict[str, List[Dict[str, str]]] = {}
    for server, row in certbot.kept(found):
        for name in certbot.managed_as(manifest, server, row["folder"]):
            if manifest.lineages[name].key_origin == "store":
                take.setdefault(server, []).append({"name": row["name"], "lineage": name})
    return take


def _unread(found: Mapping[str, Any]) -> List[str]:
    """What could not be read on servers: one sentence for each."""
    said: List[str] = []
    for server, result in sorted(found.items()):
        problems = [str(one) for one in result.get("errors") or ()] if isinstance(result, Mapping) else []
        if not isinstance(result, Mapping) or "lineages" not in result:
            problems = [str((result or {}).get("msg") or "it was not asked")[:300]]
        said += [f"{server}: {problem}" for problem in problems]
    return said
