# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of listeners."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_elbv2_listener
from ansible_collections.certops.clm.tests.unit.rights.drill import cleaning, deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_listener import Listener

DRILLS = {
    "The default certificate of a listener": lambda aws, folder: partial(deploy, aws_elbv2_listener, Listener(aws, folder, False)),
    "A certificate that is chosen by SNI": lambda aws, folder: partial(deploy, aws_elbv2_listener, Listener(aws, folder, True)),
    "What ``certops.clm.cleanup`` needs beside": lambda aws, folder: cleaning(aws_elbv2_listener, Listener(aws, folder, False)),
}
