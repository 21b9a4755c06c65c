# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust stores of AWS through ansible-playbook, on the lab's emulator (tier B): a rotation of trust, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.lab.anchors import revocation_list, sha256_of, write_anchors
from ansible_collections.certops.clm.tests.lab.aws import emulator
from ansible_collections.certops.clm.tests.lab.aws_trust import BUCKET, ApiPlace, CloudFrontPlace, ElbPlace, bucket

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
