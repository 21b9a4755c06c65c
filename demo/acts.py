# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The eight acts. Each tells what happens and raises NotAsToldError when it does not."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Set

from ..tests.lab.watcher import Watcher
from .control import write_control
from .estate import FORGOTTEN, LEAF_ONLY, SABOTAGED, Estate
from .plays import client_eyes, make_ca, verify_ledgers
from .runs import Runner, command, expect
from .telling import Teller, Waves, short

ROTATE = "certops.clm.rotate"


@dataclass
class Stage:
    """What the acts share, and what they leave for the next one."""

    teller: Teller
    estate: Estate
    runner: Runner
    clients: Dict[str, Watcher] = field(default_factory=dict)
    before: Dict[str, str] = field(default_factory=dict)  # server -> SHA-256 served on the first day
    moved: Set[str] = field(default_factory=set)  # servers that serve a new certificate
    run_ids: List[str] = field(default_factory=list)
    kept: Dict[str, Any] = field(default_factory=dict)  # facts for the summary

    def served(self) -> Dict[str, str]:
        """By server, what a new connection is shown now."""
        return {name: self.estate.served(name) for name in self.estate.servers}

    def versions(self) -> List[Path]:
        """Every version in the secret store."""
        return sorted((self.runner.control / "store" / "lineages").glob("*/versions/*/version.json"))

    def stop_clients(self) -> None:
        """The clients look no more."""
        for client in self.clients.values():
            client.__exit__()

    def check_clients(self) -> None:
        """No client has seen an error so far."""
        errors = [f"{name} at {error}" for name, client in self.clients.items() for error in client.errors]
        expect(not errors, f"a client saw an error: {'; '.join(errors[:3])}")


def estate(stage: Stage) -> None:
    """Act 1: servers with hand-made certificates run, a CA is made, and the clients begin to look."""
    teller = stage.teller
    teller.act(1, "An estate of nine servers, with certificates that somebody made by hand")
    version = stage.runner.install()
    teller.say(f"certops.clm {version} is built from this checkout and installed into {stage.runner.collections}")
    stage.estate.start()
    write_control(stage.estate, stage.runner.control)
    for name, server in stage.estate.servers.items():
        site, program = stage.estate.site(name), stage.estate.programs[name]
        teller.line(f"      {name:6} {site.name:7} {program:24} 127.0.0.1:{site.port:<6} {stage.estate.condition(name)}")
        expect(server.running(), f"{name} does not run")
    made = stage.runner.run("make-ca", make_ca(stage.runner.control))
    expect(made.rc == 0, "the local CA could not be made")
    stage.before = stage.served()
    clients = stage.estate.watchers((stage.runner.control / "ca" / "root.pem").read_text())
    expect(set(stage.estate.servers) - set(clients) == {LEAF_ONLY, "wiki1"}, "other servers are ill than was told")
    for name, client in clients.items():
        stage.clients[name] = client.__enter__()
    teller.say(f"clients now open new TLS connections to the {len(stage.clients)} healthy places, all the time, and verify each")
    teller.ok("the estate runs, and so does a CA of our own")


def discover(stage: Stage) -> None:
    """Act 2: what is out there, as servers and clients see it."""
    play = "certops.clm.discover"
    stage.teller.act(2, "What is out there?", command(play))
    found = stage.runner.run("discover", play)
    expect(found.rc == 0, "discovery failed")
    looked = stage.runner.run("client-eyes", client_eyes(stage.estate, stage.runner.control))
    seen = looked.result("What the inventory knows")["msg"]
    outcomes = looked.result("Look as a client does")["outcomes"]
    for name in stage.estate.servers:
        stage.teller.line(f"      {name:6} {stage.estate.site(name).name:7} until {seen['until'][name][:10]}  {fault(outcomes[name])}")
    stage.teller.say(f"nobody asked us to manage {', '.join(seen['unmanaged'])} on {FORGOTTEN[0]}: it is shown, and never touched")
    ill = sorted(name for name, outcome in outcomes.items() if outcome["state"] != "unchanged")
    expect(ill == [LEAF_ONLY, "wiki1"], f"ill are {ill}")
    expect(len(seen["due"]) == 9 and len(seen["expired"]) == 1, f"due are {seen['due']}, expired are {seen['expired']}")
    expect(seen["unmanaged"] == ["promo.demo.example"], f"unmanaged are {seen['unmanaged']}")
    stage.teller.ok("9 deployments of 4 lineages, all due (none is ours yet); 1 expired, 1 incomplete chain, 1 that nobody manages")


