# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row of tasks of a wave: whatever breaks, wherever, the right hosts are red and no later wave begins.

Ecosystem.md 5a has the table. The role, the plays, the verdict, the frame of the steps and what they decide are the shipped
ones; what would reach out is scripted (fakes/). On every core runs what Ansible itself has a part in: a task that fails before
our code, an unreachable server, a variable that is not there, an include. What only our own code decides runs on one.
"""

from __future__ import annotations

from collections import Counter

import pytest

from .waves import HOSTS, SERVERS, VERDICT, WAVES, Case, rotate, scripted_copy

FIRST, MIDDLE, LAST = WAVES
BATCH = ("plan", "issue", "deploy", "prove", "judge", "settle", "record")
BAD_PYTHON = {"s2": {"ansible_python_interpreter": "/nonexistent/python"}}
NO_ROUTE = {"s3": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}}
BROKEN = {**BAD_PYTHON, **NO_ROUTE}
UNDONE = {"d2": "not_served", "d3": "not_served", "d4": "not_served"}
HOSTILE = "scripted: {{ lookup("  # it comes from a server, and stays text


@pytest.fixture(scope="session")
def installed(installed, tmp_path_factory):
    """The installed collection, with scripted steps."""
    return scripted_copy(installed, tmp_path_factory.mktemp("scripted"))


def cases(**named):
    """Parameters with their names as ids."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in named.items()])


def held(ansible, case):
    """The rotation of a case, after the table was held to it."""
    rotation = rotate(ansible, case)
    rotation.hold()
    return rotation


@pytest.mark.every_core
def test_all_is_well(ansible):
    rotation = held(ansible, Case())
    for step in (*BATCH, "requested", "present", "committed", "ledger"):
        assert rotation.ran(step) == set(HOSTS)
    assert not rotation.ran("restored")
    tasks_grow_with_waves(rotation, ansible.core)


def tasks_grow_with_waves(rotation, core):
    """Batch tasks once a wave, work at most once for each server in it, and only the verdict for every deployment."""
    results = Counter(event["task"] for event in rotation.run.events if event.get("host") in HOSTS)
    assert results.pop(VERDICT) == len(HOSTS)
    if core == "2.16":  # it cannot end a role for a host, so every host meets the include
        assert results.pop("certops.clm.rotate : Work as a lead") == len(HOSTS)
    leads = sum(len({SERVERS[host] for host in wave}) for wave in WAVES)
    assert leads < len(HOSTS) and max(results.values()) <= leads, results
    assert len([task for task, times in results.items() if times == len(WAVES)]) >= len(BATCH), results


@pytest.mark.every_core
@pytest.mark.parametrize("step", BATCH)
def test_a_batch_task_fails_before_any_of_our_code_runs(ansible, step):
    held(ansible, Case({step: {"d3": "fail"}}, MIDDLE, says=f"at step {step}"))


@pytest.mark.parametrize("step", BATCH)
def test_an_exception_in_a_batch_step(ansible, step):
    held(ansible, Case({step: {"d3": "raise"}}, MIDDLE, says=f"RuntimeError in the step {step}: {{{{ lookup("))


@pytest.mark.parametrize("step", BATCH[1:])
def test_a_batch_step_answers_for_some_hosts_only(ansible, step):
    held(ansible, Case({step: {"d2": "missing", "d3": "garbage"}}, ["d2", "d3"], says=f"The step {step} left no outcome"))


