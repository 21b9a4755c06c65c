# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook retire on a real nginx: refused while served, then unbound, revoked, its keys gone with evidence, its record kept."""

from __future__ import annotations

import json

import pytest

from ansible_collections.certops.clm.tests.integration.retention import history
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign

BEGIN, END, UNBIND = "May it end", "End it", "Unbind on this server"


def estate(lab, ansible, place):
    """`blog` on web1, deployed and proven; `shop` on the same nginx is nobody's here."""
    campaign = Campaign(lab, ansible, place, ["blog"])
    campaign.manifest["lineages"]["blog"]["take_over"] = True
    campaign.manifest["ledger"]["checkpoints"] = {"path": "second"}
    campaign.write()
    campaign.run().ok()
    assert lab.served("web1", "blog", verify=False) == campaign.current("blog")
    return campaign


def take_out_of_use(lab):
    """What the administrator does first: the server block goes, and nginx reloads. Returns the way back."""
    server = lab.servers["web1"]
    sites = server.sites
    server.sites = tuple(site for site in sites if site.name != "blog")
    server.configure()
    server.reload()
    return lambda: setattr(server, "sites", sites)


def sources(campaign, *more):
    """The inventory asks these beside the findings; JSON is YAML."""
    given = {"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": [{"type": "findings"}, *more]}
    (campaign.place / "certificates.clm.yml").write_text(json.dumps(given))


def files(lab):
    return [lab.hosts["web1"].real(f"/etc/nginx/tls/blog.{suffix}") for suffix in ("pem", "key")]


@pytest.fixture
def out_of_use(lab):
    """Takes blog out of use, and gives the lab its site back at the end."""
    undo = []
    yield lambda: undo.append(take_out_of_use(lab))
    for back in undo:
        back()


@pytest.mark.every_core
def test_a_whole_retirement(lab, ansible, tmp_path, out_of_use):
    campaign = estate(lab, ansible, tmp_path)
    (needle,) = history.keys(campaign, "blog")
    (serial,) = history.serials(campaign, "blog")
    served = campaign.run("retire", clm_lineage="blog")
    message = served.result(BEGIN)["msg"]
    assert served.rc != 0 and "still served" in message and "blog-web1" in message and not served.results(UNBIND)
    out_of_use()
    planned = campaign.run("retire", args=["--check", "--diff"], clm_lineage="blog", clm_key="destroy").ok()
    assert planned.result(END)["outcomes"]["blog"]["state"] == "planned" and all(path.exists() for path in files(lab))
    assert history.states(campaign, "blog") == ["proven"] and not (tmp_path / "ca" / "revoked.jsonl").exists()
    done = campaign.run("retire", args=["-vvvvv", "--diff"], clm_lineage="blog", clm_key="destroy").ok()
    outcome = done.result(END)["outcomes"]["blog"]
    assert outcome["state"] == "done" and history.states(campaign, "blog") == ["retired"] and not any(path.exists() for path in files(lab))
    assert history.revoked(campaign) == {serial: "Cessation Of Operation"} and history.keys(campaign, "blog") == []
    assert lab.hosts["web1"].holding(needle) == [] and needle.decode() not in done.output
    last = history.ended(campaign, "retire")[-1]
    spki = campaign.versions("blog")[0]["spki_sha256"]
    assert last["state"] == "done" and any(spki in row and "destroyed" in row for row in last["evidence"])
    assert any("blog.key" in row and spki in row for row in last["evidence"])
    assert [one["action"] for one in history.ended(campaign, "unbind")][-2:] == ["intent", "outcome"] and history.anchored(campaign)
    assert last["request_id"] == campaign.versions("blog")[0]["meta"]["request_id"]
    endpoints = campaign.manifest["lineages"]["blog"]["deployments"][0]["endpoints"]
    assert len(last["monitoring_closed"]) == len(endpoints) and all(str(endpoints[0]["port"]) in row for row in last["monitoring_closed"])
    again = campaign.run("retire", clm_lineage="blog", clm_key="destroy").ok()
    assert again.changed() == 0 and again.result(END)["outcomes"]["blog"]["state"] == "unchanged"
    assert json.loads((tmp_path / "observations.json").read_text())["endpoints"] == {}, "nobody looks at it any more"


