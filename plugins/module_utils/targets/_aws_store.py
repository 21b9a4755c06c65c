# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM as the place where targets of AWS put certificates: imported, found again by tags, read back, and dropped when unused."""

from __future__ import annotations

import re
from threading import Lock
from typing import Any, Collection, Dict, List, Mapping, Optional, Tuple

from ..aws import LINEAGE, VERSION, pages, told
from ..contracts import Deployed, SecretStore, Version, Where
from ..errors import ClmError, ConfigError, known
from ..x509 import pem
from ..x509.certificate import Certificate, rfc3339
from ._aws_clients import Arn, PlaceClients, asked
from ._powers import InUseError, RefusedError

# https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
KEY_TYPES: Tuple[str, ...] = ("rsa-1024", "rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
# The same page says which of them CloudFront takes, which also serves edge-optimised domain names of API Gateway.
KEY_TYPES_AT_EDGE: Tuple[str, ...] = ("rsa-1024", "rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256")
LARGEST_KEY = 5120
SHA256, DEPLOYMENT = "clm_sha256", "clm_deployment"
LABELS = ("owner", "service", "environment", "criticality", "runbook")
LONGEST_TAG = 256
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+@-]")
Scope = Tuple[Any, ...]


def leaf_of(version: Version) -> Certificate:
    """The leaf of a version."""
    return Certificate.parse(pem.split(version.chain_pem)[0].der)


def refuse_version(version: Version, now: Any, key_types: Tuple[str, ...], what: str, bound_as_it_is: bool = False) -> None:
    """ConfigError for what AWS would not take: another leaf than named, a wrong time, a kind of key; no key, where it is imported."""
    leaf = leaf_of(version)
    if leaf.sha256 != version.sha256 or leaf.spki_sha256 != version.spki_sha256:
        raise ConfigError("the chain does not begin with the certificate that the version names")
    if leaf.key_type not in key_types:
        hint = f"one of {', '.join(key_types)}: change key_type in the lineage's profile, then issue again"
        raise ConfigError(f"{what} takes no key of type {leaf.key_type}", hint=hint)
    if leaf.not_before is None or leaf.not_after is None or not leaf.not_before <= now <= leaf.not_after:
        dates = " to ".join(rfc3339(when) if when else "nobody knows" for when in (leaf.not_before, leaf.not_after))
        raise ConfigError(f"the certificate is valid from {dates}, and it is {rfc3339(now)}", hint="issue a new one, or set the clock")
    if version.key is None and not bound_as_it_is:
        where = f"its issuer keeps its key and calls it {version.held[:200]}" if version.held else "its key is in no secret store"
        raise ConfigError(f"{where}, so it cannot be imported", hint="use key_origin: store")


def deployed(chain_pem: str, ref: str) -> Deployed:
    """What lies in AWS, as the contract says it."""
    leaf = Certificate.parse(pem.split(chain_pem)[0].der)
    return Deployed(leaf.sha256, ref, chain_pem, leaf.not_after)


def tags_of(where: Where, version: Version, **more: str) -> List[Dict[str, str]]:
    """The tags of an imported certificate: whose it is, and which lineage and version."""
    labels = where.get("labels") or {}
    found = {LINEAGE: str(where.get("lineage") or ""), VERSION: version.key.version if version.key else "", **more}
    found.update({name: str(labels.get(name) or "") for name in LABELS})
    return [{"Key": key, "Value": _NOT_IN_TAGS.sub("_", value)[:LONGEST_TAG]} for key, value in found.items() if value]


