# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of modules that write trust stores, or say what verifies by them.

Apart from `edge.py`, which travels to managed hosts and stays small.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from .contracts import Clock, TrustStore, Verifier
from .edge import run, utc_now
from .flows import verifying
from .flows.trust import TRUST_OPTIONS, converge

CreateStore = Callable[[Mapping[str, Any], Clock], TrustStore]


def trust_spec(*options: Mapping[str, Any]) -> Dict[str, Any]:
    """The argument spec of a module whose trust store has these options."""
    found = dict(TRUST_OPTIONS)
    for more in options:
        found.update(more)
    return found


def run_trust(module: Any, create: CreateStore) -> None:
    """End a trust store's module."""

    def work(params: Mapping[str, Any], check_mode: bool) -> Mapping[str, Any]:
        return converge(params, store=create(params, utc_now), clock=utc_now, check_mode=check_mode)

    run(module, work)


def run_verifying(module: Any, create: Callable[[Mapping[str, Any]], Verifier]) -> None:
    """End the module of a place that verifies its clients."""

    def work(params: Mapping[str, Any], check_mode: bool) -> Mapping[str, Any]:
        return verifying.converge(create(params), check_mode)

    run(module, work)
