# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much every source found against the last accepted look: what is refused, what is accepted, and what is kept."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.manifest import load
from ansible_collections.certops.clm.plugins.module_utils.observations import Observations, counts_file
from ansible_collections.certops.clm.plugins.plugin_utils import blindness
from ansible_collections.certops.clm.plugins.plugin_utils.blindness import Counted, Kept
from ansible_collections.certops.clm.tests.support.manifests import data, deployment
from ansible_collections.certops.clm.tests.support.world import NOW, World, finding


@pytest.mark.parametrize(
    ("before", "now", "share", "refused"),
    [
        (10, 10, 0.5, False),
        (10, 6, 0.5, False),
        (10, 5, 0.5, True),  # cut in half
        (2, 1, 0.5, True),
        (1, 0, 0.0, True),  # nothing at all is refused at every share
        (10, 1, 0.0, False),
        (10, 10, 0.99, False),  # as much as last time is never too little
        (10, 20, 0.5, False),
        (0, 0, 0.5, False),
    ],
)
def test_too_little_is_no_more_than_the_share_of_the_last_accepted_look(before, now, share, refused):
    found = blindness.fewer(Kept({"server web1": before}), Counted({"server web1": now}, ("server web1",)), (), share)
    assert bool(found) is refused
    if refused:
        assert found["server web1"] == (
            f"server web1 found {now} certificates, and {before} in the last accepted look; "
            'if that is right, accept it once with -e \'{"clm_accept_fewer": ["web1"]}\''
        )


def test_what_left_the_configuration_is_missed_and_what_did_not_answer_is_not_judged():
    kept = Kept({"source 1 endpoints": 4, "server web1": 2})
    found = blindness.fewer(kept, Counted({}, ("server web1",)), (), 0.5)
    assert set(found) == {"source 1 endpoints"}
    assert "source 1 endpoints is not configured any more, and found 4" in found["source 1 endpoints"]
    assert blindness.fewer(kept, Counted({}, ()), tuple(kept.found), 0.5) == {}, "nobody misses what has ended"


@pytest.mark.parametrize(("answered", "most", "refused"), [(4, 4, False), (2, 4, True), (0, 0, False), (4, 10, True)])
def test_endpoints_that_the_manifest_names_no_more_are_not_missed(answered, most, refused):
    found = blindness.fewer(Kept({"endpoints": 10}), Counted({"endpoints": answered}, ("endpoints",), {"endpoints": most}), (), 0.5)
    assert bool(found) is refused and all(text.startswith("the endpoints of the manifest together") for text in found.values())


def test_a_manifest_that_was_cut_is_a_source_that_found_too_little():
    found = blindness.fewer(Kept({"manifest": 4}), Counted({"manifest": 2}, ("manifest",)), (), 0.5)
    assert found["manifest"].startswith("the manifest names 2 deployments, and 4 in the last accepted look; if that is right")


def test_numbers_of_what_was_refused_silent_or_not_asked_stay_as_they_were():
    kept = Kept({"server a": 4, "server b": 4, "server c": 4, "server d": 4, "server gone": 1})
    counted = Counted({"server a": 1, "server b": 6}, ("server a", "server b", "server c"))
    assert blindness.updated(kept, counted, {"server a"}, {"server d"}) == {"server a": 4, "server b": 6, "server c": 4, "server d": 4}


@pytest.mark.parametrize(("name", "names", "wanted"), [
    ("server web1", ["web1"], True), ("server web1", ["server web1"], True), ("endpoints", ["endpoints"], True),
    ("server web1", ["all"], True), ("server web1", ["web"], False), ("source 1 endpoints", ["endpoints"], False),
])  # fmt: skip
def test_somebody_accepts_by_name(name, names, wanted):
    assert blindness.accepted(name, names) is wanted


@pytest.fixture
def world(tmp_path):
    places = [deployment(f"web{number}") for number in (1, 2)]
    return World(tmp_path, data(shop={"names": ["shop.example.com"], "deployments": places}))


def test_each_place_counts_once_and_only_what_answered(world):
    chain = world.authority.chain("shop.example.com")
    both = [finding("/etc/tls/shop.pem", chain), finding("/etc/tls/shop.pem", chain, kind="generic")]
    world.server("web1", *both, finding("/etc/tls/other.pem", chain), finding("/etc/tls/empty.pem", error="no certificate"))
    world.server("web2", reached=False, error="it was cut off")
    world.server("web9", finding("/etc/tls/shop.pem", chain))  # somebody searched it once
    world.serve("web1.example.com|8443|shop.example.com|none", chain)
    manifest, seen = load(str(world.save())), Observations.parse(world.observations)
    sources = {
        "0 findings": {"type": "findings", "found": 3, "error": ""},
        "1 endpoints": {"type": "endpoints", "found": 2, "error": ""},
        "2 endpoints": {"type": "endpoints", "found": 0, "error": "no route"},
    }
    counted = blindness.count(manifest, seen, sources)
    assert counted.found == {"manifest": 2, "server web1": 2, "endpoints": 1, "source 1 endpoints": 2}
    named = {"manifest", "server web1", "server web2", "endpoints", "source 1 endpoints", "source 2 endpoints"}
    assert set(counted.configured) == named and counted.most == {"endpoints": 2}
    assert blindness.silent(sources) == {"source 2 endpoints": "source 2 endpoints did not answer: no route"}
    assert blindness.ended(manifest, {"shop"}) == {"manifest": 2, "endpoints": 2, "server web1": 1, "server web2": 1}
    assert blindness.ended(manifest, ()) == {}
    assert Kept({"server web1": 2, "endpoints": 1}).without({"endpoints": 2, "server web1": 1}).found == {"server web1": 1, "endpoints": 0}


def test_the_numbers_are_kept_beside_the_observations_and_a_damaged_file_is_no_first_look(tmp_path):
    path = counts_file(str(tmp_path / "observations.json"))
    assert path == str(tmp_path / "observations.counts.json")
    assert blindness.load(path) == Kept(first=True)
    blindness.save(path, {"server web1": 2}, ["old"], NOW)
    assert blindness.load(path) == Kept({"server web1": 2}, ("old",))
    for text in ("{", "[]", '{"version": 2}', '{"version": 1, "found": {"a": "b"}, "retired": []}'):
        (tmp_path / "observations.counts.json").write_text(text)
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            blindness.load(path)
        assert "remove it to begin anew" in str(caught.value.hint)


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, "half", None])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ConfigError, match="is no share"):
        blindness.share(value)


def test_numbers_that_are_lost_are_named_with_the_next_command():
    said = blindness.lost("/volume/observations.counts.json", "shop")
    assert "/volume/observations.counts.json is not there, though shop was rotated before" in said
    assert said.endswith("""once with -e '{"clm_accept_fewer": ["counts"]}'""") and blindness.accepted(blindness.COUNTS, ["counts"])
