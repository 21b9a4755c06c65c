# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lineages whose key stays with their issuer: what is said of them must fit, and they are served only where that issuer keeps the key."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Issuer, KeyHolder, Target
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Deployment, Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.targets import _index as targets
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import HeldBinder
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged

ISSUER = "issuer"
OpenIssuer = Callable[[Mapping[str, Any]], Issuer]
CreateTarget = Callable[[str, Mapping[str, Any], Clock], Target]


def wrong_origin(lineage: Lineage, issuer: Issuer) -> Optional[ClmError]:
    """Why this issuer must not be asked for the lineage: only one of them says that the key stays with the issuer."""
    holds = isinstance(issuer, KeyHolder)
    if holds == (lineage.key_origin == ISSUER):
        return None
    if holds:
        text = f"key_origin of {lineage.name} is {lineage.key_origin}, and its issuer {lineage.issuer} makes and keeps every key itself"
        hint = "say key_origin: issuer, where AWS or who else it is may hold the key, or name an issuer that is given requests"
    else:
        text = f"key_origin of {lineage.name} is issuer, and its issuer {lineage.issuer} keeps no keys: it is given requests"
        hint = "say key_origin: store, or name an issuer that keeps keys, such as one of type aws_acm"
    return ConfigError(text, field=f"{lineage.path}.key_origin", hint=hint)


def refuse_wrong_origin(lineage: Lineage, issuer: Issuer) -> None:
    """ConfigError where only one of them says that the key stays with the issuer."""
    problem = wrong_origin(lineage, issuer)
    if problem is not None:
        raise problem


def unfit(
    manifest: Manifest, judged: Mapping[str, Judged], open_issuer: OpenIssuer, clock: Clock, create: CreateTarget = targets.create
) -> Dict[str, ClmError]:
    """By host, why a key that stays with the lineage's issuer cannot be used there; hosts where it can be, or need not, are not in it."""
    places = _Places(manifest, open_issuer, clock, create)
    found: Dict[str, ClmError] = {}
    for host, one in judged.items():
        if one.lineage.key_origin == ISSUER:
            try:
                places.check(one.lineage, one.deployment)
            except ClmError as error:
                found[host] = error
    return found


class _Places:
    """Issuers and targets, each made once."""

    def __init__(self, manifest: Manifest, open_issuer: OpenIssuer, clock: Clock, create: CreateTarget) -> None:
        self._manifest, self._open, self._clock, self._create = manifest, open_issuer, clock, create
        self._issuers: Dict[str, Issuer] = {}
        self._targets: Dict[str, Target] = {}

    def check(self, lineage: Lineage, deployment: Deployment) -> None:
        """ClmError when one of the lineage's issuers keeps no keys, or not where the deployment can use them."""
        kind = str(deployment.target["type"])
        if not deployment.server and kind not in self._targets:
            self._targets[kind] = self._create(kind, {}, self._clock)
        target = self._targets.get(kind)
        if deployment.server or not isinstance(target, HeldBinder):
            place = f"the server {deployment.server}" if deployment.server else f"a target of type {kind}"
            text = f"the key of {lineage.name} stays with its issuer {lineage.issuer}, and {place} needs the key itself"
            raise ConfigError(text, hint="say key_origin: store or host with an issuer that is given requests, or deploy it elsewhere")
        for name in (lineage.issuer, *lineage.fallback_issuers):
            self._check_issuer(name, lineage, target.held_in(deployment.target))

    def _check_issuer(self, name: str, lineage: Lineage, place: str) -> None:
        if name not in self._issuers:
            self._issuers[name] = self._open(self._manifest.issuers[name])
        issuer = self._issuers[name]
        problem = wrong_origin(lineage, issuer)
        if problem is not None or not isinstance(issuer, KeyHolder):
            raise problem or ConfigError(f"the issuer {name} keeps no keys")
        kept = issuer.held_in()
        if kept != place:
            text = f"the issuer {name} keeps the key of {lineage.name} in {kept}, and this place uses keys in {place}"
            raise ConfigError(text, hint=f"give the place a lineage of its own, with an issuer of {place}")
