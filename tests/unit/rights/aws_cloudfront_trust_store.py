# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of trust stores of CloudFront."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.lab.anchors import write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, CloudFrontPlace, bucket
from ansible_collections.certops.clm.tests.unit.trust_stores.test_aws_cloudfront_trust_store import task


def rotating(aws, folder):
    """A trust store is made and gets one more anchor; what a refused record left in doubt is replaced."""
    bucket(aws, BUCKET)
    write_anchors(folder)
    place = CloudFrontPlace(aws)

    def run():
        for names in (("one",), ("one", "two")):
            outcome = task(place, folder, *names, replace_unknown=True)
            if outcome.state == "failed":
                return [outcome.message, outcome.next_action]
        return []

    return run


def leaving(aws, folder):
    """It is taken away, and is not there in another run."""
    bucket(aws, BUCKET)
    write_anchors(folder)
    place = CloudFrontPlace(aws)
    assert task(place, folder, "one").state == "done"

    def run():
        for _again in range(2):
            outcome = task(place, folder, state="absent")
            if outcome.state == "failed":
                return [outcome.message, outcome.next_action]
        return []

    return run


DRILLS = {"Trust stores of CloudFront": rotating, "To take it away with ``state: absent``": leaving}
