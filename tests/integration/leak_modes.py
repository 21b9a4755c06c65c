# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modes in which every module is made to show what it should not, each one playbook run over all of them; and their table."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Sequence

from ansible_collections.certops.clm.tests.lab.syslog import Syslog

RESULTS = Path(__file__).parent / "results" / "leaks.json"
ACTIONS = Path(__file__).parents[2] / "plugins" / "action"
SEARCHED, FAILED, NONE = "searched", "failed, and searched", "not supported"
# What must fail for the mode to have shown anything: each has a key or a passphrase in hand by then.
BROKEN = {"certificate", "local_ca_certificate", "campaign_issue", "server_deployment"}
FULL = {"certificate", "local_ca_certificate", "manual_certificate", "campaign_issue", "secret_store_backup"}
HOW = "pytest tests/integration/test_every_module.py tests/integration/test_every_plugin.py"
OTHER = b"another passphrase than the CA's"
Make = Callable[[Mapping[str, Any], str], Dict[str, Any]]


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A new folder, as root on a disk of its own that can be filled."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "clm", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    try:
        yield place
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", place], check=True)


def cached(names: Iterable[str]) -> Dict[str, Any]:
    """A task that puts every result into the fact cache."""
    return {"name": "cache", "ansible.builtin.set_fact": {"cacheable": True, **{f"kept_{name}": f"{{{{ r_{name} }}}}" for name in names}}}


