# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of an estate in which every name from outside is hostile: hosts, groups and variables have names of ours."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone

import pytest
from hypothesis import given

from ansible_collections.certops.clm.plugins.module_utils.identifiers import is_name
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import encode
from ansible_collections.certops.clm.plugins.plugin_utils.estate import survey
from ansible_collections.certops.clm.plugins.plugin_utils.inventory_hosts import certificate_hosts, deployment_hosts, settings
from ansible_collections.certops.clm.plugins.plugin_utils.report.model import build
from ansible_collections.certops.clm.plugins.plugin_utils.report.write import page
from ansible_collections.certops.clm.tests.hostile import asn1
from ansible_collections.certops.clm.tests.hostile.malformed import kinds
from ansible_collections.certops.clm.tests.hostile.tally import TOO_LONG
from ansible_collections.certops.clm.tests.hostile.texts import BOUNDED, HOSTILE, TEXTS
from ansible_collections.certops.clm.tests.support.world import World

NOW = datetime.now(timezone.utc)
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
RESERVED = {"all", "localhost", "ungrouped", "127.0.0.1"}


def pem_of(text, number=1):
    """A certificate that says the text wherever it can."""
    return encode(
        "CERTIFICATE", asn1.leaf(names=asn1.dns(text), subject=asn1.common(text), issuer=asn1.common(text), serial=asn1.integer(number))
    )


def says(text, number=1):
    """What a hostile server says of itself: the text in every place, and keys of its own choice."""
    where = {"certificate_file": text, "config_file": text, "line": 3, "listen": [text], "server_names": [text], text: {text: [text]}}
    chain = [pem_of(text, number)]
    return [
        {"source": "servers", "kind": text, "where": where, "chain_pem": chain, "error": text},
        {"source": text, "kind": text, "where": {"host": text, "port": text, text: text}, "chain_pem": chain, "error": ""},
        {"source": text, "kind": text, "where": text, "chain_pem": [text], "error": text},
        {"source": text, "kind": 5, "where": {"certificate_file": [text]}, "chain_pem": text, "error": {text: text}},
        {"where": {"__ansible_unsafe": text, "__ansible_vault": text, "__ansible_type": text}, "chain_pem": chain},
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def looked(world, texts):
    """The estate when each of these texts is a server, and says so."""
    world.servers = {}
    for number, text in enumerate(texts, 1):
        world.server(text, *says(text, number), error=text)
    world.serve("web1.example.com|8443|shop.example.com|none", answer="could_not_look", error="".join(texts)[:5000])
    manifest = Manifest.parse(world.manifest, str(world.save()))
    return survey(manifest, ({"type": "findings"},), lambda: NOW)


def is_ours(made):
    """Hosts, groups and variables have harmless names, and values that JSON can hold."""
    assert len({host.name for host in made.hosts}) == len(made.hosts)
    for host in made.hosts:
        assert is_name(host.name) and host.name not in RESERVED
        assert all(IDENTIFIER.match(name) and name.startswith("clm_") for name in host.variables)
        assert len(json.dumps(host.variables, allow_nan=False)) < 1 << 20
    assert all(IDENTIFIER.match(group) and group.startswith("clm_") for group in made.groups)


def test_an_estate_of_hostile_servers_has_hosts_groups_and_variables_of_ours(world):
    estate = looked(world, HOSTILE.values())
    for made in (deployment_hosts(estate, NOW), certificate_hosts(estate, NOW)):
        assert len(made.hosts) > len(HOSTILE) // 2
        is_ours(made)
    assert all(IDENTIFIER.match(name) for name in settings(estate, [], NOW))


@BOUNDED
@given(TEXTS)
def test_a_server_of_any_name_has_hosts_of_ours(world, text):
    estate = looked(world, [text])
    is_ours(deployment_hosts(estate, NOW))
    is_ours(certificate_hosts(estate, NOW))


def test_every_malformed_certificate_is_a_host_like_any_other(world):
    world.servers = {}
    ders = [der for _what, der in kinds()]
    found = [
        {
            "source": "servers",
            "kind": "nginx",
            "where": {"certificate_file": f"/{number}"},
            "chain_pem": [encode("CERTIFICATE", der)],
            "error": "",
        }
        for number, der in enumerate(ders)
    ]
    world.server("web1", *found)
    estate = survey(Manifest.parse(world.manifest, str(world.save())), ({"type": "findings"},), lambda: NOW)
    made = deployment_hosts(estate, NOW)
    is_ours(made)
    assert len(made.hosts) == len(ders) + 1, "one that cannot be read takes none of the others with it"


def test_ten_thousand_names_are_a_thousand_in_a_host_and_five_in_a_report(world):
    names = [f"n{number}.example.com" for number in range(10_000)]
    world.servers = {}
    world.server("web1", {**says("x")[0], "chain_pem": [encode("CERTIFICATE", asn1.leaf(names=asn1.dns(*names)))]})
    begin = time.process_time()
    estate = survey(Manifest.parse(world.manifest, str(world.save())), ({"type": "findings"},), lambda: NOW)
    made = deployment_hosts(estate, NOW)
    is_ours(made)
    assert max(len(host.variables["clm_names"]) for host in made.hosts) == 1000
    lineage = {"lineage": "x", "names": names, "not_after": NOW}
    report = build(places=[], lineages=[lineage], unmanaged=[{"names": names}] * 300, events=[], ledger={}, now=NOW)
    assert report["lineages"][0]["names_text"].endswith("and 9995 more") and len(page(report)) < 1 << 20
    assert time.process_time() - begin < TOO_LONG
