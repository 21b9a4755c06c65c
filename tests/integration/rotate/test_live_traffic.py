# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that connect all the time see the old or the new certificate with its full chain, and never an error.

CLM_ROTATIONS=20 rotates so often (a rotation of all six servers is about 20 s); without it three times.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from ansible_collections.certops.clm.tests.integration.rotate.campaign import OTHERS, SHOP, Campaign
from ansible_collections.certops.clm.tests.lab.watcher import Held

ROTATIONS = int(os.environ.get("CLM_ROTATIONS", "3"))


def hold(lab, campaign, name):
    """A connection to the server of that host that is only held."""
    site, server = lab.site(name), lab.server(name)
    anchors = campaign.root_pem + lab.ca.root_pem
    return Held(lab.hosts[name].address, site.port, site.names[0], anchors=anchors, starttls=server.starttls)


def test_no_client_ever_sees_an_error(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", *OTHERS])
    places = [*SHOP, *OTHERS.values()]
    lineages = {**dict.fromkeys(SHOP, "shop"), **{name: lineage for lineage, name in OTHERS.items()}}
    expected = {name: [lab.servers[name].initial[lineages[name]].sha256] for name in places}
    held_states = []
    with ExitStack() as stack:
        watchers = {name: stack.enter_context(lab.watcher(name, anchors=campaign.root_pem)) for name in places}
        for number in range(ROTATIONS):
            held = {name: hold(lab, campaign, name) for name in places}
            campaign.force(f"rotation {number}")
            campaign.run(rotate_soak=0, rotate_soak_canary=0, clm_waves=["rest"]).ok()
            for name in places:
                expected[name].append(campaign.current(lineages[name]))
                held_states.append((name, held[name].state()))
                held[name].close()
    assert {name: watcher.errors for name, watcher in watchers.items() if watcher.errors} == {}
    for name, watcher in watchers.items():
        seen = list(dict.fromkeys(watcher.seen))
        assert seen == expected[name], f"{name}: every certificate once, in their order, and no other"
    assert {state for _name, state in held_states} <= {"open", "closed"}, held_states
    print(f"{ROTATIONS} rotations, {sum(len(watcher.looks) for watcher in watchers.values())} connections, no error")
