# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runbook pages on real servers in that trouble: the failure names the page, and the page's own commands mend it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil

import pytest

from ansible_collections.certops.clm.tests.faults.faults import faketime
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.integration.rotate.runbook import DOCS, Page, commands_of, with_inventories
from ansible_collections.certops.clm.tests.integration.rotate.test_windows import another_day

LOOK, MEND, PROVE, SOAKED = (
    "Look",
    "Mend",
    "Prove that it is mended",
    {"rotate_soak": 0, "rotate_soak_canary": 0, "rotate_proof_timeout": 3},
)


class Trouble:
    """One lineage on one server, its campaign, and what is served there."""

    def __init__(self, pages, lab, ansible, place, server="app1", lineage="api", **more):
        self.pages, self.lab, self.server, self.lineage, self.place = pages, lab, server, lineage, place
        self.campaign = with_inventories(Campaign(lab, ansible, place, [lineage, *more.pop("others", ())]), **more)
        self.manifest = self.campaign.manifest
        self.entry = self.manifest["lineages"][lineage]

    def page(self, name, **words):
        assert name in self.pages, "the test's mark does not say that it tries this page"
        self.pages.discard(name)
        return Page(name, self.campaign, self.server, self.lineage, **words)

    def fails(self, page, playbook="rotate", rc=2, **extra):
        """The run that fails, and names the page."""
        run = self.campaign.run(playbook, **{**SOAKED, **extra})
        assert run.rc == rc, run.output[-6000:]
        page.named_by(run.output)
        return run

    def told(self, run):
        (outcome,) = self.campaign.outcomes(run).values()
        return outcome

    def served(self):
        return self.lab.served(self.server, self.lineage, verify=False)

    def mended(self, page, prove=True):
        """The page's proof holds, a real handshake says the same, and no command was left out."""
        said = page.run(PROVE) if prove else ""
        digest = self.campaign.current(self.lineage)
        assert self.served() == digest and (not prove or ":".join(digest[at : at + 2] for at in range(0, 64, 2)).upper() in said)
        page.ends()


@pytest.fixture
def trouble(request, lab, ansible, tmp_path):
    pages = set(request.node.get_closest_marker("pages").args)
    yield lambda *args, **more: Trouble(pages, lab, ansible, tmp_path, *args, **more)
    assert not pages, "the test's mark names pages that it does not try"


