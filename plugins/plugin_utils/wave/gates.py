# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a wave: a command, an address or a query of Prometheus, each of which says whether what was deployed may stay.

They are read before anything is deployed. Whatever hinders one from being asked is an answer: it does not pass.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from ansible_collections.certops.clm.plugins.module_utils._manifest_fields import Fields, refuse
from ansible_collections.certops.clm.plugins.module_utils.commands import SYSTEM_PATH, Done
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.policy.duration import duration, in_words
from ansible_collections.certops.clm.plugins.plugin_utils.report.words import visible
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fetch import Page, context_of
from ansible_collections.certops.clm.plugins.plugin_utils.wave.prometheus import Threshold, address, judge

FIELD = "rotate_gates"
KINDS = ("command", "url", "prometheus")
LONGEST_WAIT, LONGEST_HOLD = 600, 3600
READ_IT = "Look at what the gate measured. When it is good again, run the rotation again."
Gate = Dict[str, Any]


@dataclass(frozen=True)
class Means:
    """How gates are asked. Injected, so that tests need no network and no waiting."""

    pipe: Callable[[Sequence[str], float, bytes], Done]
    fetch: Callable[[str, float, str], Page]
    now: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class Answer:
    """What one gate said: `measured` and `wanted` are words for people."""

    gate: str
    passed: bool
    measured: str
    wanted: str


def parse_gates(data: Any) -> List[Gate]:
    """The gates as plain data, all options filled in; ConfigError names the first field that is wrong."""
    return [_parse(item, at) for at, item in Fields({FIELD: data or []}, "").items(FIELD)]


def _parse(data: Any, path: str) -> Gate:
    fields = Fields(data, path)
    named = [kind for kind in KINDS if isinstance(data, Mapping) and data.get(kind) is not None]
    if len(named) != 1:
        refuse(path, f"needs exactly one of {', '.join(KINDS)}")
    gate = {"command": _command, "url": _url, "prometheus": _prometheus}[named[0]](fields)
    gate["name"] = fields.text("name") or gate["name"]
    fields.finish()
    return gate


def _command(fields: Fields) -> Gate:
    argv = list(fields.texts("command"))
    at = fields.at("command")
    if not argv:
        refuse(at, "needs at least the program", hint="a list of words: [/usr/local/bin/check, --fast]")
    if "/" in argv[0]:
        argv[0] = os.path.abspath(os.path.expanduser(argv[0]))
    if shutil.which(argv[0], path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}") is None:
        refuse(f"{at}[0]", f"{argv[0]!r} is no program on the controller", hint="it is run without a shell: a list of words")
    return {"kind": "command", "name": f"command {os.path.basename(argv[0])}", "argv": argv, "timeout": _seconds(fields, "timeout", 60)}


def _url(fields: Fields) -> Gate:
    url = _address(fields)
    return {
        "kind": "url",
        "name": f"url {url.partition('?')[0]}",
        "url": url,
        "status": fields.number("status", 200, 100, 599),
        "text": fields.text("text"),
        "ca_file": _ca_file(fields),
        "timeout": _seconds(fields, "timeout", 30),
    }


def _prometheus(outer: Fields) -> Gate:
    fields = Fields(outer.take("prometheus"), outer.at("prometheus"))
    url, query, want = _address(fields), fields.text("query"), fields.text("want")
    if not query:
        refuse(fields.at("query"), "is needed")
    Threshold.parse(want, fields.at("want"))
    gate = {
        "kind": "prometheus",
        "name": f"query {query[:100]}",
        "url": url,
        "query": query,
        "want": want.strip(),
        "hold": _seconds(fields, "hold", 0, lowest=0, highest=LONGEST_HOLD),
        "every": _seconds(fields, "every", 15),
        "ca_file": _ca_file(fields),
        "timeout": _seconds(fields, "timeout", 30),
    }
    fields.finish()
    return gate


