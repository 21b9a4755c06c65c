# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who is not root and may sudo without a password: made for one test, and gone with it.

    with Person() as person:
        lab.inventory(["app1"], ansible_user=person.name, ansible_become=True)

sshd must know its users, so this one stands in the machine's own /etc/passwd for a while; it has no password, and the only key
that opens it is the lab's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..support.environment import not_there, program, which
from .host import can_isolate

SUDOERS = Path("/etc/sudoers.d")


class Person:
    """An account of the machine, with a home folder of its own."""

    def __init__(self) -> None:
        self.name = f"clm-lab-{os.getpid()}"
        self.home = Path(tempfile.mkdtemp(prefix="clm-home-", dir="/var/tmp"))
        self._rule = SUDOERS / self.name  # sudo reads no file with a dot or a tilde in its name

    def __enter__(self) -> Person:
        if not can_isolate() or not which("useradd"):
            not_there("useradd", "another user of a managed host needs root, mount namespaces and useradd")
        program("sudo")
        made = ["useradd", "--home-dir", str(self.home), "--shell", "/bin/sh", "--user-group", "--password", "*", self.name]
        subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
        shutil.chown(self.home, self.name, self.name)
        with os.fdopen(os.open(self._rule, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "w") as stream:
            stream.write(f"{self.name} ALL=(ALL:ALL) NOPASSWD: ALL\n")
        return self

    def __exit__(self, *_nothing: object) -> None:
        self._rule.unlink(missing_ok=True)
        subprocess.run(["userdel", "--force", self.name], check=False, capture_output=True)
        shutil.rmtree(self.home, ignore_errors=True)
