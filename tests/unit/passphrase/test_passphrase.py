# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a passphrase comes from, and what is refused before anything is written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import passphrase as sources
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.passphrase import passphrase_of

GOOD = "correct horse battery staple"


def private(path: Path, text: str = GOOD + "\n") -> str:
    path.touch(0o600)
    path.write_text(text)
    return str(path)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """A process without vault secrets: what a module is; tests put a reader into it to be the controller."""
    held: List[Any] = []
    monkeypatch.setattr(sources, "_vault", held)
    return held


def revealed(options: Any, **more: Any) -> bytes:
    found = passphrase_of(options, {"CLM_PASS": GOOD}, **more)
    assert found is not None
    return found.reveal()


def test_every_source_gives_it(tmp_path: Path, outside: List[Any]) -> None:
    outside.append(lambda path: GOOD.encode())
    assert passphrase_of({"passphrase_file": None}, {}) is None
    for options in (
        {"passphrase_file": private(tmp_path / "p")},
        {"passphrase_env": "CLM_PASS"},
        {"passphrase_command": ["echo", GOOD]},
        {"passphrase": GOOD},
        {"passphrase_file": private(tmp_path / "v", "$ANSIBLE_VAULT;1.1;AES256\n3333\n")},
    ):
        assert revealed(options) == GOOD.encode(), options


def test_a_command_runs_once_and_only_when_it_is_needed(tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'ran')!r}, 'a').write('x'); print({GOOD!r})"
    found = passphrase_of({"passphrase_command": [sys.executable, "-c", script]}, {})
    assert found is not None and not (tmp_path / "ran").exists() and GOOD not in repr(found)
    assert found.reveal() == found.reveal() == GOOD.encode() and (tmp_path / "ran").read_text() == "x"


@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", f"echo '{GOOD}' >&2; exit 3"],
        ["/no/such/program"],
        ["sh", "-c", "yes"],
        ["echo", "short"],
        ["true"],
        ["printf", f"{GOOD}\\n{GOOD}\\n"],
        "echo hello from a shell",
        ["a\0b"],
    ],
)
def test_a_command_that_gives_none_says_so_and_quotes_nothing(words: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        revealed({"passphrase_command": words})
    assert caught.value.field == "secret_store.passphrase_command" and GOOD not in str(caught.value)


def test_two_sources_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one of"):
        passphrase_of({"passphrase_env": "CLM_PASS", "passphrase_command": ["x"]}, {})


def test_a_module_takes_no_value_and_no_vault_file(tmp_path: Path, outside: List[Any]) -> None:
    with pytest.raises(ConfigError, match="module"):
        passphrase_of({"passphrase": GOOD}, {})
    found = passphrase_of({"passphrase_file": private(tmp_path / "v", "$ANSIBLE_VAULT;1.1;AES256\n3333\n")}, {})
    assert found is not None  # a module that needs no key, as secret_store_info, has no use for it
    with pytest.raises(ConfigError, match="ansible-vault"):
        found.reveal()


def test_it_never_lies_in_what_it_protects(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "lineages").mkdir(parents=True)
    inside = private(store / "lineages" / "p")
    (tmp_path / "link").symlink_to(inside)
    hard = private(tmp_path / "hard")
    os.link(hard, store / "copy")
    (tmp_path / "way").symlink_to(store)
    for path in (inside, str(tmp_path / "link"), hard, str(tmp_path / "way" / "lineages" / "p")):
        for options in ({"passphrase_file": path}, {"passphrase_command": ["cat", path]}):
            with pytest.raises(ConfigError, match="protects"):
                passphrase_of(options, {}, protects=[str(store)])
    os.unlink(store / "copy")
    os.link(hard, tmp_path / "elsewhere")
    assert revealed({"passphrase_file": hard}, protects=[str(store)]) == GOOD.encode()


def test_a_file_that_is_open_short_or_more_than_a_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").write_text(GOOD)
    (tmp_path / "open").chmod(0o644)
    for path in (
        str(tmp_path / "open"),
        private(tmp_path / "s", "short"),
        private(tmp_path / "l", f"{GOOD}\n{GOOD}"),
        str(tmp_path / "none"),
    ):
        with pytest.raises(ClmError):
            passphrase_of({"passphrase_file": path}, {})
