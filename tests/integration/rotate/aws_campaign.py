# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign over listeners of the lab's AWS emulator, which its TLS front really serves (tier B)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign
from ansible_collections.certops.clm.tests.lab.aws import Aws
from ansible_collections.certops.clm.tests.lab.client import served
from ansible_collections.certops.clm.tests.lab.playbook import Ansible, Run

PROOF = {"rotate_proof_timeout": 4, "rotate_proof_interval": 0.05, "rotate_proof_consecutive": 2}
QUICK = {"rotate_soak": 0, "rotate_soak_canary": 0.5, **PROOF}
PORT = 9443


class AwsCampaign(Campaign):
    """`sites` is lineage -> how many listeners serve it; each begins with a certificate of the lab's own CA in ACM."""

    def __init__(self, aws: Aws, ansible: Ansible, place: Path, sites: Mapping[str, int]) -> None:
        self.aws, self.ansible, self.place = aws, ansible, place
        self.patience = 240.0  # seconds for one rotation
        self.block = f"127.{random.randint(32, 250)}.{random.randint(0, 255)}"
        self.listeners: Dict[str, List[str]] = {}
        self.fronts: Dict[str, Dict[str, Any]] = {}
        self.manifest = self.head()
        (place / "certificates.clm.yml").write_text("plugin: certops.clm.certificates\nmanifest: manifest.yml\n")
        (place / "hosts.json").write_text('{"all": {"hosts": {}}}')
        self._passphrase()
        for lineage, count in sites.items():
            self.add(lineage, count)
        self.write()
        self.make_ca()

    def add(self, lineage: str, count: int, **target: Any) -> None:
        """A lineage with so many listeners of its own."""
        name = f"{lineage}.lab.example"
        arn, _issued = self.aws.hold(name)
        self.listeners[lineage] = [self.aws.listener(f"{lineage}-{number}", arn) for number in range(count)]
        deployments = [self.deployment(listener, name, **target) for listener in self.listeners[lineage]]
        self.manifest["lineages"][lineage] = {"names": [name], "deployments": deployments}

    def deployment(self, listener: str, name: str, **target: Any) -> Dict[str, Any]:
        """A deployment on the listener, at two addresses of which the second takes a change later."""
        number = len(self.fronts)
        addresses = [f"{self.block}.{number * 2 % 250 + 1}", f"{self.block}.{number * 2 % 250 + 2}"]
        port = PORT + number // 125
        behaviour = [{"address": addresses[0]}, {"address": addresses[1], "delay": 0.2}]
        self.fronts[listener] = {"place": listener, "port": port, "addresses": behaviour}
        self.aws.front(self.fronts[listener])
        endpoint = {"host": addresses[0], "port": port, "server_name": name, "addresses": addresses}
        return {"target": {"type": "aws_elbv2_listener", "listener_arn": listener, **target}, "endpoints": [endpoint]}

    def freeze(self, listener: str, never: bool = True) -> None:
        """The second address of the listener takes no change any more, or again."""
        front = self.fronts[listener]
        self.aws.front({**front, "addresses": [front["addresses"][0], {**front["addresses"][1], "never": never}]})

    def rotate(self, *args: str, **extra: Any) -> Run:
        """One rotation."""
        settings = {**QUICK, **extra}
        return self.ansible.playbook(
            "certops.clm.rotate", inventory=self.inventories, args=args, extra=settings, env=self.aws.environment, timeout=self.patience
        )

    def shown(self, listener: str, lineage: str) -> Sequence[str]:
        """What each address of the listener serves."""
        front = self.fronts[listener]
        return [served(one["address"], front["port"], f"{lineage}.lab.example") for one in front["addresses"]]

    def verdicts(self, run: Run) -> Dict[str, str]:
        """By host the state that its verdict judged."""
        found = [event for event in run.events if event.get("task", "").endswith("Verdict")]
        return {event["host"]: event["result"]["outcome"]["state"] for event in found}
