# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of everything that issues certificates; apart from `edge.py`, which travels to managed hosts and stays small."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping

from .contracts import Clock, Issuer
from .edge import new_run_id, provider_options, run, utc_now
from .flows.certificates import issue_certificates
from .flows.leasing import Pause, telling
from .outcome import Outcome
from .secret_stores import _index as secret_stores

MakeIssuer = Callable[[Clock], Issuer]


def issue_batch(params: Mapping[str, Any], make_issuer: MakeIssuer, check_mode: bool, pause: Pause) -> Mapping[str, Outcome]:
    """Outcomes by id for the task's certificates, with the real clock and the secret store that the task names."""
    given = params["secret_store"]
    options = provider_options(secret_stores, given, "secret_store")
    with _without_collector():
        return issue_certificates(
            params,
            issuer=make_issuer(utc_now),
            store=secret_stores.create(given["type"], options, utc_now),
            clock=utc_now,
            run_id=str(params.get("run_id") or new_run_id()),
            check_mode=check_mode,
            pause=pause,
        )


@contextmanager
def _without_collector() -> Iterator[None]:
    """The block without Python's search for cycles: a batch keeps what it makes until its end, and the search finds nothing in it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def run_certificates(module: Any, create: Callable[[Mapping[str, Any], Clock], Issuer]) -> None:
    """End a provider's certificate module; its parameters are also its issuer's options."""
    pause = telling(module.warn, time.sleep)
    run(module, lambda params, check_mode: issue_batch(params, lambda clock: create(params, clock), check_mode, pause))
