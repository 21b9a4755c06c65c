# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which an item can go wrong has a page, every page is there, and every page is reached."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Iterator, Set

import pytest
import yaml

from ansible_collections.certops.clm.plugins.module_utils import runbooks
from ansible_collections.certops.clm.plugins.module_utils.edge import error_result
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError, ConfigError, about
from ansible_collections.certops.clm.plugins.module_utils.ledger import UnwritableError
from ansible_collections.certops.clm.plugins.module_utils.outcome import STATES, Outcome, failed
from ansible_collections.certops.clm.plugins.module_utils.runbooks import name_of, page_of, path_of

ROOT = Path(__file__).parents[2]
BAD = ("failed", "unproven", "rolled_back", "pending", "deferred")
WORDS = ("Outcome", "failed", "missing", "everything_failed", "finish", "fail", "from_servers", "complete")


def trees() -> Iterator[ast.AST]:
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        yield ast.parse(path.read_text())


def steps() -> Set[str]:
    """Every step that some code gives an outcome: as a literal of a call, as STEP, or as the step of a dict."""
    found: Set[str] = set()
    for node in (node for tree in trees() for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in WORDS:
            found |= {one.value for one in node.args[:4] if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        elif isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "STEP" for one in node.targets):
            found |= {node.value.value} if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else set()
        elif isinstance(node, ast.Dict):
            found |= {value.value for key, value in zip(node.keys, node.values)
                      if isinstance(key, ast.Constant) and key.value == "step" and isinstance(value, ast.Constant)}  # fmt: skip
    return {one for one in found if one.isidentifier() and one not in STATES}


def tagged() -> Set[str]:
    """Every page that some code names by itself: in an error, for a whole task, or in a sentence."""
    found: Set[str] = set()
    for node in (node for tree in trees() for node in ast.walk(tree)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [one.value for one in node.keywords if one.arg == "runbook"]
            given += node.args[:1] if name in ("path_of", "about") else node.args[2:3] if name in ("refused", "told") else []
            found |= {one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value}
        elif isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "runbook" for one in node.targets):
            found |= {node.value.value} if isinstance(node.value, ast.Constant) and node.value.value else set()
    return found


def test_every_outcome_that_went_wrong_has_a_page_that_is_there() -> None:
    known = steps()
    assert {"plan", "issue", "prove", "restore", "record", "unbind", "retire", "cleanup", "promote", "hand_over", "recover"} <= known
    for state in BAD:
        for step in known:
            page = page_of(state, step)
            assert page and (ROOT / page).is_file(), (state, step)
    assert set(runbooks.FAILED) | set(runbooks.DEFERRED) <= known, "the table has a step that no code has"
    assert not any(page_of(state, "prove") for state in set(STATES) - set(BAD))


def test_every_page_is_reached_and_listed() -> None:
    written = {path.stem[len("runbook_") :] for path in (ROOT / "docs/docsite/rst").glob("runbook_*.rst")}
    assert written == set(runbooks.PAGES)
    table = {name_of(page_of(state, step, reason)) for state in BAD for step in steps() for reason in ("", "compromised")}
    assert tagged() <= written and table | tagged() == written
    sections = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text())["sections"]
    listed = [page for section in sections for page in section["toctree"]]
    index = (ROOT / "docs/docsite/rst/runbooks.rst").read_text()
    for name in written:
        assert f"runbook_{name}" in listed and index.count(f"docsite.runbook_{name}`") == 1


@pytest.mark.parametrize(
    ("state", "step", "reason", "named", "page"),
    [
        ("failed", "bind", "", "", "deploy"),
        ("failed", "plan", "", "", "refused"),
        ("failed", "plan", "", "deploy", "deploy"),
        ("failed", "issue", "expiring", "", "issuer"),
        ("failed", "issue", "compromised", "", "compromised"),
        ("failed", "issue", "compromised", "busy", "busy"),
        ("failed", "issue", "revoked", "issuer", "compromised"),
        ("rolled_back", "prove", "", "deploy", "rolled_back"),
        ("unproven", "prove", "", "", "unproven"),
        ("deferred", "plan", "", "", "window"),
        ("deferred", "break_glass", "", "", "ledger"),
        ("failed", "made_up_by_a_server", "", "", "deploy"),
    ],
)
def test_the_table(state: str, step: str, reason: str, named: str, page: str) -> None:
    assert page_of(state, step, reason, path_of(named) if named else "") == path_of(page)


def test_a_page_that_nobody_wrote_is_not_believed() -> None:
    for text in (
        "",
        "runbook_busy",
        "docs/docsite/rst/runbook_nothing.rst",
        "docs/docsite/rst/runbook_/../../x.rst",
        "https://evil.example",
    ):
        assert name_of(text) == "" and page_of("failed", "bind", "", text) == path_of("deploy")


def test_an_error_keeps_the_page_that_knows_most() -> None:
    assert failed("issue", BusyError("x")).as_dict()["runbook_page"] == path_of("busy")
    assert failed("issue", UnwritableError("x")).as_dict()["runbook_page"] == path_of("ledger")
    for error, page in ((BusyError("x"), "busy"), (ConfigError("x"), "store"), (ClmError("x", runbook="ledger"), "ledger")):
        with pytest.raises(ClmError) as caught, about("store"):
            raise error
        assert error_result(caught.value, "refused")["msg"] == f"x. Runbook: {path_of(page)}"
    assert "runbook_page" not in error_result(ConfigError("x")) and error_result(ConfigError("x"))["msg"] == "x"
    assert Outcome("done", "prove", runbook_page=path_of("busy")).as_dict()["runbook_page"] == ""


# What ends in the variable's own page: a task's message, or what look_judge says.
OWN = ("clm_looked.then", "map(attribute='msg')", "clm_impact.msg")


def tasks(node: object) -> Iterator[dict]:
    """Every task of a playbook, also in blocks."""
    for one in node if isinstance(node, list) else []:
        yield one
        for inside in ("tasks", "block", "rescue", "always"):
            yield from tasks(one.get(inside))


def test_what_a_playbook_itself_refuses_names_a_page_that_is_there() -> None:
    told = []
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        for task in tasks(yaml.safe_load(path.read_text())):
            for module, field in (("fail", "msg"), ("assert", "fail_msg")):
                if f"ansible.builtin.{module}" in task:
                    text = str(task[f"ansible.builtin.{module}"].get(field, ""))
                    page = text.rpartition("Runbook: ")[2].strip() if "Runbook: " in text else ""
                    assert name_of(page) or any(one in text for one in OWN), f"{path.name}: {task['name']}: {text}"
                    told.append(text)
    assert len(told) > 15
