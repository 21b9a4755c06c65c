# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of certificates that keep their ARN."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_acm
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.unit.rights.drill import deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_acm import Imported


def by_tag(aws, folder):
    """The first import was made before."""
    estate = Imported(aws, folder)
    estate.aws.client("acm").add_tags_to_certificate(CertificateArn=estate.arn, Tags=[{"Key": "clm_lineage", "Value": "shop"}])
    estate.aws.client("acm").add_tags_to_certificate(CertificateArn=estate.arn, Tags=[{"Key": "clm_deployment", "Value": "by-tag"}])
    estate.where.update(id="by-tag", region=REGION, certificate_arn=None)
    return partial(deploy, aws_acm, estate)


DRILLS = {
    "With ``certificate_arn``": lambda aws, folder: partial(deploy, aws_acm, Imported(aws, folder)),
    "Without ``certificate_arn``, where the certificate is found by its tag": by_tag,
}
