# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the story is told: one calm line for an event, whatever Ansible itself prints stays in its log."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import Any, Dict, List, Mapping

SHA256 = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")


def short(text: str) -> str:
    """Every SHA-256 in the text by its first eight digits."""
    return SHA256.sub(r"\1", text)


class Teller:
    """Writes to standard output at once; colour only for a terminal that wants it."""

    def __init__(self) -> None:
        self.began = self.act_began = time.monotonic()
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self.good = self._mark("✓", "ok")
        self.bad = self._mark("✗", "!!")
        self.arrow = self._mark("→", "->")

    def _mark(self, wanted: str, plain: str) -> str:
        try:
            wanted.encode(sys.stdout.encoding or "ascii")
            return wanted
        except (LookupError, UnicodeEncodeError):
            return plain

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def line(self, text: str = "") -> None:
        """One line."""
        print(text, flush=True)

    def act(self, number: int, title: str, command: str = "") -> None:
        """A new act begins, with the command that a person would type."""
        self.act_began = time.monotonic()
        self.line(f"\n{self.paint(f'{number}  {title}', '1')}")
        if command:
            self.line(self.paint(f"   $ {command}", "2"))

    def say(self, text: str) -> None:
        """Something that happened."""
        self.line(f"   {short(text)}")

    def ok(self, text: str) -> None:
        """The act went as told: what was to be shown, and how long it took."""
        self.line(f"   {self.paint(self.good, '32')} {short(text)} {self.paint(f'({time.monotonic() - self.act_began:.1f} s)', '2')}")

    def wrong(self, text: str) -> None:
        """Something did not go as told."""
        self.line(f"\n   {self.paint(self.bad, '31')} {short(text)}")


class Waves:
    """Tells a rotation from its events: what is ahead, each wave as it begins, and each server's verdict."""

    def __init__(self, teller: Teller) -> None:
        self.teller = teller
        self.items: Dict[str, Dict[str, Any]] = {}
        self.verdicts: Dict[str, Dict[str, Any]] = {}  # server -> outcome, in the order of the rotation
        self.waves: List[List[str]] = []  # servers of each wave, the canaries first
        self.campaign: Dict[str, Any] = {}

    def __call__(self, event: Mapping[str, Any]) -> None:
        task, result = str(event.get("task", "")).split(" : ")[-1], event.get("result", {})
        if task == "Begin the rotation":
            self.campaign = dict(result)
            self.teller.say(str(result.get("msg", "")))
        elif task == "Plan the wave":
            self._wave(str(event["play"]), result.get("plan", {}))
        elif task == "Verdict":
            self._verdict(str(event["host"]), dict(result.get("outcome") or {}))

    def _wave(self, play: str, plan: Mapping[str, Any]) -> None:
        self.items.update(json.loads(plan.get("items", "{}")))
        servers = [self.server(host) for host in plan.get("hosts", ())]
        self.waves.append(servers)
        self.teller.say(f"{'canaries' if 'canaries' in play else f'wave {len(self.waves) - self._canaries(play)}'}: {', '.join(servers)}")

    def _canaries(self, play: str) -> int:
        """How many waves of canaries there were."""
        return len(self.campaign.get("canary_sizes", ())) if self.campaign.get("summary", {}).get("canaries") else 0

    def server(self, host: str) -> str:
        """The server of a deployment's host."""
        return str(self.items.get(host, {}).get("server") or host)

    def _verdict(self, host: str, outcome: Dict[str, Any]) -> None:
        server = self.server(host)
        self.verdicts[server] = outcome
        lineage = str(self.items.get(host, {}).get("lineage", ""))
        self.teller.line(f"      {server:6} {lineage:7} {short(self._words(host, outcome))}")

    def _words(self, host: str, outcome: Mapping[str, Any]) -> str:
        state, before, after = outcome.get("state"), outcome.get("before") or {}, outcome.get("after") or {}
        until = str(after.get("not_after", ""))[:10]
        old = before.get("sha256", "nothing")
        if state == "planned":
            return f"{old} {self.teller.arrow} a new certificate until {until}: {sentence(outcome)}"
        if state == "done":
            return f"{old} {self.teller.arrow} {after.get('sha256')}, proven by new connections, good until {until}"
        text = str(outcome.get("message") or sentence(outcome)).removeprefix(f"{host}: ")
        return self.teller.paint(f"{str(state).replace('_', ' ').upper()}: {text}", "33" if state == "rolled_back" else "31")

    def states(self) -> Dict[str, str]:
        """By server, how its verdict was."""
        return {server: str(outcome.get("state")) for server, outcome in self.verdicts.items()}


def sentence(outcome: Mapping[str, Any]) -> str:
    """Why, as the collection says it."""
    return str((outcome.get("reason") or {}).get("sentence", ""))
