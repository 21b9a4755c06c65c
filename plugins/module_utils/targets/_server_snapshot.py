# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of a place amount to, as a snapshot that can be kept and as what the contract carries.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Mapping, Optional

from ..contracts import Clock, Deployed
from ..errors import MalformedError
from ..masking import Secret
from ..moments import moment_of
from ..x509 import pem
from . import _server_layout as layout
from ._server_state import Snapshot, ref_of
from ._server_where import Place


def snapshot_of(place: Place, contents: Mapping[str, Optional[Secret]], dressed: Mapping[str, Mapping[str, int]], clock: Clock) -> Snapshot:
    """What the contents are; without a readable certificate the facts are empty."""
    chain = layout.chain_of(place, contents)
    ref, created = ref_of(contents), text_of(clock())
    try:
        facts = pem.leaf_facts(chain[0]) if chain else None
    except MalformedError:
        facts = None
    if facts is None:
        return Snapshot(ref, contents, created=created, attributes=dressed)
    text = "".join(pem.encode(pem.CERTIFICATE, der) for der in chain)
    return Snapshot(ref, contents, facts.sha256, facts.spki_sha256, text, text_of(facts.not_after), created, dressed)


def deployed_of(snapshot: Snapshot) -> Deployed:
    """The snapshot as the contract carries it."""
    return Deployed(snapshot.sha256, snapshot.ref, snapshot.chain_pem, moment_of(snapshot.not_after))


def text_of(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
