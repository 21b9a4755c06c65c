# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server family for real: one campaign over all of them while clients look all the time, and what each shows before and after.

They start here only, so that no other test pays for them.
"""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Dict, Iterator, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.observations import load
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, probe
from ansible_collections.certops.clm.plugins.module_utils.server_kinds import _index
from ansible_collections.certops.clm.plugins.module_utils.targets._server_chain import look_at_chain
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import spots_of
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import endpoints_of
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import sha256
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.apache import Apache
from ansible_collections.certops.clm.tests.lab.caddy import Caddy
from ansible_collections.certops.clm.tests.lab.dovecot import Dovecot
from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.mariadb import Mariadb
from ansible_collections.certops.clm.tests.lab.mosquitto import Mosquitto
from ansible_collections.certops.clm.tests.lab.pair import Pair
from ansible_collections.certops.clm.tests.lab.postfix import Postfix
from ansible_collections.certops.clm.tests.lab.prosody import Prosody
from ansible_collections.certops.clm.tests.lab.rabbitmq import Rabbitmq
from ansible_collections.certops.clm.tests.lab.redis import Redis
from ansible_collections.certops.clm.tests.lab.server import Site
from ansible_collections.certops.clm.tests.lab.slapd import Slapd
from ansible_collections.certops.clm.tests.lab.stunnel import Stunnel
from ansible_collections.certops.clm.tests.lab.tomcat import MANAGER, Tomcat
from ansible_collections.certops.clm.tests.lab.vsftpd import Vsftpd
from ansible_collections.certops.clm.tests.lab.watcher import Watcher
from ansible_collections.certops.clm.tests.support.environment import not_there

pytestmark = pytest.mark.xdist_group("family")  # all of them once, and not in each worker

ROTATED = (Apache, Stunnel, Mariadb, Postfix, Dovecot, Redis, Rabbitmq, Mosquitto, Caddy, Prosody)
LOOKED_AT = (Slapd, Vsftpd)  # they take a new certificate only when they start
PAIR = ("pair.lab.example",)
ROTATIONS = int(os.environ.get("CLM_FAMILY_ROTATIONS", "1"))


def name_of(kind: Any) -> str:
    """The lineage of that server; its host is the same with a 1."""
    return str(kind.__name__.lower())


def site_of(kind: Any) -> Site:
    """Its one site."""
    return Site(name_of(kind), (f"{name_of(kind)}.lab.example",))


LAYOUT: Dict[str, Any] = {f"{name_of(kind)}1": (kind, (site_of(kind),)) for kind in (*ROTATED, *LOOKED_AT)}
LAYOUT["pair1"] = (Pair, (Site("rsa", PAIR), Site("ecdsa", PAIR)))
if MANAGER.is_dir():
    LAYOUT["tomcat1"] = (Tomcat, (Site("pkcs12", ("tomcat.lab.example",)), Site("jks", ("java.lab.example",), 8444)))
STARTTLS = [f"{name_of(kind)}1" for kind in (*ROTATED, *LOOKED_AT) if kind.starttls != "none"]


@pytest.fixture(scope="module")
def family() -> Iterator[Lab]:
    """All of them on their first day; where one is not installed its tests skip."""
    lab = Lab(LAYOUT, keep_code=True)
    if not lab.isolated:
        not_there("unshare", "servers with fixed folders need a view of their own, and so root")
    with ThreadPoolExecutor(max_workers=len(LAYOUT)) as pool:  # each waits mostly for itself; a server ends with the thread that began it
        try:
            list(pool.map(lambda server: server.reset(), lab.start().servers.values()))
            yield lab
        finally:
            lab.stop()


@pytest.mark.parametrize("host", STARTTLS)
def test_what_a_real_server_serves_behind_starttls_is_seen_whole(family, host):
    server = family.server(host)
    site = server.sites[0]
    wanted = server.initial[site.name].sha256
    (seen,) = probe(Endpoint.from_dict(server.endpoint(site)))
    assert (seen.answer, seen.sha256, seen.sent) == ("answered", wanted, 2), seen.error
    (spot,) = spots_of(endpoints_of([server.endpoint(site)], "endpoints"))
    shown = look_at_chain(spot, "default", "openssl")
    assert [sha256(der) for der in shown.chain_der] == [sha256(der) for der in seen.chain_der], shown.detail


def rotated(family: Lab) -> List[str]:
    """The hosts of the campaign that are there."""
    return [host for host in family.servers if host.removesuffix("1") in [*map(name_of, ROTATED), "pair", "tomcat"]]


def usual(target: Dict[str, Any]) -> Dict[str, Any]:
    """Without the check and the reload that the kind itself says, so that these are what runs."""
    options = _index.options_of(target["kind"])
    return {key: value for key, value in target.items() if key not in ("check", "reload") or value != options[key]["default"]}


def campaign_of(family: Lab, ansible: Any, place: Any) -> Campaign:
    lineages = [site.name for host in rotated(family) for site in family.servers[host].sites]
    campaign = Campaign(family, ansible, place, lineages)
    for name, lineage in campaign.manifest["lineages"].items():
        for deployment in lineage["deployments"]:
            deployment["target"] = usual(deployment["target"])
            deployment.update({"slot": name} if name in ("rsa", "ecdsa") else {})
    campaign.manifest["profiles"]["rsa"] = {"lifetime": "90d", "key_type": "rsa-2048"}
    campaign.manifest["lineages"].get("rsa", {})["profile"] = "rsa"
    campaign.write()
    return campaign


def watcher(family: Lab, campaign: Campaign, host: str) -> Watcher:
    server, anchors = family.servers[host], family.ca.root_pem + campaign.root_pem
    where = (server.host.address, server.sites[0].port, server.sites[0].names[0])
    return Watcher(*where, anchors=anchors, starttls=server.starttls, interval=0.1)


def signed(family: Lab, cipher: str, signature: bytes) -> str:
    """SHA-256 of what openssl itself is shown when it takes only that signature, which the handshake then has."""
    server = family.servers["pair1"]
    place = ["-connect", f"{server.host.address}:{server.sites[0].port}", "-servername", PAIR[0]]
    done = subprocess.run(["openssl", "s_client", "-tls1_2", "-cipher", cipher, *place], input=b"", capture_output=True, check=True)
    assert b"Peer signature type: " + signature in done.stdout
    leaf = subprocess.run(["openssl", "x509", "-outform", "DER"], input=done.stdout, capture_output=True, check=True).stdout
    return sha256(leaf)


def test_one_campaign_rotates_them_all_and_no_client_sees_an_error(family, ansible, tmp_path):
    campaign = campaign_of(family, ansible, tmp_path)
    hosts = rotated(family)
    with ExitStack() as stack:
        watchers = {host: stack.enter_context(watcher(family, campaign, host)) for host in hosts}
        for number in range(ROTATIONS):
            campaign.force(f"rotation {number}" if number else "")
            run = campaign.run(clm_waves=["rest"], rotate_soak=0, timeout=400).ok()
    now = {name: campaign.current(name) for name in campaign.manifest["lineages"]}
    for host in hosts:
        for site in family.servers[host].sites if host != "pair1" else ():
            assert family.served(host, site.name, verify=False) == now[site.name], host
    if "pair1" in hosts:
        assert signed(family, "aRSA", b"RSA") == now["rsa"] and signed(family, "aECDSA", b"ECDSA") == now["ecdsa"]
    verdicts = [event["result"]["outcome"]["state"] for event in run.events if event.get("task", "").endswith("Verdict")]
    assert verdicts == ["done"] * len(now)
    assert {host: one.errors for host, one in watchers.items() if one.errors} == {}
    few = {host for host, one in watchers.items() if len(set(one.seen)) < ROTATIONS + 1}
    assert few == set(), "each was seen with the old and every new one"
    print({host: len(one.looks) for host, one in watchers.items()})
    found = {(server, one["kind"], one["where"].get("certificate_file"), one["error"])
             for server, look in load(str(tmp_path / "observations.json")).servers.items() for one in look.findings}  # fmt: skip
    for host in hosts:
        server = family.servers[host]
        for site in server.sites:
            error = "" if site.name != "pkcs12" else f"{server.certificate_file(site)} is a keystore that only its password opens"
            assert any(one[:3] == (host, server.kind, server.certificate_file(site)) and one[3].startswith(error) for one in found), host
    assert campaign.run(timeout=400).ok().changed() == 0
    rolled_back(family, campaign)


def rolled_back(family: Lab, campaign: Campaign) -> None:
    """A reload that says yes and does nothing: the old files are back, and what is served never changed."""
    host = "mosquitto1"
    first, server = campaign.current("mosquitto"), family.server(host)
    key = family.hosts[host].real(f"{server.folder}/mosquitto.key")
    before = key.read_text()
    (place,) = campaign.manifest["lineages"]["mosquitto"]["deployments"]
    place["target"]["reload"] = {"command": ["true"]}
    campaign.manifest["lineages"]["mosquitto"]["forced"] = "a reload that lies"
    campaign.write()
    run = campaign.run(rotate_proof_timeout=3, timeout=400)
    assert list(campaign.outcomes(run)) == [host], run.output[-3000:]
    (outcome,) = campaign.outcomes(run).values()
    assert run.rc == 2 and outcome["state"] == "rolled_back", outcome
    assert first in outcome["message"] and family.served(host, verify=False) == first and key.read_text() == before


def test_keystores_are_adopted_by_review_and_rotated_with_what_they_have(family, ansible, tmp_path):
    """The second one opens by its password only: a person says its names, its password's file and the reload."""
    if "tomcat1" not in family.servers:
        not_there("tomcat10")
    server, campaign = family.server("tomcat1"), Campaign(family, ansible, tmp_path, [])
    campaign.manifest["include"] = ["adopted.yml"]
    campaign.write()
    campaign.run("discover", clm_hosts="tomcat1").ok()
    campaign.run("adopt").ok()
    text = (tmp_path / "proposed.yml").read_text()
    assert text.count("layout: pkcs12") == text.count("layout: jks") == 1 and text.count("- CHANGE-ME") == 1
    said = {"/CHANGE-ME": server.password_file, "systemd: CHANGE-ME": f"command: {json.dumps(server.reload_option()['command'])}",
            "- CHANGE-ME": f"- {server.sites[0].names[0]}", "reviewed: false": "reviewed: true"}  # fmt: skip
    for old, new in said.items():
        text = text.replace(old, new)
    (tmp_path / "proposed.yml").write_text(text)
    campaign.run("adopt", clm_adopt="accepted").ok()
    before = {site.name: family.served("tomcat1", site.name, verify=False) for site in server.sites}
    campaign.run(clm_waves=["rest"], rotate_soak=0, timeout=200).ok()
    for site in server.sites:
        served = family.served("tomcat1", site.name, verify=False)
        assert served != before[site.name] and served in {campaign.current(one.name) for one in (tmp_path / "store" / "lineages").iterdir()}
    keystore, password = (family.hosts["tomcat1"].real(path) for path in (server.certificate_file(server.sites[1]), server.password_file))
    words = ["keytool", "-list", "-keystore", str(keystore), "-storepass:file", str(password)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True)
    assert server.alias in shown.stdout.lower() and "1 entry" in shown.stdout
    assert campaign.run("adopt").ok().changed() == 0
