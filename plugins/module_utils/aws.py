# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Amazon Web Services: sessions for one or many accounts, clients that retry, and errors that say what to do.

What every provider of AWS shares. Credentials are found by the SDK as it always does (environment, profile, instance role),
and those of an assumed role are renewed while a run goes on.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import ClmError, ConfigError, MissingLibraryError, UnavailableError

try:
    import boto3
    import botocore.config
    import botocore.credentials
    import botocore.exceptions
    import botocore.parsers
    import botocore.session
except ImportError:  # said when somebody asks for it
    boto3 = None

OPTIONS: Dict[str, Dict[str, Any]] = {
    "profile": {"type": "str"},
    "regions": {"type": "list", "elements": "str", "default": []},
    "role_arns": {"type": "list", "elements": "str", "default": []},
    "organization_role": {"type": "str"},
    "external_id": {"type": "str"},
}
ACCESS: Dict[str, Dict[str, Any]] = {"profile": {"type": "str"}, "role_arn": {"type": "str"}, "external_id": {"type": "str"}}
ONE: Dict[str, Dict[str, Any]] = {**ACCESS, "region": {"type": "str"}}
LINEAGE, VERSION = "clm_lineage", "clm_version"  # tags of every certificate in ACM that a lineage has
ATTEMPTS = 10  # throttled calls are tried again with the SDK's own jittered backoff
SESSION_NAME = "certops-clm"
MAX_TEXT = 300
THROTTLED = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled", "SlowDown")
BUSY = ("PriorRequestNotComplete",)  # Route 53: another change of the same zone goes on
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "403")
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException")
JSON = ("json", "rest-json")
PAGE = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+)?html\b", re.IGNORECASE)
SAID = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")
IN_POLICIES = {  # what policies call a service that the SDK calls otherwise
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "apigatewayv2": "apigateway",
}
CALLED = {"s3:HeadObject": "s3:GetObject and s3:ListBucket"}  # it has no message, and without the second what is missing is refused too


@dataclass(frozen=True)
class Account:
    """An account that can be asked: its id, and a session with its credentials."""

    id: str
    session: Any

    def client(self, service: str, region: str) -> Any:
        """A client of the SDK that tries again when it is throttled."""
        with told(f"{service} in {region}"):
            retries = {"mode": "standard", "max_attempts": ATTEMPTS}
            config = botocore.config.Config(retries=retries, connect_timeout=10, read_timeout=60, user_agent_extra="certops.clm")
            client = self.session.client(service, region_name=region, config=config)
            client.meta.events.register("after-call", _refuse_torn)
            return client


def _refuse_torn(http_response: Any, model: Any, **_more: Any) -> None:
    """UnavailableError for an answer that is cut or not of AWS: the SDK takes what is no JSON, and a page of HTML, for an empty listing."""
    output = model.output_shape
    if http_response.status_code >= 300 or output is None or output.serialization.get("payload"):
        return  # no answer of 2xx, or one whose body is given as it is
    what = f"{model.service_model.service_name} {model.name}"
    protocol = getattr(model.service_model, "resolved_protocol", None) or model.service_model.protocol
    if protocol in JSON:
        try:
            json.loads(http_response.content or b"{}")
        except ValueError:
            raise _torn(what) from None
    elif PAGE.match(http_response.content or b""):
        raise _torn(what)