@cases(
    unknown_provider_in_the_plan=Case({"plan": {"d2": "unknown"}}, MIDDLE, says="issuers.nonesuch: unknown type 'nonesuch'"),
    unknown_issuer=Case({"issue": {"d2": "unknown"}}, MIDDLE, says="issuers.nonesuch: unknown type 'nonesuch'"),
    refused_by_the_plan=Case({"plan": {"d2": "refused"}}, ["d2"], says="refused by the plan"),
    refused_then_broken=Case({"plan": {"d2": "refused"}, "settle": {"d3": "raise"}}, MIDDLE, says=" "),
    nothing_instead_of_an_answer=Case({"prove": {"d4": "nothing"}}, MIDDLE, says="at step prove"),
    list_instead_of_outcomes=Case({"record": {"d4": "list"}}, MIDDLE, says="at step record"),
    issue_failed_for_one=Case({"issue": {"d3": "failed"}}, ["d3"], says=HOSTILE),
)
def test_other_trouble_in_batch_steps(ansible, case):
    rotation = held(ansible, case)
    if case.script.get("plan") == {"d2": "refused"}:
        assert "refused by the plan" in rotation.verdict("d2"), "what broke later hides why it is red"


@pytest.mark.every_core
@cases(
    requests_not_reached=Case({"requested": {"d2": "unreachable", "d3": "raise"}}, MIDDLE, says="failed at step request"),
    requests_really=Case({"requested": {"d2": "module", "d4": "missing"}}, ["d2", "d4"], hosts=BROKEN, says="at step request"),
    first_not_reached=Case({"present": {"d2": "unreachable"}}, ["d2"], says=HOSTILE),
    really=Case({"present": {"d2": "module", "d3": "module"}}, MIDDLE, hosts=BROKEN, says="at step deploy"),
)
def test_work_on_servers_breaks(ansible, case):
    """Unreachable servers, exceptions, wrong interpreters: red is what that server had to do, and no more."""
    rotation = held(ansible, case)
    assert rotation.ran("committed") & set(MIDDLE) == set(MIDDLE) - set(case.red)


@cases(
    exception=Case({"present": {"d3": "raise"}}, ["d3", "d4"], says="at step deploy"),
    requests_text=Case({"requested": {"d2": "text", "d4": "missing"}}, ["d2", "d4"], says="at step request"),
    requests_failed=Case({"requested": {"d2": "fail", "d3": "list"}}, MIDDLE, says="at step request"),
    text=Case({"present": {"d2": "text", "d4": "missing"}}, ["d2", "d4"], says="at step deploy"),
    failed=Case({"present": {"d2": "fail", "d3": "garbage"}}, ["d2", "d3"], says="at step deploy"),
    pending=Case({"present": {"d2": "pending", "d4": "failed"}}, ["d2", "d4"]),
    thin=Case({"present": {"d2": "thin", "d3": "thin"}}),
)
def test_servers_answer_nonsense(ansible, case):
    """It harms nobody but them; what is still an outcome counts, for the controller looks with its own eyes anyway."""
    rotation = held(ansible, case)
    assert rotation.ran("committed") & set(MIDDLE) == set(MIDDLE) - set(case.red)


@cases(
    one=Case({"look": {"d3": "not_served"}}, ["d3"], says="rolled_back at step prove"),
    text=Case({"look": UNDONE, "restored": {"d2": "text", "d3": "missing", "d4": "failed"}}, MIDDLE, says="failed at step restore"),
)
def test_putting_back_on_servers(ansible, case):
    assert held(ansible, case).ran("restored") == {host for host, answer in case.script["look"].items() if answer == "not_served"}


BLIND = {"d2": "could_not_look", "d3": "could_not_look", "d4": "could_not_look"}


@pytest.mark.every_core
@cases(
    seen=Case({"look": BLIND}),
    not_reached=Case({"look": BLIND, "looked": {"d2": "unreachable", "d3": "module"}}, MIDDLE, hosts=BROKEN, says="unproven at step prove"),
)
def test_looks_from_servers_where_the_controller_cannot(ansible, case):
    """One run for each server by its lead, for what could not be seen; where that fails too nothing is put back."""
    rotation = held(ansible, case)
    assert rotation.ran("looked") == set(MIDDLE) and not rotation.ran("restored")
    assert rotation.ran("committed") & set(MIDDLE) == set(MIDDLE) - set(case.red)
    assert not case.red or "could not be reached" in rotation.verdict("d2")