def fault(outcome: Dict[str, Any]) -> str:
    """What a client has against a server, in its first sentence and without the place that begins it."""
    if outcome["state"] == "unchanged":
        return "a client is content"
    return short(str(outcome["message"]).split("; ")[0]).rsplit(": ", 1)[-1]


def plan(stage: Stage) -> None:
    """Act 3: the plan, which changes nothing."""
    stage.teller.act(3, "What would a rotation do?", command(ROTATE, "--check", "--diff"))
    waves = Waves(stage.teller)
    done = stage.runner.run("plan", ROTATE, "--check", "--diff", told=waves)
    expect(done.rc == 0, "the plan failed")
    expect(set(waves.states().values()) == {"planned"} and len(waves.verdicts) == 9, f"the plan says {waves.states()}")
    expect(all(result.get("diff") for result in done.results("Verdict").values()), "the plan shows no difference")
    expect(stage.served() == stage.before and not stage.versions(), "the plan changed something")
    stage.teller.ok("9 planned, in waves no wider than a third of a service; nothing was changed and no CA was asked")


def sabotage(stage: Stage) -> None:
    """Act 4: one server says that it reloaded and did not; its wave stops the rotation."""
    stage.teller.act(4, f"Rotate, while the reload of {SABOTAGED} says ok and does nothing", command(ROTATE))
    stage.estate.sabotage("keep_old")
    waves = Waves(stage.teller)
    done = stage.runner.run("rotate-sabotaged", ROTATE, told=waves)
    keep_report(stage, waves, "report-stopped")
    states, served = waves.states(), stage.served()
    stage.kept["rolled_back"] = list(states.values()).count("rolled_back")
    expect(done.rc != 0, "a rotation with a server that was rolled back ended with exit code 0")
    expect(states.pop(SABOTAGED, "") == "rolled_back", f"{SABOTAGED} was not rolled back")
    expect(states and set(states.values()) == {"done"}, f"other servers were not done: {states}")
    untouched = set(served) - set(states) - {SABOTAGED}
    expect(len(untouched) == 4, f"untouched are {sorted(untouched)}")
    expect(all(served[name] == stage.before[name] for name in {*untouched, SABOTAGED}), "what was not to be touched serves something else")
    expect(all(served[name] == waves.verdicts[name]["after"]["sha256"] for name in states), "a server does not serve what was proven")
    old = stage.estate.handmade[stage.estate.site(SABOTAGED).name].fullchain
    expect(stage.estate.file(SABOTAGED) == old, f"the certificate file of {SABOTAGED} is another one than before")
    neighbours = [name for name in waves.waves[-1] if name != SABOTAGED]
    stage.moved = set(states)
    stage.check_clients()
    stage.teller.say(f"{SABOTAGED} said that it reloaded, but new connections showed the old certificate: file and server are as before")
    stage.teller.say(f"not reached: {', '.join(name for name in served if name in untouched)}")
    stage.teller.ok(
        f"exit code {done.rc}: {SABOTAGED} is rolled back and serves the old one, {' and '.join(neighbours)} of its wave "
        f"and the {len(states) - len(neighbours)} before stay moved, 4 were not touched"
    )


def keep_report(stage: Stage, waves: Waves, name: str) -> None:
    """Keep a copy of the report that a rotation wrote; the next one writes anew."""
    expect(waves.campaign.get("run_id"), "the rotation did not begin")
    stage.run_ids.append(waves.campaign["run_id"])
    shutil.copytree(stage.runner.control / "report", stage.runner.control / name)


def mend(stage: Stage) -> None:
    """Act 5: mended, the same command takes what is left."""
    stage.teller.act(5, f"{SABOTAGED} is mended; the same command again", command(ROTATE))
    stage.estate.sabotage()
    before, waves = set(stage.versions()), Waves(stage.teller)
    done = stage.runner.run("rotate-mended", ROTATE, told=waves)
    expect(done.rc == 0, "the rotation failed")
    keep_report(stage, waves, "report-mended")
    states = waves.states()
    expect(set(states.values()) == {"done"}, f"not all were done: {states}")
    expect(set(states) == set(stage.estate.servers) - stage.moved, f"it took {sorted(states)}")
    lineages = [path.parents[2].name for path in stage.versions()]
    expect(before <= set(stage.versions()) and len(lineages) == len(set(lineages)) == 4, f"issued were {lineages}")
    expect(all(sha256 != stage.before[name] for name, sha256 in stage.served().items()), "a server still serves its old certificate")
    stage.check_clients()
    new = len(lineages) - len(before)
    stage.teller.ok(f"the {len(states)} that were left are moved; {new} certificate for the service not reached before, none issued twice")


