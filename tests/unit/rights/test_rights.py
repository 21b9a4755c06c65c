# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Least privilege in AWS: every provider's policies, on the lab's emulator with enforcement on (tier B).

A provider that asks AWS has RIGHTS in its file, and a drill for each case of them in the file of the same name in this folder, which
an issuer and a target of one name share.
"""

from __future__ import annotations

import ast
import functools
import importlib
import os
import re
from pathlib import Path
from unittest import mock

import botocore.session
import pytest

from ansible_collections.certops.clm.tests.lab.aws import emulator

UTILS = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
ACTION = re.compile(r"(?<![\w:-])[a-z0-9-]+:[A-Z]\w+")
FREE = "sts:GetCallerIdentity"
pytestmark = pytest.mark.xdist_group("aws_rights")


def rights(path):
    """The literal in the file, by case; None when there is none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "RIGHTS":
            return ast.literal_eval(node.value)
    return None


def providers():
    return [path for path in sorted(UTILS.glob("*/*.py")) if not path.name.startswith("_")]


def asks_aws(path, seen=()):
    """Whether the file, or a private one beside it that it imports, imports the module for AWS."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 2 and (node.module == "aws" or "aws" in [one.name for one in node.names]):
            return True
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module != "_index":
            stems = [node.module] if node.module else [one.name for one in node.names]
            beside = [path.with_name(f"{stem}.py") for stem in stems if stem.startswith("_") and stem not in seen]
            if any(one.is_file() and asks_aws(one, (*seen, one.stem)) for one in beside):
                return True
    return False


CASES = [(path.stem, case) for path in providers() for case in rights(path) or ()]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


@pytest.fixture(scope="module")
def loader():
    """The SDK's models of all services, read once: every step of a drill has clients of its own."""
    with mock.patch.object(botocore.session, "create_loader", functools.lru_cache(botocore.session.create_loader)):
        yield


@pytest.fixture
def aws(server, loader):
    server.reset()
    with mock.patch.dict(os.environ, server.environment):
        yield server
    server.allow_all()


def drill(stem, case):
    return importlib.import_module(f"ansible_collections.certops.clm.tests.unit.rights.{stem}").DRILLS[case]


def allow(actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [FREE, *sorted(actions)], "Resource": "*"}]}


def test_every_provider_that_asks_aws_says_what_it_needs():
    asking = [path for path in providers() if asks_aws(path)]
    assert asking == [path for path in providers() if rights(path)] and len(asking) > 8


@pytest.mark.parametrize(("stem", "case"), CASES, ids=[f"{stem}-{number}" for number, (stem, _case) in enumerate(CASES)])
def test_from_nothing_on_each_refusal_names_what_is_missing_until_the_policy_is_whole(aws, tmp_path, stem, case):
    (path,) = [path for path in providers() if path.stem == stem and case in (rights(path) or ())]
    documented = {action for statement in rights(path)[case] for action in statement["Action"]}
    work, allowed = drill(stem, case)(aws, tmp_path), set()
    for _step in range(len(documented) + 1):
        with mock.patch.dict(os.environ, aws.enforce(allow(allowed))):
            problems = work()
        if not problems:
            break
        named = set(ACTION.findall(" ".join(problems))) - allowed
        assert named, f"allowed {sorted(allowed)}, and no action is named by {problems}"
        allowed |= named
    assert (problems, sorted(allowed)) == ([], sorted(documented))
