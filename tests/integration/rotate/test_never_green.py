# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is green by accident: sources that do not answer, find nothing or half, hosts that are not there, and parts of an inventory."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.certops.clm.tests.integration.rotate.campaign import SHOP, Campaign

LOOKED, AHEAD, BEGIN = "Fail when something could not be looked at", "What is ahead", "Begin the rotation"
REPORT, CONTROLLER = "Fail when something was not seen", "Fail when --limit leaves the controller out"
ENDED = "Fail when the ledger was not written, or something was not seen"
BLIND = "This run would be blind, so it stops before anything is changed"


def configure(campaign, sources, **more):
    """The inventory's own sources."""
    text = json.dumps({"plugin": "certops.clm.certificates", "manifest": "manifest.yml", "sources": sources, **more})
    (campaign.place / "certificates.clm.yml").write_text(text)


def live(lab, *names):
    """The inventory's own list of endpoints."""
    wanted = [end for item in lab.deployments("shop") for end in item["endpoints"]]
    return {"type": "endpoints", "timeout": 2, "endpoints": [wanted[SHOP.index(name)] for name in names]}


def initial(lab):
    return {name: lab.servers[name].initial["shop"].sha256 for name in SHOP}


def untouched(lab, campaign):
    """Nothing was issued, nothing was deployed."""
    store = campaign.place / "store" / "lineages"
    return {name: lab.served(name) for name in SHOP} == initial(lab) and not store.exists()


def failure(run, task):
    """What the run said when it failed."""
    assert run.rc == 2, run.output
    (found,) = run.results(task)
    return found["msg"]


def each_is_red(lab, campaign, *texts, **extra):
    """discover and report do their work and fail at their end, rotate stops before any change; all say the texts."""
    said = failure(campaign.run("discover", **extra), LOOKED)
    assert all(text in said for text in texts), said
    said = failure(campaign.run("report", **extra), REPORT)
    assert all(text in said for text in texts), said
    assert "this ends first, shop at " in said and f"`ansible-playbook -i {campaign.inventories[0]}" in said and "runbook_blind" in said
    page = (campaign.place / "report" / "report.html").read_text()
    assert "What was not seen" in page and campaign.report()["tone"] == "bad"
    said = failure(campaign.run(**extra), BEGIN)
    assert said.startswith(BLIND) and all(text in said for text in texts), said
    assert "this ends first, shop at " in said and "certops.clm.rotate`" in said and "runbook_blind" in said
    assert untouched(lab, campaign)


