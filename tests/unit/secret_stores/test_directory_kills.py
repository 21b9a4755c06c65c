# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that writes to the store is killed with SIGKILL before every single step; what is left must hold.

The invariants are those of the design: I1 a key is durable before its CSR leaves, I2 what is current is always one whole
version, I3 the previous version comes back, and running again converges.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Callable, List

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.tests.support.environment import program
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import OTHER, PEM, SPKI, Clock, issued, pending

NEW_PEM, NEW_SPKI = keys.to_pem(OTHER), keys.spki_sha256(OTHER)
NAMES = ("one", "two")
AFTER = 2.1  # minutes: a lease is for two


def a_clock(minutes: float) -> Clock:
    clock = Clock()
    clock.go(minutes=minutes)
    return clock


def a_store(folder: Path, step: Callable[[str], None] = lambda name: None, minutes: float = 0) -> DirectoryStore:
    return DirectoryStore(str(folder / "store"), clock=a_clock(minutes), owner="test", step=step)


def first_versions(folder: Path) -> None:
    """The lineages as they were before: one proven version each."""
    store = a_store(folder)
    for name in NAMES:
        lease = store.begin(name, None)
        assert isinstance(lease, Lease)
        store.save(lease, issued(name, "000001-00000000", state="proven", key=PEM))
        store.promote(lease, "000001-00000000")
        store.end(lease)
    store.flush()


def renew(folder: Path, step: Callable[[str], None], minutes: float = 0) -> None:
    """What the issue flow does, for two lineages in one batch; goes on where an earlier run stopped."""
    store = a_store(folder, step, minutes)
    work = []
    for name in NAMES:
        lease = store.begin(name, store.current(name))
        assert isinstance(lease, Lease), lease
        known = [one for one in store.versions(name) if one.spki_sha256 == NEW_SPKI]
        version = known[0].version if known else store.new_version(name)
        if not known:
            store.save(lease, pending(name, version, spki_sha256=NEW_SPKI, key=NEW_PEM))
        work.append((lease, version))
    store.flush()
    for lease, version in work:
        (folder / f"csr-of-{lease.lineage}").write_text(version)
        step("the CSR left")
    for lease, version in work:
        store.save(lease, issued(lease.lineage, version, spki_sha256=NEW_SPKI, sha256="7a" * 32))
        store.promote(lease, version)
    store.flush()
    for lease, _version in work:
        store.end(lease)
        step("lease ended")


def killed_at(number: int, work: Callable[[Callable[[str], None]], None]) -> str:
    """Run `work` in a child that kills itself before its step of that number; the step's name, empty when it came through."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def step(name: str) -> None:
            nonlocal count
            count += 1
            if count == number:
                os.write(writer, name.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(step)
            os._exit(0)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        name = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == (-signal.SIGKILL if name else 0), f"{status} at {name}"
    return name


def check(folder: Path, where: str) -> None:
    """As the next run sees it, when the lease of the dead one has expired."""
    store = a_store(folder, minutes=AFTER)
    for name in NAMES:
        left = folder / f"csr-of-{name}"
        if left.exists():  # I1
            assert store.key(KeyRef("", name, left.read_text(), NEW_SPKI)) == NEW_PEM, where
        current = store.load(name)
        assert current is not None and current.state in ("proven", "issued") and current.chain_pem, where  # I2
        store.key(KeyRef("", name, current.version, current.spki_sha256))
        assert (current.sha256 == "7a" * 32) == (current.spki_sha256 == NEW_SPKI), where
        assert [one.version for one in store.versions(name) if one.meta.get("malformed")] == [], where
        lease = store.begin(name, current.version)  # the dead holder's lease ends by time
        assert isinstance(lease, Lease), f"{where}: {lease}"
        store.promote(lease, "000001-00000000")  # I3
        store.flush()
        assert a_store(folder).current(name) == "000001-00000000", where
        store.promote(lease, current.version)
        store.end(lease)
        store.flush()


def test_kill_before_every_step(tmp_path: Path) -> None:
    steps: List[str] = []
    while True:
        folder = tmp_path / str(len(steps))
        folder.mkdir()
        first_versions(folder)
        name = killed_at(len(steps) + 1, partial(renew, folder))
        check(folder, f"killed at step {len(steps) + 1} ({name})")
        assert killed_at(0, partial(renew, folder, minutes=2 * AFTER)) == ""
        store = a_store(folder)
        for lineage in NAMES:
            versions = store.versions(lineage)
            assert [one.spki_sha256 for one in versions] == [SPKI, NEW_SPKI], name
            assert store.current(lineage) == versions[1].version, name
        assert not list(folder.rglob(".*")), name
        if not name:
            break
        steps.append(name)
    wanted = {"stage", "key.pem", "pending.json", "version.json", "chain.pem", "sync", "rename", "swap", "swap over", "sync swapped"}
    assert wanted <= set(steps) and len(steps) > 20


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ansible_collections.certops.clm.tests.unit.secret_stores.test_directory_kills import renew
renew(Path(sys.argv[2]), lambda name: None)
"""


def test_the_kernel_is_told_to_sync_in_the_right_order(tmp_path: Path) -> None:
    first_versions(tmp_path)
    log = tmp_path / "calls"
    dev = next(path for path in sys.path if path.endswith(".cache/dev"))
    strace = f"{program('strace')} -f -y -o {log} -e trace=fsync,rename,symlink,syncfs".split()
    subprocess.run([*strace, sys.executable, "-c", CHILD, dev, str(tmp_path)], check=True)
    lines = [line for line in log.read_text().splitlines() if str(tmp_path / "store") in line and "lease-" not in line]

    def first(*words: str) -> int:
        return next(number for number, line in enumerate(lines) if all(word in line for word in words))

    key, seen = first("fsync", ".new-", "key.pem"), first("rename", ".new-")
    listed = first("fsync", "/one/versions>")
    facts, replaced = first("fsync", "-version.json"), first("rename", "-version.json")
    swapped = first("rename", "/current")
    assert key < seen < listed < facts < replaced < swapped
    assert first("fsync", "-chain.pem>") < first("rename", "-chain.pem") < replaced
    assert any("fsync" in line and "/one/versions/0" in line for line in lines[replaced:swapped])
    assert any("fsync" in line and "/lineages/one>" in line for line in lines[swapped:])
