# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of classic load balancers."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_elb_listener
from ansible_collections.certops.clm.tests.unit.rights.drill import cleaning, deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_bound import Classic, ClassicIam


def in_iam(aws, folder):
    """What is bound before is in IAM already."""
    estate = ClassicIam(aws, folder)
    assert deploy(aws_elb_listener, estate, estate.version("shop.example.com")) == []
    return partial(deploy, aws_elb_listener, estate)


DRILLS = {
    "With certificates in ACM": lambda aws, folder: partial(deploy, aws_elb_listener, Classic(aws, folder)),
    "With ``store: iam``": in_iam,
    "What ``certops.clm.cleanup`` needs beside": lambda aws, folder: cleaning(aws_elb_listener, Classic(aws, folder)),
    "What ``certops.clm.cleanup`` needs beside, with ``store: iam``": lambda aws, folder: cleaning(
        aws_elb_listener, ClassicIam(aws, folder)
    ),
}
