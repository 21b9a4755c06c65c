# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners as targets, on the lab's emulator with its TLS front (tier B): the contract, and what is a listener's own."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.deploy import Item, converge
from ansible_collections.certops.clm.plugins.module_utils.targets import aws_elbv2_listener
from ansible_collections.certops.clm.plugins.module_utils.targets._powers import RefusedError
from ansible_collections.certops.clm.tests.lab.aws import emulator
from ansible_collections.certops.clm.tests.lab.aws_estate import AwsEstate
from ansible_collections.certops.clm.tests.unit.contracts.target import QUICK, TargetContract

GONE = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/gone/0/0"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab, pytest.MonkeyPatch.context() as patched:
        for name, value in lab.environment.items():
            patched.setenv(name, value)
        yield lab


class Listener(AwsEstate):
    """A listener with a default and an SNI certificate of its own, and two more that are somebody else's."""

    def __init__(self, aws, folder, sni):
        super().__init__(aws, folder)
        self.other = [aws.hold(f"{name}.example.org")[0] for name in ("one", "two")]
        self.old_arn = self.held(self.old)
        default, *more = [self.other[0], self.other[1], self.old_arn] if sni else [self.old_arn, *self.other]
        self.listener = aws.listener(f"shop-{self.number}", default, more)
        self.where = self.place(self.serve(self.listener), listener_arn=self.listener, sni=sni)
        self.gone = {**self.where, "id": "gone", "listener_arn": GONE}
        aws.forget_calls()

    def others(self):
        (row,) = self.aws.client("elbv2").describe_listeners(ListenerArns=[self.listener])["Listeners"]
        row.pop("Certificates")
        return row, [arn for arn in self.bound(self.listener) if arn in self.other]


class TestDefault(TargetContract):
    provider = aws_elbv2_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Listener(aws, tmp_path, False)


class TestSni(TargetContract):
    provider = aws_elbv2_listener

    @pytest.fixture
    def estate(self, aws, tmp_path):
        return Listener(aws, tmp_path, True)


def target(estate, **pace):
    made = aws_elbv2_listener.create({**QUICK, **pace}, estate.now)
    made.take_keys_from(estate.store)
    return made


def deploy(estate, *wheres, version=None, **pace):
    items = [Item(where["id"], where, version or estate.new) for where in wheres]
    return converge(items, target=target(estate, **pace), clock=estate.now)