@cases(
    nonsense=Case({"look": BLIND, "looked": {"d2": "text", "d3": "garbage", "d4": "missing"}}, MIDDLE, says="unproven at step prove"),
    blind=Case({"look": BLIND, "looked": {"d2": "raise", "d3": "blind"}}, ["d2", "d3"], says="unproven at step prove"),
    wrong=Case({"look": BLIND, "judged": {"d3": "not_served"}}, ["d3"], says="rolled_back at step prove"),
)
def test_what_servers_saw_is_judged(ansible, case):
    rotation = held(ansible, case)
    assert rotation.ran("restored") == {host for host, answer in case.script.get("judged", {}).items() if answer == "not_served"}
    for host in set(MIDDLE) - set(case.red):
        assert "Proven from the server" in str(rotation.run.result(VERDICT, host)["outcome"])


ASKED = dict.fromkeys(MIDDLE, "asked")
AWAY_AND_BAD, WITHDRAW_BREAKS = {"d2": "unreachable", "d3": "module"}, {"d2": "module", "d3": "unreachable", "d4": "raise"}


@pytest.mark.every_core
def test_proofs_on_web_servers_break(ansible):
    """Published, gone on with, and withdrawn whatever came of it."""
    script = {"proof": ASKED, "published": AWAY_AND_BAD, "withdrawn": WITHDRAW_BREAKS}
    rotation = held(ansible, Case(script, MIDDLE, hosts=BROKEN, says="could not be published on s"))
    assert rotation.ran("published") == rotation.ran("withdrawn") == rotation.ran("answered") == set(MIDDLE)
    assert not rotation.ran("committed") & set(MIDDLE)


@cases(
    one=Case({"proof": ASKED, "published": {"d2": "unreachable"}, "withdrawn": {"d4": "raise"}}, ["d2"], says="could not be reached"),
    nonsense=Case({"proof": ASKED, "published": {"d2": "text", "d3": "failed", "d4": "garbage"}}, MIDDLE, says="/acme-challenge/d"),
    second_call=Case({"proof": {"d3": "asked"}, "answered": {"d2": "fail"}}, MIDDLE, says="at step issue"),
    unpublished=Case({"proof": {"d2": "left", "d3": "elsewhere"}}, ["d3"], says="'s9', which is to show its proofs to the CA, is not"),
)
def test_proofs_that_fail_in_other_ways(ansible, case):
    """Red is what was to be proven there, and no more; what a killed run left is taken away, and a host that nobody knows never asked."""
    rotation = held(ansible, case)
    asked = {host for host, how in case.script["proof"].items() if how == "asked"}
    assert rotation.ran("published") == asked and bool(rotation.ran("answered")) == bool(asked)
    assert rotation.ran("withdrawn") == (asked or {"d2"})
    assert rotation.ran("committed") & set(MIDDLE) == set(MIDDLE) - set(case.red)


@pytest.mark.every_core
def test_putting_back_breaks(ansible):
    script = {"look": UNDONE, "restored": {"d2": "unreachable", "d3": "module"}}
    rotation = held(ansible, Case(script, MIDDLE, hosts=BROKEN, says="failed at step restore"))
    assert rotation.ran("restored") == set(MIDDLE) and not rotation.ran("committed") & set(MIDDLE)


@pytest.mark.every_core
def test_an_end_that_could_not_be_made_leaves_green_what_is_served_and_proven(ansible):
    script = {"committed": {"d2": "module", "d3": "unreachable", "d5": "failed"}}
    rotation = held(ansible, Case(script, ["d5"], hosts=BROKEN, says="failed at step commit"))
    for host in ("d2", "d3"):
        assert "Its transaction on the server could not be ended" in rotation.verdict(host)


def only_of(host, value):
    """A template that is undefined on one host."""
    return f"{{{{ nowhere_defined if inventory_hostname == '{host}' else {value} }}}}"


