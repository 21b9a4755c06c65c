# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public certificates of AWS Certificate Manager with validation by DNS: ACM makes the key, and nobody ever sees it.

`begin` asks for a certificate and says to go on at once, so the flow has its ARN durably before anybody waits; the request's id is the
idempotency token, which AWS knows for an hour. ACM renews by itself what is in use, under the same ARN: then `begin` asks for nothing, and
answers with that ARN.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar, Union

from .. import aws
from ..contracts import Answer, Clock, Issued, IssueRequest, Pending
from ..errors import ClmError, ConfigError
from ..identifiers import digest
from ..x509.certificate import Certificate
from ..x509.names import is_address
from ._acm_api import ISSUED, Api
from ._acm_failures import failure
from ._acm_renewal import renewal
from ._acm_work import Work, listed, said, unseen, wanted
from ._powers import Hint

NAME = "aws_acm"
OPTIONS: Dict[str, Any] = {
    **aws.ONE,
    "dns": {"type": "str", "choices": ["route53", "manual"], "default": "route53"},
    "dns_role_arn": {"type": "str"},
    "hosted_zone_ids": {"type": "list", "elements": "str", "default": []},
    "issue_timeout": {"type": "int", "default": 300},
    "concurrency": {"type": "int", "default": 8},
}
# IAM policies by what is done; make index writes them into the guide of policies
RIGHTS: Dict[str, Any] = {
    "To issue, with records in Route 53": [
        {
            "Action": ["acm:AddTagsToCertificate", "acm:DescribeCertificate", "acm:GetCertificate", "acm:RequestCertificate"],
            "Resource": "*",
        },
        {"Action": ["route53:ListHostedZones"], "Resource": "*"},
        {"Action": ["route53:ChangeResourceRecordSets"], "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"},
    ],
    "To issue with ``hosted_zone_ids``": [
        {
            "Action": ["acm:AddTagsToCertificate", "acm:DescribeCertificate", "acm:GetCertificate", "acm:RequestCertificate"],
            "Resource": "*",
        },
        {
            "Action": ["route53:ChangeResourceRecordSets", "route53:GetHostedZone"],
            "Resource": "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
        },
    ],
    "To see what ACM renews": [{"Action": ["acm:DescribeCertificate", "acm:GetCertificate", "acm:ListCertificates"], "Resource": "*"}],
}
# https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
KEY_ALGORITHMS: Mapping[str, str] = {"rsa-2048": "RSA_2048", "ecdsa-p256": "EC_prime256v1", "ecdsa-p384": "EC_secp384r1"}
LONGEST_FIRST, MOST_NAMES = 64, 100
WAITS = "PENDING_VALIDATION"
FIRST, LONGEST = 0.5, 10.0  # seconds between two looks
RECORDS_WITHIN = 60.0  # seconds after a request in which ACM has said which records it wants
LATER = 600
T = TypeVar("T")
R = TypeVar("R")


def create(options: Mapping[str, Any], clock: Clock) -> AwsAcm:
    """ACM of one account and region; nothing is asked before it is used. ConfigError when an option is wrong."""
    given: Dict[str, Any] = {name: spec.get("default") if options.get(name) is None else options[name] for name, spec in OPTIONS.items()}
    for name in ("issue_timeout", "concurrency"):
        if int(given[name]) < 1:
            raise ConfigError("must be at least 1", field=f"issuer.{name}")
    return AwsAcm(given, clock)