@pytest.mark.every_core
def test_a_source_that_raises_is_named_with_its_error_also_behind_a_cache(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    configure(campaign, [{"type": "findings"}, live(lab, "web1")], **cache)
    assert "There is no earlier look to compare the numbers with." in campaign.run("discover").ok().result("What was seen")["msg"]
    assert list((tmp_path / "cache").iterdir())
    configure(campaign, [{"type": "findings"}, {**live(lab, "web1"), "timeout": "soon"}], **cache)
    each_is_red(lab, campaign, "ValueError: could not convert string to float: 'soon'")
    run = campaign.run(args=["--check"], clm_allow_blind=["source 1 endpoints"]).ok()
    assert "It goes on without having seen this: source 1 endpoints did not answer" in run.result(AHEAD)["msg"]


@pytest.mark.every_core
def test_a_source_that_finds_nothing_or_half_is_refused_with_both_numbers_until_somebody_accepts_it(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    configure(campaign, [{"type": "findings"}, live(lab, "web1", "web2"), live(lab, "web1", "web2")])
    campaign.run("discover").ok()
    configure(campaign, [{"type": "findings"}, {**live(lab), "endpoints": []}, live(lab, "web1")])
    web1 = lab.hosts["web1"].real("/etc/nginx/nginx.conf")
    web1.write_text(web1.read_text().rpartition("  server {")[0] + "}\n")  # not reloaded: both sites are served as before
    texts = (
        "source 1 endpoints found 0 certificates, and 2 in the last accepted look",
        "source 2 endpoints found 1 certificates, and 2 in the last accepted look",
        "server web1 found 1 certificates, and 2 in the last accepted look",
        'clm_accept_fewer": ["web1"]',
    )
    each_is_red(lab, campaign, *texts)
    failure(campaign.run("discover", clm_accept_fewer=["web1"]), LOOKED)
    campaign.run("discover", clm_accept_fewer=["source 1 endpoints", "source 2 endpoints"]).ok()
    campaign.run("discover").ok()
    configure(campaign, [{"type": "findings"}])
    each_is_red(lab, campaign, "source 2 endpoints is not configured any more, and found 1 certificates in the last accepted look")
    campaign.run("report", args=["--check"], clm_accept_fewer=["all"]).ok()


@pytest.mark.every_core
def test_a_server_that_is_cut_off_and_one_that_the_inventory_lacks_are_named(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    hosts = json.loads((tmp_path / "hosts.json").read_text())
    del hosts["all"]["children"]["lab"]["hosts"]["web3"]
    (tmp_path / "hosts.json").write_text(json.dumps(hosts))
    lab.hosts["web2"].cut()
    each_is_red(lab, campaign, "web2: it was not reached", "web3")


@pytest.mark.every_core
def test_a_server_on_which_no_module_can_answer_is_told_by_what_it_printed_and_what_to_try(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path, ["api"])
    lab.write_inventory(tmp_path / "hosts.json", ansible_become=True, ansible_become_user="nobody")  # who may not even run its Python
    run = campaign.run(clm_allow_blind=["app1"])
    told = ("the module gave no answer there", ", exit code 126: ", "/python/bin/python: Permission denied",
            "`ansible SERVER -i hosts.yml -m ansible.builtin.ping`")  # fmt: skip
    ahead, (outcome,) = run.result(AHEAD)["msg"], campaign.outcomes(run).values()
    (verdict,) = run.results("certops.clm.rotate : Verdict")
    assert run.rc == 2 and all(text in said for text in told for said in (ahead, verdict["msg"])), run.output
    said = verdict["msg"]
    assert said.startswith("api on app1, ") and "failed at step deploy" in said and "Served now: SHA-256" in said
    assert "deserialization" not in said and "MODULE FAILURE" not in said
    assert outcome["runbook_page"].endswith("runbook_deploy.rst") and "certops.clm.rotate`" in said


def test_observations_that_are_damaged_and_an_inventory_that_is_not_read_are_red(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    (tmp_path / "observations.json").write_text('{"version": 1, "serv')
    run = campaign.run("report")
    assert run.rc == 2 and "observations.json is no JSON" in run.output
    (tmp_path / "certificates.clm.yml").write_text("plugin: certops.clm.certificates\nmanifest: elsewhere.yml\n")
    for playbook in ("discover", "report", "rotate", "rollback", "adopt", "cleanup", "impact", "retire"):
        run = campaign.run(playbook, clm_lineage="shop", clm_impact_host="web1")
        assert run.rc == 2 and "No inventory of the plugin certops.clm.certificates was read" in run.output, playbook
    assert untouched(lab, campaign)


@pytest.mark.every_core
def test_a_limit_says_that_the_run_is_partial_and_what_it_leaves_out(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    for playbook in ("discover", "rotate", "report"):
        assert "leaves out localhost" in failure(campaign.run(playbook, args=["--limit", "shop-web1-*"]), CONTROLLER)
    campaign.run("discover").ok()
    limit = ["--limit", "localhost,web1,shop-web1-*"]
    run = campaign.run(args=limit).ok()
    said = run.result(AHEAD)["msg"]
    limited = "limited to 'localhost,web1,shop-web1-*' (--limit)"
    assert "1 due in this part. " in said and f"Partial: {limited}; 1 of 3 managed deployments are in this run." in said
    assert "2 are due and left out of it: shop-web2" in said
    assert "What 2 servers serve stands as it was seen before: web2, web3." in run.result("What was seen")["msg"]
    moved = {name for name in SHOP if lab.served(name, verify=False) != initial(lab)[name]}
    assert moved == {"web1"} and set(campaign.outcomes(run)) == {"web1"}
    (begun,) = [event for event in campaign.events() if (event["action"], event["step"]) == ("campaign", "start")]
    assert (begun["partial"], begun["in_run"], begun["left_out"]) == (True, 1, 2)
    assert campaign.report()["part"].startswith(f"The run was partial, {limited}: it had 1 of")
    again = campaign.run(args=limit).ok().result(AHEAD)["msg"]
    assert "0 due in this part. Nothing to do in this part. The next one is shop at 20" in again and "2 are due and left out of it" in again
    assert "The run was partial" in campaign.run("report").ok().result("Where it is")["msg"]


@pytest.mark.every_core
def test_numbers_that_did_not_outlive_the_run_make_a_look_blind_and_no_first_one(lab, ansible, tmp_path):
    campaign, counts = Campaign(lab, ansible, tmp_path, ["api"]), tmp_path / "observations.counts.json"
    campaign.run().ok()
    counts.unlink()
    told = (f"nobody knows how much was found before: {counts} is not there, though api was rotated before",
            """begin anew once with -e '{"clm_accept_fewer": ["counts"]}'""")  # fmt: skip
    for playbook, task in (("discover", LOOKED), ("rotate", BEGIN)):
        said = failure(campaign.run(playbook), task)
        assert all(text in said for text in told) and not counts.exists(), said
    campaign.run(clm_accept_fewer=["counts"]).ok()
    assert counts.exists()
    campaign.run("discover").ok()


def exported(campaign):
    """The whole inventory as AWX keeps it: plain groups, hosts and variables."""
    inventories = [part for path in campaign.inventories for part in ("-i", str(path))]
    command = [str(campaign.ansible.bin / "ansible-inventory"), *inventories, "--list", "--export"]
    done = subprocess.run(command, env=campaign.ansible.environment(), capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def sliced(campaign, number, count, whole=()):
    """Every count-th host by name, as AWX gives a sliced job; the hosts of `whole` are in every slice."""
    data = exported(campaign)
    values = data.pop("_meta")["hostvars"]
    names = sorted(set(values) - set(whole))[number - 1 :: count]
    kept = {name: values[name] for name in (*names, *whole)}
    groups = {
        group: {
            "hosts": {name: {} for name in found.get("hosts", []) if name in kept},
            "vars": found.get("vars", {}),
            "children": {child: {} for child in found.get("children", [])},
        }
        for group, found in data.items()
        if group not in ("all", "ungrouped")
    }
    path = campaign.place / f"slice-{number}.json"
    path.write_text(json.dumps({"all": {"hosts": kept, "vars": data["all"].get("vars", {}), "children": groups}}))
    return path


def many(campaign):
    """Twelve more deployments of one service, on one server, each of a lineage of its own: no canary is waited for."""
    for number in range(1, 13):
        place = {"kind": "generic", "certificate_file": f"/etc/clm/{number}.pem", "key_file": f"/etc/clm/{number}.key",
                 "reload": {"command": ["/bin/true"]}}  # fmt: skip
        deployment = {"server": "app1", "target": place, "endpoints": [{"host": "127.0.0.1", "port": 9}]}
        campaign.manifest["lineages"][f"many{number:02}"] = {
            "names": [f"many{number:02}.lab.example"], "service": "many", "deployments": [deployment]
        }  # fmt: skip
    campaign.write()


@pytest.mark.every_core
def test_slices_say_that_they_are_partial_and_together_they_are_everything(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    campaign.manifest["secret_store"]["shared"] = True
    campaign.write()
    campaign.run("discover").ok()
    awx = sliced(campaign, 1, 2)  # AWX cuts the servers too
    extra = campaign.settings(clm_slices=2)
    run = ansible.playbook("certops.clm.rotate", inventory=awx, extra=extra)
    assert "In a slice every server of its deployments is needed." in failure(run, BEGIN) and untouched(lab, campaign)
    run = ansible.playbook("certops.clm.rotate", inventory=awx, extra=campaign.settings())
    assert run.rc == 2 and "which the inventory does not have" in failure(run, BEGIN), "nobody said that it is a slice"
    awx = sliced(campaign, 1, 2, whole=tuple(lab.hosts))
    for inventory, more in (([awx], {}), (campaign.inventories, {"clm_slice": 1})):
        run = ansible.playbook("certops.clm.rotate", inventory=inventory, extra={**extra, **more})
        said = failure(run, BEGIN)
        assert "proven nowhere yet, which a slice never tries: shop" in said and untouched(lab, campaign), "the canaries go first"
        assert "--limit 'localhost,clm_canary,clm_servers'" in said
    campaign.run(args=["--limit", "localhost,clm_canary,clm_servers"]).ok()
    run = ansible.playbook("certops.clm.rotate", inventory=awx, extra=extra)
    said = failure(run, BEGIN)
    assert "2 slices at once could hold more than a third of shop (2 of 3 deployments are due)" in said and "-e clm_slice=1" in said
    many(campaign)
    run = campaign.run(args=["--check"], clm_slices=2, clm_slice=1, clm_waves=["rest"]).ok()
    plans = run.results("certops.clm.rotate : Plan the wave")
    waves = [[json.loads(plan["plan"]["items"])[host]["lineage"][:4] for host in plan["plan"]["hosts"]] for plan in plans]
    assert [one.count("many") for one in waves] == [2, 2, 2], "a third of twelve is what both slices take at once, not each"
    assert [one.count("shop") for one in waves] == [1, 1, 0], "too small for two slices, so it is whole in this one"
    said = campaign.run(args=["--check"], clm_slices=20, clm_slice=20).ok().result(AHEAD)["msg"]
    assert "0 due in this part. Nothing to do in this part." in said
    assert "slice 20 of 20; 0 of 15 managed deployments are in this run." in said
    assert "It has none of them, so that nothing was done here says nothing of them. 14 are due and left out of it: " in said
    campaign.manifest["lineages"] = {"shop": {**campaign.manifest["lineages"]["shop"], "service": ""}}
    campaign.write()
    run = ansible.playbook("certops.clm.rotate", inventory=awx, extra=extra, timeout=150).ok()
    said = run.result(AHEAD)["msg"]
    assert "Partial: one of 2 slices; 2 of 3 managed deployments are in this run. 1 are due and left out of it: shop-web2" in said
    assert set(campaign.outcomes(run)) == {"web1", "web3"} and lab.served("web2") == initial(lab)["web2"]
    run = campaign.run(clm_slices=2, clm_slice=2).ok()
    assert "slice 2 of 2; 1 of 3 managed deployments are in this run. Nothing that is due is left out" in run.result(AHEAD)["msg"]
    assert set(campaign.outcomes(run)) == {"web2"} and {lab.served(name, verify=False) for name in SHOP} == {campaign.current("shop")}
    assert len(campaign.versions("shop")) == 1
    assert "there is no slice 3 of 2" in " ".join(campaign.run(clm_slices=2, clm_slice=3).output.split())


def test_a_rollback_goes_on_without_what_is_none_of_its_business_and_ends_red(lab, ansible, tmp_path):
    campaign = Campaign(lab, ansible, tmp_path)
    configure(campaign, [{"type": "findings"}, live(lab, "web1")])
    campaign.run().ok()
    first = campaign.current("shop")
    campaign.force("drill")
    campaign.run().ok()
    configure(campaign, [{"type": "findings"}, {**live(lab), "endpoints": []}])
    run = campaign.run("rollback", clm_lineage="shop")
    assert {lab.served(name, verify=False) for name in SHOP} == {first} == {campaign.current("shop")}
    assert "It goes on without having seen this: source 1 endpoints found 0" in run.result(AHEAD)["msg"]
    assert "source 1 endpoints found 0 certificates, and 1" in failure(run, ENDED)
    assert campaign.report()["tone"] == "bad" and "source 1 endpoints" in campaign.report()["not_seen"][0]
