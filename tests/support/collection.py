# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the collection: what git would commit, what Galaxy would install, and a hash of either.

Safe for several workers at once: everything is made aside and renamed into place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Dict, List, Tuple

from .environment import CACHE, DEV_CORE, ROOT, run, venv

# What an installed collection holds; the integration tests run on exactly that.
SHIPPED = ("plugins", "roles", "playbooks", "meta", "extensions", "galaxy.yml", "requirements.txt", "LICENSE", "README.md")
_held: Dict[Path, int] = {}  # descriptors of the copies that this process uses


def files(*, shipped: bool = False) -> List[str]:
    """Paths of all files that are or could be committed, sorted; only those that users run, when `shipped`."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    names = {name.decode() for name in listing.split(b"\0") if name}
    chosen = (name for name in names if not shipped or name.split("/")[0] in SHIPPED)
    return sorted(name for name in chosen if (ROOT / name).is_file())


def provider_index(folder: Path, protocol: str) -> str:
    """What tools/make_index.py writes into that folder of providers."""
    code = "import make_index, pathlib, sys; sys.stdout.write(make_index.provider_index(pathlib.Path(sys.argv[1]), sys.argv[2]))"
    argv = [sys.executable, "-c", code, str(folder), protocol]
    return subprocess.run(argv, cwd=ROOT / "tools", stdout=subprocess.PIPE, text=True, check=True).stdout


def content_hash(names: List[str]) -> str:
    """One hash for the names and contents of these files."""
    digest = hashlib.sha256()
    for name in names:
        data = (ROOT / name).read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:20]


def copy(names: List[str], where: Path) -> Path:
    """These files below the folder `where`, with their modes."""
    for name in names:
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, where / name, follow_symlinks=False)
    return where


def installed() -> Tuple[Path, Path]:
    """A collections path with certops.clm built and installed by ansible-galaxy as it is now, and the tarball it came from.

    It stays until this process ends.
    """
    place = CACHE / "installed" / content_hash(files(shipped=True))
    while not hold(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
        build_and_install(aside)
        try:
            os.rename(aside, place)
        except OSError:  # another worker was first with the same content
            shutil.rmtree(aside)
        forget_old(place.parent, keep=4)
    return place, next(place.glob("certops-clm-*.tar.gz"))


def hold(place: Path) -> bool:
    """False where there is no such copy; of one that there is, nothing is removed while this process lives."""
    if place in _held:
        return True
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if not place.exists() or not os.path.samestat(os.fstat(descriptor), place.stat()):  # it was removed before we had the lock
        os.close(descriptor)
        return False
    _held[place] = descriptor
    return True


def build_and_install(where: Path) -> None:
    """`ansible-galaxy collection build` from what git would commit, then `install --offline` of the tarball."""
    galaxy = str(venv(f"core-{DEV_CORE}") / "ansible-galaxy")
    home = {"ANSIBLE_HOME": str(where / "home"), "ANSIBLE_LOCAL_TEMP": str(where / "home" / "tmp"), "ANSIBLE_COLLECTIONS_PATH": str(where)}
    source = copy(files(), where / "source")
    run([galaxy, "collection", "build", str(source), "--output-path", str(where)], env=home)
    tarball = next(where.glob("certops-clm-*.tar.gz"))
    run([galaxy, "collection", "install", str(tarball), "--offline", "--collections-path", str(where)], env=home)
    shutil.rmtree(source)
    shutil.rmtree(where / "home", ignore_errors=True)


def forget_old(folder: Path, *, keep: int) -> None:
    """Only the newest copies stay, and those that a process holds: a test run takes longer than others need for some new copies."""
    copies = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda path: path.stat().st_mtime)
    for path in copies[:-keep]:
        with suppress(OSError):  # another worker removes it too
            _remove_unheld(path)


def _remove_unheld(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = path.with_name(f".old-{path.name}")
        os.rename(path, gone)  # nobody finds half of one
        shutil.rmtree(gone, ignore_errors=True)
    finally:
        os.close(descriptor)