class AcmStore:
    """The certificates of ACM in every account and region that places name. What it read is kept until it changes it itself."""

    def __init__(self, clients: PlaceClients) -> None:
        self.clients = clients
        self.keys: Optional[SecretStore] = None
        self._chains: Dict[Scope, str] = {}
        self._owned: Dict[Scope, Dict[str, Dict[str, str]]] = {}
        self._lock = Lock()
        self._places: Dict[Scope, Lock] = {}

    def _scope(self, where: Where, *more: str) -> Scope:
        return (*self.clients.key(where), *more)

    def turn(self, scope: Scope) -> Lock:
        """Two places that want the same thing at once take turns, so that the second finds it done."""
        with self._lock:
            return self._places.setdefault(scope, Lock())

    def chain(self, where: Where, arn: str) -> str:
        """The chain of a certificate in ACM or IAM, leaf first."""
        scope = self._scope(where, arn)
        with self.turn(scope):
            if scope not in self._chains:
                self._chains[scope] = self._read_chain(where, arn)
            return self._chains[scope]

    def _read_chain(self, where: Where, arn: str) -> str:
        if arn.split(":")[2:3] == ["iam"]:
            iam = self.clients.get(where, "iam", str(where.get("region") or "us-east-1"))
            with told(f"iam {arn}"):
                found = iam.get_server_certificate(ServerCertificateName=arn.rsplit("/", 1)[-1])["ServerCertificate"]
            return joined(found.get("CertificateBody"), found.get("CertificateChain"))
        with told(f"acm {arn}"):
            answer = self.clients.get(where, "acm", Arn.parse(arn, "acm", "certificate_arn").region).get_certificate(CertificateArn=arn)
        return joined(answer.get("Certificate"), answer.get("CertificateChain"))

    def owned(self, where: Where, region: str) -> Dict[str, Dict[str, str]]:
        """By ARN the tags of every certificate that a lineage has there, from one listing."""
        scope = self._scope(where, region)
        with self.turn(scope):
            if scope not in self._owned:
                tagging = self.clients.get(where, "resourcegroupstaggingapi", region)
                filters = {"TagFilters": [{"Key": LINEAGE}], "ResourceTypeFilters": ["acm:certificate"]}
                rows = pages(tagging, "get_resources", "ResourceTagMappingList", **filters)
                self._owned[scope] = {row["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in row["Tags"]} for row in rows}
            return self._owned[scope]

    def place(self, where: Where, region: str, version: Version) -> str:
        """The ARN of the version there: found again where an earlier run or another place imported it, else imported now."""
        owned = self.owned(where, region)
        with self.turn(self._scope(where, region, version.sha256)):
            for arn, tags in list(owned.items()):
                if tags.get(SHA256) == version.sha256 and self._is(where, arn, version):
                    return arn
            mine = tags_of(where, version, **{SHA256: version.sha256})
            written = self.write(where, region, version, tags=mine)
            self.note(where, region, written, mine)
            return written

    def note(self, where: Where, region: str, arn: str, tags: List[Dict[str, str]]) -> None:
        """What was just written with these tags is found by them, where the listing was made before."""
        owned = self._owned.get(self._scope(where, region))
        if owned is not None:
            owned[arn] = {tag["Key"]: tag["Value"] for tag in tags}

    def _is(self, where: Where, arn: str, version: Version) -> bool:
        """True when the certificate is still there and has the whole chain: tags are only what somebody wrote."""
        try:
            chain = pem.split(self.chain(where, arn))
        except ClmError:
            return False
        return [block.der for block in chain] == [block.der for block in pem.split(version.chain_pem)]

    def write(self, where: Where, region: str, version: Version, arn: str = "", tags: Any = ()) -> str:
        """Import the version, in place of what has the ARN where one is given; the key is read only now."""
        blocks = [pem.encode("CERTIFICATE", block.der) for block in pem.split(version.chain_pem)]
        store, ref = known(self.keys, "the secret store"), known(version.key, "the key")
        body: Dict[str, Any] = {"Certificate": blocks[0].encode(), "PrivateKey": store.key(ref).reveal()}
        if len(body["PrivateKey"]) > LARGEST_KEY:
            raise RefusedError(f"the key has {len(body['PrivateKey'])} bytes, and ACM takes {LARGEST_KEY}")
        body.update({"CertificateChain": "".join(blocks[1:]).encode()} if blocks[1:] else {})
        body.update({"CertificateArn": arn} if arn else {"Tags": list(tags)})
        with asked("acm ImportCertificate"):
            written = str(self.clients.get(where, "acm", region).import_certificate(**body)["CertificateArn"])
        self._chains[self._scope(where, written)] = version.chain_pem
        return written

    def copies(self, where: Where, region: str, sha256s: Collection[str]) -> Dict[str, str]:
        """By ARN the SHA-256 of those of these versions that were put there, or issued there, for the place's lineage, by their tags."""
        lineage = str(where.get("lineage") or "")
        mine = [(arn, tags) for arn, tags in self.owned(where, region).items() if tags.get(LINEAGE) == lineage]
        found = {arn: self._said_to_be(where, arn, tags) for arn, tags in mine}
        return {arn: sha256 for arn, sha256 in found.items() if sha256 in sha256s}

    def _said_to_be(self, where: Where, arn: str, tags: Mapping[str, str]) -> str:
        """The SHA-256 by its tag, else for what ACM has issued its own; empty for what is not issued, and for what is imported in place."""
        if SHA256 in tags or DEPLOYMENT in tags:
            return tags.get(SHA256, "")
        try:
            return pem.sha256(pem.split(self.chain(where, arn))[0].der)
        except ClmError:
            return ""

    def users(self, where: Where, arn: str) -> List[str]:
        """What ACM says uses it."""
        return [str(one) for one in self.details(where, arn).get("InUseBy") or ()]

    def drop(self, where: Where, arn: str) -> None:
        """Delete a certificate that a lineage has and nothing uses; RefusedError while something does, and for a foreign one."""
        region = Arn.parse(arn, "acm", "ref").region
        tags = self.owned(where, region).get(arn, {})
        if LINEAGE not in tags:
            raise RefusedError(f"{arn} has no tag {LINEAGE}: what nobody asked us to manage is never deleted")
        if self._said_to_be(where, arn, tags) != pem.sha256(pem.split(self.chain(where, arn))[0].der):
            raise RefusedError(f"{arn} is something else than its tags say", hint="see what it is, and delete it by hand")
        users = self.users(where, arn)
        if users:
            raise InUseError(f"{arn} is used by {', '.join(users[:5])}", hint="bind another certificate there first")
        with asked("acm DeleteCertificate", in_use="ResourceInUseException"):
            self.clients.get(where, "acm", region).delete_certificate(CertificateArn=arn)
        self._chains.pop(self._scope(where, arn), None)
        self.owned(where, region).pop(arn, None)

    def tag(self, where: Where, arn: str, tags: List[Dict[str, str]]) -> None:
        """Say what the certificate is now; tags that are not named stay."""
        with asked("acm AddTagsToCertificate"):
            self.clients.get(where, "acm", Arn.parse(arn, "acm", "certificate_arn").region).add_tags_to_certificate(
                CertificateArn=arn, Tags=tags
            )

    def details(self, where: Where, arn: str) -> Mapping[str, Any]:
        """What ACM says of a certificate: its type, its usages and who uses it."""
        with told(f"acm {arn}"):
            acm = self.clients.get(where, "acm", Arn.parse(arn, "acm", "certificate_arn").region)
            found: Mapping[str, Any] = acm.describe_certificate(CertificateArn=arn)["Certificate"]
        return found


def joined(leaf: Optional[str], chain: Optional[str]) -> str:
    """Leaf and chain as one text; AWS ends neither with a line feed for certain."""
    return "".join(f"{part.strip()}\n" for part in (leaf, chain) if part and part.strip())