@pytest.mark.every_core
@cases(
    plan=Case(red=MIDDLE, extra={"rotate_manifest": only_of("d2", "'/m'")}, says="at step plan"),
    prove=Case(red=MIDDLE, extra={"rotate_soak": only_of("d2", "0")}, says="at step prove"),
    servers=Case(red=["d3", "d4"], extra={"rotate_state_dir": only_of("d3", "'/s'")}, says="at step request"),
    server=Case(red=["d3", "d4"], hosts={"d3": {"clm_server": "{{ nowhere_defined }}"}}, says="at step request"),
)
def test_an_undefined_variable_in_the_arguments(ansible, case):
    held(ansible, case)


@pytest.mark.every_core
@cases(
    first_unreachable=Case({"present": {"d1": "unreachable"}}, FIRST, canaries=FIRST),
    last_record=Case({"record": {"d5": "fail"}}, LAST),
)
def test_the_first_wave_and_the_last(ansible, case):
    held(ansible, case)


@cases(
    first_plan=Case({"plan": {"d1": "fail"}}, FIRST),
    last_unreachable=Case({"present": {"d5": "unreachable"}}, ["d5", "d6"]),
    canary=Case({"look": {"d1": "not_served"}}, FIRST, canaries=FIRST),
    after_the_canary=Case({"settle": {"d4": "missing"}}, ["d4"], canaries=FIRST),
    last_settle=Case({"settle": {"d8": "missing"}}, ["d8"]),
)
def test_more_of_the_first_wave_and_the_last(ansible, case):
    held(ansible, case)


def passes(**more):
    """A task that passes the gate."""
    return {"name": "Pass", "ansible.builtin.set_fact": {"clm_gate": "passed"}, **more}


def fails(**more):
    """A task that fails."""
    return {"name": "Fail", "ansible.builtin.fail": {"msg": "the gate says no"}, **more}


ON_D3 = "inventory_hostname == 'd3'"
WITH_D3 = "'d3' in ansible_play_batch"
CLOSED = "rolled_back at step gate"
RESCUED = {"block": [fails(run_once=True)], "rescue": [passes(when="false")]}
AWAY = {"ansible.builtin.ping": {}, "delegate_to": "s3", "when": ON_D3, "register": "no"}


@pytest.mark.every_core
@cases(
    fails_once=Case(red=MIDDLE, gate=[fails(run_once=True, when=WITH_D3, register="no"), passes(when="no is not failed")], says=CLOSED),
    fatal=Case(red=["d3"], gate=[fails(when=ON_D3, any_errors_fatal=True, register="no"), passes(when="no is not failed")], says=CLOSED),
    rescued=Case(red=FIRST, gate=[RESCUED], says=CLOSED),
    unreachable=Case(red=["d3"], gate=[AWAY, passes(when="no is not unreachable")], hosts=NO_ROUTE, says=CLOSED),
    undefined=Case(red=FIRST, gate=[passes(when="nowhere_defined")], says=CLOSED),
)
def test_the_users_gate(ansible, case):
    """What the gate does not pass goes back on its server."""
    assert held(ansible, case).ran("restored") == set(case.red)


@cases(
    passed=Case(gate=[passes()]),
    fails_for_one=Case(red=["d3"], gate=[fails(when=ON_D3, register="no"), passes(when="no is not failed")], says=CLOSED),
    passed_for_some=Case(red=["d3"], gate=[passes(when="inventory_hostname != 'd3'")], says=CLOSED),
    no_tasks=Case(red=FIRST, gate="", says=CLOSED),
    after_a_failure=Case({"present": {"d2": "unreachable"}}, ["d2"], gate=[passes()], says="could not be reached"),
)
def test_what_a_gate_passes(ansible, case):
    rotation = held(ansible, case)
    assert rotation.ran("committed") == {host for host in rotation.ran("record") if host not in case.red}


YES, NO = {"command": ["true"]}, {"command": ["false"]}