def _torn(what: str) -> UnavailableError:
    hint = "look at what stands between this controller and AWS, such as a proxy, then run again"
    return UnavailableError(f"{what}: the answer is cut, or is none of AWS", hint=hint)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Whatever the SDK raises leaves the block as a ClmError that names `what` was asked for."""
    try:
        yield
    except ClmError:
        raise
    except Exception as error:
        raise _translated(error, what) from error


def _translated(error: Exception, what: str) -> ClmError:
    if isinstance(error, botocore.exceptions.ClientError):
        answer = error.response.get("Error", {})
        code = str(answer.get("Code") or "unknown")
        text = f"{what}: AWS answered {code}: {' '.join(str(answer.get('Message') or '').split())[:MAX_TEXT]}"
        if code in THROTTLED + BUSY:
            return UnavailableError(text, hint=f"AWS throttled it {ATTEMPTS} times in a row: run again later, or ask for a higher quota")
        if code in DENIED:
            return ClmError(text, hint=f"let the role call {_action(error, what)} (its policy is in the guide Least privilege in AWS)")
        if code in EXPIRED:
            return ClmError(text, hint="the credentials are expired or wrong: get new ones, then run again")
        if int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0) >= 500:
            return UnavailableError(text, hint=f"it is a fault of AWS itself, {ATTEMPTS} times in a row: run again later")
        return ClmError(text)
    if isinstance(error, (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError)):
        return ClmError(f"{what}: no AWS credentials were found", hint="give them to the SDK by environment, profile or instance role")
    if isinstance(error, (botocore.parsers.ResponseParserError, LookupError)):  # the second: what an answer must have is not in it
        return _torn(what)
    if isinstance(error, (botocore.exceptions.BotoCoreError, OSError)):
        hint = "let the endpoints of AWS be reached from this controller, then run again"
        return UnavailableError(f"{what}: {' '.join(str(error).split())[:MAX_TEXT]}", hint=hint)
    return ClmError(f"{what}: {error.__class__.__name__}: {' '.join(str(error).split())[:MAX_TEXT]}")


def _action(error: Any, what: str) -> str:
    """The IAM action of a refused call: what AWS says, else what the SDK's names make of it."""
    said = SAID.search(str(error.response.get("Error", {}).get("Message") or ""))
    if said:
        return said.group(1)
    service, name = what.split()[0], str(getattr(error, "operation_name", ""))
    return CALLED.get(f"{service}:{name}") or (f"{IN_POLICIES.get(service, service)}:{name}" if name else what)


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
    """Every item of a listing over all its pages; `key` is where a page holds its items, with dots for nested ones."""
    what = f"{client.meta.service_model.service_name} {operation}"
    with told(what):
        for page in client.get_paginator(operation).paginate(**arguments):
            found: Any = page
            for part in key.split("."):
                found = (found or {}).get(part)
            yield from found or ()


def accounts(options: Mapping[str, Any]) -> Tuple[List[Account], List[Tuple[str, ClmError]]]:
    """The accounts that can be asked, and (role, error) for each that cannot; the own account where no role is named."""
    if boto3 is None:
        raise MissingLibraryError("AWS needs the Python package boto3", hint="pip install boto3")
    with told("sts GetCallerIdentity"):
        base = boto3.session.Session(profile_name=options.get("profile") or None)
        region = regions(options, base)[0]
        own = Account("", base)
        everywhere = _of_organization(own, str(options.get("organization_role") or ""), region)
        roles = [*_list(options, "role_arns"), *everywhere]
        if not roles:
            return [Account(own_id(own, region), base)], []
    able: List[Account] = []
    unable: List[Tuple[str, ClmError]] = []
    for role in dict.fromkeys(roles):
        try:
            able.append(_assumed(base, role, str(options.get("external_id") or ""), region))
        except ClmError as error:
            unable.append((role, error))
    refused = [role for role, _error in unable if role in everywhere]
    mine = _own_account(own, region, refused) if refused else None
    if mine is not None:
        return [*able, mine], [one for one in unable if one[0].split(":")[4] != mine.id or one[0] not in everywhere]
    return able, unable


def _own_account(own: Account, region: str, refused: Sequence[str]) -> Optional[Account]:
    """The own account, where it is among those whose role of the organization was refused and the own credentials may list there.

    AWS makes the role of an organization in every account but the one that manages it.
    """
    try:
        number = own_id(own, region)
        if number not in [role.split(":")[4] for role in refused]:
            return None
        with told("acm ListCertificates"):
            own.client("acm", region).list_certificates(MaxItems=1)
        return Account(number, own.session)
    except ClmError:
        return None


