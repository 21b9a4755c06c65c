# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One real sshd that answers for every managed host: a ListenAddress each, and a forced command that enters the host's view.

Keys are made for the lab, host keys are known to the client, passwords are off; loopback only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional, Sequence

from ..support.environment import program, which
from .client import can_connect
from .host import Host, end, stop, wait_for

CONFIGURATION = """{listen}
HostKey {place}/host_key
PidFile {place}/sshd.pid
AuthorizedKeysFile {place}/authorized_keys
AuthenticationMethods publickey
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
MaxStartups 500
MaxSessions 100
PrintMotd no
PrintLastLog no
LogLevel INFO
Subsystem sftp {sftp}
{matches}
"""
SFTP = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib/ssh/sftp-server")


class Sshd:
    """The server and what a client needs to know of it."""

    port = 2222

    def __init__(self, place: Path, hosts: Sequence[Host]) -> None:
        self.place, self.hosts = place, list(hosts)
        self.process: Optional[subprocess.Popen[bytes]] = None

    def start(self) -> None:
        """Every host answers on its address, port 2222; a machine without sshd skips or fails the test."""
        binary, keygen = program("sshd"), program("ssh-keygen")
        self.place.mkdir(parents=True, exist_ok=True)
        for name in ("host_key", "user_key"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(self.place / name)], check=True)
        shutil.copy(self.place / "user_key.pub", self.place / "authorized_keys")
        key = " ".join((self.place / "host_key.pub").read_text().split()[:2])
        (self.place / "known_hosts").write_text("".join(f"[{host.address}]:{self.port} {key}\n" for host in self.hosts))
        (self.place / "cp").mkdir(exist_ok=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on its empty folder for privilege separation
        (self.place / "sshd_config").write_text(self._configuration())
        log = (self.place / "sshd.log").open("ab")
        self.process = subprocess.Popen([binary, "-D", "-e", "-f", str(self.place / "sshd_config")], stdin=subprocess.DEVNULL, stderr=log)
        wait_for(lambda: self._alive() and all(can_connect(host.address, self.port) for host in self.hosts), "sshd")

    def _alive(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"sshd ended: {(self.place / 'sshd.log').read_text()[-1500:]}")
        return True

    def _configuration(self) -> str:
        listen = "\n".join(f"ListenAddress {host.address}:{self.port}" for host in self.hosts)
        matches = "\n".join(f"Match LocalAddress {host.address}\n  ForceCommand {host.place}/enter" for host in self.hosts)
        sftp = next((path for path in SFTP if Path(path).exists()), "internal-sftp")
        return CONFIGURATION.format(listen=listen, matches=matches, place=self.place, sftp=sftp)

    def stop(self) -> None:
        """The server, the connections that clients keep open, and what still answers them are ended."""
        for socket in (self.place / "cp").glob("*") if (self.place / "cp").is_dir() else ():
            subprocess.run([which("ssh") or "ssh", "-O", "exit", "-o", f"ControlPath={socket}", "lab"], capture_output=True, check=False)
        sessions = children(self.process.pid) if self.process else []
        stop(self.process)
        for pid in sessions:
            end(pid, signal.SIGTERM)

    def variables(self) -> Dict[str, Any]:
        """What Ansible needs to reach any of the hosts."""
        options = f"-o UserKnownHostsFile={self.place}/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes"
        return {"ansible_connection": "ssh", "ansible_port": self.port, "ansible_user": user_name(),
                "ansible_ssh_private_key_file": str(self.place / "user_key"),
                "ansible_ssh_common_args": f"{options} -o IdentitiesOnly=yes -o IdentityAgent=none -F /dev/null"}


def user_name() -> str:
    """Who we are; every managed host is reached as the same."""
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def children(parent: int) -> list[int]:
    """Direct children of a process."""
    try:
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return []
