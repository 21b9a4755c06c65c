# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trust store is taken away as a whole, when nothing verifies by it any more."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

from ..contracts import Removable, Trusted, TrustStore
from ..errors import ClmError, ConfigError, MalformedError, about
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, failed
from ..x509.bundle import Bundle
from ._trust_judge import shown

SHOWN = 5


def absent(params: Mapping[str, Any], store: TrustStore, check_mode: bool) -> Outcome:
    """The outcome; what is in doubt may go too, for all of it goes."""
    try:
        with about("refused"):
            power, trusted = _plan(params, store)
    except ClmError as error:
        return failed("plan", error)
    if trusted is None:
        return Outcome(UNCHANGED, "plan")
    before = shown(_anchors(trusted), [])
    if check_mode:
        return Outcome(PLANNED, "plan", before=before, message=f"- {store.identity()}")
    try:
        power.remove(trusted)
        if store.read() is not None:
            raise ClmError(f"{store.identity()} was taken away, and is there again", hint="see who makes it, then run again")
    except ClmError as error:
        return failed("write", error, before=before)
    return Outcome(DONE, "read_back", before=before, message=f"- {store.identity()}")


def _plan(params: Mapping[str, Any], store: TrustStore) -> Tuple[Removable, Optional[Trusted]]:
    """Everything that can be wrong is found here, before any write."""
    for name in ("anchors", "sha256", "revocation_lists"):
        if params.get(name):
            raise ConfigError("with state absent it says nothing", hint="leave it out, or name the other state", field=name)
    if not isinstance(store, Removable):
        raise ConfigError(f"{store.identity()} cannot be taken away", field="state")
    trusted = store.read()
    users = list(store.users(trusted)) if trusted is not None else []
    if users:
        more = f" and {len(users) - SHOWN} more" if len(users) > SHOWN else ""
        hint = "have them verify by another trust store first, or by none: nothing was changed"
        raise ClmError(f"{store.identity()} is used by {', '.join(users[:SHOWN])}{more}", hint=hint)
    return store, trusted


def _anchors(trusted: Trusted) -> Bundle:
    """What it holds as far as anybody can tell."""
    try:
        return Bundle.parse(trusted.bundle_pem) if trusted.bundle_pem.strip() else Bundle()
    except MalformedError:
        return Bundle()