def own_id(own: Account, region: str) -> str:
    """The id of the account whose credentials the SDK has found."""
    with told("sts GetCallerIdentity"):
        return str(own.client("sts", region).get_caller_identity()["Account"])


def account(options: Mapping[str, Any], region: str = "") -> Tuple[Account, str]:
    """The one account that the options `ONE` name, and its region; `region` is for services that are in none. The id may be empty."""
    if boto3 is None:
        raise MissingLibraryError("AWS needs the Python package boto3", hint="pip install boto3")
    with told("the AWS configuration"):
        base = boto3.session.Session(profile_name=options.get("profile") or None)
    found = str(options.get("region") or base.region_name or region)
    if not found:
        raise ConfigError("no region is named, and the SDK knows none", hint="name it, as eu-central-1", field="region")
    role = str(options.get("role_arn") or "")
    return (_assumed(base, role, str(options.get("external_id") or ""), found) if role else Account("", base)), found


class Clients:
    """Clients of one account, each made when it is first needed."""

    def __init__(self, options: Mapping[str, Any], region: str = "") -> None:
        self._options, self._default = options, region
        self._account: Optional[Tuple[Account, str]] = None
        self._made: Dict[Tuple[str, str], Any] = {}

    @property
    def region(self) -> str:
        """The one that the options name, or the SDK."""
        if self._account is None:
            self._account = account(self._options, self._default)
        return self._account[1]

    def get(self, service: str, region: str = "") -> Any:
        """The client of a service, by default in that region."""
        name = (service, region or self.region)
        if name not in self._made and self._account is not None:
            self._made[name] = self._account[0].client(*name)
        return self._made[name]


def code_of(error: BaseException) -> str:
    """What AWS calls the error that a ClmError was made of, empty where it is none of AWS."""
    cause = error.__cause__
    answer = getattr(cause, "response", None)  # of a connection that broke it is None
    return str(answer.get("Error", {}).get("Code") or "") if isinstance(answer, dict) else ""


def regions(options: Mapping[str, Any], session: Optional[Any] = None) -> List[str]:
    """The regions that are named, else the SDK's own; ConfigError when there is none."""
    found = list(dict.fromkeys(_list(options, "regions"))) or [one for one in [getattr(session, "region_name", None)] if one]
    if not found:
        raise ConfigError("no region is named, and the SDK knows none", hint="name them, as [eu-central-1, us-east-1]", field="regions")
    return found


def _list(options: Mapping[str, Any], name: str) -> Sequence[str]:
    value = options.get(name) or []
    if isinstance(value, str) or not all(isinstance(one, str) and one.strip() for one in value):
        raise ConfigError("a list of texts is needed", field=name)
    return [one.strip() for one in value]


def _of_organization(own: Account, role: str, region: str) -> List[str]:
    """The ARN of that role in every active account of the organization, none where no role is named."""
    if not role:
        return []
    client = own.client("organizations", region)
    partition = own.session.get_partition_for_region(region)
    return [
        f"arn:{partition}:iam::{account['Id']}:role/{role}"
        for account in pages(client, "list_accounts", "Accounts")
        if account.get("Status") == "ACTIVE"
    ]


def _assumed(base: Any, role: str, external_id: str, region: str) -> Account:
    """The account of a role that is assumed; its credentials are renewed by themselves before they expire."""
    parts = role.split(":")
    if len(parts) < 6 or not parts[4].isdigit():
        raise ConfigError(f"{role[:MAX_TEXT]!r} is no ARN of a role", field="role_arns")
    with told(f"sts AssumeRole {role}"):
        more = {"RoleSessionName": SESSION_NAME, **({"ExternalId": external_id} if external_id else {})}
        creator = partial(base._session.create_client, region_name=region)
        fetcher = botocore.credentials.AssumeRoleCredentialFetcher(creator, base.get_credentials(), role, extra_args=more)
        core = botocore.session.get_session()
        core._credentials = botocore.credentials.RefreshableCredentials.create_from_metadata(
            metadata=fetcher.fetch_credentials(), refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return Account(parts[4], boto3.session.Session(botocore_session=core, region_name=region))