def again(stage: Stage) -> None:
    """Act 6: there is nothing to do, and nothing is done."""
    stage.teller.act(6, "And once more", command(ROTATE))
    served, waves = stage.served(), Waves(stage.teller)
    done = stage.runner.run("rotate-again", ROTATE, told=waves)
    expect(done.rc == 0 and done.changed() == 0, f"exit code {done.rc}, changed={done.changed()}")
    expect(not waves.waves and stage.served() == served and len(stage.versions()) == 4, "something was done")
    stage.check_clients()
    stage.teller.ok("changed=0")


def ledger(stage: Stage) -> None:
    """Act 7: the ledger verifies, and a copy in which somebody edited one line does not."""
    stage.teller.act(7, "Can the record be trusted?", "ansible localhost -m certops.clm.ledger_info -a path=ledger")
    forged = stage.runner.control / "ledger-forged"
    line = forge(stage.runner.control / "ledger", forged)
    done = stage.runner.run("ledger", verify_ledgers(stage.runner.control))
    whole, broken = done.result("Verify the ledger"), done.result("Verify the forged copy")
    expect(done.rc == 0 and whole["state"] != "broken", "the ledger is broken")
    bad = [chain["first_bad_line"] for chain in broken["chains"] if chain["problem"]]
    expect(broken["state"] == "broken" and len(bad) == 1 and line <= bad[0] <= line + 1, f"line {line} was edited, found was {bad}")
    stage.kept["ledger_events"] = whole["events"]
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(whole["states"].items()))
    stage.teller.say(f"{whole['events']} events from the first to the last line: {states}")
    stage.teller.say(f"a copy in which line {line} says that {SABOTAGED} went well: {broken['msg'].split(': ', 1)[-1]}")
    stage.teller.ok("the ledger is whole, and the forgery is found offline")


def forge(source: Path, copy: Path) -> int:
    """Copy the ledger and edit the line that says what was rolled back; returns its number, from 1."""
    shutil.copytree(source, copy)
    chain = next(copy.glob("*.jsonl"))
    lines = chain.read_text().splitlines(keepends=True)
    index = next(number for number, line in enumerate(lines) if '"state":"rolled_back"' in line)
    lines[index] = lines[index].replace('"state":"rolled_back"', '"state":"done"')
    chain.write_text("".join(lines))
    return index + 1


def report(stage: Stage) -> None:
    """Act 8: the report of the rotation that came through, and no key anywhere outside the store."""
    play = "certops.clm.report"
    stage.teller.act(8, "Something to read", command(play, "-e", "clm_run=" + stage.run_ids[-1]))
    done = stage.runner.run("report", play, "-e", f"clm_run={stage.run_ids[-1]}")
    expect(done.rc == 0, "the report failed")
    page = Path(done.result("Write the report")["files"]["report.html"])
    expect(page.is_file() and "wiki.demo.example" in page.read_text(), "the report does not name what was rotated")
    stage.kept["report"], stage.kept["stopped_report"] = str(page), str(stage.runner.control / "report-stopped" / "report.html")
    expect(Path(stage.kept["stopped_report"]).is_file(), "the rotation that was stopped left no report")
    leaks = [path for path in spoken(stage) if b"PRIVATE KEY" in path.read_bytes()]
    expect(not leaks, f"a private key stands in {leaks}")
    stage.teller.say(str(done.result("Write the report")["headline"]))
    stage.teller.ok("written as page, JSON and CSV; no private key stands in any log, event, ledger or report")


def spoken(stage: Stage) -> List[Path]:
    """Every file in which somebody could read a key who should not."""
    control, place = stage.runner.control, stage.runner.ansible.place
    folders = [stage.runner.logs, control / "ledger", control / "report", control / "report-stopped", place]
    return [control / "observations.json", *(path for folder in folders for path in folder.rglob("*") if path.is_file())]


def facts(stage: Stage) -> Dict[str, Any]:
    """The numbers of the summary; the clients must have seen the old or the new certificate and nothing else."""
    stage.check_clients()
    stage.stop_clients()
    served = stage.served()
    for name, client in stage.clients.items():
        told = {stage.before[name], served[name]} if name in served else {stage.estate.handmade[name].sha256}
        expect({sha256 for _when, sha256 in client.looks} == told, f"a client saw something else than old and new at {name}")
    return {
        "servers": len(served),
        "real": stage.estate.real(),
        "stand_ins": stage.estate.missing,
        "issued": len(stage.versions()),
        "moved": sum(sha256 != stage.before[name] for name, sha256 in served.items()),
        "connections": sum(len(client.looks) for client in stage.clients.values()),
        "errors": sum(len(client.errors) for client in stage.clients.values()),
        **stage.kept,
    }


