# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is generated is what the folders hold: nothing by hand, nothing stale, and only literal imports."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tool(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tool, working on a folder of its own."""
    monkeypatch.syspath_prepend(str(root / "tools"))
    spec = importlib.util.spec_from_file_location("make_index", root / "tools" / "make_index.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ROOT, module.UTILS = tmp_path, tmp_path / "plugins" / "module_utils"  # type: ignore[attr-defined]
    (module.UTILS / "issuers").mkdir(parents=True)
    (tmp_path / "meta").mkdir()
    (tmp_path / "plugins" / "modules").mkdir()
    (tmp_path / "meta" / "runtime.yml").write_text('---\nrequires_ansible: ">=2.16.0"\naction_groups:\n  old:\n    - gone\nother: 1\n')
    return module


def test_nothing_in_the_checkout_is_stale(root: Path) -> None:
    done = subprocess.run([sys.executable, str(root / "tools" / "make_index.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_provider_is_what_has_name_options_and_create(tool: Any) -> None:
    issuers = tool.UTILS / "issuers"
    (issuers / "desk.py").write_text('NAME = "desk"\nOPTIONS = {}\ndef create(options, clock): ...\n')
    (issuers / "_private.py").write_text('NAME = "private"\nOPTIONS = {}\ndef create(options, clock): ...\n')
    (issuers / "helper.py").write_text("def create(options, clock): ...\n")
    text = tool.wanted()[issuers / "_index.py"]
    assert 'NAMES: Tuple[str, ...] = ("desk",)' in text and "from .desk import OPTIONS, create" in text
    assert "private" not in text and "helper" not in text and "import_module" not in text
    compile(text, "_index.py", "exec")


def test_action_groups_are_what_the_modules_say_and_the_rest_stays(tool: Any) -> None:
    modules = tool.ROOT / "plugins" / "modules"
    (modules / "one.py").write_text("  - certops.clm.attributes.clm_issue\n")
    (modules / "two.py").write_text("  - certops.clm.attributes.clm_issue\n  - certops.clm.attributes.clm\n")
    text = tool.wanted()[tool.ROOT / "meta" / "runtime.yml"]
    assert text.startswith('---\nrequires_ansible: ">=2.16.0"\nother: 1\n') and "gone" not in text
    assert text.endswith("  clm:\n    - two\n  clm_issue:\n    - one\n    - two\n")
    (tool.ROOT / "meta" / "runtime.yml").write_text(text)
    assert tool.wanted()[tool.ROOT / "meta" / "runtime.yml"] == text


def test_a_module_without_an_action_of_its_own_gets_a_plain_one(tool: Any) -> None:
    modules, actions = tool.ROOT / "plugins" / "modules", tool.ROOT / "plugins" / "action"
    actions.mkdir()
    for name in ("mine", "plain"):
        (modules / f"{name}.py").write_text("")
    (actions / "mine.py").write_text("# by hand\n")
    text = tool.wanted()[actions / "plain.py"]
    assert "class ActionModule(PlainAction)" in text and actions / "mine.py" not in tool.wanted()
    (actions / "plain.py").write_text(text)
    assert tool.wanted()[actions / "plain.py"] == text, "it is generated again, and would be stale else"