@pytest.mark.every_core
@cases(
    fails=Case({"gate": {"d3": "fail"}}, MIDDLE, extra={"rotate_gates": [YES]}, says="The gates left no answer."),
    closed=Case(red=FIRST, extra={"rotate_gates": [YES, NO]}, says="gate 2 (command false): it ended with 1, wanted was exit code 0"),
)
def test_the_gates_of_the_controller(ansible, case):
    """What they do not pass, and what got no answer, goes back on its server."""
    rotation = held(ansible, case)
    assert rotation.ran("restored") == set(case.red) and CLOSED in rotation.verdict(next(iter(case.red)))


@cases(
    raises=Case({"gate": {"d3": "raise"}}, MIDDLE, extra={"rotate_gates": [YES]}, says=CLOSED),
    unanswered=Case({"gate": {"d3": "unanswered"}}, ["d3"], extra={"rotate_gates": [YES]}, says=CLOSED),
    list_of_outcomes=Case({"gate": {"d3": "list"}}, MIDDLE, extra={"rotate_gates": [YES]}, says=CLOSED),
    passed=Case(extra={"rotate_gates": [YES]}),
    both=Case(gate=[passes()], extra={"rotate_gates": [YES]}),
    tasks_say_no=Case(red=FIRST, gate=[], extra={"rotate_gates": [YES]}, says=CLOSED),
    gates_say_no=Case(red=FIRST, gate=[passes()], extra={"rotate_gates": [NO]}, says=CLOSED),
    not_a_gate=Case(red=FIRST, extra={"rotate_gates": [{"command": ["/nonexistent/gate"]}]}, says="rotate_gates[0].command[0]"),
    undefined=Case(red=MIDDLE, extra={"rotate_gates": only_of("d2", "[]")}, says="at step plan"),
    no_gate_and_it_breaks=Case({"gate": {"d3": "fail"}}),
)
def test_what_the_gates_pass(ansible, case):
    rotation = held(ansible, case)
    assert rotation.ran("committed") == {host for host in rotation.ran("record") if host not in case.red}


@pytest.mark.every_core
@cases(
    not_there=Case(red=FIRST, extra={"rotate_gate_tasks": "/nonexistent/gate.yml"}, says="/nonexistent/gate.yml cannot be loaded"),
    no_such_module=Case(red=FIRST, gate=[{"name": "x", "no.such.module": {}}], says="cannot be loaded"),
    counts=Case(red=FIRST, gate=[{"block": [fails(when=ON_D3)], "ignore_errors": False}], says="must not say ignore_errors: False"),
    includes=Case(red=FIRST, gate=[{"ansible.builtin.include_tasks": "x.yml"}], says="use import_tasks with the path"),
)
def test_a_gate_that_cannot_be_one_is_refused_before_anything_is_written(ansible, case):
    rotation = held(ansible, case)
    assert not rotation.ran("requested") | rotation.ran("present") | rotation.ran("restored")


@pytest.mark.every_core
def test_check_mode_plans_every_wave_and_is_green(ansible):
    rotation = held(ansible, Case(args=["--check"]))
    assert rotation.ran("requested") and not rotation.ran("present") | rotation.ran("committed") | rotation.ran("restored")
    assert "planned" in rotation.verdict("d8")


def test_a_canary_soaks_for_five_minutes_and_another_wave_for_one(ansible):
    """In check mode, in which nobody waits for it."""
    unsaid = {"rotate_soak": None, "rotate_soak_canary": None}
    rotation = held(ansible, Case(args=["--check"], extra=unsaid, canaries=FIRST))
    assert [entry["seconds"] for entry in rotation.log if entry["step"] == "soak"] == [300, 60, 60]


def test_check_mode_is_red_where_a_step_breaks(ansible):
    held(ansible, Case({"settle": {"d3": "raise"}}, MIDDLE, args=["--check"]))


@pytest.mark.every_core
def test_nothing_due_is_no_failure(ansible):
    rotation = rotate(ansible, Case(args=["--limit", "localhost,clm_servers"]))
    assert (rotation.run.rc, rotation.log) == (0, []) and rotation.run.results("After the rotation")
