# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that knows AnsibleModule: runs a flow, translates its errors once, ends the module.

Standard library and Ansible only: this file travels to managed hosts.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterator, List, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .errors import ClmError, ConfigError, check_path
from .identifiers import meant
from .outcome import FAILED, ROLLED_BACK, UNPROVEN, Answer, Outcome, any_changed, as_dicts
from .runbooks import path_of

NEGATIVE = frozenset({FAILED, UNPROVEN, ROLLED_BACK})
NAMED_IN_MESSAGE = 5
SHOWN_SHA256 = 16
KEPT = frozenset({"issue", "import", "promote", "standby", "cleanup", "retire", "revoke", "lift"})  # steps that know the secret store alone


def utc_now() -> datetime:
    """The real clock, timezone-aware UTC; everything below a module or an action is given it as an argument."""
    return datetime.now(timezone.utc)


def batch_result(outcomes: Mapping[str, Outcome], diff: bool = False, **more: Any) -> Dict[str, Any]:
    """The result of a batch: changed, outcomes by id, and with `diff` the public facts of each item that changes."""
    said = outcomes.more if isinstance(outcomes, Answer) else {}
    result: Dict[str, Any] = {"changed": any_changed(outcomes.values()), "outcomes": as_dicts(outcomes), **said, **more}
    if diff:
        moved = {item: outcome for item, outcome in outcomes.items() if outcome.changed}
        result["diff"] = {
            "before": {item: dict(outcome.before) for item, outcome in moved.items()},
            "after": {item: dict(outcome.after) for item, outcome in moved.items()},
        }
    return result


def failure_message(outcomes: Mapping[str, Outcome]) -> str:
    """What to tell a person about the items that failed, empty when none did; all of them are in the outcomes."""
    bad = [(item, outcome) for item, outcome in outcomes.items() if outcome.state in NEGATIVE]
    problem = outcomes.problem if isinstance(outcomes, Answer) else ""
    if not bad:
        return problem
    parts: List[str] = [_one_failure(item, outcome) for item, outcome in bad[:NAMED_IN_MESSAGE]]
    if len(bad) > NAMED_IN_MESSAGE:
        parts.append(f"and {len(bad) - NAMED_IN_MESSAGE} more, see outcomes")
    return f"{len(bad)} of {len(outcomes)} items failed: " + "; ".join(parts) + (f". And {problem}" if problem else "")


def _one_failure(item: str, outcome: Outcome) -> str:
    text = _open(f"{item} at step {outcome.step} ({outcome.state}): {outcome.message}")
    text += _kept(outcome, text)
    text += _open(f". Next: {outcome.next_action}") if outcome.next_action else ""
    page = outcome.as_dict()["runbook_page"]
    return f"{text}. Runbook: {page}" if page else text


def _kept(outcome: Outcome, said: str) -> str:
    """What was there before this, and until when it holds, where the outcome knows and its message does not say so."""
    sha256, until = str(outcome.before.get("sha256") or ""), str(outcome.before.get("not_after") or "")
    if not sha256 or (sha256[:SHOWN_SHA256] in said and until in said):
        return ""
    verb = "Kept" if outcome.step in KEPT else "Served before this"
    return f". {verb}: SHA-256 {sha256[:SHOWN_SHA256]}..., until {until or 'nobody knows when'}"


def _open(text: str) -> str:
    """The text without its full stop, for more is to follow."""
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text


def error_result(error: ClmError, runbook: str = "") -> Dict[str, Any]:
    """The parts of a failure result for an error that concerns the whole call; `runbook` names its page where the error does not."""
    page = path_of(error.runbook or runbook) if error.runbook or runbook else ""
    told = f"{error}. Runbook: {page}" if page else str(error)
    return {"msg": told, "error": error.as_dict(), **({"runbook_page": page} if page else {})}


def validate(spec: Mapping[str, Any], values: Mapping[str, Any], field: str = "") -> Dict[str, Any]:
    """The values with defaults and types as the spec asks; ConfigError names `field` and every mistake."""
    unknown = [str(name) for name in values if name not in spec]
    if unknown:
        place = f"{field}.{unknown[0]}" if field else unknown[0]
        raise ConfigError("there is no such option", field=place, hint=meant(unknown[0], sorted(spec)))
    result = ArgumentSpecValidator(dict(spec)).validate(dict(values))
    if result.error_messages:
        raise ConfigError("; ".join(result.error_messages), field=field)
    found = dict(result.validated_parameters)
    for name, one in spec.items():
        if one.get("type") == "path":
            check_path(found[name], f"{field}.{name}" if field else name, one.get("required"))
    return found


def provider_options(index: Any, given: Mapping[str, Any], field: str) -> Dict[str, Any]:
    """What `issuer: {type: ...}` and its like hold beside the type, validated against that provider's own options."""
    kind = given.get("type")
    if kind not in index.NAMES:
        wrong = f"unknown type {kind!r}" if kind else "is needed"
        raise ConfigError(wrong, field=f"{field}.type", hint=meant(kind, index.NAMES))
    return validate(index.options_of(kind), {key: value for key, value in given.items() if key != "type"}, field)


def new_run_id() -> str:
    """An id for what one task did, where the caller gave none."""
    return secrets.token_hex(8)


def run(module: AnsibleModule, work: Callable[[Mapping[str, Any], bool], Mapping[str, Outcome]], **more: Any) -> None:
    """End the module with what `work(params, check_mode)` says of each item; fail at the end when an item failed."""
    outcomes = _guarded(module, work)
    result = batch_result(outcomes, diff=bool(module._diff), **more)
    message = failure_message(outcomes)
    _end(module, {**result, "failed": True, "msg": message} if message else result)


def run_info(module: AnsibleModule, work: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """End a module that only reads with the facts that `work(params)` returns."""
    facts = _guarded(module, lambda params, check_mode: work(params))
    _end(module, {"changed": False, **facts})


def run_raw(module: AnsibleModule, work: Callable[[Mapping[str, Any], bool], Mapping[str, Any]]) -> None:
    """End a module with a whole result that `work` made itself; a result with `failed` true ends it as a failure."""
    _end(module, _guarded(module, work))


def _end(module: AnsibleModule, said: Mapping[str, Any]) -> None:
    """End with it. Ansible prints its `warnings`, and its `remarks`, which are facts too; a core of 2.23 loses what is only returned."""
    result = dict(said)
    for text in [*result.pop("warnings", ()), *result.get("remarks", ())]:
        module.warn(text)
    if result.pop("failed", False):
        module.fail_json(msg=result.pop("msg", "failed"), **result)
    module.exit_json(**result)


def _passphrases(value: Any, name: str = "") -> Iterator[str]:
    """Passphrases inside of options that are a dict of a provider's own, which no argument spec marks as secrets."""
    if isinstance(value, str) and name == "passphrase" and value:
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _passphrases(one, str(key))
    elif isinstance(value, list):
        for one in value:
            yield from _passphrases(one)


def _guarded(module: AnsibleModule, work: Callable[[Mapping[str, Any], bool], Any]) -> Any:
    for passphrase in _passphrases(module.params):
        module.no_log_values.add(passphrase)
    try:
        for name, spec in module.argument_spec.items():
            if spec.get("type") == "path":
                check_path(module.params.get(name), name)
        return work(module.params, bool(module.check_mode))
    except ClmError as error:
        module.fail_json(**error_result(error))
    except OSError as error:
        module.fail_json(msg=f"the system refused: {error.strerror or error} ({error.filename or 'no file'})")
    raise AssertionError("fail_json returned")
