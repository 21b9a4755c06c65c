# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which standbys are not issued: one that a client does not trust would be found to be no help on the day that it is needed."""

from __future__ import annotations

from typing import Dict, Sequence

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Lineage, Manifest
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome, failed
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fallback import OpenIssuer, not_trusted


def refused_standbys(lineages: Sequence[Lineage], manifest: Manifest, open_issuer: OpenIssuer) -> Dict[str, Outcome]:
    """By name, the outcome of each standby whose issuer's root a client class does not trust; no CA is asked for them."""
    standbys = [lineage for lineage in lineages if lineage.standby_for]
    reasons = {lineage.name: not_trusted(lineage, manifest, lineage.issuer, open_issuer) for lineage in standbys}
    return {lineage.name: _refused(lineage, reasons[lineage.name]) for lineage in standbys if reasons[lineage.name]}


def _refused(standby: Lineage, reason: str) -> Outcome:
    message = f"the standby of {standby.standby_for} is not issued by {standby.issuer}: {reason}"
    hint = (
        f"Give these clients the root of {standby.issuer} first, or name another issuer in standby of {standby.standby_for}, "
        "then run certops.clm.rotate again."
    )
    return failed("issue", ConfigError(message, hint=hint, field=standby.name))
