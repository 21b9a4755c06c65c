# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the server target: items from outside, proofs, requests, keys on their way, haproxy's socket."""

from __future__ import annotations

import os
import pathlib
import subprocess
import threading
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy_server import serve
from ansible_collections.certops.clm.plugins.module_utils.targets import _server_programs as programs
from ansible_collections.certops.clm.plugins.module_utils.targets import _server_request as requests
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import Look, Pace, Spot, prove
from ansible_collections.certops.clm.plugins.module_utils.targets._server_state import State
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import Endpoint, place_of
from ansible_collections.certops.clm.plugins.module_utils.targets.server import ServerTarget
from ansible_collections.certops.clm.tests.support.environment import program

GOOD = {
    "id": "x",
    "target": {"kind": "nginx", "layout": "fullchain", "certificate_file": "/tls/a.pem", "key_file": "/tls/a.key"},
    "endpoints": [{"host": "127.0.0.1", "port": 443}],
}


def changed(**target: Any) -> Dict[str, Any]:
    return {**GOOD, "target": {**GOOD["target"], **target}}


def test_a_kind_gives_check_and_reload() -> None:
    place = place_of(GOOD)
    assert place.program.check == ("nginx", "-t") and (place.program.how, place.program.what) == ("systemd", ("nginx",))
    assert place_of(changed(check=[], mode="0640", reload={"signal": "HUP", "pid_file": "/run/x"})).program.what == ("SIGHUP", "/run/x")
    assert place_of(changed(mode=0o640)).mode == 0o640


def test_a_unit_is_reloaded_and_on_the_way_back_started_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How systemctl is called and believed; no systemd runs here."""
    fake = tmp_path / "systemctl"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\ntest "$2" = nginx || {{ echo "Unit $2 is masked."; exit 1; }}\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    programs.reload(place_of(GOOD).program, {}, 5)
    programs.reload(place_of(GOOD).program, {}, 5, restoring=True)
    assert (tmp_path / "said").read_text() == "reload nginx\nreload-or-restart nginx\n"
    with pytest.raises(ClmError, match="reload other ended with 1: Unit other is masked"):
        programs.reload(place_of(changed(reload={"systemd": "other"})).program, {}, 5)


WRONG = [
    ({**GOOD, "id": "../x"}, "id"),
    ({**GOOD, "endpoints": []}, "endpoints"),
    ({**GOOD, "endpoints": [{"host": "a", "port": 70000}]}, "endpoints[0]"),
    ({**GOOD, "endpoints": [{"host": "a", "port": 443, "starttls": "gopher"}]}, "endpoints[0].starttls"),
    (changed(certificate_file="tls/a.pem"), "target.certificate_file"),
    (changed(certificate_file="/tls/../a.pem"), "target.certificate_file"),
    (changed(key_file="/tls/a.pem"), "target.key_file"),
    (changed(layout="combined"), "target.key_file"),
    (changed(layout="other"), "target.layout"),
    (changed(kind="apache9"), "type"),
    (changed(mode="rw"), "target.mode"),
    (changed(key_mode="0644"), "target.key_mode"),
    (changed(check="nginx -t"), "target.check"),
    (changed(reload={"systemd": "x", "command": ["y"]}), "target.reload"),
    (changed(reload={"signal": "NOPE", "pid_file": "/x"}), "target.reload.signal"),
    (changed(kind="generic"), "target.reload"),
    (changed(certifcate_file="/x"), "target"),
]


@pytest.mark.parametrize("where, field", WRONG)
def test_a_wrong_item_names_its_field(where: Dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        place_of(where)
    assert caught.value.field == field


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["/tls/a.pem", "nginx", "fullchain"])
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8
)
FIELDS = [*GOOD, "version", "dead", "slot", "request", "key_origin"]
TARGET = ["kind", "layout", "certificate_file", "key_file", "check", "reload", "mode", "owner", "type"]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), ANY), st.dictionaries(st.sampled_from(TARGET), ANY), st.sampled_from(["present", "requested"])
)
def test_no_item_from_outside_breaks_the_run(over: Dict[str, Any], target: Dict[str, Any], state: str) -> None:
    where = {**changed(**{**target, "check": ["false"]}), **over}
    pace = Pace(timeout=0, now=lambda: 0.0, sleep=lambda _seconds: None)
    server = ServerTarget(State("/nowhere/clm"), lambda: datetime.now(timezone.utc), pace=pace, looker=lambda *_args: Look())
    params = {"state": state, "deployments": [where], "openssl": "/nowhere/openssl", "hand_over": False}
    (outcome,) = serve(server, params, check_mode=True)["outcomes"].values()
    assert outcome.state in ("failed", "planned")


class Wire:
    """What each look shows, one after the other; the last one for ever. Time goes on with each sleep."""

    def __init__(self, *looks: Look) -> None:
        self.looks, self.time = list(looks), 0.0

    def look(self, _spot: Spot, _slot: str, _timeout: float) -> Look:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def prove(self, answered: bool = False) -> Any:
        pace = Pace(timeout=10, consecutive=3, interval=1, now=lambda: self.time, sleep=self.sleep)
        spot = "127.0.0.1:443"
        return prove(
            [Endpoint("127.0.0.1", 443)], "new", slot="default", answered=frozenset([spot] if answered else []), pace=pace, looker=self.look
        )


NEW, OLD, REFUSED, SILENT = Look("new"), Look("old"), Look(spoke=True, detail="refused"), Look(detail="time-out")


@pytest.mark.parametrize(
    "looks, answered, answer",
    [
        ([NEW], False, "served"),
        ([OLD, OLD, NEW], False, "served"),
        ([NEW, OLD, NEW, NEW, SILENT, NEW], False, "served"),
        ([OLD], False, "not_served"),
        ([NEW, NEW, OLD] * 9, False, "not_served"),
        ([REFUSED], True, "not_served"),
        ([REFUSED], False, "could_not_look"),
        ([SILENT], True, "could_not_look"),
    ],
)
def test_three_answers(looks: List[Look], answered: bool, answer: str) -> None:
    assert Wire(*looks).prove(answered).answer == answer


def test_a_request_has_the_names_and_only_them(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o700)
    state = State(str(tmp_path / "state"))
    state.lock()
    for key_type in ("ecdsa-p256", "rsa-2048", "ed25519"):
        wanted = requests.wanted_of({"names": ["A.example", "*.b.example", "10.0.0.1", "2001:db8::1"], "key_type": key_type})
        made = requests.Requests(state).make("x", wanted)
        csr = x509.load_pem_x509_csr(made["csr_pem"].encode())
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(name.value) for name in names] == ["a.example", "*.b.example", "10.0.0.1", "2001:db8::1"]
        key_file = tmp_path / "state" / "deployments" / "x" / "keys" / f"{made['spki_sha256']}.pem"
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert csr.is_signature_valid and csr.subject.rdns == [] and key_file.stat().st_mode & 0o777 == 0o600
        assert spki == csr.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    state.unlock()


@pytest.mark.parametrize(
    "name", ["a.example,DNS:evil.example", "a\nb", "a b", "", "-a", "a..b", "b.*.example", "*", "a_b", "ä.example", "a\0", "$ENV::HOME"]
)
def test_a_name_that_is_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        requests.checked_names([name])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20))
def test_every_accepted_name_is_ldh_or_an_address(name: str) -> None:
    try:
        (checked,) = requests.checked_names([name])
    except ClmError:
        return
    assert set(checked) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.*:%")
    assert "\n" not in requests.configuration([checked], "").decode().split("[names]")[1].strip()


def test_staged_keys_are_private_files_of_the_staging_folder(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o700)
    state = State(str(tmp_path / "state"))
    state.lock()
    path = pathlib.Path(state.stage("x"))
    outside = tmp_path / "key"
    outside.write_text("key")
    outside.chmod(0o600)
    path.symlink_to(outside)
    for wrong in (str(path), str(outside), str(path.parent / ".." / "key")):
        with pytest.raises(ClmError):
            state.staged_key(wrong)
    path.unlink()
    path.write_text("key")
    path.chmod(0o644)
    with pytest.raises(ClmError):
        state.staged_key(str(path))
    path.chmod(0o600)
    assert state.staged_key(str(path)).reveal() == b"key"
    state.clean_staged()
    assert path.exists(), "it may be another controller's, on its way"
    os.utime(path, (1, 1))
    state.clean_staged([str(path)])
    assert path.exists()
    state.clean_staged()
    assert not path.exists()
    state.unstage([str(outside), str(path)])
    assert outside.exists(), "only what lies in the staging folder is removed"
    state.unlock()


def test_one_run_at_a_time_and_no_folder_that_others_can_write(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o700)
    first, second = State(str(tmp_path / "state")), State(str(tmp_path / "state"))
    first.lock()
    with pytest.raises(BusyError):
        second.lock(seconds=0)
    first.unlock()
    second.lock(seconds=0)
    second.unlock()
    (tmp_path / "state").chmod(0o707)
    with pytest.raises(ConfigError):
        second.lock(seconds=0)


HAPROXY = """global
  stats socket {place}/socket level admin
