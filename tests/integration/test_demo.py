# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo as a person runs it: it goes as told, says so with its exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import pytest

from ansible_collections.certops.clm.tests.lab.host import PATH, wait_for
from ansible_collections.certops.clm.tests.support.environment import ROOT, program, which

pytestmark = pytest.mark.xdist_group("demo")


# Somebody who is not root, and may do nothing but read: the Python of .venv may lie in a folder of root.
NOBODY = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", "-all,+dac_read_search",
          "--ambient-caps", "-all,+dac_read_search", "--bounding-set", "-all,+dac_read_search", "--")  # fmt: skip


def begin(work: Path, *args: str, user: Sequence[str] = ()) -> subprocess.Popen[str]:
    """The demo with a work folder of its own; its output goes to `said` in there."""
    command = [*user, str(ROOT / ".venv" / "bin" / "python"), str(ROOT / "demo" / "demo.py"), "--work", str(work), *args]
    with (work / "said").open("w") as said:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, text=True, preexec_fn=listen_to_ctrl_c,
            env={**os.environ, "HOME": str(work)} if user else None,
        )


def listen_to_ctrl_c() -> None:
    """A shell starts what runs in its background deaf to ctrl-C, and children inherit that; CI may run us so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def commands_of(place: str) -> List[str]:
    """The command lines of all processes that name the folder."""
    listed = subprocess.run(["ps", "-eo", "args", "-ww"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line for line in listed.splitlines() if place in line]


def expected_real() -> List[str]:
    """The servers whose program this machine has."""
    programs = {"nginx": ["web1", "web2", "web3", "web4", "wiki1"], "haproxy": ["lb1"]}
    real = [server for program, servers in programs.items() if shutil.which(program, path=PATH) for server in servers]
    usable = os.geteuid() != 0 or (shutil.which("setpriv") and shutil.which("runuser"))
    return sorted([*real, *(["db1"] if which("postgres") and usable else [])])


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that anybody can reach; pytest's own can be entered by its user alone."""
    place = Path(tempfile.mkdtemp(prefix="clm-work-", dir="/var/tmp"))
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize("stand_ins", [False, True], ids=["real", "nobody"])
def test_the_demo_goes_as_told(work: Path, stand_ins: bool) -> None:
    """All acts, with the servers that this machine has, and as somebody who has neither root nor a server."""
    user = NOBODY if stand_ins and os.geteuid() == 0 else ()
    if user:
        program("setpriv")
        shutil.chown(work, "nobody", "nogroup")
    rc = begin(work, *(["--stand-ins"] if stand_ins else []), user=user).wait(900)
    said = (work / "said").read_text()
    assert rc == 0, said
    facts: Dict[str, Any] = json.loads((work / "summary.json").read_text())
    assert sorted(facts["real"]) == ([] if stand_ins else expected_real()), facts["stand_ins"]
    assert not user or Path(facts["report"]).owner() == "nobody"
    assert (facts["servers"], facts["issued"], facts["moved"], facts["rolled_back"], facts["errors"]) == (9, 4, 9, 1, 0)
    assert facts["connections"] > 100 and facts["ledger_events"] > 20
    assert "changed=0" in said and "ROLLED BACK" in said and Path(facts["report"]).is_file()
    place = re.search(r"/tmp/clm-demo-\w+", (work / "control" / "manifest.yml").read_text())
    assert place and not Path(place.group()).exists() and not commands_of(place.group())


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    """Interrupted while servers, clients and a playbook run."""
    process = begin(tmp_path, "--stand-ins")
    log = tmp_path / "logs" / "2-discover.log"
    wait_for(lambda: log.is_file() or process.poll() is not None, "the second act", seconds=240)
    place = re.search(r"/tmp/clm-demo-\w+", (tmp_path / "control" / "manifest.yml").read_text())
    assert place and commands_of(place.group())
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, (tmp_path / "said").read_text()
    assert not commands_of(place.group()) and not Path(place.group()).exists()
