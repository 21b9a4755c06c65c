# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lineages that have ended are left out of everything that looks, judges and rotates, though the manifest still names them."""

from __future__ import annotations

from dataclasses import replace
from typing import Container, Tuple

from ansible_collections.certops.clm.plugins.module_utils.contracts import RETIRED, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.retire import retirement
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest


def retired_names(manifest: Manifest, store: SecretStore) -> Tuple[str, ...]:
    """The lineages of the manifest that have ended; one that the store cannot tell about is not taken for ended."""
    return tuple(name for name in manifest.lineages if _is_retired(store, name))


def _is_retired(store: SecretStore, name: str) -> bool:
    try:
        current = store.load(name)  # the cheap question first: nearly every lineage goes on
        return (current is None or current.state == RETIRED) and retirement(store.versions(name)) is not None
    except ClmError:
        return False


def without(manifest: Manifest, names: Container[str]) -> Manifest:
    """The manifest without these lineages."""
    return replace(manifest, lineages={name: lineage for name, lineage in manifest.lineages.items() if name not in names})
