# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of domain names of API Gateway."""

from __future__ import annotations

from ansible_collections.certops.clm.plugins.module_utils.targets import aws_api_domain
from ansible_collections.certops.clm.tests.unit.rights.drill import cleaning, deploy
from ansible_collections.certops.clm.tests.unit.targets.test_aws_bound import HttpDomain, RestDomain


def domains(aws, folder):
    """One of each kind, of which one is done when the other one is not."""
    open_ones = [RestDomain(aws, folder / "rest"), HttpDomain(aws, folder / "http")]

    def run():
        problems = {estate.number: deploy(aws_api_domain, estate) for estate in open_ones}
        open_ones[:] = [estate for estate in open_ones if problems[estate.number]]
        return [text for found in problems.values() for text in found]

    return run


DRILLS = {
    "Domain names of REST, HTTP and WebSocket APIs": domains,
    "What ``certops.clm.cleanup`` needs beside": lambda aws, folder: cleaning(aws_api_domain, RestDomain(aws, folder)),
}
