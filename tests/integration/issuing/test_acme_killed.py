# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of ansible-playbook in the middle of an order: the rerun goes on with that order and its key, and nothing is issued twice."""

from __future__ import annotations

import signal

import pytest

from ansible_collections.certops.clm.tests.faults.ca_proxy import CERTIFICATE, FINALIZE, CaProxy
from ansible_collections.certops.clm.tests.integration.issuing.site import Site, play, states
from ansible_collections.certops.clm.tests.lab.host import signal_all, tree, wait_for
from ansible_collections.certops.clm.tests.lab.pebble import HOME, pebble
from ansible_collections.certops.clm.tests.unit.issuers import make


class Held:
    """Where a request of the run waits, in a folder, as the proxy has it."""

    def __init__(self, place):
        self.place = place
        place.mkdir()


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    """A Pebble behind a proxy that can hold one request."""
    place = tmp_path_factory.mktemp("killed")
    with pebble(place / "pebble", PEBBLE_WFE_NONCEREJECT=0) as running:
        running.proxy = CaProxy(place, HOME, (HOME, running.ports["acme"]), running.ca_file, place / "issued.jsonl")
        yield running
        running.proxy.close()


def counted(ca):
    """(orders that the CA made, certificates that it issued), by its own log."""
    log = (ca.place / "log").read_text()
    return log.count("orders in the db"), log.count("Issued certificate serial")


@pytest.mark.parametrize(("name", "path", "after"), [
    ("ordered", FINALIZE, False),  # the order is made and proven, and the CA has not heard of the request
    ("finalized", FINALIZE, True),  # the CA has it, and may have issued by now
    ("issued", CERTIFICATE, False),  # the CA has issued, and nobody has fetched it
])  # fmt: skip
def test_kill_9_in_mid_order_and_the_rerun_goes_on_with_it(ansible, tmp_path, ca, name, path, after):
    site, held = Site(tmp_path), Held(tmp_path / "held")
    site.kept["secret_store"]["lease_seconds"] = 5
    options = {**ca.issuer(), "directory": ca.proxy.directory, "ca_file": str(ca.proxy.ca_file)}
    names = [f"{name}.lab.example", f"www.{name}.lab.example"]
    plays = play(("certificate", {"issuer": {"type": "acme", **options}, **site.kept, "certificates": [{"lineage": name, "names": names}]}))
    before = counted(ca)
    ca.proxy.honest()
    ca.proxy.hold(path, held, after)
    process, _events = ansible.begin(plays, [])
    wait_for(lambda: (held.place / "at").exists() or process.poll() is not None, "the run in the middle of its order", seconds=90)
    signal_all(tree(process.pid), signal.SIGKILL)
    output, _nothing = process.communicate()
    (held.place / "go").touch()
    assert process.returncode == -signal.SIGKILL, output
    (left,) = make.store(tmp_path / "store").versions(name)
    assert left.state == "pending" and left.meta["ref"].startswith(ca.proxy.directory.removesuffix("/dir"))
    rerun = ansible.playbook(plays).ok()
    outcome = rerun.result("certificate 0")["outcomes"][name]
    assert outcome["state"] == "done" and "went on with the request of an earlier run" in outcome["message"]
    (whole,) = make.store(tmp_path / "store").versions(name)
    assert (whole.version, whole.spki_sha256, whole.meta["ref"]) == (left.version, left.spki_sha256, left.meta["ref"])
    assert tuple(now - then for now, then in zip(counted(ca), before)) == (1, 1), "nothing was ordered or issued twice"
    again = ansible.playbook(plays).ok()
    assert again.changed() == 0 and states(again.result("certificate 0")) == {name: "unchanged"}
