# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP-01 by the real web servers of managed hosts: a real Pebble asks nginx, which serves what was written there over SSH."""

from __future__ import annotations

import re
import shutil
import textwrap
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.unit.issuers import make

WEBS = ("web1", "web2", "web3")
ROOT = "/srv/www"
GUIDE = Path(__file__).parents[3] / "docs" / "docsite" / "rst" / "guide_acme.rst"


@pytest.fixture
def ca(lab, tmp_path):
    """A Pebble, for which every web server of the lab serves a folder where it asks."""
    with pebble(tmp_path / "pebble") as running:
        for name in WEBS:
            lab.server(name).serve_folder(running.ports["http"], ROOT)
        yield running


def leads_to(ca, lab, name, *hosts):
    """The name has the addresses of these hosts."""
    ca.dns_says("add-a", host=f"{name}.", addresses=[lab.hosts[one].address for one in hosts])


def left(lab):
    """By host, the files that are left below its folder."""
    return {name: [path.name for path in lab.hosts[name].real(ROOT).rglob("*") if path.is_file()] for name in WEBS}


def issuer(ca, lab, **more):
    """An issuer whose proofs are on web servers."""
    return {"type": "acme", **ca.issuer(challenge={"type": "http_01_webroot", "root": lab.hosts["web1"].path(ROOT), **more})}


def published(run):
    """By the host that a proof was written on, how often."""
    results = [one for result in run.results("certops.clm.rotate : Publish proofs on web servers") for one in result["results"]]
    return sorted(one["item"]["host"] for one in results)


@contextmanager
def cut_once_published(host):
    """The host is away as soon as a proof is below its folder."""
    over = threading.Event()

    def cut():
        while not over.wait(0.05):
            if [path for path in host.real(ROOT).rglob("*") if path.is_file() and not path.name.startswith(".")]:
                over.wait(0.4)  # the module that wrote it ends first
                host.cut()
                return

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_rotation_proves_names_on_their_own_servers(lab, ansible, tmp_path, ca):
    """One whose folder is gone and one that is proven on a host that is away are red, and no others; then all is well, and stays so."""
    campaign = Campaign(lab, ansible, tmp_path, ["blog", "shop", "api"])
    roots = {name: lab.hosts[name].path(ROOT) for name in WEBS}
    campaign.manifest["issuers"].update(public=issuer(ca, lab, roots=roots), by_web3=issuer(ca, lab, hosts=["web3"], roots=roots))
    campaign.manifest["issuers"]["by_web1"] = issuer(ca, lab, hosts=["web1"], roots=roots)
    campaign.manifest["client_classes"]["web"] = {"anchors": str(ca.root_file)}
    campaign.manifest["defaults"].update(issuer="public", consumers=["web"])
    shop = campaign.manifest["lineages"]["shop"]
    every, shop["deployments"] = shop["deployments"], [one for one in shop["deployments"] if one["server"] == "web2"]
    campaign.manifest["lineages"]["api"]["issuer"] = "by_web3"
    campaign.manifest["lineages"]["kept"] = {"names": ["kept.lab.example"], "deployments": [], "issuer": "by_web1"}
    campaign.write()
    for name, hosts in {"blog": ["web1"], "kept": ["web1"], "shop": ["web2"], "www.shop": ["web2"], "api": ["web3"]}.items():
        leads_to(ca, lab, f"{name}.lab.example", *hosts)

    lab.hosts["web3"].cut()
    shutil.rmtree(lab.hosts["web2"].real(ROOT))
    run = campaign.run(clm_waves=["rest"])
    outcomes = campaign.outcomes(run)
    states = {server: outcome["state"] for server, outcome in outcomes.items()}
    assert states == {"web1": "done", "web2": "failed", "app1": "failed"}, run.output
    assert lab.served("web1", "blog", verify=False) == campaign.current("blog") and campaign.current("kept")
    said = {"web2": ["on web2", roots["web2"], "does not exist"], "app1": ["on web3", roots["web3"], "could not be reached"]}
    for server, words in said.items():
        assert all(word in outcomes[server]["message"] for word in words), outcomes[server]["message"]
        assert "certops.clm.rotate again" in outcomes[server]["next_action"]
    assert left(lab) == {name: [] for name in WEBS}

    lab.hosts["web3"].mend()
    lab.hosts["web2"].real(ROOT).mkdir()
    shop["deployments"] = [one for one in every if one["server"] != "web1"]
    campaign.write()
    for name in ("shop.lab.example", "www.shop.lab.example"):
        leads_to(ca, lab, name, "web2", "web3")
    run = campaign.run(clm_waves=["rest"]).ok()
    assert published(run) == ["web2", "web3", "web3"], "shop on both of its servers, once for all waves, and api on web3"
    assert lab.served("web2", verify=False) == lab.served("web3", verify=False) == campaign.current("shop")
    assert lab.served("app1", verify=False) == campaign.current("api") and left(lab) == {name: [] for name in WEBS}
    assert len(campaign.versions("shop")) == 1, "the second run went on with the key and the order of the first"

    # From the moment that the CA sees their proofs on, two hosts are away: all is done, and what is left there is told.
    for name in ("kept", "api"):
        campaign.manifest["lineages"][name]["forced"] = "once more"
    campaign.write()
    with ExitStack() as stack:
        for name in ("web1", "web3"):
            stack.enter_context(cut_once_published(lab.hosts[name]))
        run = campaign.run(clm_waves=["rest"]).ok()
    (proof,) = left(lab)["web3"]
    message = campaign.outcomes(run)["app1"]["message"]
    assert all(word in message for word in ("could not be taken away on web3", f"{roots['web3']}/.well-known/acme-challenge/{proof}"))
    assert f"are to be removed on web1: {roots['web1']}" in " ".join(run.result("What became of it")["msg"]) and len(left(lab)["web1"]) == 1
    for name in ("web1", "web3"):
        lab.hosts[name].mend()
        shutil.rmtree(lab.hosts[name].real(f"{ROOT}/.well-known"))

    again = campaign.run(clm_waves=["rest"]).ok()
    assert again.changed() == 0 and "0 due" in again.output and not published(again)


