# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story in eight acts; every act asserts what it tells."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Dict, List

from . import acts
from .estate import Estate
from .runs import NotAsToldError, Runner, tail
from .telling import Teller

KEPT = ("control", "logs")  # below the work folder, made anew by each run; the rest there is a cache


def tell(work: Path, *, stand_ins: bool) -> int:
    """Tell the whole story; 0 when every act went as told, 1 when one did not, 130 after ctrl-C."""
    teller = Teller()
    for name in KEPT:
        shutil.rmtree(work / name, ignore_errors=True)
    (work / "logs").mkdir(parents=True)
    # sockets stand in it, so its name is short; PostgreSQL's own user must reach it, so it is not in anybody's home
    place = Path(tempfile.mkdtemp(prefix="clm-demo-", dir="/tmp")).resolve()
    place.chmod(0o711)
    stage = acts.Stage(teller, Estate(place, stand_ins=stand_ins), Runner(place / "ansible", work))
    teller.line("One certificate's whole life, on servers of this machine. Ctrl-C stops it, and everything that it started.")
    try:
        return play(stage)
    except NotAsToldError as problem:
        teller.wrong(str(problem))
        for line in tail(stage.runner.log):
            teller.line(f"     | {line[:300]}")
        teller.line(f"   The whole log: {stage.runner.log}")
        return 1
    except KeyboardInterrupt:
        teller.line("\n   Stopped. All servers of the demo are being ended.")
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever presses it twice does not want servers to stay behind
        close(stage)
        shutil.rmtree(place, ignore_errors=True)


def play(stage: acts.Stage) -> int:
    """All acts in order, then the summary; every act that does not go as told raises."""
    for act in (acts.estate, acts.discover, acts.plan, acts.sabotage, acts.mend, acts.again, acts.ledger, acts.report):
        act(stage)
    facts = {**acts.facts(stage), "seconds": round(time.monotonic() - stage.teller.began)}
    close(stage)
    (stage.runner.work / "summary.json").write_text(json.dumps(facts, indent=1))
    summary(stage, facts)
    return 0


def close(stage: acts.Stage) -> None:
    """Clients first, then servers, so that no client sees a server end; a second time it does nothing."""
    stage.stop_clients()
    stage.estate.stop(stage.runner.logs / "servers")


def summary(stage: acts.Stage, facts: Dict[str, object]) -> None:
    """What a person takes home."""
    teller = stage.teller
    real = stage.estate.real()
    moved = f"{facts['moved']} places moved to them, {facts['rolled_back']} after it was rolled back"
    rows: List[str] = [
        f"certificates   {facts['issued']} issued, none twice; {moved}",
        f"clients        {facts['connections']} new TLS connections, each verified with its full chain, and {facts['errors']} errors",
        f"real servers   {len(real)} of {len(stage.estate.servers)}: {', '.join(counted(real)) or 'none'}",
        f"stand-ins      {len(stage.estate.servers) - len(real)} run the demo's own TLS server{reasons(stage.estate.missing)}",
        "managed hosts  all are this machine (connection local), with a Python that has no package of its own",
        f"ledger         {stage.runner.control / 'ledger'} ({facts['ledger_events']} events, whole)",
        f"report         {facts['report']}",
        f"               {facts['stopped_report']} (of the rotation that was stopped)",
        f"Ansible said   {stage.runner.logs}",
        f"it took        {facts['seconds']} s; all servers of the demo are ended now",
    ]
    teller.line(f"\n{teller.paint('What you saw', '1')}")
    for row in rows:
        teller.line(f"   {row}")
    teller.line(f"\n{teller.paint('What to do next', '1')}")
    teller.line(f"   Open the report. Read the manifest it was made from: {stage.runner.control / 'manifest.yml'}")
    teller.line("   Then, for your own servers: README.md, use cases 1 and 2. Discovery changes nothing.")


def counted(programs: Dict[str, str]) -> List[str]:
    """`5 x nginx 1.22.1`."""
    names = list(programs.values())
    return [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]


def reasons(missing: Dict[str, str]) -> str:
    """Why the real programs did not run, each reason once."""
    kinds = {why: [kind for kind in missing if missing[kind] == why] for why in missing.values()}
    return "".join(f"; {', '.join(names)}: {why}" for why, names in kinds.items())
