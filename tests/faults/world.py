# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estate of a cell: one small TLS server, one lineage whose first version is proven, brought back to that day by copying."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.host import signal_all, tree
from ansible_collections.certops.clm.tests.lab.lab import Lab
from ansible_collections.certops.clm.tests.lab.playbook import Run
from ansible_collections.certops.clm.tests.lab.server import Site
from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import DEV_CORE

from .forked import Forked
from .gate import built
from .invariants import Estate
from .providers import FIRST, ROWS, Provider

LINEAGE, HOST, PORT = "api", "web1", 8443
SITE = Site(LINEAGE, ("api.lab.example",), PORT)
QUICK = {"rotate_soak": 0, "rotate_soak_canary": 0, "rotate_proof_timeout": 3, "rotate_proof_interval": 0.15}
KEPT = ("ledger", "ca", "manifest.yml", "hosts.json", "observations.json", "observations.counts.json", "report")


class World:
    """Started once; `reset` makes it as on the day after the first rotation."""

    def __init__(self, provider: Provider = ROWS[FIRST]) -> None:
        self.provider = provider
        self.on_server_too = {"tls": provider.tls, "state": "/var/lib/certops-clm"}
        self.kept = (*KEPT, *provider.stores)
        self.service: Any = None
        self.words: Set[str] = set()  # how the server lies
        self.lab = Lab(dict.fromkeys(provider.hosts, (provider.kind, (SITE,))))
        self.place = Path(tempfile.mkdtemp(prefix="clm-faults-", dir="/var/tmp"))
        self.mounted: List[Tuple[str, str]] = []
        self.ballast: List[Path] = []
        self.sealed: List[str] = []
        self.forbidden: List[str] = []

    def start(self) -> World:
        self.lab.start().reset()
        self.ansible = Forked(DEV_CORE, collection.installed()[0], self.place, str(built()))
        self.campaign = Campaign(self.lab, self.ansible, self.place, [LINEAGE])
        self.campaign.manifest["secret_store"]["lease_seconds"] = 2  # a dead owner is waited for no longer than that
        self.provider.change(self.campaign.manifest)
        if self.provider.service is not None:
            self.service = self.provider.service(self.place, self.campaign.manifest)
        self.campaign.write()
        self.rotate().ok()
        if self.service is not None:
            self.service.first_day()
        self.first = self.place / "first-day"
        for name in self.kept:
            self._copy(self.place / name, self.first / name)
        for host in self.lab.hosts.values():
            for name, folder in self.on_server_too.items():
                self._copy(host.real(folder), self.first / host.name / name)
        self.pristine = copy.deepcopy(self.campaign.manifest)
        return self

    @staticmethod
    def _copy(source: Path, to: Path) -> None:
        """`to` is not there yet."""
        to.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(source), str(to)], check=True)

    def stop(self) -> None:
        self.mend()
        self.unmount()
        self.ansible.close()
        if self.service is not None:
            self.service.stop()
        self.lab.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def reset(self) -> None:
        """Stopped, everything as it was after the first rotation, started."""
        self.mend()
        self.unmount()
        self.stand()  # a server that is stopped by SIGSTOP does not end
        self.on_server({})
        for name in self.kept:
            path = self.place / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            self._copy(self.first / name, path)
        (self.place / "observations.hints.json").unlink(missing_ok=True)  # a CA is asked anew
        self.campaign.manifest = copy.deepcopy(self.pristine)
        if self.service is not None:
            self.service.reset()
        for name in self.provider.hosts:
            self._reset_server(name)

    def _reset_server(self, name: str) -> None:
        host, server = self.lab.hosts[name], self.lab.servers[name]
        server.stop()
        for kept, folder in self.on_server_too.items():
            host.empty(folder)
            subprocess.run(["cp", "-a", f"{self.first / name / kept}/.", str(host.real(folder))], check=True)
        host.empty("/tmp", "/root/.ansible")
        self.provider.stand(server, ())
        server.start()

    def stand(self, *words: str) -> None:
        """The server lies in exactly these ways; none: it is honest."""
        self.words = set(words)
        self.provider.stand(self.lab.servers[HOST], tuple(words))

    # --- runs ---

    def settings(self, **extra: Any) -> Dict[str, Any]:
        return self.campaign.settings(**{**QUICK, **extra})

    def rotate(self, env: Optional[Dict[str, str]] = None, **extra: Any) -> Run:
        """A rotation to its end."""
        return self.ansible.playbook(
            "certops.clm.rotate", inventory=self.campaign.inventories, extra=self.settings(**extra), env=env, timeout=600
        )

    def rollback(self, env: Optional[Dict[str, str]] = None) -> Run:
        """One command brings the earlier version back."""
        settings = self.settings(clm_lineage=LINEAGE)
        return self.ansible.playbook("certops.clm.rollback", inventory=self.campaign.inventories, extra=settings, env=env, timeout=600)

    def begin(self, env: Dict[str, str], playbook: str = "rotate", **extra: Any) -> Tuple[Any, Path]:
        """A run that goes on while the runner looks."""
        return self.ansible.begin(f"certops.clm.{playbook}", self.campaign.inventories, extra=self.settings(**extra), env=env)

    def on_server(self, env: Dict[str, str]) -> None:
        """What every command on the server has in its environment from now on."""
        host = self.lab.hosts[HOST]
        host._write_enter()
        enter = host.place / "enter"
        lines = enter.read_text().splitlines()
        enter.write_text("\n".join([*lines[:-1], *(f"export {name}='{value}'" for name, value in env.items()), lines[-1]]) + "\n")

    # --- what is really there ---

    def folder(self, name: str, where: str = HOST) -> Path:
        """A folder as the process that writes there sees it, from here."""
        if name not in self.on_server_too:
            return self.place / name
        host = self.lab.hosts[where]
        holder = host._holder
        return Path(f"/proc/{holder.pid}/root{self.on_server_too[name]}") if holder else host.real(self.on_server_too[name])

    def estate(self, where: str = HOST) -> Estate:
        host = self.lab.hosts[where]
        if self.service is not None:
            self.service.look()
        anchors = self.lab.ca.root_pem + self.campaign.root_pem
        tls = self.folder("tls", where)
        made = Estate(store=self.place / "store", ledger=self.place / "ledger", ca=self.place / "ca", certificate=tls / "api.pem",
                      key=tls / "api.key", state=self.folder("state", where), address=host.address, port=PORT, name=SITE.names[0],
                      anchors=anchors, lineage=LINEAGE, keys_on_server=self.provider.keys_on_server, log=self.provider.issued)  # fmt: skip
        address = getattr(self.service, "address", "")  # of what serves it in the place of a server
        return replace(made, address=address, port=self.service.port, certificate=None) if address else made

    def current(self) -> str:
        return self.campaign.current(LINEAGE)

    def cpu(self) -> float:
        """Seconds of processor time that were used so far by this process, the runs and what they did on servers."""
        spent = sum(os.times()[:4])
        for server in (self.ansible.server, self.lab.sshd.process):
            fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split() if server else []
            spent += sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")
        return spent

    # --- real means ---

    def inside(self, name: str) -> List[str]:
        """The words before a mount command for that folder, and nothing for one of the controller's."""
        return self.lab.hosts[HOST]._view() if name in self.on_server_too else []

    def path(self, name: str) -> str:
        return self.lab.hosts[HOST].path(self.on_server_too[name]) if name in self.on_server_too else str(self.place / name)

    def _mount(self, name: str, *words: str) -> None:
        subprocess.run([*self.inside(name), "mount", *words, self.path(name)], check=True)

    def small(self, name: str) -> None:
        """The folder lies on a small file system of its own from now on, with what was in it."""
        aside = self.place / f"aside-{name}"
        self._copy(self.folder(name), aside)
        self._mount(name, "-t", "tmpfs", "-o", "size=3m,nr_inodes=400,mode=0755", "tmpfs")
        self.mounted.append((name, self.path(name)))
        subprocess.run(["cp", "-a", f"{aside}/.", str(self.folder(name))], check=True)
        os.chmod(self.folder(name), aside.stat().st_mode & 0o777)
        shutil.rmtree(aside)

    def fill(self, name: str) -> None:
        """Not a byte and not an inode more."""
        folder = self.folder(name) / ".ballast"
        folder.mkdir()
        self.ballast.append(folder)
        try:
            (folder / "bytes").write_bytes(b"\0" * 8 * 1024 * 1024)
        except OSError:
            pass
        try:
            for number in range(1000):
                (folder / str(number)).touch()
        except OSError:
            pass

    def read_only(self, name: str) -> None:
        """Nobody can open anything there for writing."""
        subprocess.run([*self.inside(name), "mount", "--bind", self.path(name), self.path(name)], check=True)
        self.mounted.append((name, self.path(name)))
        self.sealed.append(name)
        self._mount(name, "-o", "remount,bind,ro")

    def forbid(self, name: str) -> None:
        """EPERM even for root."""
        self.forbidden.append(name)
        subprocess.run(["chattr", "-R", "-f", "+i", str(self.folder(name))], check=False)

    def mend(self) -> None:
        """What the on-call person does first: room and permission to write are there again, the server can be reached."""
        for folder in self.ballast:
            shutil.rmtree(folder, ignore_errors=True)
        for name in self.sealed:
            self._mount(name, "-o", "remount,bind,rw")
        for name in self.forbidden:
            subprocess.run(["chattr", "-R", "-f", "-i", str(self.folder(name))], check=False)
        for done in (self.ballast, self.sealed, self.forbidden):
            done.clear()
        self.lab.hosts[HOST].mend()

    def unmount(self) -> None:
        """No file system of ours is mounted any more; what lay on it is gone."""
        for name, path in reversed(self.mounted):
            subprocess.run([*self.inside(name), "umount", "-l", path], check=False)
        self.mounted.clear()

    def kill(self, process: Any, caught: int) -> None:
        """Power cut: the controller's processes and what works on the server for them; the server itself serves on."""
        signal_all(tree(process.pid), signal.SIGKILL)
        self.kill_on_server(caught)
        process.communicate()

    def kill_on_server(self, caught: int) -> None:
        """What a run started on the server dies; its TLS server does not."""
        host, server = self.lab.hosts[HOST], self.lab.servers[HOST].process
        spared = {host._holder.pid if host._holder else 0, *(tree(server.pid) if server else ())}
        signal_all([pid for pid in {caught, *host.processes()} - spared if pid > 0], signal.SIGKILL)

    def drop(self, cut: bool = True) -> None:
        """No connection to the server lives on, and with `cut` none can be made."""
        if cut:
            self.lab.hosts[HOST].cut()
        sessions = [pid for pid in tree(self.lab.sshd.process.pid)[1:] if "sshd" in _name(pid)] if self.lab.sshd.process else []
        signal_all(sessions, signal.SIGKILL)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
