# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped step, without store and report; its ledger is the log."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Dict, Iterator, Tuple

from ansible_collections.certops.clm.plugins.plugin_utils.shipped import wave_record as shipped
from ansible_collections.certops.clm.plugins.plugin_utils.wave.scripted import Scripted, log, swap


class _Ledger:
    facts: Dict[str, Any] = {}
    problems: Tuple[str, ...] = ()
    shut = None

    def append(self, events: Any) -> None:
        log("ledger", [event["deployment"] for event in events], states=[event["state"] for event in events])


@contextmanager
def _open(*given: Any, **more: Any) -> Iterator[_Ledger]:
    yield _Ledger()


swap(
    shipped,
    load=lambda path: SimpleNamespace(observations=""),
    remember=lambda *given: None,
    open_store=lambda *given: None,
    open_ledger=_open,
    settle_versions=lambda *given, **more: ({}, {}),
    write_report=lambda *given, **more: {"files": {}},
)


class ActionModule(Scripted, shipped.ActionModule):
    """Records."""
