# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of AWS through ansible-playbook, on the lab's emulator (tier B): a rotation of trust, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256

from ansible_collections.certops.clm.tests.lab import let_in
from ansible_collections.certops.clm.tests.lab.anchors import client_of, revocation_list, sha256_of, write_anchors
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.lab.aws_places import ACCOUNT, distribution, on_the_front
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, EAST, ApiPlace, CloudFrontPlace, ElbPlace, bucket

MODULES = {"aws_elbv2_trust_store": "clients", "aws_api_trust_store": "api.example.com", "aws_cloudfront_trust_store": "viewers"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


def rotation(folder, cas, place, module):
    """The tasks of one module: (name, options), from no trust store to the end of a rotation, and two that are refused."""
    one, leaf, key = (str(folder / f"{name}.pem") for name in ("one", "leaf", "key"))
    own = {"revocation_lists": [str(folder / "one.crl")]} if module == "aws_elbv2_trust_store" else {}
    steps = {
        "made": {"anchors": [one], **own},
        "again": {"anchors": [one], **own},
        "added": {"state": "added", "anchors": [str(folder / "two.pem")]},
        "removed": {"state": "removed", "sha256": [sha256_of(cas["one"])]},
        "last": {"state": "removed", "sha256": [sha256_of(cas["two"])]},
        "wrong": {"anchors": [one, leaf, key]},
    }
    return {f"{module} {name}": {**place.options, **options} for name, options in steps.items()}


def tasks(steps):
    return [
        {"name": name, f"certops.clm.{name.split()[0]}": options, "ignore_errors": True, "diff": True} for name, options in steps.items()
    ]


def test_trust_is_rotated_and_what_is_refused_changes_nothing(ansible, aws, tmp_path):
    aws.reset()
    bucket(aws, BUCKET)
    cas = write_anchors(tmp_path)
    (tmp_path / "one.crl").write_text(revocation_list(cas["one"], [7]))
    places = {
        "aws_elbv2_trust_store": ElbPlace(aws),
        "aws_api_trust_store": ApiPlace(aws, "rest"),
        "aws_cloudfront_trust_store": CloudFrontPlace(aws),
    }
    steps = {name: options for module, place in places.items() for name, options in rotation(tmp_path, cas, place, module).items()}
    plan = [one for one in tasks(steps) if one["name"].endswith(("made", "wrong"))]
    aws.forget_calls()
    play = {"hosts": "localhost", "gather_facts": False}
    plays = [
        {**play, "check_mode": True, "tasks": [{**one, "name": f"{one['name']} planned"} for one in plan]},
        {**play, "tasks": tasks(steps)},
    ]
    run = ansible.playbook(plays, args=["-vvv"], env=aws.environment)
    one, two = sha256_of(cas["one"]), sha256_of(cas["two"])
    for module, name in MODULES.items():
        states = {
            step: run.result(f"{module} {step}")["outcomes"][name] for step in ("made planned", "made", "again", "added", "removed", "last")
        }
        expected = {"made planned": "planned", "made": "done", "again": "unchanged", "added": "done", "removed": "done", "last": "failed"}
        assert {step: outcome["state"] for step, outcome in states.items()} == expected, run.output
        assert "without any anchor" in states["last"]["message"]
        after = run.result(f"{module} added")["diff"]["after"][name]["anchors"]
        assert sorted(row["sha256"] for row in after) == sorted([one, two]) and all(row["not_after"] for row in after)
        for step in ("wrong planned", "wrong"):
            message = run.result(f"{module} {step}")["msg"]
            assert "key.pem" in message and "private key" in message and "runbook_refused" in message, message
        assert places[module].held() == [two], module
    assert "PRIVATE KEY" not in run.output and "X-Amz-Signature" not in run.output


def anchored(folder):
    """Clients of three CAs by their names: two of each end of the rotation, one of them expired and one revoked, and a stranger."""
    cas = write_anchors(folder)
    made = {"of one": client_of(cas["one"], "a"), "of two": client_of(cas["two"], "b"), "stranger": client_of(cas["three"], "c")}
    made["expired"], made["revoked"] = client_of(cas["two"], "d", days=-1), client_of(cas["two"], "e")
    clients = {"nobody": ""}
    for name, (pem, _certificate) in made.items():
        clients[name] = str(folder / f"client {name}.pem")
        Path(clients[name]).write_text(pem)
    (folder / "two.crl").write_text(revocation_list(cas["two"], [made["revoked"][1].serial_number]))
    shown = {name: certificate.fingerprint(SHA256()).hex() for name, (_pem, certificate) in made.items()}
    return cas, clients, {**shown, "nobody": "-"}


class Served:
    """A listener, a distribution and two domain names that really serve, and the tasks that tell them whom to let in."""

    def __init__(self, aws, folder, cas):
        self.stores = {"listener": ElbPlace(aws), "distribution": CloudFrontPlace(aws)}
        self.stores.update({api: ApiPlace(aws, api, f"{api}.example.com") for api in ("rest", "http")})
        self.arn = aws.listener("shop", aws.hold("listener.example.com")[0])
        self.id = distribution(aws, "distribution.example.com", aws.hold("distribution.example.com", region=EAST)[0])
        ours = {api: f"arn:aws:apigateway:{REGION}:{ACCOUNT}:{api}/{api}.example.com" for api in ("rest", "http")}
        fronts = {"listener": self.arn, "distribution": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{self.id}", **ours}
        self.endpoints = {name: {**on_the_front(aws, place), "server_name": f"{name}.example.com"} for name, place in fronts.items()}
        self.files = {name: str(folder / f"{name}.pem") for name in cas}

    def trust(self, name, *only, **options):
        """Every trust store, or those of these places."""
        modules = {"listener": "aws_elbv2_trust_store", "distribution": "aws_cloudfront_trust_store"}
        return [
            {"name": f"{name} {place}", f"certops.clm.{modules.get(place, 'aws_api_trust_store')}": {**store.options, **options}}
            for place, store in self.stores.items()
            if place in (only or self.stores)
        ]

    def verify(self, name, listener, at_edge, **options):
        """The listener and the distribution, which have a mode."""
        on = {"listener": ("aws_elbv2_mutual_tls", {"listener_arn": self.arn}, listener, "clients")}
        on["distribution"] = ("aws_cloudfront_mutual_tls", {"distribution_id": self.id}, at_edge, "viewers")
        rows = []
        for place, (module, where, mode, store) in on.items():
            more = {"trust_store": store, **options} if mode in ("verify", "required", "optional") else {}
            rows.append({"name": f"{name} {place}", f"certops.clm.{module}": {**where, "mode": mode, **more}})
        return rows

    def names(self, name):
        """Which CAs the listener names to a client, as another client says."""
        address = f"{self.endpoints['listener']['host']}:{self.endpoints['listener']['port']}"
        command = {"argv": ["openssl", "s_client", "-connect", address], "stdin": ""}
        return {"name": name, "ansible.builtin.command": command, "changed_when": False, "failed_when": False}

    def proven(self, root):
        """What is served there is seen without a certificate, with TLS 1.3 and with 1.2, which ends before the client is let in."""
        rows = [{"id": f"{place} {slot}", **one, "slot": slot} for place, one in self.endpoints.items() for slot in ("default", "ecdsa")]
        return {"name": "proven", "certops.clm.tls_endpoint_info": {"endpoints": rows, "anchors": {"internal": root}}}

    def play(self, look, one, root):
        """A rotation from one CA to two, but for the domain of REST APIs, then all that is softer, with a look after every step."""
        rotated = ("listener", "distribution", "http")
        two = {"anchors": [self.files["two"]], "state": "added"}
        lists = {**two, "revocation_lists": [self.files["two"].replace(".pem", ".crl")]}
        first = [*self.trust("made", anchors=[self.files["one"]]), *self.verify("on", "verify", "required")]
        late = {"ignore_client_certificate_expiry": True, "advertise_trust_store_ca_names": True}
        return [
            look("before"), *first, look("on"), self.proven(root),
            *self.trust("added", *rotated, **two), *self.trust("lists", "listener", **lists), look("added"),
            *self.trust("removed", *rotated, state="removed", sha256=[one]), look("removed"), self.names("unnamed"),
            *self.verify("late", "verify", "required", **late), look("late"), self.names("named"),
            *self.verify("softer", "passthrough", "optional"), look("softer"),
            *self.verify("off", "off", "off"), *self.trust("off", "rest", "http", state="absent"), look("off"),
        ]  # fmt: skip


def everywhere(clients, **others):
    """Who is let in at every place, but for these."""
    return {place: others.get(place, clients) for place in ("listener", "distribution", "rest", "http")}


def test_every_step_is_seen_by_the_clients_that_are_let_in(ansible, aws, tmp_path):
    aws.reset()
    bucket(aws, BUCKET)
    cas, clients, shown = anchored(tmp_path)
    served = Served(aws, tmp_path, cas)
    (tmp_path / "look.json").write_text(json.dumps({"places": served.endpoints, "clients": clients}))
    command = [sys.executable, let_in.__file__, str(tmp_path / "look.json")]

    def look(name):
        return {"name": f"seen {name}", "ansible.builtin.command": {"argv": command}, "changed_when": False}

    (tmp_path / "root.pem").write_text(aws.ca.root_pem)
    plan = served.play(look, sha256_of(cas["one"]), str(tmp_path / "root.pem"))
    run = ansible.playbook([{"hosts": "localhost", "gather_facts": False, "tasks": plan}], env=aws.environment).ok()
    assert {one["state"] for one in run.result("proven")["outcomes"].values()} == {"unchanged"}, run.result("proven")["outcomes"]
    assert "lab two" not in run.result("unnamed")["stdout"] and "lab two" in run.result("named")["stdout"]
    every, two, stays = set(clients), {"of two", "revoked"}, {"rest": {"of one"}}
    expected = {
        "before": everywhere(every),
        "on": everywhere({"of one"}),
        "added": everywhere({"of one", *two}, listener={"of one", "of two"}, **stays),
        "removed": everywhere(two, listener={"of two"}, **stays),
        "late": everywhere(two, listener={"of two", "expired"}, distribution={*two, "expired"}, **stays),
        "softer": everywhere(two, listener=every, distribution={*two, "nobody"}, **stays),
        "off": everywhere(every),
    }
    for step, places in expected.items():
        found = json.loads(run.result(f"seen {step}")["stdout"])
        assert {place: {name for name, saw in one.items() if saw} for place, one in found.items()} == places, step
        if step not in ("before", "off"):
            assert all(saw in ("", shown[name]) for one in found.values() for name, saw in one.items()), step
