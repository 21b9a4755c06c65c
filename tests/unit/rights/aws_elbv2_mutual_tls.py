# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of listeners that verify their clients."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.unit.rights._mutual_tls import verifying
from ansible_collections.certops.clm.tests.unit.trust_stores.test_aws_mutual_tls import Listener

DRILLS = {"A listener that verifies by a trust store": verifying(Listener)}