class AwsAcm:
    """Issuer, BatchIssuer, BatchResumer, KeyHolder and SelfRenewer."""

    def __init__(self, options: Mapping[str, Any], clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._options, self._clock, self._sleep = options, clock, sleep
        self._api = Api(options, list(KEY_ALGORITHMS.values()))
        self._asked: Set[str] = set()  # what this object has asked for

    def identity(self) -> str:
        """The account and the region."""
        return f"{NAME}:{':'.join(self._api.open())}"

    def held_in(self) -> str:
        """The same, as the targets of AWS say it."""
        return f"acm:{':'.join(self._api.open())}"

    def check(self, request: IssueRequest) -> None:
        """ConfigError for what ACM issues to nobody."""
        addresses = [name for name in request.names if is_address(name)]
        if addresses:
            raise ConfigError(f"ACM issues for no address, and {addresses[0]} is one", field="names", hint="ask another CA for it")
        if len(request.names) > MOST_NAMES:
            raise ConfigError(f"ACM takes {MOST_NAMES} names, and these are {len(request.names)}", field="names", hint="make two lineages")
        _first(request.names)
        if request.key_type not in KEY_ALGORITHMS:
            hint = f"one of {', '.join(KEY_ALGORITHMS)}: change key_type in the profile"
            raise ConfigError(f"ACM makes no key of type {request.key_type}", field="key_type", hint=hint)
        if tuple(request.usages) != ("server_auth",):
            raise ConfigError("ACM issues for servers alone", field="usages", hint="usages: [server_auth], or a private CA for clients")

    # --- asking ---

    def begin(self, request: IssueRequest) -> Answer:
        """Ask for it; to be gone on with at once."""
        return _one(self.begin_many([request]))

    def resume(self, ref: str, request: IssueRequest) -> Answer:
        """Have the records in the DNS, and fetch what was issued; Pending where that takes longer, or somebody else must act."""
        return _one(self.resume_many([(ref, request)]))

    def begin_many(self, requests: Sequence[IssueRequest]) -> List[Union[Answer, ClmError]]:
        """An ARN for each, side by side."""
        self._api.open()
        return self._each(self._begin, requests)

    def resume_many(self, refs: Sequence[Tuple[str, IssueRequest]]) -> List[Union[Answer, ClmError]]:
        """Each as far as it goes: the records of all of them are written together, and all are waited for together."""
        self._api.open()
        works = [Work(ref, request) for ref, request in refs]
        self._tried(self._look, works)
        self._have_records([work for work in works if work.answer is None])
        self._wait([work for work in works if work.answer is None and not work.missing])
        self._tried(self._finish, [work for work in works if work.answer is None])
        return [work.answer or ClmError("it was not answered") for work in works]

    def _begin(self, request: IssueRequest) -> Answer:
        self.check(request)
        if request.replaces_ref and self._is_renewed(request):
            return Pending(request.replaces_ref, go_on=True)
        return self._request(request, request.request_id)

    def _request(self, request: IssueRequest, token: str) -> Answer:
        first = _first(request.names)
        others = [name for name in request.names if name != first]
        lineage, _slash, version = request.request_id.partition("/")
        arn = self._api.request(
            DomainName=first,
            ValidationMethod="DNS",
            KeyAlgorithm=KEY_ALGORITHMS[request.key_type],
            IdempotencyToken=digest(token, 32),
            Tags=[{"Key": aws.LINEAGE, "Value": lineage}, {"Key": aws.VERSION, "Value": version}],
            **({"SubjectAlternativeNames": others} if others else {}),
        )
        self._asked.add(arn)
        return Pending(arn, go_on=True)

    def _is_renewed(self, request: IssueRequest) -> bool:
        """Whether ACM has meanwhile put another certificate in the place of the one to be replaced, and it is what is asked for."""
        try:
            leaf = self._api.chain(request.replaces_ref).leaf
        except ClmError:
            return False
        before = Certificate.from_pem(request.replaces_pem)
        as_asked = set(leaf.names) == set(request.names) and leaf.key_type == request.key_type
        return as_asked and leaf.sha256 != before.sha256 and _later(leaf.not_before, before.not_before)

    # --- waiting ---

    def _look(self, work: Work) -> None:
        """What ACM says of it now; one that failed, or is gone, before this run is asked for anew."""
        self._refuse_foreign(work.ref)
        try:
            work.detail = self._api.describe(work.ref)
        except ClmError as error:
            if aws.code_of(error) != "ResourceNotFoundException":
                raise
            work.detail = {"Status": "DELETED"}
        if work.detail["Status"] in (WAITS, ISSUED):
            return
        if work.ref in self._asked:
            raise failure(work.detail)
        work.answer = self._request(work.request, f"{work.request.request_id} after {work.ref}")

    def _refuse_foreign(self, ref: str) -> None:
        account, region = self._api.open()
        parts = ref.split(":")
        if len(parts) != 6 or parts[2:5] != ["acm", region, account]:
            raise ConfigError(f"{ref[:120]!r} is no certificate of ACM in account {account} and region {region}", field="ref")

    def _have_records(self, works: Sequence[Work]) -> None:
        """The CNAME records of all of them are in our hosted zones; what is not ours to write is left in `missing`."""
        waiting = [work for work in works if work.detail["Status"] == WAITS]
        pause, waited = FIRST, 0.0
        while waited < RECORDS_WITHIN and (late := [work for work in waiting if work.answer is None and not said(work)]):
            self._sleep(pause)  # ACM says which ones some seconds after the request
            waited, pause = waited + pause, min(2 * pause, LONGEST)
            self._tried(self._look_again, late)
        waiting = [work for work in waiting if work.answer is None]
        if self._options["dns"] == "manual":
            for work in waiting:
                work.missing = wanted(work)
            return
        if any(map(wanted, waiting)):
            self._write(waiting)

    def _write(self, works: Sequence[Work]) -> None:
        try:
            zones = self._api.zones()
            problems = zones.write([record for work in works for record in wanted(work)])
        except ClmError as error:
            for work in works:
                work.answer = error
            return
        for work in works:
            work.answer = next((problems[record] for record in wanted(work) if record in problems), None)
            if work.answer is None:
                work.missing = [record for record in wanted(work) if not zones.zone(record[0])]

    def _wait(self, works: Sequence[Work]) -> None:
        """Until ACM has issued all of them, or for as long as `issue_timeout` says."""
        pause, waited = FIRST, 0.0
        while True:
            left = [work for work in works if work.answer is None and work.detail["Status"] == WAITS]
            if not left or waited >= self._options["issue_timeout"]:
                return
            self._sleep(pause)
            waited, pause = waited + pause, min(1.5 * pause, LONGEST)
            self._tried(self._look_again, left)

    def _look_again(self, work: Work) -> None:
        work.detail = self._api.describe(work.ref)
        if work.detail["Status"] not in (WAITS, ISSUED):
            raise failure(work.detail)

    def _finish(self, work: Work) -> None:
        if work.detail["Status"] == ISSUED:
            renewed = work.ref == work.request.replaces_ref
            work.answer = Issued(self._api.chain(work.ref).pem, "ACM has renewed it by itself, under the same ARN" if renewed else "")
            return
        later = self._clock() + timedelta(seconds=LATER)
        if work.missing:
            who = f"whoever runs the DNS, who adds for good, if they are not there yet: {listed(work.missing)}"
        else:
            who = f"ACM, {unseen(work)}"
        work.answer = Pending(work.ref, check_after=later, who_must_act=who)

    def renewal(self, ref: str, certificate_pem: str) -> Optional[Hint]:
        """Alone until a tenth of the life is left, as long as ACM's managed renewal stands; None where it does not."""
        return renewal(self._api, ref, certificate_pem, self._clock())

    # --- side by side ---

    def _tried(self, act: Callable[[Work], None], works: Sequence[Work]) -> None:
        """Side by side; an error is the answer of its own work and of no other."""
        for work, error in zip(works, self._each(act, works)):
            work.answer = error if isinstance(error, ClmError) else work.answer

    def _each(self, act: Callable[[T], R], items: Sequence[T]) -> List[Union[R, ClmError]]:
        def tried(item: T) -> Union[R, ClmError]:
            try:
                return act(item)
            except ClmError as error:
                return error

        with ThreadPoolExecutor(max(1, min(int(self._options["concurrency"]), len(items))), "clm-acm") as pool:
            return list(pool.map(tried, items))


def _one(answers: Sequence[Union[Answer, ClmError]]) -> Answer:
    (answer,) = answers
    if isinstance(answer, ClmError):
        raise answer
    return answer


def _first(names: Sequence[str]) -> str:
    """The name that ACM is asked for first, and puts into the subject."""
    found = next((name for name in names if len(name) <= LONGEST_FIRST), "")
    if not found:
        raise ConfigError(f"ACM needs one name of at most {LONGEST_FIRST} characters", field="names", hint="add a shorter name")
    return found


def _later(one: Optional[datetime], other: Optional[datetime]) -> bool:
    return one is not None and other is not None and one > other
