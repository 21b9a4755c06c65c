# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill of places that verify their clients."""

from __future__ import annotations

from ansible_collections.certops.clm.tests.lab.anchors import write_anchors
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, bucket
from ansible_collections.certops.clm.tests.unit.trust_stores.test_aws_mutual_tls import store, verify


def verifying(kind):
    """The drill for a kind of place: one begins to verify by a trust store that is there, and ends."""

    def drill(aws, folder):
        bucket(aws, BUCKET)
        write_anchors(folder)
        place = kind(aws)
        place.folder = folder
        assert store(place).state == "done"

        def run():
            for mode in (place.on, "off"):
                outcome = verify(place, mode)
                if outcome.state == "failed":
                    return [outcome.message, outcome.next_action]
            return []

        return run

    return drill
