# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers what breaks when a certificate, a key, an issuer or a host is lost."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Set, Tuple

from ansible.plugins.action import ActionBase

from ansible_collections.certops.clm.plugins.module_utils import files
from ansible_collections.certops.clm.plugins.module_utils.anchors import load_anchors
from ansible_collections.certops.clm.plugins.module_utils.contracts import SecretStore
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import load as load_observations
from ansible_collections.certops.clm.plugins.module_utils.runbooks import path_of
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.plugin_utils.edge import validated
from ansible_collections.certops.clm.plugins.plugin_utils.estate import open_store, survey
from ansible_collections.certops.clm.plugins.plugin_utils.impact import impact, readable, sentence
from ansible_collections.certops.clm.plugins.plugin_utils.impact_question import KINDS, Question
from ansible_collections.certops.clm.plugins.plugin_utils.refusing import refused
from ansible_collections.certops.clm.plugins.plugin_utils.standing import issuer_identities
from ansible_collections.certops.clm.plugins.plugin_utils.text_table import table
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import untrusted

SHOWN = 10
AGAIN = "Run certops.clm.impact again when they can be reached."
COLUMNS = ("role", "service", "environment", "criticality", "owner", "consumers", "id", "not_after", "why")


class ActionModule(ActionBase):
    """Reads what is known; a place of which nobody knows what it serves makes it fail, with everything that was found."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> Dict[str, Any]:
        """The result of the task."""
        result: Dict[str, Any] = super().run(tmp, task_vars)
        try:
            args = validated(self)
            found = _answer(args)
            if args["dest"] and not self._task.check_mode:
                files.write(args["dest"], (json.dumps(found, sort_keys=True, indent=1) + "\n").encode(), mode=0o644)
            result.update(untrusted(found), changed=False)
        except ClmError as error:
            result.update(refused(error, self._task.args))
        return result


def _answer(args: Mapping[str, Any]) -> Dict[str, Any]:
    manifest = load(args["manifest"])
    store = open_store(manifest, utc_now)
    question, untold = _question(args, manifest, store)
    observations = load_observations(manifest.observations)
    estate = survey(manifest, args["sources"], utc_now)
    found = impact(question, estate, observations, store)
    partial = [f"the last look was {observations.part}, and not at everything"] if observations.part else []
    not_seen = list(dict.fromkeys([*partial, *args["not_seen"], *found.pop("unknown"), *estate.blind, *untold]))
    said = sentence(question, found, utc_now())
    answer = {**found, "table": table(found["rows"], COLUMNS), "not_seen": not_seen, "part": observations.part, "msg": said}
    if not_seen:
        more = f"; and {len(not_seen) - SHOWN} more" if len(not_seen) > SHOWN else ""
        what = f"{len(not_seen)} could not be looked at, so they may depend on it too: {'; '.join(not_seen[:SHOWN])}{more}."
        answer.update(failed=True, msg=f"{said} {what} {AGAIN} Runbook: {path_of('blind')}")
    return answer


def _question(args: Mapping[str, Any], manifest: Manifest, store: SecretStore) -> Tuple[Question, List[str]]:
    """The question, and one sentence for everything that could not be found out about what it asks."""
    asked = [kind for kind in KINDS if args[kind]]
    if len(asked) != 1:
        raise ConfigError(f"give exactly one of {', '.join(KINDS)}", field=asked[1] if asked else KINDS[0])
    value = str(args[asked[0]])
    issued: Set[str] = set()
    untold: List[str] = []
    if asked[0] == "issuer" and value in manifest.issuers:
        issued, untold = _issued(value, manifest, store)
    anchors, unread = _anchors(manifest)
    return Question.ask(asked[0], value, anchors, issued), [*untold, *unread]


def _anchors(manifest: Manifest) -> Tuple[Dict[str, Bundle], List[str]]:
    """The anchors of every client class that can be read: a CA that is lost is what somebody asks about, and no reason to say nothing."""
    found: Dict[str, Bundle] = {}
    unread: List[str] = []
    for name, place in manifest.client_classes.items():
        try:
            found.update(load_anchors({name: place}, "client_classes"))
        except ClmError as error:
            unread.append(str(error))
    return found, unread


def _issued(issuer: str, manifest: Manifest, store: SecretStore) -> Tuple[Set[str], List[str]]:
    """The SHA-256 of every version that an issuer of the manifest made; an entry that cannot be read takes no other with it."""
    identity = issuer_identities(manifest, utc_now).get(issuer, "")
    if not identity:
        return set(), [f"issuer {issuer}: it cannot tell who it is, so nobody knows what it issued; ask by its common name too"]
    issued: Set[str] = set()
    untold: List[str] = []
    for name in store.lineages():
        versions, problems = readable(store, name)
        untold += problems
        issued |= {version.sha256 for version in versions if version.sha256 and version.meta.get("issuer") == identity}
    return issued, untold
