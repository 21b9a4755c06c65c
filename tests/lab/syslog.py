# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hears what is said to syslog: a socket that stands at /dev/log in the view of a managed host, or of a command, and nowhere else.

A command's view has folders of its own for what modules on localhost leave in the home folder, which Ansible asks the system for.
"""

from __future__ import annotations

import os
import pwd
import socket
import threading
from pathlib import Path
from typing import List

from .host import Host

# Where the machine has no /dev/log there must be something to mount on; an empty file takes no message. What an earlier test mounted
# there goes first: its socket is gone, and nothing can be mounted on what is gone.
HOMES = (".ansible", ".ansible_async")
MOUNT = 'while umount /dev/log 2>/dev/null; do :; done; [ -e /dev/log ] || : > /dev/log; mount --bind "$0" /dev/log'


class Syslog:
    """A socket, and all that was sent to it."""

    def __init__(self, place: Path) -> None:
        self.path = str(place / "dev-log")
        self.heard: List[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            message = self._socket.recv(1 << 20)
            if not message:
                return
            self.heard.append(message)

    def at(self, host: Host) -> Syslog:
        """From now on the host's modules, too, are heard here (as root only, where hosts have views of their own)."""
        host.run(["/bin/sh", "-c", MOUNT, self.path])
        return self

    def view(self, place: Path) -> List[str]:
        """A command that runs what follows it where /dev/log is this socket, and HOMES are folders in `place`."""
        home, binds = Path(pwd.getpwuid(os.geteuid()).pw_dir), ""
        for name in HOMES:
            (place / "home" / name).mkdir(parents=True, exist_ok=True)
            (home / name).mkdir(exist_ok=True)
            binds += f" && mount --bind '{place / 'home' / name}' '{home / name}'"
        return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", MOUNT + binds + ' && exec "$@"', self.path]

    def text(self) -> bytes:
        """All that was said."""
        return b"\n".join(list(self.heard))

    def close(self) -> None:
        """Hear no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)
        self._thread.join(5)
        self._socket.close()