class Modes:
    """What was done to the modules of the rows beside their plain calls, and what that showed."""

    def __init__(self, site: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        self.site, self.rows = site, list({row["module"]: row for row in rows}.values())
        self.here = [row["module"] for row in self.rows if "(PlainAction)" in (ACTIONS / f"{row['module']}.py").read_text()]
        self.failed: Dict[str, Dict[str, Any]] = {}
        self.background: Dict[str, Any] = {}
        self.syslog = Syslog(site.ansible.place) if site.lab.isolated else None
        if self.syslog:
            self.syslog.at(site.lab.hosts["app1"])
            site.ansible.view = self.syslog.view(site.ansible.place)

    def loud(self) -> Dict[str, str]:
        """An environment in which Ansible keeps and writes all that it can."""
        place = self.site.ansible.place
        return {
            "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_DEBUG": "1", "ANSIBLE_LOG_PATH": str(place / "log"),
            "ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(place / "facts"),
            "ANSIBLE_CALLBACKS_ENABLED": "clm_events,clm_kept,ansible.builtin.junit", "JUNIT_OUTPUT_DIR": str(place / "junit"),
        }  # fmt: skip

    def heard(self) -> bytes:
        """All that was said to syslog."""
        return self.syslog.text() if self.syslog else b""

    def failing(self, make: Make) -> None:
        """Every module with a wrong passphrase and a hand-over that is cut, and with a full disk."""
        site, passphrase = self.site, self.site.place / "passphrase"
        site.lab.servers["app1"].reset()
        before = passphrase.read_bytes()
        site.secrets["the wrong passphrase"] = OTHER
        passphrase.write_bytes(OTHER)
        site.lab.hosts["app1"].cut_hand_over()
        self._fail("broken", BROKEN, make)
        site.lab.hosts["app1"].mend()
        passphrase.write_bytes(before)
        shutil.rmtree(site.place / "third", ignore_errors=True)  # a CA that was made with the wrong passphrase
        if os.path.ismount(site.place):
            with (site.place / "ballast").open("wb", 0) as ballast, contextlib.suppress(OSError):
                while ballast.write(bytes(1 << 16)):
                    pass
            self._fail("full", FULL, make)
            (site.place / "ballast").unlink()

    def _fail(self, mode: str, least: Iterable[str], make: Make) -> None:
        tasks = [make(row, f"{row['module']} {mode}") for row in self.rows]
        said = self.site.run(tasks, ["-vvvvv", "--diff"], {**self.loud(), "ANSIBLE_DEBUG": "0"})
        self.failed[mode] = {name: said[f"{name} {mode}"] for name in (row["module"] for row in self.rows)}
        good = [name for name in least if not is_failed(self.failed[mode][name])]
        assert not good, f"{mode}: nothing went wrong in {', '.join(good)}"
        rude = {name: result["msg"] for name, result in self.failed[mode].items() if "Traceback" in str(result.get("msg"))}
        assert not rude, rude

    def in_the_background(self, make: Make) -> None:
        """Every module as an async task; an action plugin must say that it cannot be one."""
        tasks: List[Dict[str, Any]] = []
        for row in self.rows:
            name = row["module"]
            refused = {"name": f"{name} async", f"certops.clm.{name}": {}, "ignore_errors": True}
            call = make(row, f"{name} async") if name in self.here else refused
            tasks.append({**call, "async": 60, "poll": 0, "register": f"j_{name}"})
            if name in self.here:
                wait = {"ansible.builtin.async_status": {"jid": f"{{{{ j_{name}.ansible_job_id }}}}"}, "until": "done is finished"}
                where = {"delegate_to": "app1", "vars": {}} if row.get("server") else {}
                patience = {"register": "done", "retries": 100, "delay": 0.3, "ignore_errors": True}
                tasks.append({**wait, **where, **patience, "name": f"{name} ended"})
        said = self.site.run(tasks, ["-vvvvv", "--diff"], {})
        for row in self.rows:
            name = row["module"]
            if name in self.here:
                ended = said[f"{name} ended"]
                assert not is_failed(ended) and ended.get("finished"), (name, ended)
                self.background[name] = SEARCHED
            else:
                refused = said[f"{name} async"]
                assert refused["status"] == "failed" and "async" in refused["msg"], (name, refused)
                self.background[name] = NONE

    def table(self, done: Mapping[str, Any], said: Mapping[str, Any]) -> Dict[str, Dict[str, str]]:
        """Module -> mode -> what was done, with the proof that it was."""
        place = self.site.ansible.place
        log, heard = (place / "log").read_text(errors="replace"), self.heard().decode(errors="replace")
        facts = "".join(path.read_text() for path in (place / "facts").iterdir())
        names = [row["module"] for row in self.rows]
        unseen = [name for name in names if f"TASK [{name}]" not in log or f"kept_{name}" not in facts or not (place / "junit").is_dir()]
        assert not unseen, f"not in the log, or not in the fact cache: {unseen}"
        assert all(name in done and f"{name} wrong" in said for name in names)
        return {name: self._row(name, heard) for name in names}

    def _row(self, name: str, heard: str) -> Dict[str, str]:
        cells = dict.fromkeys(("-vvvvv --diff", "ANSIBLE_DEBUG", "fact cache", "log file", "--check", "wrong argument"), SEARCHED)
        if self.syslog:  # without a view of its own a module on localhost leaves its files in the person's home folder
            files = name in self.site.modules  # an action may run its module, as those that deploy to a server do
            assert files or name not in (*self.here, "server_deployment"), f"{name}: its AnsiballZ was not kept, or not read"
            assert (f".{name}: Invoked with" in heard) == files, f"{name}: what it said to syslog was not heard"
            cells.update(dict.fromkeys(("ANSIBLE_KEEP_REMOTE_FILES", "syslog"), SEARCHED if files else NONE))
        return cells

    def failures(self) -> Dict[str, Dict[str, str]]:
        """Module -> mode of failing or of the background -> what came of it."""
        names = {"broken": "wrong passphrase, hand-over cut", "full": "full disk"}
        table: Dict[str, Dict[str, str]] = {name: {"async": how} for name, how in self.background.items()}
        for mode, results in self.failed.items():
            for name, result in results.items():
                table[name][names[mode]] = FAILED if is_failed(result) else SEARCHED
        return table


def is_failed(result: Mapping[str, Any]) -> bool:
    """Whether a call failed, or one of its items."""
    outcomes = result.get("outcomes")
    items = outcomes.values() if isinstance(outcomes, dict) else ()
    return result["status"] not in ("ok", "skipped") or any(isinstance(one, dict) and one.get("state") == "failed" for one in items)


def kept_or_like(table: Mapping[str, Mapping[str, str]], part: str = "modules") -> None:
    """The part of leaks.json is this; CLM_RECORD=1 writes it. A machine that cannot do a mode is not held to it."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if os.environ.get("CLM_RECORD"):
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps({**kept, part: table}, indent=1, sort_keys=True) + "\n")
        return
    known = kept.get(part, {})
    other = ", ".join(sorted(set(known) ^ set(table)))
    assert not other, f"{RESULTS.name} has other {part} ({other}): CLM_RECORD=1 {HOW} writes it, and make index README's table"
    for name, cells in table.items():
        assert cells.items() <= known[name].items(), f"{name}: {dict(cells)} and not {known[name]}; CLM_RECORD=1 writes {RESULTS.name} anew"
