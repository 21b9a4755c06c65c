# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of listeners."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_elbv2_listener
from ansible_collections.certops.clm.tests.unit.rights.drill import cleaning, deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_listener import Listener


def in_iam(aws, folder, sni):
    """Whatever is bound before is in IAM already."""
    estate = Listener(aws, folder, sni, store="iam")
    if sni:
        aws.client("elbv2").remove_listener_certificates(ListenerArn=estate.listener, Certificates=[{"CertificateArn": estate.other[1]}])
    assert deploy(aws_elbv2_listener, estate, estate.version("shop.example.com")) == []
    return partial(deploy, aws_elbv2_listener, estate)


DRILLS = {
    "The default certificate of a listener": lambda aws, folder: partial(deploy, aws_elbv2_listener, Listener(aws, folder, False)),
    "A certificate that is chosen by SNI": lambda aws, folder: partial(deploy, aws_elbv2_listener, Listener(aws, folder, True)),
    "What ``certops.clm.cleanup`` needs beside": lambda aws, folder: cleaning(aws_elbv2_listener, Listener(aws, folder, False)),
    "The default certificate, with ``store: iam``": lambda aws, folder: in_iam(aws, folder, False),
    "A certificate that is chosen by SNI, with ``store: iam``": lambda aws, folder: in_iam(aws, folder, True),
    "What ``certops.clm.cleanup`` needs beside, with ``store: iam``": lambda aws, folder: cleaning(
        aws_elbv2_listener, Listener(aws, folder, False, store="iam")
    ),
}
