# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source `aws_certificates`: what AWS serves and keeps, in many accounts and regions, from listings.

An account, a region or a service that does not answer is a record of its own, and never hides the others.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .. import aws
from ..contracts import COULD_NOT_LOOK, Clock, Found, Source
from ..errors import ClmError, ConfigError
from . import _aws_bindings as bindings
from . import _aws_certificates as certificates
from ._aws_bindings import Binding
from ._aws_certificates import Entry, Reader

NAME = "aws_certificates"
AUTHORITIES = "acm-pca"
SERVICES = (*bindings.SERVICES, AUTHORITIES)
OPTIONS: Dict[str, Dict[str, Any]] = {
    **aws.OPTIONS,
    "services": {"type": "list", "elements": "str", "default": list(SERVICES), "choices": list(SERVICES)},
    "concurrency": {"type": "int", "default": 8},
    "cache_file": {"type": "path"},
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "One account, or what a role in each account may do": [
        {
            "Action": [
                "acm-pca:GetCertificateAuthorityCertificate",
                "acm-pca:ListCertificateAuthorities",
                "acm:GetCertificate",
                "acm:ListCertificates",
                "apigateway:GET",
                "cloudfront:ListDistributions",
                "elasticloadbalancing:DescribeListenerCertificates",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancers",
                "iam:GetServerCertificate",
                "iam:ListServerCertificates",
                "tag:GetResources",
            ],
            "Resource": "*",
        }
    ],
    "Who assumes the roles of ``role_arns``": [{"Action": ["sts:AssumeRole"], "Resource": "arn:aws:iam::*:role/certificate-reader"}],
    "Who assumes ``organization_role`` in every account of the organization": [
        {"Action": ["organizations:ListAccounts"], "Resource": "*"},
        {"Action": ["sts:AssumeRole"], "Resource": "arn:aws:iam::*:role/certificate-reader"},
    ],
}
STORES = ("acm", "iam")  # what places name
KEPT = (*STORES, AUTHORITIES)
GLOBAL_REGION = "us-east-1"  # where the endpoints of IAM and CloudFront are, and the certificates that CloudFront takes
NOT_THERE = "was not found in ACM or IAM of this account"
SILENT = "could not be read: the listing of ACM or IAM failed"
LABELS = ("owner", "service", "environment", "criticality", "runbook")
MAX_LABEL = 200
Ask = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True)
class _Listing:
    """One thing to list: at which account, region and service, and what came of it."""

    account: aws.Account
    region: str
    service: str
    ask: Ask
    rows: Tuple[Any, ...] = ()
    error: str = ""

    @property
    def scope(self) -> Dict[str, str]:
        return {"provider": "aws", "account": self.account.id, "region": self.region, "service": self.service}


