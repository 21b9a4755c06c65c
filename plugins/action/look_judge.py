# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges whether a look saw enough, and keeps how much every source found."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, counts_file
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.plugin_utils import blindness, clocks
from ansible_collections.certops.clm.plugins.plugin_utils.again import command
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.estate import open_store
from ansible_collections.certops.clm.plugins.plugin_utils.holds import first_end
from ansible_collections.certops.clm.plugins.plugin_utils.part import Part, part_of_run
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.retired import retired_names, without
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted
from ansible_collections.certops.clm.plugins.plugin_utils.unseen import unseen

REACH = "mend what each of them says, then run again"


class ActionModule(ActionBase):
    """Reads what was seen, and writes one small file of the controller; it never fails for what was not seen."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = untrusted(validated(self))
            part = part_of_run(self._loader, task_vars or {})
            result.update(untrusted(_judge(args, part, args["keep"] and not self._task.check_mode)), changed=False)
        except ClmError as error:
            result.update(refused(error, self._task.args, "blind"))
        return result


def _judge(args: Mapping[str, Any], part: Part, keep: bool) -> Dict[str, Any]:
    least_share = blindness.share(args["least_share"])
    manifest = load(args["manifest"])
    store = open_store(manifest, utc_now)
    retired = retired_names(manifest, store)
    live = without(manifest, retired)
    seen = _seen(manifest)
    path = counts_file(manifest.observations)
    last = blindness.load(path)
    kept = last.without(blindness.ended(manifest, set(retired) - set(last.retired)))
    counted = blindness.count(live, seen, args["sources"])
    unnamed = {name for name in kept.found if name.startswith("server ") and name not in counted.configured}
    unasked = {name for name in kept.found if name.startswith("server ") and name not in counted.found} if part else set()
    less = blindness.ended(manifest, set(args["ending"]) - set(retired))
    fewer = blindness.fewer(kept.without(less), counted, unnamed | unasked, least_share)
    before = _rotated_before(live, store) if last.first else ""
    fewer.update({blindness.COUNTS: blindness.lost(path, before)} if before else {})
    refused = {name: text for name, text in fewer.items() if not blindness.accepted(name, args["accept_fewer"])}
    found = blindness.updated(kept, counted, {*refused, *less}, unasked - unnamed)
    if keep and blindness.COUNTS not in refused and (last.first or (found, sorted(retired)) != (dict(last.found), sorted(last.retired))):
        blindness.save(path, found, retired, utc_now())
    silent = blindness.silent(args["sources"])
    unknown = [] if part.sliced else [f"{name}: the inventory does not have this server" for name in args["unknown_servers"]]
    accepted = sorted(set(fewer) - set(refused) - {blindness.COUNTS})
    not_seen = [*args["blind"], *unknown, *_unseen(without(live, args["ending"]), seen, store), *refused.values()]
    return {
        "part": part.sentence,
        "first": kept.first,
        "found": dict(counted.found),
        "found_last": dict(kept.found),
        "fewer": refused,
        "silent": silent,
        "not_seen": not_seen,
        "then": _then(manifest, seen) if not_seen else "",
        "msg": " ".join(_said(part, seen, kept, [blindness.short(name) for name in accepted])),
    }


def _then(manifest: Manifest, seen: Observations) -> str:
    """How long there is time, and what to do."""
    line = command()
    return f"{first_end(manifest, seen, utc_now())} Next: {REACH}{f': `{line}`' if line else ''}. Runbook: {path_of('blind')}"


def _seen(manifest: Manifest) -> Observations:
    try:
        return load_observations(manifest.observations)
    except NotFoundError:  # the inventory says so, and so does clm_blind
        return Observations()


def _unseen(manifest: Manifest, seen: Observations, store: SecretStore) -> List[str]:
    """Endpoints that nobody saw, of lineages that have been issued. Any other is due, and may be served nowhere yet."""
    if seen.taken_at is None:  # that nobody has looked at all is said once
        return []
    found = list(unseen(manifest.deployments, seen))
    known = {name: _is_known(store, name) for name in {deployment.lineage for deployment, _text in found}}
    return [text for deployment, text in found if known[deployment.lineage]]


def _rotated_before(manifest: Manifest, store: SecretStore) -> str:
    """A lineage with a version that a wave judged, and so looked at; empty when there is none, and this may be the first look."""
    for name, lineage in manifest.lineages.items():
        try:
            current = store.load(name) if lineage.deployments else None
        except ClmError:
            continue
        if current is not None and current.state in ("proven", "rejected"):
            return name
    return ""


def _is_known(store: SecretStore, lineage: str) -> bool:
    """Whether there is a certificate of the lineage that should be served; one that the store cannot tell about is taken for known."""
    try:
        return store.load(lineage) is not None or any(version.sha256 for version in store.versions(lineage))
    except ClmError:
        return True


def _said(part: Part, seen: Observations, kept: blindness.Kept, accepted: List[str]) -> List[str]:
    said = []
    if part:
        stale = [name for name, look in seen.servers.items() if look.kept_from]
        said.append(f"This look is partial: {part.sentence}.")
        if stale:
            said.append(f"What {len(stale)} servers serve stands as it was seen before: {', '.join(stale[:10])}.")
    if kept.first:
        said.append("There is no earlier look to compare the numbers with.")
    if accepted:
        said.append(f"Accepted, though they found fewer than in the last look: {', '.join(accepted)}.")
    return [*said, *clocks.warnings(seen)]
