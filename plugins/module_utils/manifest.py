# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted: lineages with their names, profile, issuer, deployments and people, read from one YAML file.

Everything is checked before anything is done; an error names the whole path of the field. Nothing is templated.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ._manifest_deployments import Deployment, parse_server_target
from ._manifest_fields import PUBLIC, Fields, refuse, resolve
from ._manifest_ledger import parse_ledger
from ._manifest_lineages import CRITICALITIES, LABELS, Known, Lineage, expand, parse_lineage, standby_of
from ._manifest_providers import provider
from ._manifest_windows import Schedule, parse_schedule
from ._manifest_yaml import load_yaml, parse_yaml, read_bytes
from .errors import ClmError, ConfigError, NotFoundError
from .policy.policy import Policy
from .policy.profile import Profile

__all__ = [
    "CRITICALITIES", "LABELS", "Deployment", "Lineage", "Manifest", "Schedule", "load", "load_yaml", "parse_server_target", "parse_yaml",
]  # fmt: skip

DEFAULTS = ("issuer", "profile", "key_origin", "take_over", "window", "fallback_issuers", *LABELS)
ABSENT, UNREADABLE = "", "?"  # in place of a digest


@dataclass(frozen=True)
class Manifest:
    """A whole manifest. All paths are absolute; `secret_store` and each issuer hold `type` and the provider's options.

    `client_classes` maps a name to the path of an anchor file, or to `public`. `overrides` is the manifest's own policy,
    `schedule` its change windows and freezes.
    """

    path: str
    secret_store: Mapping[str, Any]
    ledger: Mapping[str, Any]
    observations: str
    report: str
    client_classes: Mapping[str, str]
    issuers: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Profile]
    lineages: Mapping[str, Lineage]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    includes: Tuple[str, ...] = ()
    schedule: Schedule = field(default_factory=Schedule)

    @classmethod
    def parse(cls, data: Any, path: str) -> Manifest:
        """The manifest that the data of the file at `path` says; ConfigError names the first field that is wrong."""
        return _parse(data, os.path.abspath(path), {})

    @cached_property
    def deployments(self) -> Tuple[Deployment, ...]:
        """Every deployment, in the order of the manifest."""
        return tuple(deployment for lineage in self.lineages.values() for deployment in lineage.deployments)

    @property
    def servers(self) -> Tuple[str, ...]:
        """Every server that a deployment names, once, in the order of the manifest."""
        return tuple(dict.fromkeys(deployment.server for deployment in self.deployments if deployment.server))

    def profile_of(self, lineage: Lineage) -> Profile:
        """The profile of a lineage; it is there, or the manifest would not have been read."""
        return self.profiles[lineage.profile]

    def policy_of(self, lineage: Lineage) -> Policy:
        """The policy of the lineage's profile with the manifest's overrides."""
        return Policy.load(self.profile_of(lineage).policies, self.overrides)

    def server_items(self, server: str) -> List[Deployment]:
        """The deployments of one server, in the order of the manifest."""
        return self._by_server.get(server, [])

    @cached_property
    def _by_server(self) -> Dict[str, List[Deployment]]:
        found: Dict[str, List[Deployment]] = {}
        for deployment in self.deployments:
            found.setdefault(deployment.server, []).append(deployment)
        return found


# By path, a manifest and a digest of each file that it was read from. Ansible's workers are forks of the process that reads the
# inventory, and with it the manifest: the steps of a rotation find it here, and parse it again only when a file has changed.
_KEPT: Dict[str, Tuple[Mapping[str, str], Manifest]] = {}


def load(path: str) -> Manifest:
    """The manifest in a file, as the file is now; errors begin with the path of the file."""
    absolute = os.path.abspath(os.path.expanduser(path))
    files, kept = _KEPT.get(absolute, ({}, None))
    if kept is not None and all(_digest(name) == digest for name, digest in files.items()):
        return kept
    seen: Dict[str, str] = {}
    data = _noted(absolute, seen)
    try:
        manifest = _parse(data, absolute, seen)
    except ConfigError as error:
        error.field = f"{absolute}: {error.field}" if error.field else absolute
        raise
    _KEPT[absolute] = (seen, manifest)
    return manifest


def _noted(path: str, seen: Dict[str, str]) -> Any:
    """What the file holds, with its digest noted in `seen`."""
    text = read_bytes(path)
    seen[path] = hashlib.sha256(text).hexdigest()
    return parse_yaml(text, path)


def _digest(path: str) -> str:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except NotFoundError:
        return ABSENT
    except ClmError:
        return UNREADABLE