def _address(fields: Fields) -> str:
    url, at = fields.text("url"), fields.at("url")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in url and url.isascii()
    except ValueError:
        good = False
    if not good:
        refuse(at, f"{url[:100]!r} is no address of http or https")
    if parts.username is not None:
        refuse(at, "must not hold a user or a password", hint="results and logs show it")
    return url


def _ca_file(fields: Fields) -> str:
    name = fields.text("ca_file")
    path = os.path.abspath(os.path.expanduser(name)) if name else ""
    context_of(path, fields.at("ca_file"))
    return path


def _seconds(fields: Fields, key: str, default: int, lowest: int = 1, highest: int = LONGEST_WAIT) -> int:
    seconds = duration(fields.take(key, default), fields.at(key))
    if not lowest <= seconds <= highest:
        refuse(fields.at(key), f"must be from {lowest} to {highest} seconds")
    return seconds


def ask(gates: Sequence[Gate], wave: Mapping[str, Any], means: Means) -> List[Answer]:
    """The answer of every gate, in their order; `wave` is what a command reads from its standard input."""
    kinds = {"command": _ask_command, "url": _ask_url, "prometheus": _ask_prometheus}
    answers = []
    for number, gate in enumerate(gates, 1):
        label = f"gate {number} ({gate['name']})"
        try:
            answers.append(Answer(label, *kinds[gate["kind"]](gate, wave, means)))
        except ClmError as error:
            answers.append(Answer(label, False, visible(error.message)[:500], _wanted(gate)))
        except Exception as error:  # whatever it is, it is no reason to keep what nobody judged
            answers.append(Answer(label, False, f"{type(error).__name__}: {visible(error)[:500]}", _wanted(gate)))
    return answers


def said(answers: Sequence[Answer]) -> Dict[str, Any]:
    """What all gates say together: passed only when each of them did."""
    bad = [one for one in answers if not one.passed]
    text = "; ".join(f"{one.gate}: {one.measured}, wanted was {one.wanted}" for one in bad or answers)
    if bad:
        return {"passed": False, "message": f"Not passed: {text}.", "next_action": READ_IT}
    return {"passed": bool(answers), "message": f"Passed: {text}.", "next_action": ""}


def _wanted(gate: Gate) -> str:
    if gate["kind"] == "command":
        return "exit code 0"
    if gate["kind"] == "url":
        return f"status {gate['status']}" + (f" and the text {gate['text'][:100]!r}" if gate["text"] else "")
    return gate["want"] + (f" for {in_words(gate['hold'])}" if gate["hold"] else "")


def _ask_command(gate: Gate, wave: Mapping[str, Any], means: Means) -> Tuple[bool, str, str]:
    done = means.pipe(gate["argv"], float(gate["timeout"]), json.dumps(wave).encode())
    text = (done.errors or done.output).decode("utf-8", "replace").strip()
    shown = f" after it said: {visible(' '.join(text.split()))[-300:]}" if text and done.code else ""
    return done.code == 0, f"it ended with {done.code}{shown}", _wanted(gate)


def _ask_url(gate: Gate, wave: Mapping[str, Any], means: Means) -> Tuple[bool, str, str]:
    page = means.fetch(gate["url"], float(gate["timeout"]), gate["ca_file"])
    found = gate["text"].encode() in page.body
    measured = f"status {page.status}" + ("" if found else f" and {len(page.body)} bytes without that text")
    return page.status == gate["status"] and found, measured, _wanted(gate)


def _ask_prometheus(gate: Gate, wave: Mapping[str, Any], means: Means) -> Tuple[bool, str, str]:
    """Asked until it has held for so long; the first time that it does not ends it."""
    threshold, begun = Threshold.parse(gate["want"], "want"), means.now()
    while True:
        page = means.fetch(address(gate["url"], gate["query"]), float(gate["timeout"]), gate["ca_file"])
        passed, measured = judge(page, threshold)
        since = means.now() - begun
        if not passed and gate["hold"]:
            measured += f" after {since:.0f} s"
        if not passed or since >= gate["hold"]:
            return passed, measured, _wanted(gate)
        means.sleep(min(float(gate["every"]), max(0.0, gate["hold"] - since)))
