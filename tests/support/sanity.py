# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-test sanity` without a network beyond the package registry.

ansible-test bootstraps its venvs by a `get_pip_<version>.py` which it would download; a stub of ours in its cache installs the
same pip version from a wheel instead. HOME is a folder of ours, so that a person's own cache keeps the real script.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Dict, List

from . import collection
from .environment import CACHE, run, venv

HOME = CACHE / "ansible-test" / "home"
WHEELS = CACHE / "ansible-test" / "wheels"
# What the bootstrap of each core asks for (python_requirements.get_venv_packages).
BOOTSTRAP = {
    "2.16": ["pip==23.1.2", "setuptools==67.7.2", "wheel==0.37.1"],
    "2.19": ["pip==24.2"],
    "2.21": ["pip==25.2"],
}
# The import test reads every file anew on every Python there is, minutes for each; these two or fewer for each core are together all of
# them. A Python that this machine has not got is left out, and where it has none of them the core's own is taken.
IMPORTED = {"2.16": ("3.10",), "2.19": ("3.9", "3.11"), "2.21": ("3.12", "3.13")}
STUB = '''"""Stands in for get-pip.py: installs the packages named in argv from wheels, by the pip of one of them."""
import glob
import sys

wheels = {wheels!r}
sys.path.insert(0, glob.glob(wheels + "/pip-{version}-*.whl")[0])
packages = [name for name in sys.argv[1:] if not name.startswith("-")]
sys.argv = ["pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--find-links", wheels, *packages]
from pip._internal.cli.main import main

sys.exit(main())
'''


def interpreters() -> List[Path]:
    """Folders of real interpreters: a pyenv shim of an inactive version answers 127, which ansible-test takes as fatal."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found: Dict[str, Path] = {}
    for path in sorted(pyenv.glob("3.*/bin/python3.*[0-9]"), reverse=True):
        found.setdefault(path.name, path.parent)
    return list(found.values())


def path_for(core: str) -> str:
    """PATH with the core's venv, real interpreters, and no shims."""
    rest = [place for place in os.environ.get("PATH", "").split(os.pathsep) if "shims" not in place and ".venv" not in place]
    return os.pathsep.join([str(venv(f"core-{core}")), *map(str, interpreters()), *rest])


def prepare_home(core: str) -> None:
    """The stub and its wheels; pip's own configuration and cache stay the person's."""
    version = BOOTSTRAP[core][0].split("==")[1]
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in (".config", ".pip", ".cache", ".pydistutils.cfg"):
        mine, theirs = HOME / name, Path.home() / name
        if theirs.exists() and not mine.exists():
            mine.symlink_to(theirs)
    if not list(WHEELS.glob(f"pip-{version}-*.whl")):
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(WHEELS), *BOOTSTRAP[core]])
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(STUB.format(wheels=str(WHEELS), version=version), encoding="utf-8")


def checkout(core: str) -> Path:
    """A copy at .../ansible_collections/certops/clm that is a git repository; ansible-test's own venvs in it are kept."""
    place = CACHE / "sanity" / core / "ansible_collections" / "certops" / "clm"
    place.mkdir(parents=True, exist_ok=True)
    for entry in place.iterdir():
        if entry.name == "tests":
            for inner in entry.iterdir():
                if inner.name != "output":
                    shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
        else:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    # What a user installs, as certification tests it; our tests and tools are held by ruff, and pylint over them costs minutes.
    shipped = [name for name in collection.files() if name.split("/")[0] not in ("tests", "tools", "demo")]
    collection.copy([*shipped, "tests/config.yml"], place)
    run(["git", "init", "--quiet", "."], cwd=place)
    run(["git", "add", "--all"], cwd=place)
    return place


def everything(core: str) -> None:
    """All tests of sanity on that core: each on the Pythons that it chooses itself, and import on those of IMPORTED."""
    sanity(core, "--skip-test", "import")
    there = [version for version in IMPORTED[core] if shutil.which(f"python{version}", path=path_for(core))]
    own = run([str(venv(f"core-{core}") / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
    for version in there or [own]:
        sanity(core, "--test", "import", "--python", version)


def sanity(core: str, *more: str) -> str:
    """The output of a clean `ansible-test sanity`; the test fails with it otherwise."""
    prepare_home(core)
    command = [str(venv(f"core-{core}") / "ansible-test"), "sanity", "--venv", "--color", "no", *more]
    environment = {"HOME": str(HOME), "PATH": path_for(core), "ANSIBLE_HOME": str(HOME / ".ansible"), "VIRTUAL_ENV": ""}
    return run(command, cwd=checkout(core), env=environment, timeout=2400, show=r"^(ERROR|FATAL: The)")