def _parse(data: Any, path: str, seen: Dict[str, str]) -> Manifest:
    from .issuers import _index as issuers
    from .secret_stores import _index as stores

    base = os.path.dirname(path)
    fields = Fields(data, "")
    if isinstance(data, Mapping) and data.get("version") is None:
        refuse("version", "is missing", hint="write version: 1, the format of the manifest")
    fields.number("version", 1, 1, 1)
    store = provider(fields.take("secret_store", {}), "secret_store", base, stores.NAMES, stores.options_of)
    ledger = parse_ledger(fields.take("ledger", {}), base, store)
    observations = resolve(base, fields.text("observations", "observations.json"))
    report = resolve(base, fields.text("report", "report"))
    classes = {name: _anchors(item, at, base) for name, at, item in fields.named("client_classes")}
    callable_issuers = {name: provider(item, at, base, issuers.NAMES, issuers.options_of) for name, at, item in fields.named("issuers")}
    profiles = {name: _profile(name, item, at) for name, at, item in fields.named("profiles")}
    overrides = _overrides(fields.take("policy", {}), profiles)
    schedule = parse_schedule(fields)
    known = {
        "issuer": tuple(callable_issuers),
        "profile": tuple(profiles),
        "consumers": tuple(classes),
        "window": tuple(schedule.windows),
    }
    defaults = _defaults(fields.take("defaults", {}))
    includes = tuple(resolve(base, include) for include in fields.texts("include"))
    entries = _entries(fields, includes, seen)
    fields.finish()
    lineages = _lineages(entries, base, defaults, known)
    schedule.check(lineages)
    return Manifest(path, store, ledger, observations, report, classes, callable_issuers, profiles, lineages, overrides, includes, schedule)


def _anchors(data: Any, path: str, base: str) -> str:
    fields = Fields(data, path)
    anchors = fields.text("anchors")
    if not anchors:
        fields.lacks("anchors", f"is needed: a PEM file, or {PUBLIC} for the public root set")
    fields.finish()
    return PUBLIC if anchors == PUBLIC else resolve(base, anchors)


def _profile(name: str, data: Any, path: str) -> Profile:
    return Profile.from_dict(name, Fields(data, path).rest())


def _overrides(data: Any, profiles: Mapping[str, Profile]) -> Dict[str, Any]:
    overrides = Fields(data, "policy").rest()
    for names in {profile.policies for profile in profiles.values()} | {()}:
        try:
            Policy.load(names, overrides)
        except ClmError as error:
            refuse(error.field or "policy", error.message, hint=error.hint)
    return overrides


def _defaults(data: Any) -> Dict[str, Any]:
    fields = Fields(data, "defaults")
    defaults = {key: fields.take(key) for key in DEFAULTS}
    fields.finish()
    return {key: value for key, value in defaults.items() if value is not None}


def _entries(fields: Fields, includes: Sequence[str], seen: Dict[str, str]) -> List[Tuple[str, str, Any]]:
    """Name, path and data of every lineage, here and in the included files; a file that is not there yet has none."""
    entries = fields.named("lineages")
    for include in includes:
        if not os.path.exists(include):
            seen[include] = ABSENT
            continue
        inner = Fields(_noted(include, seen) or {}, "")
        entries += [(name, f"{os.path.basename(include)}: {at}", item) for name, at, item in inner.named("lineages")]
        inner.finish()
    return entries


def _lineages(entries: Sequence[Tuple[str, str, Any]], base: str, defaults: Mapping[str, Any], known: Known) -> Dict[str, Lineage]:
    lineages: Dict[str, Lineage] = {}
    for name, at, item in expand(entries):
        if name in lineages:
            refuse(at, "this lineage stands twice")
        lineages[name] = parse_lineage(name, item, at, base=base, defaults=defaults, known=known)
    for lineage in [one for one in lineages.values() if one.standby]:
        standby = standby_of(lineage)
        if standby.name in lineages:
            refuse(f"{lineage.path}.standby", f"the name {standby.name!r} of the standby is taken")
        lineages[standby.name] = standby
    _refuse_shared_places(lineages)
    return lineages


def _refuse_shared_places(lineages: Mapping[str, Lineage]) -> None:
    places: Dict[Any, str] = {}
    endpoints: Dict[Any, Tuple[str, str]] = {}
    for deployment in (item for lineage in lineages.values() for item in lineage.deployments):
        for place in deployment.places:
            other = places.setdefault(place, deployment.path)
            if other is not deployment.path:
                refuse(deployment.path, f"{' '.join(place)} belongs to {other} already")
        for endpoint in deployment.endpoints:
            owner = endpoints.setdefault((endpoint.key, deployment.slot), (deployment.lineage, deployment.path))
            if owner[0] != deployment.lineage:
                hint = "two lineages at one endpoint need two slots"
                refuse(deployment.path, f"{endpoint.label} is proven by {owner[1]} already", hint=hint)
