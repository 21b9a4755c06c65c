# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed host of the lab: a loopback address, folders of its own, a Python of its own, and processes in its own view.

As root each host has a mount namespace in which MOUNTS are its own folders: `/etc/nginx` of web1 is not that of web2. Without
root the hosts share one view and each has the same folders below its own root, so always ask `path()` (what the managed host
calls it) and `real()` (what the test calls it).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

# Folders that every host has for itself, when that hides neither this checkout nor the Python of the tests.
# /root/.ansible and /root/.ansible_async: what Ansible leaves there is told apart by host.
FOLDERS = ("/etc/nginx", "/etc/haproxy", "/etc/postgresql", "/etc/clm", "/var/lib/certops-clm", "/var/lib/postgresql", "/var/log",
           "/run", "/tmp", "/root/.ansible", "/root/.ansible_async", "/srv", "/etc/apache2", "/etc/stunnel", "/etc/mysql", "/etc/redis",
           "/etc/rabbitmq", "/etc/mosquitto", "/etc/postfix", "/etc/dovecot", "/etc/caddy", "/etc/tomcat10", "/etc/letsencrypt")
NEEDED = tuple(Path(place).resolve() for place in (__file__, sys.prefix, sys.base_prefix))
MOUNTS = tuple(folder for folder in FOLDERS if not any(Path(folder) in place.parents for place in NEEDED))
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = 60.0, interval: float = 0.02) -> Any:
    """The first true answer of the condition; TimeoutError that names what was waited for after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(interval)


def can_isolate() -> bool:
    """Whether this machine lets us make mount namespaces."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
        return False
    return subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, check=False).returncode == 0


