# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of modules that deploy to targets behind an API; apart from `edge.py`, which travels to managed hosts and stays small."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .contracts import Clock, Target
from .edge import provider_options, run, utc_now, validate
from .flows.deployments import deploy_versions
from .outcome import Outcome
from .secret_stores import _index as secret_stores
from .targets._served import PACE_OPTIONS

CreateTarget = Callable[[Mapping[str, Any], Clock], Target]


def deploy_batch(params: Mapping[str, Any], create: CreateTarget, check_mode: bool) -> Mapping[str, Outcome]:
    """Outcomes by id for the task's deployments, with the real clock and the secret store that the task names."""
    given = params["secret_store"]
    store = secret_stores.create(given["type"], provider_options(secret_stores, given, "secret_store"), utc_now)
    target = create(validate(PACE_OPTIONS, params.get("proof") or {}, "proof"), utc_now)
    return deploy_versions(params, target=target, store=store, clock=utc_now, check_mode=check_mode)


def run_deployments(module: Any, create: CreateTarget) -> None:
    """End a target's deployment module."""
    run(module, lambda params, check_mode: deploy_batch(params, create, check_mode))
