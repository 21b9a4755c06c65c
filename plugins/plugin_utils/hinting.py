# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the manifest's issuers when they want what they issued to be renewed."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, Tuple

from ansible_collections.certops.clm.plugins.module_utils import hints
from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock, Issuer, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows._issue_values import leaf_of
from ansible_collections.certops.clm.plugins.module_utils.issuers._powers import RenewalHinter
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_issuer


def refresh(manifest: Manifest, store: SecretStore, clock: Clock) -> hints.Kept:
    """The hints of every current certificate whose issuer gives some, asked where it is time to, and kept in their file.

    Nothing of it fails: what could not be asked is in the file with its error.
    """
    now = clock()
    hinters = _hinters(manifest, clock)
    path = hints.file_of(manifest.observations)
    kept = hints.read(path)
    if not hinters and not kept:
        return {}
    fresh = hints.refreshed(kept, _current(manifest, store, hinters, now), now)
    if fresh != kept:
        hints.write(path, fresh)
    return fresh


def _hinters(manifest: Manifest, clock: Clock) -> Dict[str, Issuer]:
    found: Dict[str, Issuer] = {}
    for options in manifest.issuers.values():
        try:
            issuer = open_issuer(options, clock)
            if hints.gives_hints(issuer):
                found.setdefault(issuer.identity(), issuer)
        except (ClmError, OSError):
            continue
    return found


def _current(manifest: Manifest, store: SecretStore, issuers: Dict[str, Issuer], now: datetime) -> Dict[str, Tuple[RenewalHinter, str]]:
    """Issuer and PEM of each lineage's current certificate by its SHA-256; one that has expired is asked about no more."""
    found: Dict[str, Tuple[RenewalHinter, str]] = {}
    for name in manifest.lineages if issuers else ():
        try:
            version = store.load(name)
            if version is None or not version.chain_pem:
                continue
            hinter = hints.hinter_of(issuers.get(str(version.meta.get("issuer") or "")), version.held)
            leaf = leaf_of(version) if hinter is not None else None
            if hinter is not None and leaf is not None and leaf.not_after is not None and leaf.not_after > now:
                found[version.sha256] = (hinter, leaf.pem)
        except ClmError:
            continue
    return found
