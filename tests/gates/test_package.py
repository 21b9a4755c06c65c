# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is uploaded: the tarball builds, installs offline, holds only what users run, and Galaxy's importer takes it."""

from __future__ import annotations

import tarfile

from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import DEV_CORE, run, venv

IMPORTER = """[galaxy-importer]
CHECK_REQUIRED_TAGS = True
REQUIRE_V1_OR_GREATER = False
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = False
RUN_ANSIBLE_TEST = False
RUN_FLAKE8 = False
LOG_LEVEL_MAIN = INFO
"""
UNWANTED = ("tests/", "tools/", ".venv/", ".cache/", ".ci/", ".git", "demo/", "pyproject.toml", "Makefile")


def test_tarball_holds_what_users_run():
    _place, tarball = collection.installed()
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert "LICENSE" in names and "README.md" in names and "plugins/module_utils/errors.py" in names
    assert not [name for name in names if name.startswith(UNWANTED)]
    assert tarball.stat().st_size < 2_000_000


def test_documentation_of_the_installed_collection():
    place, _tarball = collection.installed()
    tool = str(venv(f"core-{DEV_CORE}") / "ansible-doc")
    assert "certops.clm." in run([tool, "--list", "certops.clm"], env={"ANSIBLE_COLLECTIONS_PATH": str(place)})


def test_galaxy_importer(tmp_path):
    _place, tarball = collection.installed()
    tools = venv("importer")
    (tmp_path / "importer.cfg").write_text(IMPORTER)
    environment = {"GALAXY_IMPORTER_CONFIG": str(tmp_path / "importer.cfg"), "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
                   "ANSIBLE_HOME": str(tmp_path / "home")}
    output = run([str(tools / "python"), "-m", "galaxy_importer.main", str(tarball)], cwd=tmp_path, env=environment,
                 show="^(ERROR|WARNING)")
    bad = [line for line in output.splitlines() if line.startswith(("ERROR", "WARNING"))]
    assert "Importer processing completed successfully" in output, output[-6000:]
    assert not bad, "\n".join(bad)
