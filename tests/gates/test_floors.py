# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest packages that requirements.txt allows are enough: values, probe and issuers are tried with them."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.support.environment import ROOT, run, venv

TRIED = ("x509", "probe", "issuers")
NOT_AT_THE_FLOOR = "not ml-dsa and not every_type_of_ca_key"  # ML-DSA needs cryptography 47, and says so


def test_values_probe_and_issuers_at_the_floors():
    python = str(venv("floors") / "python")
    folders = [str(ROOT / "tests" / "unit" / name) for name in TRIED]
    said = run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NOT_AT_THE_FLOOR, *folders], show=r"^(FAILED|ERROR|E )")
    assert " passed" in said and "failed" not in said
