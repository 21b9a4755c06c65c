# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS of the lab's emulator (tier B) behind a proxy that makes a bad day of it; the SDK is sent there by AWS_ENDPOINT_URL."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import time
import uuid
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.certops.clm.tests.lab.aws import REGION, Aws
from ansible_collections.certops.clm.tests.lab.client import served
from ansible_collections.certops.clm.tests.lab.host import wait_for
from ansible_collections.certops.clm.tests.lab.private_ca import private_ca

from .ca_proxy import Middle

HOME = "127.0.0.1"
ISSUE, FETCH = "ACMPrivateCA.IssueCertificate", "ACMPrivateCA.GetCertificate"
MOST = 250  # requests in a whole cell
PREFIX = "certops-clm/"


class AwsProxy(Middle):
    """What is asked is the operation, as the SDK names it in a header, and the secret that it is about."""

    def __init__(self, aws: Aws, log: Path) -> None:
        super().__init__(log)
        self.aws, self.ca = aws, ""
        self.url = f"http://{self.serve(HOME, None)}"

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(HOME, self.aws.port, timeout=30)

    def what(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        target = str(headers.get("X-Amz-Target") or "")
        if not target:  # the protocol of forms
            return next(iter(parse_qs(body.decode("latin-1")).get("Action", ())), path)
        asked = json.loads(body)
        return f"{target} {asked.get('Name') or asked.get('SecretId') or ''}".strip()

    def keep(self, what: str, status: int, body: bytes) -> None:
        """AWS issues when it is asked: what nobody fetches is issued all the same, so it is fetched for the log."""
        if status == 200 and what == ISSUE:
            self.write(fetched(self.aws, self.ca, str(json.loads(body)["CertificateArn"])))


def fetched(aws: Aws, ca: str, arn: str) -> bytes:
    """What was issued under that ARN; AWS needs a moment for it."""
    client = aws.client("acm-pca")
    for _look in range(20):
        try:
            given = client.get_certificate(CertificateAuthorityArn=ca, CertificateArn=arn)["Certificate"]
            return x509.load_pem_x509_certificate(given.encode()).public_bytes(Encoding.DER)
        except client.exceptions.RequestInProgressException:
            time.sleep(0.2)
    raise RuntimeError(f"{arn} is never issued")


class Emulated:
    """One emulator for the life of a World."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "aws").mkdir()
        self.aws = Aws(place / "aws").start()
        self.proxy = AwsProxy(self.aws, place / "ca" / "issued.jsonl")
        self.before = {name: os.environ.get(name) for name in self.aws.environment}
        os.environ.update({**self.aws.environment, "AWS_ENDPOINT_URL": self.proxy.url})

    def first_day(self) -> None:
        """What AWS keeps is as it shall be after each reset."""

    def reset(self) -> None:
        """As on the day after the first rotation."""
        self.proxy.honest()

    def look(self) -> None:
        """What AWS keeps lies in the folders where invariants look for it."""

    def stop(self) -> None:
        """Nothing of it lives on."""
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.proxy.close()
        self.aws.stop()

    def wrong(self) -> List[str]:
        """Nobody hammers on AWS; what was issued and is in no record is seen by I4."""
        return [f"F13: AWS was asked {len(self.proxy.asked)} times"] if len(self.proxy.asked) > MOST else []


class PrivateCa(Emulated):
    """AWS Private CA, whose certificates end at a root of its own."""

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        super().__init__(place)
        self.proxy.ca = arn = private_ca(self.aws)
        chain = self.aws.client("acm-pca").get_certificate_authority_certificate(CertificateAuthorityArn=arn)
        (place / "ca" / "root.pem").write_text(chain["CertificateChain"])
        manifest["issuers"] = {"internal": {"type": "aws_pca", "certificate_authority_arn": arn}}


class Listener(Emulated):
    """A listener that really serves: every certificate that it gets is imported into ACM and bound to it."""

    name, port = "api.lab.example", 9443

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        super().__init__(place)
        self.acm, self.elb = self.aws.client("acm"), self.aws.client("elbv2")
        self.address = f"127.{random.randint(32, 250)}.{random.randint(0, 255)}.1"
        self.listener = self.aws.listener("api", self.aws.hold(self.name)[0])
        self.aws.front({"place": self.listener, "port": self.port, "addresses": [{"address": self.address}]})
        target = {"type": "aws_elbv2_listener", "listener_arn": self.listener}
        endpoint = {"host": self.address, "port": self.port, "server_name": self.name}
        manifest["lineages"]["api"]["deployments"] = [{"target": target, "endpoints": [endpoint]}]

    def first_day(self) -> None:
        self.bound = self._bound()
        self.held = {arn: self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] for arn in self._arns()}
        self.served = served(self.address, self.port, self.name)

    def reset(self) -> None:
        super().reset()
        self.elb.modify_listener(ListenerArn=self.listener, Certificates=[{"CertificateArn": self.bound}])
        for arn in self._arns():
            tags = self.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
            if arn not in self.held:
                self.acm.delete_certificate(CertificateArn=arn)
            elif tags != self.held[arn]:
                self.acm.remove_tags_from_certificate(CertificateArn=arn, Tags=tags)
                self.acm.add_tags_to_certificate(CertificateArn=arn, Tags=self.held[arn])
        wait_for(lambda: served(self.address, self.port, self.name) == self.served, "the listener with its first certificate")

    def _bound(self) -> str:
        (row,) = self.elb.describe_listeners(ListenerArns=[self.listener])["Listeners"]
        return str(row["Certificates"][0]["CertificateArn"])

    def _arns(self) -> List[str]:
        return [str(row["CertificateArn"]) for row in self.acm.list_certificates()["CertificateSummaryList"]]

    def wrong(self) -> List[str]:
        """Of one version there is one certificate in ACM, whatever was killed."""
        rows = [self.acm.get_certificate(CertificateArn=arn)["Certificate"] for arn in self._arns()]
        return super().wrong() + ([] if len(set(rows)) == len(rows) else ["I7: ACM has a certificate twice"])


class SecretsManager(Emulated):
    """Secrets Manager as the secret store. What it holds is read here by code of its own and laid out as the folders of a store are."""

    def __init__(self, place: Path, manifest: Dict[str, Any]) -> None:
        super().__init__(place)
        self.client = self.aws.client("secretsmanager")
        self.kept: List[Dict[str, Any]] = []
        manifest["secret_store"] = {"type": "aws_secrets_manager", "region": REGION, "lease_seconds": 10}

    def first_day(self) -> None:
        self.kept = list(self._secrets())
        self.look()

    def reset(self) -> None:
        super().reset()
        for secret in list(self._secrets()):
            self.client.delete_secret(SecretId=secret["Name"], ForceDeleteWithoutRecovery=True)
        for secret in self.kept:
            self.client.create_secret(ClientRequestToken=str(uuid.uuid4()), **secret)

    def _secrets(self) -> Iterator[Dict[str, Any]]:
        """Each secret that can be read, with its value."""
        for page in self.client.get_paginator("list_secrets").paginate():
            for row in page["SecretList"]:
                value = self.client.get_secret_value(SecretId=row["Name"])
                held = {name: value[name] for name in ("SecretString", "SecretBinary") if value.get(name)}
                yield {"Name": row["Name"], "Tags": row.get("Tags") or [], **held}

    def look(self) -> None:
        store = self.place / "store"
        shutil.rmtree(store, ignore_errors=True)
        for secret in self._secrets():
            lineage, _slash, version = str(secret["Name"])[len(PREFIX) :].partition("/")
            folder = store / "lineages" / lineage
            if version:
                put(folder / "versions" / version / "key.pem", secret["SecretString"])
            else:
                lay_out(folder, json.loads(zlib.decompress(secret["SecretBinary"])))


def lay_out(folder: Path, document: Mapping[str, Any]) -> None:
    """A lineage's versions, and which one is current."""
    for version, row in document["versions"].items():
        put(folder / "versions" / version / "version.json", json.dumps(row))
        put(folder / "versions" / version / "chain.pem", row["chain"])
    if document["current"]:
        (folder / "current").symlink_to(f"versions/{document['current']}")


def put(path: Path, text: str) -> None:
    """A private file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        stream.write(text)
