# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gates: commands, addresses and queries of Prometheus, asked of real programs and a real HTTP server, which is no Prometheus."""

from __future__ import annotations

import ipaddress
import json
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.plugins.module_utils.commands import pipe
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.outcome import Outcome
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fetch import fetch
from ansible_collections.certops.clm.plugins.plugin_utils.wave.gates import Means, ask, parse_gates, said
from ansible_collections.certops.clm.plugins.plugin_utils.wave.settle import decide, with_answers
from ansible_collections.certops.clm.tests.support.prometheus import answering, success, tls_context, vector
from ansible_collections.certops.clm.tests.support.world import NOW

WAVE = {"run_id": "r1", "deployments": [{"deployment": "shop-web1", "lineage": "shop; touch /tmp/owned"}]}
RATE = 'sum(rate(errors{job="a b"}[5m]))'


@pytest.fixture
def server():
    with answering() as found:
        yield found


class Time:
    """A clock that goes on when somebody sleeps."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def answer(*gates, clock=None):
    clock = clock or Time()
    return ask(parse_gates(list(gates)), WAVE, Means(pipe, fetch, lambda: clock.now, clock.sleep))


def one(gate, **more):
    (only,) = answer(gate, **more)
    return only


def query(server, **fields):
    return {"prometheus": {"url": f"{server.url}/prom/", "query": RATE, "want": "< 0.01", **fields}}


def script(folder, body):
    path = folder / "gate.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_command_passes_with_zero_and_reads_the_wave_from_its_standard_input(tmp_path):
    gate = one({"command": [script(tmp_path, f'cat > {tmp_path}/wave; echo "$1|$2" >> {tmp_path}/wave'), "a b", "$(id)"]})
    assert (gate.passed, gate.measured, gate.wanted) == (True, "it ended with 0", "exit code 0")
    wave, words = (tmp_path / "wave").read_text().rsplit("}", 1)
    assert json.loads(wave + "}") == WAVE and words.strip() == "a b|$(id)", "words go through no shell"


@pytest.mark.parametrize(
    ("body", "seconds", "measured"),
    [
        ("echo the error rate is 7 >&2; exit 3", 60, "it ended with 3 after it said: the error rate is 7"),
        ("sleep 30", 1, "gate.sh did not end within 1 s"),
        ("kill -9 $$", 60, "it ended with -9"),
    ],
)
def test_a_command_that_fails_or_does_not_end_does_not_pass(tmp_path, body, seconds, measured):
    gate = one({"command": [script(tmp_path, body)], "timeout": seconds})
    assert not gate.passed and gate.measured.endswith(measured)


def test_an_address_passes_with_its_status_and_its_text(server):
    server.pages.update({"/well": (200, b"all is well"), "/moved": (302, b""), "/large": (200, b"." * 1_100_000)})
    assert one({"url": f"{server.url}/well", "text": "is well"}).passed
    assert one({"url": f"{server.url}/none", "status": 404}).passed
    assert one({"url": f"{server.url}/none?token=x"}).measured == "status 404"
    assert one({"url": f"{server.url}/well", "text": "is ill"}).measured == "status 200 and 11 bytes without that text"
    assert one({"url": f"{server.url}/moved", "text": "is well"}).measured.startswith("status 302"), "a redirect is not followed"
    assert "larger than" in one({"url": f"{server.url}/large"}).measured
    assert "token" not in one({"url": f"{server.url}/none?token=x"}).gate


def test_an_answer_that_comes_drop_by_drop_ends_in_time(server):
    begun = time.monotonic()
    gate = one({"url": f"{server.url}/drips", "timeout": 1})
    assert (gate.passed, gate.measured) == (False, "no whole answer within 1 s") and time.monotonic() - begun < 4


def test_nobody_there_does_not_pass(server):
    server.server_close()
    server.shutdown()
    assert one({"url": f"{server.url}/well"}).measured.startswith("no answer: ")


def test_tls_is_verified(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gate")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW - timedelta(days=1), NOW + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with answering(tls_context(str(tmp_path / "ca.pem"), str(tmp_path / "key.pem"))) as server:
        server.pages["/well"] = (200, b"well")
        server.series(RATE, 0.001)
        strange = one({"url": f"{server.url}/well"})
        assert not strange.passed and "certificate verify failed" in strange.measured
        assert one({"url": f"{server.url}/well", "ca_file": str(tmp_path / "ca.pem")}).passed
        assert one(query(server, ca_file=str(tmp_path / "ca.pem"))).passed


@pytest.mark.parametrize(
    ("given", "passed", "measured"),
    [
        (vector({"job": "a"}, 0.001), True, '{job="a"} is 0.001'),
        (vector({"__name__": "e", "job": "a\u202e"}, 0.2), False, 'e{job="a<U+202E>"} is 0.2'),
        (success("scalar", [1700000000, "0.005"]), True, "the value is 0.005"),
        (success("scalar", [1700000000, "1"]), False, "the value is 1"),
        (success("vector", []), False, "no data: the query found no series"),
        (success("vector", None), False, "no data: the query found no series"),
        (vector({}, "NaN"), False, "{} is nan"),
        (vector({}, "-Inf"), False, "{} is -inf"),
        (success("vector", [{"metric": {"n": str(n)}, "value": [1, str(n)]} for n in range(9)]), False,
         '{n="1"} is 1, {n="2"} is 2, {n="3"} is 3 and 5 more series'),
        (success("matrix", []), False, "the query gives a matrix: a gate needs a scalar or a vector"),
        (success("string", [1, "text"]), False, "the query gives a string: a gate needs a scalar or a vector"),
        (success("vector", [{"metric": {}, "histogram": [1, {}]}]), False, "a histogram has no one value"),
        (success("vector", [{"metric": {}, "value": [1, "many"]}]), False, "not as Prometheus writes it"),
        (success("vector", [7]), False, "not as Prometheus writes it"),
        ((200, {**vector({}, 0.001)[1], "warnings": ["a store did not answer"]}), False, "the answer may not be whole"),
        ((400, {"status": "error", "errorType": "bad_data", "error": "1:3: parse error"}), False, "status 400, bad_data: 1:3: parse error"),
        ((503, {"status": "error", "errorType": "timeout", "error": "query timed out"}), False, "status 503, timeout: query timed out"),
        ((503, vector({}, 0.001)[1]), False, "status 503"),
        ((200, b"<html>log in</html>"), False, "status 200, and the answer is not the JSON of Prometheus"),
        ((200, b"[" * 100_000), False, "not the JSON of Prometheus"),
        ((200, {"status": "success"}), False, "the query gives a None"),
    ],
)  # fmt: skip
def test_prometheus_passes_only_with_numbers_that_keep_the_threshold(server, given, passed, measured):
    server.queries[RATE] = given
    gate = one(query(server))
    assert gate.passed is passed and measured in gate.measured and gate.wanted == "< 0.01"
    assert server.asked == [RATE], "the query arrives as it was written"


@pytest.mark.parametrize(("want", "value", "passed"), [
    ("<1", 1, False), ("<= 1", 1, True), ("> 1", 1, False), (">= 1.0", 1, True), ("== 1e0", 1, True), ("!= 1", 1, False),
    ("!= 1", "NaN", False), ("> 1", "+Inf", False), ("> -3", -2, True),
])  # fmt: skip
def test_every_comparison(server, want, value, passed):
    server.series(RATE, value)
    assert one(query(server, want=want)).passed is passed


def test_it_has_to_hold_for_so_long(server):
    clock = Time()
    server.series(RATE, 0.001)
    gate = one(query(server, hold="2m", every=50), clock=clock)
    assert (gate.passed, clock.slept, len(server.asked), gate.wanted) == (True, [50, 50, 20], 4, "< 0.01 for 2 minutes")


def test_the_first_time_that_it_does_not_hold_ends_it(server):
    clock = Time()
    server.series(RATE, 0.001, 0.001, 0.5, 0.001, job="a")
    gate = one(query(server, hold="2m", every=30), clock=clock)
    assert (gate.passed, len(server.asked)) == (False, 3) and gate.measured.endswith("is 0.5 after 60 s")


def test_all_gates_are_asked_and_all_of_them_have_to_pass(server, tmp_path):
    server.pages["/well"] = (200, b"")
    good, bad = {"url": f"{server.url}/well", "name": "health"}, {"command": [script(tmp_path, "exit 1")]}
    both = said(answer(bad, good))
    assert not both["passed"] and both["message"] == "Not passed: gate 1 (command gate.sh): it ended with 1, wanted was exit code 0."
    assert said(answer(good, good)) == {
        "passed": True, "next_action": "",
        "message": "Passed: gate 1 (health): status 200, wanted was status 200; gate 2 (health): status 200, wanted was status 200.",
    }  # fmt: skip
    assert said([])["passed"] is False, "nobody asked is nobody passed"


def test_a_gate_that_breaks_does_not_pass_and_the_others_are_asked():
    def broken(*given):
        raise RuntimeError("{{ lookup }}")

    gates = parse_gates([{"url": "http://127.0.0.1/"}, {"command": ["true"]}])
    first, second = ask(gates, WAVE, Means(pipe, broken, lambda: 0, lambda seconds: None))
    assert (first.passed, first.measured, second.passed) == (False, "RuntimeError: {{ lookup }}", True)


@pytest.mark.parametrize(
    ("gates", "field", "says"),
    [
        ({"command": ["true"]}, "rotate_gates", "must be a list"),
        (["true"], "rotate_gates[0]", "must be a mapping"),
        ([{}], "rotate_gates[0]", "exactly one of command, url, prometheus"),
        ([{"command": ["true"], "url": "http://x/"}], "rotate_gates[0]", "exactly one of"),
        ([{"command": "true"}], "rotate_gates[0].command", "must be a list"),
        ([{"command": []}], "rotate_gates[0].command", "the program"),
        ([{"command": ["/nonexistent/gate"]}], "rotate_gates[0].command[0]", "no program on the controller"),
        ([{"command": ["true | false"]}], "rotate_gates[0].command[0]", "without a shell"),
        ([{"command": ["true"], "timeout": "2h"}], "rotate_gates[0].timeout", "from 1 to 600 seconds"),
        ([{"command": ["true"], "status": 200}], "rotate_gates[0].status", "no such field"),
        ([{"url": "file:///etc/passwd"}], "rotate_gates[0].url", "no address of http"),
        ([{"url": "https://user:secret@x/"}], "rotate_gates[0].url", "must not hold a user or a password"),
        ([{"url": "http://x:99999/"}], "rotate_gates[0].url", "no address"),
        ([{"url": "http://x/", "status": 7}], "rotate_gates[0].status", "from 100 to 599"),
        ([{"url": "http://x/", "ca_file": "/nonexistent.pem"}], "rotate_gates[0].ca_file", "holds no anchors"),
        ([{"prometheus": {"url": "http://x/", "want": "< 1"}}], "rotate_gates[0].prometheus.query", "is needed"),
        ([{"prometheus": {"url": "http://x/", "query": "up", "want": "low"}}], "rotate_gates[0].prometheus.want", "no threshold"),
        ([{"prometheus": {"url": "http://x/", "query": "up"}}], "rotate_gates[0].prometheus.want", 'such as "< 0.01"'),
        ([{"prometheus": {"url": "http://x/", "query": "up", "want": "< 1..2"}}], "rotate_gates[0].prometheus.want", "no threshold"),
        ([{"prometheus": {"url": "http://x/", "query": "up", "want": "< 1", "hold": "1d"}}], "rotate_gates[0].prometheus.hold", "3600"),
    ],
)
def test_a_gate_that_cannot_be_asked_is_refused_before_anything_is_written(gates, field, says):
    with pytest.raises(ConfigError) as error:
        parse_gates(gates)
    assert error.value.field == field and says in f"{error.value.message} {error.value.hint}"


def outcomes(**states):
    return {item: {**Outcome(state, "prove").as_dict(), "after": {"swapped": True}} for item, state in states.items()}


@pytest.mark.parametrize(
    ("answers", "restored", "message"),
    [
        ({"a": {"passed": True, "message": "Passed: x."}}, [], "Passed: x."),
        ({"a": {"passed": False, "message": "Not passed: x."}}, ["a"], "Not passed: x."),
        ({"a": {"passed": "yes"}}, ["a"], ""),
        ({"a": "passed"}, ["a"], "The gates left no answer."),
        ({}, ["a"], "The gates left no answer."),
    ],
)
def test_only_what_passed_stays(answers, restored, message):
    after, commit, restore = decide(with_answers(outcomes(a="done", b="failed"), answers), {}, gated=False)
    assert (restore, commit) == ([*restored, "b"], [] if restored else ["a"])
    assert after["a"]["message"] == message and after["b"]["step"] == "prove"
    assert not restored or (after["a"]["state"], after["a"]["step"]) == ("failed", "gate")


def test_a_tasks_file_and_the_gates_both_have_to_pass():
    passed = with_answers(outcomes(a="done"), {"a": {"passed": True, "message": ""}})
    assert decide(passed, {"a": "passed"}, gated=True)[1] == ["a"] and decide(passed, {}, gated=True)[2] == ["a"]
    assert decide(with_answers(outcomes(a="done"), {}), {"a": "passed"}, gated=True)[2] == ["a"]