class Host:
    """One managed host; started by Lab, stopped by Lab."""

    def __init__(self, name: str, address: str, place: Path, *, isolated: bool) -> None:
        self.name, self.address, self.place = name, address, place
        self.isolated = isolated
        self.root = place / "root"
        self._holder: Optional[subprocess.Popen[bytes]] = None

    def real(self, inside: str) -> Path:
        """Where the tests find the host's file `inside` (`/etc/nginx/nginx.conf`)."""
        return self.root / inside.lstrip("/")

    def path(self, inside: str) -> str:
        """What the host itself calls that file."""
        own = self.isolated and any(inside == folder or inside.startswith(folder + "/") for folder in MOUNTS)
        return inside if own else str(self.real(inside))

    def write(self, inside: str, text: str, mode: int = 0o644) -> Path:
        """Write a file of the host with that mode, folders included."""
        target = self.real(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(target, mode)
        return target

    def empty(self, *folders: str) -> None:
        """Nothing is left in these folders of the host; the folders stay."""
        for entry in (entry for folder in folders if self.real(folder).is_dir() for entry in self.real(folder).iterdir()):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def boot(self) -> None:
        """Make the folders and, where we may, the namespace in which they stand at their usual places."""
        for folder in FOLDERS:
            self.real(folder).mkdir(parents=True, exist_ok=True)
        os.chmod(self.real("/tmp"), 0o1777)
        if self.isolated:
            for mount in MOUNTS:
                Path(mount).mkdir(parents=True, exist_ok=True)
            binds = "".join(f"mount --bind '{self.real(mount)}' '{mount}' && " for mount in MOUNTS)
            ready = self.place / "ready"
            script = f"{binds} : > '{ready}' && exec sleep infinity"
            view = ["unshare", "--mount", "--propagation", "private", "setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", script]
            self._holder = subprocess.Popen(view, stdin=subprocess.DEVNULL)
            wait_for(lambda: ready.exists() or self._holder.poll() is not None, f"the namespace of {self.name}")
            if self._holder.poll() is not None:
                raise RuntimeError(f"{self.name}: its folders could not be mounted")
        self._write_enter()

    def _write_enter(self) -> None:
        """The command that sshd forces for this address: into the host's view, or exit 255 when the host is cut off."""
        prefix = " ".join(self._view())
        person = ""
        if prefix:  # who is not root (person.py) is let in by sudo, and is in there what he was before
            same = '--reuid "$(id -u)" --regid "$(id -g)" --init-groups'
            into = f"sudo -n --preserve-env=CLM_COMMAND,HOME,PATH {prefix} setpriv {same} --"
            person = f"[ \"$(id -u)\" = 0 ] || exec {into} /bin/sh -c 'cd; exec /bin/sh -c \"$CLM_COMMAND\"'"
        inside = f"{prefix} /bin/sh -c 'cd; exec /bin/sh -c \"$CLM_COMMAND\"'"
        deaf = f"[ -e '{self.place}/deaf' ] && case $CLM_COMMAND in *'umask 077; '*'> '*) head -c 150 | {inside}; exit 255;; esac"
        lines = ["#!/bin/sh", f"[ -e '{self.place}/cut' ] && exit 255", f"export PATH={PATH}",
                 'export CLM_COMMAND="${SSH_ORIGINAL_COMMAND:-/bin/sh}"', deaf, person, f"exec {inside}"]
        enter = self.place / "enter"
        enter.write_text("\n".join(lines) + "\n")
        enter.chmod(0o755)

    def _view(self) -> List[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--mount", "--"] if self._holder else []

    def cut(self) -> None:
        """From now on the host is unreachable by SSH (its servers go on); also for connections that are open already."""
        (self.place / "cut").touch()

    def cut_hand_over(self) -> None:
        """From now on a connection that carries a file's content ends in the middle of it, and leaves a part there."""
        (self.place / "deaf").touch()

    def mend(self) -> None:
        """Reachable again."""
        for name in ("cut", "deaf"):
            (self.place / name).unlink(missing_ok=True)

    def argv(self, command: Sequence[str], user: str = "") -> List[str]:
        """The command as run in the host's view, ended with the test process, as another user where we are root."""
        change = ["--reuid", user, "--regid", user, "--init-groups"] if user and os.geteuid() == 0 else []
        guard = ["setpriv", *change, "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        return [*self._view(), *guard, *command]

    def run(self, command: Sequence[str], *, user: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run to the end in the host's view; output is combined."""
        done = subprocess.run(self.argv(command, user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, env={**os.environ, "PATH": PATH})
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: exit {done.returncode}: {' '.join(command)}\n{done.stdout}")
        return done

    def start(self, command: Sequence[str], log: str, *, user: str = "") -> subprocess.Popen[bytes]:
        """A server in the foreground, in the host's view; its output goes to the host's file `log`."""
        self.real(log).parent.mkdir(parents=True, exist_ok=True)
        with self.real(log).open("ab") as stream:
            return subprocess.Popen(self.argv(command, user), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                                    env={**os.environ, "PATH": PATH})

    def processes(self) -> List[int]:
        """Ids of all processes that live in this host's namespace (none when hosts share one view)."""
        if not self._holder:
            return []
        mine = namespace_of(self._holder.pid)
        ids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        return [pid for pid in ids if mine and namespace_of(pid) == mine]

    def halt(self) -> None:
        """End everything that runs in the host's namespace, the holder last."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            others = [pid for pid in self.processes() if self._holder and pid != self._holder.pid]
            for pid in others:
                end(pid, sign)
            if others:
                time.sleep(0.1)
        if self._holder:
            self._holder.kill()
            self._holder.wait()

    def holding(self, needle: bytes) -> List[Path]:
        """The host's files that hold these bytes (a private key's, say): nothing a test may miss in /tmp, /var/log or ~/.ansible."""
        regular = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return [path for path in regular if needle in path.read_bytes()]

    def variables(self) -> Dict[str, Any]:
        """Host variables that are the same for every connection."""
        return {"ansible_host": self.address}


def namespace_of(pid: int) -> str:
    """The mount namespace of a process, or empty when it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""


def end(pid: int, sign: int) -> None:
    """Signal a process that may be gone already."""
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def tree(pid: int) -> List[int]:
    """A process and all that come from it; workers of newer cores are in sessions of their own."""
    parents: Dict[int, List[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, ()))
    return found


def signal_all(pids: Sequence[int], number: int) -> None:
    """Signal processes that may be gone already."""
    for pid in pids:
        end(pid, number)


def stop(process: Optional[subprocess.Popen[bytes]], *, seconds: float = 5.0) -> None:
    """End a server that we started and wait for it. Where it has to be killed, so are its workers, which would keep its port."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        signal_all(tree(process.pid), signal.SIGKILL)
        process.wait()
