# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at live endpoints from the controller: what does each address of a name serve right now?

A look follows no redirect and no pointer inside a certificate; it connects where the user says, loopback and private
addresses too. `judge` says whether what was seen is what was wanted.
"""

from __future__ import annotations

from ._probe_judge import Expected, Judgement, judge, judge_expected, wanted
from ._probe_look import DEFAULT_CONCURRENCY, DEFAULT_TIMEOUT, MAX_CONCURRENCY, probe, probe_many
from ._probe_values import ANSWERED, COULD_NOT_LOOK, ENDPOINT_OPTIONS, MAX_ADDRESSES, REFUSED, Endpoint, Observation
from .x509.chain import MAX_PEER_CERTIFICATES

__all__ = (
    "ANSWERED", "COULD_NOT_LOOK", "DEFAULT_CONCURRENCY", "DEFAULT_TIMEOUT", "ENDPOINT_OPTIONS", "MAX_ADDRESSES",
    "MAX_CONCURRENCY", "MAX_PEER_CERTIFICATES", "REFUSED",
    "Endpoint", "Expected", "Judgement", "Observation",
    "judge", "judge_expected", "probe", "probe_many", "wanted",
)  # fmt: skip
