# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as its users meet it: lint of roles and playbooks, documentation, changelog, licences."""

from __future__ import annotations

from functools import partial

import pytest
import yaml

from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import DEV_CORE, ROOT, run, venv

# Not linted by ansible-lint: fragments are antsibull's, and what the tests hold is broken on purpose.
UNLINTED = ("changelogs", "tests", "tools", "docs", "demo", "LICENSES")

# One random name of its working folder in 37 ends with an underscore, which the linter then reads as a reference of ours.
UNLUCKY = 'Unknown target name: "antsibull-docs-'


@pytest.fixture
def checkout(tmp_path):
    """A copy at .../ansible_collections/certops/clm of what git would commit, and the environment that finds it."""
    place = collection.copy(collection.files(), tmp_path / "ansible_collections" / "certops" / "clm")
    home = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    tools = venv("gates")
    return place, {**home, "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin"}, tools


def test_ansible_lint_production(checkout):
    place, environment, tools = checkout
    run(["git", "init", "--quiet", "."], cwd=place)
    skipped = [part for name in UNLINTED for part in ("--exclude", name)]
    options = ["--offline", "--profile", "production", "--strict", "--nocolor", *skipped]
    run([str(tools / "ansible-lint"), *options], cwd=place, env=environment)


def test_documentation(checkout):
    place, environment, tools = checkout
    options = ["--plugin-docs", "--validate-collection-refs=all", "--disallow-unknown-collection-refs", "--check-extra-docs-refs"]
    lint = partial(run, [str(tools / "antsibull-docs"), "lint-collection-docs", *options, "."], cwd=place, env=environment)
    for _try in range(3):
        try:
            return lint()
        except pytest.fail.Exception as error:
            if UNLUCKY not in str(error):
                raise
    return lint()


def test_changelog(checkout):
    place, environment, tools = checkout
    run([str(tools / "antsibull-changelog"), "lint"], cwd=place, env=environment)


def test_a_licence_for_every_file(checkout):
    place, environment, tools = checkout
    run([str(tools / "reuse"), "lint", "--lines"], cwd=place, env=environment)


def test_requirements_are_seen_by_ansible_builder():
    """What it would put into an execution environment is the one list of the users' Python packages."""
    place, _tarball = collection.installed()
    said = yaml.safe_load(run([str(venv("gates") / "ansible-builder"), "introspect", "--sanitize", str(place)]))
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    packages = [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]
    assert packages and [line.split("#")[0].strip() for line in said["python"]] == packages, said
    assert all(">=" in line and "==" not in line for line in packages), packages
    assert not [line for line in packages if line.startswith("ansible")], f"core {DEV_CORE} is not ours to bring"
