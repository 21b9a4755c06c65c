# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS for the lab: the mended emulator (aws_shim.py) as a process on loopback, with certificates of a CA of its own. Tier B."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from .ca import TestCA, key_pem_of, pem_of
from .client import can_connect
from .host import stop, wait_for

SHIM = Path(__file__).with_name("aws_shim.py")
REGION = "eu-central-1"


class Aws:
    """One emulator; `environment` makes SDKs talk to it, `start` and `stop` are the caller's."""

    def __init__(self, folder: Path, without: Sequence[str] = ()) -> None:
        self._folder, self._without = folder, list(without)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.ca = TestCA()
        self._process: Any = None
        self._clients: Dict[Tuple[str, str], Any] = {}

    @property
    def environment(self) -> Dict[str, str]:
        """What a process needs in its environment; nothing of the person's own configuration."""
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
        nowhere = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": REGION, **keys, **nowhere}

    def start(self) -> Aws:
        """Answering."""
        signer = self._folder / "acm-ca.pem"
        signer.write_text(pem_of(self.ca.intermediate) + key_pem_of(self.ca.intermediate_key))
        environment = {**os.environ, "MOTO_ACM_VALIDATION_WAIT": "1", "CLM_LAB_ACM_CA": str(signer)}
        with (self._folder / "aws.log").open("wb") as log:
            words = [sys.executable, str(SHIM), "127.0.0.1", str(self.port), *self._without]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        wait_for(lambda: self._process.poll() is not None or can_connect("127.0.0.1", self.port), "the AWS emulator", seconds=60)
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "aws.log").read_text(errors="replace")[-2000:])
        return self

    def stop(self) -> None:
        """Gone."""
        stop(self._process)

    def client(self, service: str, region: str = REGION) -> Any:
        """A client of the SDK for the tests themselves, each made once."""
        import boto3

        if (service, region) not in self._clients:
            keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
            self._clients[service, region] = boto3.session.Session(**keys).client(service, region_name=region, endpoint_url=self.url)
        return self._clients[service, region]

    def calls(self) -> Dict[str, int]:
        """How often each operation was called since `forget_calls`."""
        with urllib.request.urlopen(f"{self.url}/_calls", timeout=10) as answer:
            return dict(json.load(answer))

    def forget_calls(self) -> None:
        """Count anew."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_calls", method="DELETE"), timeout=10).close()

    def faults(self, *rules: Dict[str, Any]) -> None:
        """Refuse calls by these rules from now on; none: refuse nothing."""
        request = urllib.request.Request(f"{self.url}/_faults", data=json.dumps(rules).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def front(self, *places: Dict[str, Any]) -> None:
        """Serve these places from now on, as aws_front.py takes them."""
        request = urllib.request.Request(f"{self.url}/_front", data=json.dumps(places).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    def renew(self, arn: str, status: str = "") -> None:
        """ACM renews the certificate as it does by itself: in place, with a new key; or with a status says that it did not."""
        order = json.dumps({"arn": arn, "status": status}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_renew", data=order, method="PUT"), timeout=10).close()

    def enforce(self, policy: Dict[str, Any]) -> Dict[str, str]:
        """From now on every call is checked; returns the environment of a user who may do what the policy says."""
        self.allow_all()
        iam, name = self.client("iam"), f"reader-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        self._post("/moto-api/reset-auth", b"0")
        return {**self.environment, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def allow_all(self) -> None:
        """Check no call any more."""
        self._post("/moto-api/reset-auth", b"inf")

    def _post(self, path: str, body: bytes = b"") -> None:
        plain = {"Content-Type": "text/plain"}  # the body of a form would be taken apart
        urllib.request.urlopen(urllib.request.Request(f"{self.url}{path}", data=body, headers=plain, method="POST"), timeout=60).close()

    def reset(self) -> None:
        """As on the first day."""
        self.faults()
        self.forget_calls()
        self.allow_all()
        self._post("/moto-api/reset")

    def hold(self, *names: str, region: str = REGION, tags: Dict[str, str] | None = None, days: float = 30) -> Any:
        """Import a certificate into ACM; returns (ARN, what was issued)."""
        issued = self.ca.issue(names, days=days)
        leaf, _end, chain = issued.fullchain.partition("-----END CERTIFICATE-----\n")
        more = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        body = {"Certificate": leaf + _end, "PrivateKey": issued.key_pem, **({"CertificateChain": chain} if chain.strip() else {})}
        return self.client("acm", region).import_certificate(**body, **more)["CertificateArn"], issued

    def listener(self, name: str, default: str, sni: Sequence[str] = (), *, tags: Dict[str, str] | None = None) -> str:
        """A load balancer with one HTTPS listener; its ARN."""
        ec2, elb = self.client("ec2"), self.client("elbv2")
        subnets: List[str] = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
        more = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        balancer = elb.create_load_balancer(Name=name, Subnets=subnets, **more)["LoadBalancers"][0]["LoadBalancerArn"]
        action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
        certificates = [{"CertificateArn": default}]
        made = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTPS", Port=443, Certificates=certificates, DefaultActions=[action])
        arn = str(made["Listeners"][0]["ListenerArn"])
        if sni:
            elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": one} for one in sni])
        return arn


@contextmanager
def emulator(folder: Path) -> Iterator[Aws]:
    """A running one, gone at the end."""
    lab = Aws(folder)
    try:
        yield lab.start()
    finally:
        lab.stop()
