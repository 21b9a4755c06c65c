# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of certificates that keep their ARN, and of the issuer of the same name."""

from __future__ import annotations

from functools import partial

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_acm
from ansible_collections.certops.clm.plugins.module_utils.x509.chain import Chain
from ansible_collections.certops.clm.tests.lab.aws import REGION
from ansible_collections.certops.clm.tests.unit.issuers.test_aws_acm import DAY, NOW, asked, issued, issuer, zone
from ansible_collections.certops.clm.tests.unit.rights.drill import deploy, tried
from ansible_collections.certops.clm.tests.unit.targets.test_aws_acm import Imported


def by_tag(aws, folder):
    """The first import was made before."""
    estate = Imported(aws, folder)
    estate.aws.client("acm").add_tags_to_certificate(CertificateArn=estate.arn, Tags=[{"Key": "clm_lineage", "Value": "shop"}])
    estate.aws.client("acm").add_tags_to_certificate(CertificateArn=estate.arn, Tags=[{"Key": "clm_deployment", "Value": "by-tag"}])
    estate.where.update(id="by-tag", region=REGION, certificate_arn=None)
    return partial(deploy, aws_acm, estate)


def issuing(aws, by_id):
    """Records and all."""
    where = zone(aws, "one.example")
    return lambda: tried(lambda: issued(asked(), hosted_zone_ids=[where] if by_id else []))


def renewing(aws, folder):
    """One that ACM has failed to renew, and one that it has renewed."""
    zone(aws, "one.example")
    kept = {name: issued(asked(name)) for name in ("failed", "renewed")}
    for name, (ref, _answer) in kept.items():
        aws.listener(name, ref)
        aws.renew(ref, "FAILED" if name == "failed" else "")
    now = NOW + 150 * DAY
    return lambda: tried(lambda: [issuer(now).renewal(ref, Chain.parse(answer.chain_pem).leaf.pem) for ref, answer in kept.values()])


DRILLS = {
    "To issue, with records in Route 53": lambda aws, folder: issuing(aws, False),
    "To issue with ``hosted_zone_ids``": lambda aws, folder: issuing(aws, True),
    "To see what ACM renews": renewing,
    "With ``certificate_arn``": lambda aws, folder: partial(deploy, aws_acm, Imported(aws, folder)),
    "Without ``certificate_arn``, where the certificate is found by its tag": by_tag,
}
