# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills of AWS Private CA."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.lab.private_ca import private_ca
from ansible_collections.certops.clm.tests.unit.contracts.issuer import request_for
from ansible_collections.certops.clm.tests.unit.issuers.test_aws_pca import issued, issuer
from ansible_collections.certops.clm.tests.unit.rights.drill import tried


def issuing(aws, folder):
    """A certificate and its anchor."""
    arn, request = private_ca(aws), request_for()
    return lambda: tried(lambda: (issued(issuer(arn), request), issuer(arn).anchors_pem()))


def revoking(aws, folder):
    """One that was issued before."""
    arn = private_ca(aws)
    chain = issued(issuer(arn), request_for())
    return lambda: tried(lambda: issuer(arn).revoke(chain.pem, "superseded"))


DRILLS = {"To issue": issuing, "To revoke": revoking}
