# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of trust stores of load balancers."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.lab.anchors import revocation_list, write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, ElbPlace, bucket
from ansible_collections.certops.clm.tests.unit.trust_stores.test_aws_elbv2_trust_store import task


def rotating(aws, folder):
    """A trust store is made, gets one more anchor, and a list that is replaced."""
    bucket(aws, BUCKET)
    place, anchors = ElbPlace(aws), write_anchors(folder)
    for number, name in enumerate(("old", "new")):
        (folder / f"{name}.crl").write_text(revocation_list(anchors["one"], [number]))

    def run():
        for names, lists in ((("one",), ["old"]), (("one", "two"), ["old"]), (("one", "two"), ["new"])):
            outcome, _remarks = task(place, folder, *names, lists=lists)
            if outcome.state == "failed":
                return [outcome.message, outcome.next_action]
        return []

    return run


def leaving(aws, folder):
    """It is taken away, and is not there in another run."""
    bucket(aws, BUCKET)
    write_anchors(folder)
    place = ElbPlace(aws)
    assert task(place, folder, "one")[0].state == "done"

    def run():
        for _again in range(2):
            outcome, _remarks = task(place, folder, state="absent")
            if outcome.state == "failed":
                return [outcome.message, outcome.next_action]
        return []

    return run


DRILLS = {"Anchors, and lists by ``revocation_lists``": rotating, "To take it away with ``state: absent``": leaving}