class AwsSource:
    """One record for each place that serves a certificate, and one for each certificate that no place was seen to serve."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._services = tuple(options.get("services") or SERVICES)
        self._concurrency = int(options.get("concurrency") or OPTIONS["concurrency"]["default"])

    def find(self) -> Iterator[Found]:
        """Everything there is; ClmError when no account can be asked at all."""
        able, unable = aws.accounts(self._options)
        if unable and not able:
            raise ClmError("; ".join(f"{role}: {error}" for role, error in unable[:10]), hint="see that the roles can be assumed")
        for role, error in unable:
            yield _unseen({"provider": "aws", "account": role.split(":")[4], "role": role}, f"account of {role}", str(error))
        with ThreadPoolExecutor(max_workers=max(1, self._concurrency)) as pool:
            listings = list(pool.map(_list, self._listings(able)))
        for listing in listings:
            if listing.error:
                yield _unseen(listing.scope, f"{listing.service} of account {listing.account.id} in {listing.region}", listing.error)
        yield from self._found(listings)

    def _listings(self, accounts: Sequence[aws.Account]) -> List[_Listing]:
        wanted = []
        for account in accounts:
            regions = aws.regions(self._options, account.session)
            for region in regions:
                wanted.append(_Listing(account, region, "acm", certificates.acm))
                wanted.append(_Listing(account, region, "tags", lambda client: iter([certificates.tags(client)])))
                wanted += [_Listing(account, region, name, ask) for name, ask in bindings.REGIONAL.items() if name in self._services]
                wanted += [_Listing(account, region, AUTHORITIES, certificates.pca)] if AUTHORITIES in self._services else []
            wanted.append(_Listing(account, GLOBAL_REGION, "iam", certificates.iam))
            wanted += [_Listing(account, GLOBAL_REGION, name, ask) for name, ask in bindings.GLOBAL.items() if name in self._services]
            if GLOBAL_REGION not in regions and set(bindings.GLOBAL) & set(self._services):
                wanted.append(_Listing(account, GLOBAL_REGION, "acm", certificates.acm))
        return wanted

    def _found(self, listings: Sequence[_Listing]) -> Iterator[Found]:
        """Places and certificates together: each chain is read once, however many places serve it."""
        kept = [(entry, listing) for listing in listings if listing.service in KEPT for entry in listing.rows]
        entries = {(listing.account.id, name): entry for entry, listing in kept for name in (entry.arn, entry.id) if name}
        reader = Reader(self._concurrency, str(self._options.get("cache_file") or ""))
        stores = [listing for listing in listings if listing.service in KEPT]
        clients = {id(listing): listing.account.client(listing.service, listing.region) for listing in stores}
        silent = {(listing.account.id, listing.region) for listing in stores if listing.error and listing.service in STORES}
        chains = reader.read((entry, clients[id(listing)]) for entry, listing in kept)
        reader.save()
        tags = {arn: pairs for listing in listings if listing.service == "tags" for found in listing.rows for arn, pairs in found.items()}
        bound = set()
        for listing in listings:
            if listing.service in (*KEPT, "tags"):
                continue
            for binding in listing.rows:
                entry = entries.get((listing.account.id, binding.certificate))
                bound.add((listing.account.id, entry.arn if entry else binding.certificate))
                away = not entry and bool(silent & {(listing.account.id, listing.region), (listing.account.id, GLOBAL_REGION)})
                yield _of_binding(listing, binding, entry, chains, tags, SILENT if away else NOT_THERE)
        for entry, listing in kept:
            if (listing.account.id, entry.arn) not in bound:
                yield _of_entry(listing, entry, chains[entry.arn], tags)


def _list(listing: _Listing) -> _Listing:
    rows: List[Any] = []
    service = "resourcegroupstaggingapi" if listing.service == "tags" else listing.service
    try:
        rows.extend(listing.ask(listing.account.client(service, listing.region)))
        return replace(listing, rows=tuple(rows))
    except ClmError as error:
        return replace(listing, rows=tuple(rows), error=str(error))


def _of_binding(
    listing: _Listing, binding: Binding, entry: Optional[Entry], chains: Mapping[str, Any], tags: Mapping[str, Any], nothing: str
) -> Found:
    """What one place serves; its owner and the like from the tags of the place, else of the certificate."""
    chain, error = chains[entry.arn] if entry else ((), f"the certificate {binding.certificate or 'of this place'} {nothing}")
    where = {
        **listing.scope,
        **binding.where,
        "place": f"{listing.account.id}/{listing.region}/{listing.service}/{binding.place}",
        "certificate_arn": entry.arn if entry else binding.certificate,
        "targets": [*binding.where.get("targets", ()), *_in_store(entry)],
        "bound": True,
        **_facts(entry),
        **_labels([*tags.get(binding.tagged, ()), *(tags.get(entry.arn, ()) if entry else ())]),
    }
    return Found(NAME, where, chain, error=error)


def _of_entry(listing: _Listing, entry: Entry, read: Tuple[Tuple[bytes, ...], str], tags: Mapping[str, Any]) -> Found:
    """A certificate that no place was seen to serve: unused, used by a service that was not listed, or a CA's own."""
    place = f"{listing.account.id}/{listing.region}/{entry.service}/{entry.arn}"
    facts = {"certificate_arn": entry.arn, "copy_ref": entry.arn, "name": entry.name, "bound": entry.in_use, "targets": _in_store(entry)}
    facts.update(**_facts(entry), **_labels(tags.get(entry.arn, ())), **({"authority": True} if entry.service == AUTHORITIES else {}))
    return Found(NAME, {**listing.scope, "place": place, **facts}, read[0], error=read[1])


def _in_store(entry: Optional[Entry]) -> List[Dict[str, str]]:
    """What manages the certificate itself, whatever serves it."""
    return [{"type": "aws_acm", "certificate_arn": entry.arn}] if entry and entry.service == "acm" else []


def _facts(entry: Optional[Entry]) -> Dict[str, Any]:
    """What AWS says of the certificate itself; one that Amazon issued is renewed by ACM and by nobody else."""
    if entry is None:
        return {}
    manager = {"managed_by": "AWS Certificate Manager"} if entry.kind == "AMAZON_ISSUED" else {}
    return {"status": entry.status, "type": entry.kind, **manager}


def _labels(tags: Sequence[Tuple[str, str]]) -> Dict[str, Any]:
    """`labels` with what tags say of owner, service and the like; the first tag of a name wins, whatever its case."""
    found: Dict[str, str] = {}
    for key, value in tags:
        if key.lower() in LABELS and value:
            found.setdefault(key.lower(), value[:MAX_LABEL])
    return {"labels": found} if found else {}


def _unseen(scope: Mapping[str, str], what: str, error: str) -> Found:
    """A record that only says that nobody could look."""
    return Found(NAME, {**scope, "answer": COULD_NOT_LOOK, "label": what}, error=error)


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source of the options in OPTIONS; ConfigError names the one that is wrong."""
    unknown = [name for name in options.get("services") or () if name not in SERVICES]
    if unknown:
        raise ConfigError(f"{unknown[0]!r} is none of {', '.join(SERVICES)}", field="services")
    if "concurrency" in options and not 1 <= int(options["concurrency"] or 0) <= 64:
        raise ConfigError("a number from 1 to 64 is needed", field="concurrency")
    for name in ("regions", "role_arns"):
        if isinstance(options.get(name), str):
            raise ConfigError("a list of texts is needed", field=name)
    return AwsSource({**options, "cache_file": os.path.expanduser(str(options.get("cache_file") or ""))})
