# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of mutual TLS of API Gateway."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.lab.anchors import write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, ApiPlace, bucket
from ansible_collections.certops.clm.tests.unit.trust_stores.test_aws_api_trust_store import task


def rotating(aws, folder):
    """One domain name of each kind gets an anchor, and one more."""
    bucket(aws, BUCKET)
    write_anchors(folder)
    places = [ApiPlace(aws, "rest", "rest.example.com"), ApiPlace(aws, "http", "http.example.com")]

    def run():
        for place in places:
            for names in (("one",), ("one", "two")):
                outcome, _remarks = task(place, folder, *names)
                if outcome.state == "failed":
                    return [outcome.message, outcome.next_action]
        return []

    return run


DRILLS = {"Domain names of REST, HTTP and WebSocket APIs": rotating}