frontend f
  mode tcp
  bind 127.0.0.1:{port} ssl crt {place}/site.pem
  tcp-request connection reject if {{ src 0.0.0.0 }}
"""


@pytest.fixture
def haproxy(world: Any) -> Iterator[Any]:
    """A running haproxy with a certificate, started by the test that asks for it."""
    haproxy = program("haproxy")
    (world.folder / "haproxy.cfg").write_text(HAPROXY.format(place=world.folder, port=world.port))
    started: List[Any] = []
    yield lambda: started.append(subprocess.Popen([haproxy, "-db", "-f", str(world.folder / "haproxy.cfg")], stderr=subprocess.DEVNULL))
    for process in started:
        process.kill()
        process.wait()


def test_haproxy_takes_a_certificate_through_its_socket(world: Any, made: Any, haproxy: Any) -> None:
    old, new = made(), made()
    item = world.add("site", old, "combined")
    item["target"].update(kind="haproxy", reload={"haproxy_socket": f"{world.folder}/socket"})
    item["target"]["check"] = [program("haproxy"), "-c", "-q", "-f", str(world.folder / "haproxy.cfg")]
    haproxy()
    ready = threading.Event()
    while not ready.wait(0.05) and not (world.folder / "socket").exists():
        pass
    assert world.run((item, new), timeout=5.0)["outcomes"]["site"]["state"] == "done"
    assert world.served(item) == new.sha256
    broken = {**item, "target": {**item["target"], "reload": {"haproxy_socket": f"{world.folder}/nowhere"}}}
    seen = world.run((broken, made()))["outcomes"]["site"]
    assert seen["state"] == "rolled_back" and "did not answer" in seen["message"] and world.served(item) == new.sha256