def test_the_example_of_the_guide(lab, ansible, tmp_path, ca):
    (text,) = (one for one in re.findall(r"code-block:: yaml\n\n((?:  .*\n|\n)+)", GUIDE.read_text()) if "Ask again" in one)
    roots = {name: lab.hosts[name].path(ROOT) for name in WEBS}
    challenge = {"type": "http_01_webroot", "root": roots["web1"], "hosts": ["web1", "web2"], "roots": roots}
    own = {"secret_store": {"type": "directory", "path": str(tmp_path / "store"), "allow_ephemeral": True},
           "ledger": {"path": str(tmp_path / "ledger"), "allow_ephemeral": True}}
    plays = yaml.safe_load(textwrap.dedent(text))
    for task in (plays[0]["tasks"][0], plays[0]["tasks"][1]["block"][1]):
        task["certops.clm.acme_certificate"].update(ca.issuer(challenge=challenge), **own)
        del task["certops.clm.acme_certificate"]["profile"]
    leads_to(ca, lab, "shop.example.com", "web1", "web2")
    inventory = lab.write_inventory(tmp_path / "hosts.json")
    first = ansible.playbook(plays, inventory=inventory).ok()
    assert len(first.result("Publish what the CA asks for")["results"]) == 2
    assert first.result("Ask again")["outcomes"]["shop"]["state"] == "done" and left(lab) == {name: [] for name in WEBS}
    assert make.store(tmp_path / "store").current("shop")
    second = ansible.playbook(plays, inventory=inventory).ok()
    assert second.changed() == 0 and not any(one.get("results") for one in second.results("Publish what the CA asks for"))
