# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runbook page as its reader has it: sections with commands, run as they stand in the folder that has the inventories."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from .campaign import QUICK, Campaign

DOCS = Path(__file__).parents[3] / "docs" / "docsite" / "rst"
UNDERLINE = re.compile(r"^([^\n]+)\n-{3,}\n", re.M)
BLOCK = re.compile(r"^\.\. code-block:: console\n\n((?:  [^\n]*\n|\n)+)", re.M)


def commands_of(page: Path) -> Dict[str, List[str]]:
    """By section the commands, each with its continuation lines."""
    parts = UNDERLINE.split(page.read_text())[1:]
    return {heading: [one for block in BLOCK.findall(body) for one in _commands(block)] for heading, body in zip(parts[::2], parts[1::2])}


def _commands(block: str) -> List[str]:
    return [one.strip() for one in re.split(r"^  \$ ", block, flags=re.M) if one.strip()]


def placeholders() -> List[str]:
    """The words that the index tells its reader to replace."""
    listed = re.findall(r"^(``[A-Z].*``)$", (DOCS / "runbooks.rst").read_text(), re.M)
    return [word for line in listed for word in re.findall(r"``([A-Z0-9]+)``", line)]


class Page:
    """One page for one campaign, a runbook or, by its whole name, a guide.

    `words` replace placeholders beside those that the campaign itself gives.
    """

    def __init__(self, name: str, campaign: Campaign, server: str, lineage: str, **words: str) -> None:
        self.path, self._campaign = DOCS / f"{'' if name.startswith('guide_') else 'runbook_'}{name}.rst", campaign
        self._sections = commands_of(self.path)
        site = campaign.lab.site(server, lineage)
        self.words: Dict[str, str] = {
            "LINEAGE": lineage, "SERVER": server, "HOST": campaign.lab.hosts[server].address, "PORT": str(site.port), "NAME": site.names[0],
            "STORE": "store", "MANIFEST": "manifest.yml", **words,
        }  # fmt: skip

    def named_by(self, output: str) -> None:
        """What the reader saw must name this page, at the end of a sentence of its own."""
        assert f"Runbook: docs/docsite/rst/{self.path.name}" in " ".join(output.split()), output[-6000:]

    def run(self, section: str, ok: Optional[bool] = True) -> str:
        """Everything that the section's commands said; they must end well, or with `ok` False at least one must not."""
        done = [self._run(command) for command in self._sections.pop(section)]
        text = "\n".join(one.stdout for one in done)
        bad = "\n".join(one.stdout[-6000:] for one in done if one.returncode)
        assert done and ok in (None, not bad and all(one.returncode == 0 for one in done)), bad or text[-6000:]
        return text

    def ends(self) -> None:
        """Every command of the page was run."""
        assert not [one for commands in self._sections.values() for one in commands]

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        known = {word: self.words[word] for word in placeholders() if word in self.words}
        filled = re.sub(r"\b(" + "|".join(known) + r")\b", lambda match: known[match.group(1)], command) if known else command
        assert not set(re.findall(r"(?<![\w.])[A-Z][A-Z0-9]{3,}\b", command)) - set(known), f"a word that nobody explained in {command}"
        self._campaign.ansible.place.joinpath("cp").mkdir(exist_ok=True)
        environment = self._campaign.ansible.environment(CLM_EVENTS=str(self._campaign.place / "events.jsonl"))
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", filled], cwd=self._campaign.place, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=150, check=False,
        )  # fmt: skip


def with_inventories(campaign: Campaign, **settings: Any) -> Campaign:
    """The campaign with its inventories under the names of the pages, and settings that make a test short."""
    place = campaign.place
    campaign.lab.write_inventory(place / "hosts.yml")
    state = campaign.lab.hosts["web1"].path("/var/lib/certops-clm")
    values: Mapping[str, Any] = {
        **QUICK,
        "rotate_soak": 0,
        "rotate_soak_canary": 0,
        "rotate_proof_timeout": 3,
        "rotate_state_dir": state,
        **settings,
    }
    (place / "group_vars").mkdir()
    (place / "group_vars" / "all.yml").write_text("".join(f"{name}: {value}\n" for name, value in values.items()))
    return campaign
