# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a wave hand on, as text where that is long, and what they read by its name and as it is.

A template would copy and mark every single value of it, at each step, and send it back to Ansible's own process with the result.
And Ansible itself walks every value of a result several times for each step: a text is one value.

A name is a text where a dict is expected: `rotate_issued.versions` is a part of what one task registered. Of several, with commas
between them, that of the first task counts that ran. `rotate_served of rotate_issued.work` is by host what a task registered on
each host that is a key of that part.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError

PLAN = "plan"
NAMED = (
    PLAN, "versions", "outcomes", "asked", "answers", "seen", "requested", "published", "servers", "looked", "restored", "committed",
    "withdrawn",
)  # fmt: skip
BY_HOST = " of "
TEXT = "versions"
TEXTS_BY_LEAD = ("work", "commit", "restore", "requests")
TEXTS_OF_PLAN = ("items", "lineages")


def handed(args: Mapping[str, Any], variables: Mapping[str, Any]) -> Dict[str, Any]:
    """The arguments with what the names stand for, every text of ours read; what a task that ran did not return is left out.

    ConfigError for a name that no task registered. A plan is always there.
    """
    found: Dict[str, Any] = {}
    for option, value in args.items():
        if option == PLAN:
            found[option] = plan_of(value, variables)
        elif isinstance(value, str) and option in NAMED and not value.startswith("{"):
            found[option] = _named(option, value, variables)
        else:
            found[option] = value
    known = {option: value for option, value in found.items() if value is not None}
    return {**known, **{option: unpacked(known[option]) for option in (PLAN, TEXT, "asked") if option in known}}


def packed(answer: Mapping[str, Any]) -> Dict[str, Any]:
    """An answer as a step returns it, with its long parts as text."""
    found = dict(answer)
    if PLAN in found:
        found[PLAN] = {**found[PLAN], **{name: json.dumps(found[PLAN][name]) for name in TEXTS_OF_PLAN if name in found[PLAN]}}
    for name in [name for name in TEXTS_BY_LEAD if name in found]:
        found[name] = {lead: json.dumps(items) for lead, items in found[name].items()}
    return {**found, **({TEXT: json.dumps(found[TEXT])} if TEXT in found else {})}


def unpacked(value: Any) -> Any:
    """What `packed` made a text of; other values as they are."""
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    if not isinstance(value, Mapping):
        return value
    found = {name: json.loads(part) if _packed(name, part) else part for name, part in value.items()}
    for name in [name for name in TEXTS_BY_LEAD if isinstance(found.get(name), Mapping)]:
        found[name] = {lead: json.loads(items) if isinstance(items, str) else items for lead, items in found[name].items()}
    return found


def _packed(name: str, part: Any) -> bool:
    return isinstance(part, str) and (name == TEXT or name in TEXTS_OF_PLAN)


def raw(hostvars: Any, host: str, name: str) -> Any:
    """What a task registered on a host, never templated; None where there is nothing."""
    variables = hostvars.raw_get(host)
    return variables.get(name) if isinstance(variables, Mapping) else None


def _named(option: str, text: str, variables: Mapping[str, Any]) -> Any:
    name, by_host, part = text.rpartition(BY_HOST)
    if not any(isinstance(variables.get(path.strip().partition(".")[0]), Mapping) for path in part.split(",")):
        raise ConfigError(f"no task registered {text!r}", field=option)
    found = _first(part, variables)
    if not by_host:
        return found
    results = {str(host): raw(variables["hostvars"], str(host), name) for host in found} if isinstance(found, Mapping) else {}
    return {host: result if isinstance(result, Mapping) else {} for host, result in results.items()}


def _first(text: str, variables: Mapping[str, Any]) -> Any:
    for path in text.split(","):
        name, _dot, part = path.strip().partition(".")
        result = variables.get(name)
        if isinstance(result, Mapping) and not result.get("skipped"):
            return result.get(part) if part else result
    return None


def plan_of(given: Any, variables: Mapping[str, Any]) -> Any:
    """The plan that an option holds or names. Where the first step left none, every later step says so for each of its hosts."""
    if not isinstance(given, str) or given.startswith("{"):
        return given
    text, found = given, _first(given, variables)
    if isinstance(found, Mapping):
        return found
    refused = _first(f"{text.partition('.')[0]}.outcomes", variables)
    return {"hosts": list(variables.get("ansible_play_batch") or ()), "refused": refused if isinstance(refused, Mapping) else {}}
