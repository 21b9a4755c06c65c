# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: what a person is told, what a failure carries, and that documentation and argument specs say the same."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

import pytest
import yaml

from ansible_collections.certops.clm.plugins.doc_fragments import issue as fragment
from ansible_collections.certops.clm.plugins.doc_fragments import ledger as ledger_fragment
from ansible_collections.certops.clm.plugins.module_utils import edge
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.certificates import OPTIONS
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index
from ansible_collections.certops.clm.plugins.module_utils.outcome import DONE, FAILED, PENDING, PLANNED, STATES, UNCHANGED, Answer, Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.edge import spec_of


class Ended(Exception):
    """How the module ended."""


class Module:
    """What `run` needs of an AnsibleModule."""

    def __init__(self, check_mode: bool = False, diff: bool = False) -> None:
        self.params: Dict[str, Any] = {}
        self.argument_spec: Dict[str, Any] = {"state_dir": {"type": "path"}}
        self.check_mode, self._diff = check_mode, diff
        self.failed, self.result = False, {}  # type: bool, Dict[str, Any]
        self.warned: List[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise Ended

    def fail_json(self, **result: Any) -> None:
        self.failed = True
        self.exit_json(**result)


def ended(work: Any, **given: Any) -> Module:
    module = Module(**given)
    with pytest.raises(Ended):
        edge.run(module, work)  # type: ignore[arg-type]
    return module


def test_a_path_with_a_nul_is_refused_by_its_option_before_any_work() -> None:
    module = Module()
    module.params = {"state_dir": "/var/lib\0"}
    with pytest.raises(Ended):
        edge.run(module, lambda params, check_mode: pytest.fail("it worked"))  # type: ignore[arg-type]
    assert module.failed and module.result["error"]["field"] == "state_dir" and "NUL" in module.result["msg"]


@pytest.mark.parametrize("state", STATES)
def test_a_module_fails_for_what_is_not_good_and_carries_every_outcome(state: str) -> None:
    outcomes = {"good": Outcome(DONE, "issue"), "other": Outcome(state, "issue", message="it is so", next_action="do that")}
    module = ended(lambda params, check_mode: outcomes)
    assert module.failed == (state in ("failed", "unproven", "rolled_back"))
    assert list(module.result["outcomes"]) == ["good", "other"] and module.result["changed"] is True
    if module.failed:
        page = module.result["outcomes"]["other"]["runbook_page"]
        assert module.result["msg"] == f"1 of 2 items failed: other at step issue ({state}): it is so. Next: do that. Runbook: {page}"
        assert page.startswith("docs/docsite/rst/runbook_") and not module.result["outcomes"]["good"]["runbook_page"]


TOLD = {"sha256": "ab" * 32, "not_after": "2026-12-24T18:00:00Z"}


@pytest.mark.parametrize("step", ["issue", "standby", "cleanup", "retire", "revoke", "promote", "deploy", "unbind", "bind"])
@pytest.mark.parametrize("state", ["failed", "unproven", "rolled_back"])
def test_a_failure_names_lineage_step_what_is_there_and_until_when_what_next_and_a_page(step: str, state: str) -> None:
    outcome = Outcome(state, step, before=TOLD, message="it is so", next_action="do that")
    said = edge.failure_message({"shop": outcome})
    verb = "Served before this" if step in ("deploy", "unbind", "bind") else "Kept"
    there = f"{verb}: SHA-256 abababababababab..., until 2026-12-24T18:00:00Z"
    assert f"shop at step {step} ({state}): it is so. {there}. Next: do that" in said
    assert ". Runbook: docs/docsite/rst/runbook_" in said
    told = Outcome(state, step, before=TOLD, message=f"kept: {TOLD['sha256']} until {TOLD['not_after']}", next_action="do that")
    assert verb not in edge.failure_message({"shop": told}), "nothing is said twice"
    undated = Outcome(state, step, before={"sha256": "ab" * 32, "not_after": ""}, message="it is so")
    assert "until nobody knows when" in edge.failure_message({"shop": undated})


def test_changed_and_diff_are_of_what_changes_only() -> None:
    outcomes = {
        "same": Outcome(UNCHANGED, "issue", before={"sha256": "a"}, after={"sha256": "a"}),
        "plan": Outcome(PLANNED, "issue", before={"sha256": "b"}, after={"names": ["c"]}),
    }
    module = ended(lambda params, check_mode: outcomes, diff=True)
    assert module.result["diff"] == {"before": {"plan": {"sha256": "b"}}, "after": {"plan": {"names": ["c"]}}}
    same = ended(lambda params, check_mode: {"same": outcomes["same"]}, diff=True)
    assert same.result["changed"] is False and same.result["diff"] == {"before": {}, "after": {}}
    assert "diff" not in ended(lambda params, check_mode: outcomes).result


def test_many_failures_are_named_shortly() -> None:
    outcomes = {f"h{number}": Outcome(FAILED, "issue", message="no") for number in range(1000)}
    message = edge.failure_message(outcomes)
    assert message.startswith("1000 of 1000 items failed: h0 ") and message.endswith("and 995 more, see outcomes") and len(message) < 500
    assert edge.failure_message({"one": Outcome(PENDING, "issue")}) == ""


def test_a_failure_is_read_as_sentences() -> None:
    outcome = Outcome(FAILED, "issue", message="The CA is away.", next_action="Wait for it...")
    page = "docs/docsite/rst/runbook_issuer.rst"
    said = f"1 of 1 items failed: one at step issue (failed): The CA is away. Next: Wait for it.... Runbook: {page}"
    assert edge.failure_message({"one": outcome}) == said


@pytest.mark.parametrize("error", [ConfigError("no", hint="yes", field="path"), PermissionError(13, "denied", "/x")])
def test_an_error_is_translated_once_and_has_no_traceback(error: Exception) -> None:
    def work(params: Mapping[str, Any], check_mode: bool) -> Any:
        raise error

    module = ended(work)
    assert module.failed and "Traceback" not in str(module.result)
    assert module.result["msg"] in ("path: no (yes)", "the system refused: denied (/x)")


def test_what_an_answer_says_beside_its_outcomes_is_in_the_result_and_a_problem_fails_after_the_work() -> None:
    answer = Answer({"a": Outcome(DONE, "issue")})
    answer.more, answer.problem = {"checkpoint": {"size": 3}}, "no checkpoint was sent"
    module = ended(lambda params, check_mode: answer)
    assert module.failed and module.result["msg"] == "no checkpoint was sent" and module.result["checkpoint"] == {"size": 3}
    assert module.result["outcomes"]["a"]["state"] == "done"
    answer["b"] = Outcome(FAILED, "issue", message="no")
    assert "1 of 2" in ended(lambda params, check_mode: answer).result["msg"]
    assert ended(lambda params, check_mode: answer).result["msg"].endswith("no checkpoint was sent")


def test_what_somebody_should_look_at_is_printed_by_the_core_and_only_remarks_are_facts() -> None:
    answer = Answer({"a": Outcome(DONE, "issue")})
    answer.more = {"warnings": ["break glass"], "remarks": ["in clear"]}
    module = ended(lambda params, check_mode: answer)
    assert module.warned == ["break glass", "in clear"] and module.result["remarks"] == ["in clear"]
    assert "warnings" not in module.result, "returning it is deprecated from 2.19 on, and ignored by 2.23"
    info = Module()
    with pytest.raises(Ended):
        edge.run_info(info, lambda params: {"remarks": ["torn"]})  # type: ignore[arg-type]
    assert info.warned == ["torn"] and info.result == {"changed": False, "remarks": ["torn"]}


def test_provider_options_are_the_providers_own() -> None:
    given = {"type": "local_ca", "path": "/x"}
    assert edge.provider_options(_index, given, "issuer")["path"] == "/x"
    empty = ({"type": "local_ca", "path": ""}, "issuer.path: is empty")
    for wrong, word in (empty, ({"type": "nobody"}, "issuer.type"), ({"type": "local_ca"}, "path"), ({**given, "colour": 1}, "colour")):
        with pytest.raises(ConfigError, match=word):
            edge.provider_options(_index, wrong, "issuer")


@pytest.mark.parametrize(("given", "said"), [
    ({"type": "local_ca", "path": "/x", "pasphrase_file": "y"},
     "issuer.pasphrase_file: there is no such option (did you mean passphrase_file? known are "),
    ({"type": "local-ca"}, "issuer.type: unknown type 'local-ca' (did you mean local_ca? known are acme, "),
    ({"path": "/x"}, "issuer.type: is needed (known are acme, "),
])  # fmt: skip
def test_a_misspelt_option_is_told_with_the_one_that_was_meant(given, said) -> None:
    with pytest.raises(ConfigError) as error:
        edge.provider_options(_index, given, "issuer")
    assert str(error.value).startswith(said)


def test_the_fragment_documents_the_options_that_the_modules_have() -> None:
    texts = [one.ModuleDocFragment.DOCUMENTATION for one in (fragment, ledger_fragment)]
    documented = spec_of({name: option for text in texts for name, option in yaml.safe_load(text)["options"].items()})
    assert documented == without(OPTIONS, "no_log")


def without(spec: Any, *names: str) -> Any:
    if not isinstance(spec, dict):
        return spec
    return {key: without(value, *names) for key, value in spec.items() if key not in names}


def test_loose_options_are_left_to_the_flow() -> None:
    options = {"certificates": {"type": "list", "elements": "dict", "suboptions": {"names": {"type": "list", "required": True}}}}
    assert "options" in spec_of(options)["certificates"] and "options" not in spec_of(options, ("certificates",))["certificates"]
    assert spec_of({"a": {"description": "x", "type": "int", "default": 1}}) == {"a": {"type": "int", "default": 1}}
