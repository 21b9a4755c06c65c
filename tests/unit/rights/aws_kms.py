# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of a CA's key in KMS."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.issuers import local_ca
from ansible_collections.certops.clm.tests.unit.contracts.issuer import NOW, request_for
from ansible_collections.certops.clm.tests.unit.issuers.test_local_ca_kms import kms_key, set_up
from ansible_collections.certops.clm.tests.unit.rights.drill import tried


def intermediate(aws, folder):
    """It is set up, and issues."""
    key = kms_key(aws)

    def run():
        failed = [one for one in set_up(folder / "ca", key).values() if one.state == "failed"]
        assert not failed, failed[0].next_action
        local_ca.create({"path": str(folder / "ca")}, lambda: NOW).begin(request_for())

    return lambda: tried(run)


DRILLS = {"The key of an intermediate": intermediate}