@pytest.mark.every_core
@pytest.mark.pages("rolled_back")
def test_rolled_back(lab, trouble):
    one = trouble()
    page, before = one.page("rolled_back"), one.served()
    lab.servers["app1"].sabotage("keep_old")
    run = one.fails(page)
    outcome, event = one.told(run), [event for event in one.campaign.events() if event["action"] == "outcome"][-1]
    verdict = next(event["result"]["msg"] for event in run.events if event.get("task", "").endswith("Verdict"))
    assert verdict.startswith("api on app1, ") and f"Served now: SHA-256 {before[:16]}..., until 20" in verdict and "(in 29 days" in verdict
    assert f"Command: `ansible-playbook -i {one.place}/hosts.json" in verdict and "and your own: https://run.book/tls" in verdict
    assert outcome["served_sha256"] == event["served_sha256"] == before == one.campaign.report()["failed"][0]["served_sha256"]
    assert outcome["runbook_page"] == event["runbook_page"] == one.campaign.report()["failed"][0]["runbook_page"]
    assert outcome["served_until"] == event["served_until"] > "2026"
    assert "rejected" in page.run(LOOK)
    lab.servers["app1"].sabotage()
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("unproven")
def test_unproven(trouble):
    one = trouble()
    page = one.page("unproven")
    (deployment,) = one.entry["deployments"]
    right, deployment["endpoints"][0]["host"] = deployment["endpoints"][0]["host"], "app1.nowhere.invalid"
    one.campaign.write()
    assert one.told(one.fails(page))["served_sha256"] == ""
    page.run(LOOK, ok=None)
    deployment["endpoints"][0]["host"] = right
    one.campaign.write()
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("deploy")
def test_deploy(lab, trouble):
    one = trouble("web1", "blog")
    page, before = one.page("deploy"), one.served()
    lab.hosts["web1"].real("/etc/nginx/nginx.conf").open("a").write("\nthis is no directive;\n")
    assert one.told(one.fails(page))["served_sha256"] == before == one.served()
    assert not lab.isolated or "this" in page.run(LOOK, ok=False)
    lab.servers["web1"].configure()
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("expired")
def test_expired(lab, trouble):
    one = trouble()
    page = one.page("expired")
    shutil.copy(one.place / "ca" / "root.pem", one.place / "root.pem")
    one.manifest["client_classes"]["internal"]["anchors"] = "root.pem"
    one.campaign.write()
    lab.servers["app1"].reset(days=-1, age_days=60)
    shutil.move(one.place / "ca", one.place / "gone")
    run = one.fails(page)
    assert "EXPIRED at 20" in run.output and "clients refuse it" in run.output and one.told(run)["served_sha256"] == one.served()
    page.run(LOOK)
    shutil.move(one.place / "gone", one.place / "ca")
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("issuer", "compromised")
def test_issuer_and_compromised(ansible, trouble):
    one = trouble()
    one.manifest["issuers"]["second"] = {"type": "local_ca", "path": "second", "passphrase_file": "passphrase"}
    task = {"name": "ca", "certops.clm.local_ca": {"path": str(one.place / "second"), "passphrase_file": str(one.place / "passphrase")}}
    ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]).ok()
    (one.place / "both.pem").write_text(one.campaign.root_pem + (one.place / "second" / "root.pem").read_text())
    one.manifest["client_classes"]["internal"]["anchors"] = "both.pem"
    one.entry["standby"] = "second"
    one.campaign.write()
    one.campaign.run(**SOAKED).ok()
    lost, ready = one.served(), one.campaign.current("api.standby")
    one.campaign.force("drill")
    shutil.move(one.place / "ca", one.place / "gone")
    page = one.page("issuer")
    assert one.told(one.fails(page))["served_sha256"] == lost
    page.run(LOOK)
    page.run("Mend when the CA stays silent")
    assert one.served() == ready
    page.run(MEND, ok=False)
    one.entry["compromised"] = [ready]
    one.campaign.write()
    bad = one.page("compromised", SHA256=ready)
    one.fails(bad)
    assert "api" in bad.run(LOOK)
    shutil.move(one.place / "gone", one.place / "ca")
    bad.run(MEND)
    assert one.served() not in (ready, lost)
    one.mended(bad)
    one.mended(page)