@pytest.mark.every_core
def test_a_retired_lineage_is_not_issued_again_until_that_is_lifted(lab, ansible, tmp_path, out_of_use):
    campaign = estate(lab, ansible, tmp_path)
    out_of_use()
    campaign.run("retire", clm_lineage="blog").ok()
    assert history.states(campaign, "blog") == ["retired"] and len(history.keys(campaign, "blog")) == 1, "archived"
    campaign.force("please")
    rotated = campaign.run("rotate").ok()
    assert "retired" in rotated.output and "blog" in rotated.output and history.states(campaign, "blog") == ["retired"]
    issue = {"certificates": [{"lineage": "blog", "names": ["blog.lab.example"], "profile": {"lifetime": "90d"}}]}
    places = {
        "secret_store": {"type": "directory", "allow_ephemeral": True, "path": str(tmp_path / "store")},
        "ledger": {"path": str(tmp_path / "ledger"), "allow_ephemeral": True},
    }
    issuer = {"type": "local_ca", "path": str(tmp_path / "ca"), "passphrase_file": str(tmp_path / "passphrase")}
    task = {"name": "act", "certops.clm.certificate": {**issue, **places, "issuer": issuer}}
    direct = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    assert direct.rc == 2 and "was retired" in json.dumps(direct.result("act")["outcomes"])
    destroyed = campaign.run("retire", clm_lineage="blog", clm_key="destroy").ok()
    assert destroyed.result(END)["outcomes"]["blog"]["state"] == "done" and history.keys(campaign, "blog") == []
    campaign.run("retire", clm_lineage="blog", clm_retire="lifted").ok()
    assert history.states(campaign, "blog") == ["dropped"]
    assert "Left out" not in campaign.run("discover", clm_discover_then_rotate=True).output


def test_a_server_block_that_is_still_there_is_named_and_its_files_come_back(lab, ansible, tmp_path):
    """The block listens where nobody looks: only nginx itself can tell that it still wants the files."""
    campaign = estate(lab, ansible, tmp_path)
    server = lab.servers["web1"]
    sites = server.sites
    try:
        moved = [site if site.name != "blog" else type(site)(site.name, site.names, 8999) for site in sites]
        server.sites = tuple(moved)
        server.configure()
        server.reload()
        before = [path.read_bytes() for path in files(lab)]
        end = campaign.manifest["lineages"]["blog"]["deployments"][0]["endpoints"][0]
        sources(campaign, {"type": "endpoints", "endpoints": [{"host": end["host"], "port": 8999, "server_name": "blog.lab.example"}]})
        seen = campaign.run("retire", clm_lineage="blog")
        assert seen.rc != 0 and not seen.results(UNBIND)
        assert "blog is still served" in seen.result(BEGIN)["msg"] and "a source of the inventory found it" in seen.result(BEGIN)["msg"]
        sources(campaign)
        run = campaign.run("retire", clm_lineage="blog", clm_accept_fewer=["source 1 endpoints"])
        outcome = run.result(UNBIND)["outcomes"]
        (message,) = [one["message"] for one in outcome.values()]
        assert run.rc != 0 and "blog.pem" in message and "Its files are back" in message, message
        assert [path.read_bytes() for path in files(lab)] == before and history.states(campaign, "blog") == ["proven"]
        assert not (tmp_path / "ca" / "revoked.jsonl").exists() and "server block" in run.result(END)["msg"]
        assert lab.served("web1", "blog", verify=False) == campaign.current("blog")
    finally:
        server.sites = sites


def test_it_is_refused_when_blind_or_limited(lab, ansible, tmp_path, out_of_use):
    campaign = estate(lab, ansible, tmp_path)
    campaign.manifest["lineages"]["gone"] = {"names": ["gone.lab.example"]}
    history.earlier_versions(campaign, "gone", 1)  # only the store knows it: the manifest was not written
    sources(campaign, {"type": "secret_store"}, {"type": "endpoints", "endpoints": [{"host": "127.0.0.1", "port": 1}]})
    silent = campaign.run("retire", clm_lineage="gone")
    assert silent.rc != 0 and "Nothing was changed: source endpoints: 127.0.0.1:1" in silent.output and not silent.results(BEGIN)
    sources(campaign, {"type": "secret_store"})
    campaign.run("retire", clm_lineage="gone").ok()
    assert history.states(campaign, "gone") == ["retired"], "that it lies in the store is no reason to keep it"
    unknown = campaign.run("retire", clm_lineage="nobody")
    assert unknown.rc != 0 and "neither the manifest nor the secret store" in unknown.output
    out_of_use()
    others = campaign.run("retire", clm_lineage="nobody")
    missed = "the endpoints of the manifest together found 0 certificates, and 1"
    assert others.rc != 0 and missed in others.output, "what is gone is none of its own"
    limited = campaign.run("retire", args=["--limit", "web1"], clm_lineage="blog")
    assert limited.rc != 0 and "--limit" in limited.output
    lab.hosts["web1"].cut()
    blind = campaign.run("retire", clm_lineage="blog", clm_allow_blind=["all"])
    assert blind.rc != 0 and "not everything was seen" in blind.output
    lab.hosts["web1"].mend()
    assert campaign.run("retire").rc != 0, "no lineage is named"
    assert history.states(campaign, "blog") == ["proven"] and all(path.exists() for path in files(lab))
