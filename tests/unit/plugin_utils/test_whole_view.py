# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a look is whole enough to take away what it did not see."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Dict

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest, load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils import retiring, whole_view
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding

HOUR = timedelta(hours=1)


def test_a_lineage_that_was_never_issued_has_nothing_to_end():
    with pytest.raises(ClmError, match="no version of blog: there is nothing to end, and nothing was unbound"):
        retiring.refuse_unissued("blog", [])
    retiring.refuse_unissued("blog", [StoredVersion("blog", "000001-x", "issued")])


class Seen(World):
    """A world that was looked at completely; `manifest_of` is what the manifest says."""

    def __init__(self, folder: Path) -> None:
        api = {
            "names": ["api.example.com"],
            "deployments": [deployment("web2", certificate_file="/etc/tls/api.pem", key_file="/etc/tls/api.key")],
        }
        super().__init__(folder, data(shop={"names": ["shop.example.com"], "deployments": [deployment()]}, api=api))
        self.chain = self.authority.chain("shop.example")
        self.sha256 = Certificate.from_pem(self.chain[0]).sha256
        self.loaded: Manifest = load(str(self.save()))
        for name in self.loaded.servers:
            self.server(name)
        for one in self.loaded.deployments:
            for endpoint in one.endpoints:
                self.serve(endpoint.key, self.authority.chain("other.example"))

    @property
    def parsed(self) -> Observations:
        return Observations.parse(self.observations)

    def spots(self, **more: Any) -> Dict[str, str]:
        return whole_view.blind_spots(self.loaded, self.parsed, more.get("now", NOW), HOUR)


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path)


def test_a_whole_look_has_no_blind_spots(seen: Seen) -> None:
    assert seen.spots() == {}


def test_an_old_look_is_none(seen: Seen) -> None:
    assert list(seen.spots(now=NOW + 2 * HOUR)) == ["observations"] and list(seen.spots(now=NOW - HOUR)) == ["observations"]
    assert "never" in whole_view.blind_spots(seen.loaded, Observations(), NOW, HOUR)["observations"]


def test_every_silence_is_a_blind_spot(seen: Seen) -> None:
    server, place = seen.loaded.servers[0], seen.loaded.deployments[0]
    del seen.servers[server]
    assert seen.spots() == {server: f"{server}: it was not asked"}
    seen.server(server, reached=False, error="no route")
    assert "no route" in seen.spots()[server]
    seen.server(server, {"where": {"config_file": "/etc/nginx.conf"}, "error": "permission denied", "chain_pem": []})
    assert "permission denied" in seen.spots()[server]
    seen.server(server)
    key = place.endpoints[0].key
    for answer in ("could_not_look", "refused"):
        seen.serve(key, answer=answer, error="timed out")
        assert "timed out" in seen.spots()[place.id]
    del seen.endpoints[key]
    assert place.id in seen.spots()


def test_everything_that_was_seen_counts_as_in_use(seen: Seen) -> None:
    assert seen.sha256 not in whole_view.in_use(seen.parsed)
    seen.server("strange", finding("/etc/old.pem", seen.chain))
    assert "strange keeps it in /etc/old.pem" in whole_view.in_use(seen.parsed)[seen.sha256]
    assert seen.sha256 not in whole_view.serving(seen.parsed), "a file that nobody serves is no reason to refuse the end"
    seen.servers["strange"]["served"] = [{"endpoint": {"host": "h", "port": 1}, "answer": "answered", "sha256": seen.sha256}]
    assert whole_view.serving(seen.parsed)[seen.sha256] == ["h:1 serves it, as seen by strange"]
    seen.serve("h|1||none", seen.chain)
    assert any(place.startswith("h:1 serves it") for place in whole_view.serving(seen.parsed)[seen.sha256])


def test_a_part_of_the_inventory_is_refused(seen: Seen) -> None:
    whole_view.refuse_part({"awx_job_slice_count": 1})
    for part in ({"ansible_limit": "web1"}, {"awx_job_slice_count": 4}, {"tower_job_slice_count": "2"}):
        with pytest.raises(ConfigError, match="nothing was changed"):
            whole_view.refuse_part(part)
    everything = [*(one.id for one in seen.loaded.deployments), *seen.loaded.servers, "localhost"]
    assert whole_view.missing_hosts(seen.loaded, everything) == []
    assert whole_view.missing_hosts(seen.loaded, everything[1:]) == everything[:1]


def test_a_lineage_that_is_served_anywhere_does_not_end(seen: Seen) -> None:
    lineage = next(iter(seen.loaded.lineages.values()))
    version = StoredVersion(lineage.name, "000001-00000000", "proven", sha256=seen.sha256)
    retiring.refuse_served(lineage.name, lineage, [version], whole_view.serving(seen.parsed))
    seen.serve(lineage.deployments[0].endpoints[0].key, seen.chain)
    with pytest.raises(ClmError) as caught:
        retiring.refuse_served(lineage.name, lineage, [version], whole_view.serving(seen.parsed))
    assert lineage.deployments[0].id in caught.value.message and version.version in caught.value.message and caught.value.hint


def test_only_what_is_of_others_may_be_left_unseen(seen: Seen) -> None:
    lineage = next(iter(seen.loaded.lineages.values()))
    mine, theirs = lineage.deployments[0], next(one for one in seen.loaded.deployments if one.lineage != lineage.name)
    seen.serve(mine.endpoints[0].key, answer="could_not_look", error="refused")
    retiring.refuse_blind(seen.loaded, lineage, seen.parsed, NOW, HOUR, [])  # its own server looks there, and has to prove it
    seen.serve(theirs.endpoints[0].key, answer="could_not_look", error="down")
    with pytest.raises(ClmError, match="nothing is retired"):
        retiring.refuse_blind(seen.loaded, lineage, seen.parsed, NOW, HOUR, [])
    retiring.refuse_blind(seen.loaded, lineage, seen.parsed, NOW, HOUR, [theirs.id])
    seen.server(mine.server, reached=False, error="no route")
    with pytest.raises(ClmError, match="no route"):
        retiring.refuse_blind(seen.loaded, lineage, seen.parsed, NOW, HOUR, ["all"])