@pytest.mark.pages("blind")
def test_blind(lab, trouble, monkeypatch):
    one = trouble(others=["orders", "edge"])
    one.campaign.run(**SOAKED).ok()
    page = one.page("blind")
    with monkeypatch.context() as wrong:  # F24: the controller's clock
        wrong.setenv("LD_PRELOAD", faketime())
        wrong.setenv("FAKETIME", "+1h")
        before = one.campaign.events()
        said = " ".join(one.fails(page).output.split())
        assert "One of two clocks is wrong: the controller's is" in said and ("1 hour" in said or "59 minutes" in said), said[-3000:]
        assert "ahead of those of" in said and "Nothing was changed." in said and one.campaign.events() == before
        page.run("Mend when a clock is wrong")
    lab.hosts["app1"].cut()
    lab.servers["app1"].stop()
    one.fails(page)
    said = page.run(LOOK, ok=False)
    page.named_by(said)
    assert "app1" in said
    page.run("Mend when the rest cannot wait")
    lab.hosts["app1"].mend()
    lab.servers["app1"].start()
    kept = one.place / "observations.counts.json"
    counts = json.loads(kept.read_text())
    counts["found"]["server app1"] *= 4  # as though it had kept more once
    kept.write_text(json.dumps(counts))
    page.run("Mend when less is right")
    kept.unlink()
    page.run("Mend when the numbers of the last look are lost")
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("busy", "store")
def test_busy_and_store(lab, trouble):
    one = trouble()
    one.campaign.run(**SOAKED).ok()
    one.campaign.force("drill")
    page = one.page("busy")
    with (lab.hosts["app1"].real("/var/lib/certops-clm") / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as another run does, which is waited for
        assert "another run is at work on this server" in one.told(one.fails(page))["message"]
    page.run(LOOK)
    page.run(MEND)
    one.mended(page)
    (one.place / "elsewhere").mkdir(mode=0o700)
    with os.fdopen(os.open(one.place / "elsewhere" / "passphrase", os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        stream.write("a passphrase for backups only\n")
    words = {
        "BACKUP": str(one.place / "controller.clm"),
        "PASSPHRASE": str(one.place / "elsewhere" / "passphrase"),
        "MANIFEST": str(one.place / "manifest.yml"),
    }
    given = {"clm_backup": words["BACKUP"], "clm_backup_passphrase_file": words["PASSPHRASE"], "clm_manifest_file": words["MANIFEST"]}
    one.campaign.run("backup", **given).ok()
    one.campaign.force("second drill")
    (one.place / "store" / "lineages" / "api" / "current" / "version.json").write_text("{")
    page = one.page("store", **words)
    one.fails(page)
    assert "damaged" in page.run(LOOK)
    page.run(MEND)
    one.mended(page)


@pytest.mark.pages("refused", "window", "foreign")
def test_refused_window_and_foreign(trouble):
    one = trouble()
    window, opens = another_day()
    one.entry["take_over"] = False
    one.campaign.write()
    page, before = one.page("foreign"), one.served()
    run = one.campaign.run(**SOAKED).ok()
    page.named_by(run.output)
    page.run(LOOK)
    assert one.served() == before
    one.entry["take_over"] = True
    one.manifest.update(windows={"weekly": window})
    one.entry["window"] = "weekly"
    one.campaign.write()
    late = one.page("window", REASON="ticket 4711")
    late.named_by(one.campaign.run(**SOAKED).ok().output)
    assert opens in late.run(LOOK) and one.served() == before
    wrong = one.page("refused")
    one.fails(wrong, clm_ignore_windows="y")
    wrong.run(LOOK)
    late.run(MEND)
    wrong.run(MEND)
    page.run(MEND)
    one.mended(late)
    one.mended(page, prove=False) if page._sections.pop(PROVE) else None
    one.mended(wrong, prove=False) if wrong._sections.pop(PROVE) else None


@pytest.mark.pages("ledger")
def test_ledger(trouble):
    one = trouble()
    one.manifest["ledger"]["checkpoints"] = {"path": "second"}
    one.campaign.write()
    one.campaign.run(**SOAKED).ok()
    page, ledger, before = one.page("ledger"), one.place / "ledger", one.served()
    (chain,) = ledger.glob("*.jsonl")
    whole = chain.read_bytes()
    chain.write_bytes(whole.replace(b'"state":"done"', b'"state":"none"', 1))
    one.campaign.force("drill")
    page.run(LOOK, ok=False)
    chain.write_bytes(whole)
    shutil.move(ledger, one.place / "away")
    ledger.write_text("a file where the folder was")
    one.fails(page)
    assert one.served() == before
    one.manifest["ledger"]["break_glass"] = "INC-7: the ledger's disk is full"
    one.campaign.write()
    page.run("Mend when something has expired and the ledger cannot be mended now", ok=False)
    assert one.served() == before, "nothing has expired"
    ledger.unlink()
    shutil.move(one.place / "away", ledger)
    del one.manifest["ledger"]["break_glass"]
    one.campaign.write()
    page.run(MEND)
    assert one.served() == one.campaign.current("api") != before
    assert "anchored" in page.run(PROVE)
    page.ends()


@pytest.mark.pages("ending")
def test_ending(lab, trouble):
    one = trouble("web1", "blog", others=["api", "orders"])
    one.campaign.run(**SOAKED).ok()
    page = one.page("ending", SHA256=one.served())
    one.fails(page, "retire", clm_lineage="blog")
    assert "blog" in page.run(LOOK)
    server = lab.servers["web1"]
    sites = server.sites
    server.sites = tuple(site for site in sites if site.name != "blog")
    try:
        server.configure()
        server.reload()
        page.run(MEND)
        assert "retired" in page.run(PROVE)
    finally:
        server.sites = sites
    page.ends()


def test_no_page_is_left_untried():
    written = {path.stem[len("runbook_") :]: commands_of(path) for path in DOCS.glob("runbook_*.rst")}
    assert all(commands.get(LOOK) and commands.get(MEND) and commands.get(PROVE) for commands in written.values())
    marks = [mark for one in globals().values() for mark in getattr(one, "pytestmark", ()) if mark.name == "pages"]
    assert sorted(name for mark in marks for name in mark.args) == sorted(written), "some page is run by no test"
