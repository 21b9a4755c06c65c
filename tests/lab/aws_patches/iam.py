# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM enforcement: policies name the actions of AWS, some calls need more than one, and a refusal is said as each service says it."""

from __future__ import annotations

import json
from typing import Any, List

from moto.core.exceptions import AccessDeniedError
from moto.elb.models import elb_backends
from moto.iam.access_control import IAMPolicy, IAMRequest, IAMRequestBase, PermissionResult
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import IAMBackend
from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends

from aws_patches import patch

TAGGING = {
    "acm:ImportCertificate": "acm:AddTagsToCertificate",
    "acm:RequestCertificate": "acm:AddTagsToCertificate",
    "iam:UploadServerCertificate": "iam:TagServerCertificate",
    "secretsmanager:CreateSecret": "secretsmanager:TagResource",
    "elasticloadbalancing:CreateTrustStore": "elasticloadbalancing:AddTags",
}
OF_AWS = SecretsManagerBackend.DEFAULT_KMS_KEY_ALIAS
OF_BUCKET = ("CreateTrustStore", "ModifyTrustStore", "AddTrustStoreRevocations")  # the caller's rights in S3 are asked for
FREE = ("sts:GetCallerIdentity",)


def actions(request: Any) -> List[str]:
    """The IAM actions that a call needs."""
    name, service = request._action, request._service
    if service == "tagging":
        return [name.replace("tagging:", "tag:")]
    if service == "apigateway":
        return [f"apigateway:{request._method}"]
    found = [name, *(["s3:GetObjectVersion"] if name.partition(":")[2] in OF_BUCKET else [])]
    if service == "s3" and request._method == "HEAD":
        found += ["s3:ListBucket"]
    if name in TAGGING and _has_tags(request):
        found.append(TAGGING[name])
    return found + (_of_key(request) if service == "secretsmanager" else [])


def _body(request: Any) -> Any:
    try:
        return json.loads(request._body or b"{}")
    except ValueError:
        return {}


def _has_tags(request: Any) -> bool:
    return bool(_body(request).get("Tags")) or any(str(one).startswith("Tags.") for one in request._data or {})


def _of_key(request: Any) -> List[str]:
    """What a secret with a key of its own needs in KMS: both to write, one to read."""
    body = _body(request)
    secret = secretsmanager_backends[request.account_id][request._region].secrets.get(str(body.get("SecretId") or body.get("Name") or ""))
    key = body.get("KmsKeyId") or getattr(secret, "kms_key_id", None)
    if key in (None, OF_AWS):
        return []
    if request._action in ("secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"):
        return ["kms:Decrypt", "kms:GenerateDataKey"]
    return ["kms:Decrypt"] if request._action == "secretsmanager:GetSecretValue" else []


@patch
def iam_actions() -> None:
    """API Gateway is allowed by HTTP method, the tagging API is `tag`, what is tagged when it is made needs the right to tag, a
    secret with a key of its own needs that key, and a bundle of a trust store is read with the caller's rights.

    https://docs.aws.amazon.com/service-authorization/latest/reference/ (list_amazonapigatewaymanagement.html,
    list_amazonresourcegrouptaggingapi.html), https://docs.aws.amazon.com/acm/latest/userguide/tags-permissions.html,
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html and
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (without s3:ListBucket what is missing is refused too)
    """

    def check_action_permitted(self: Any, resource: str) -> None:
        policies = [IAMPolicy(one) for one in self._access_key.collect_policies()]
        for action in actions(self):
            answers = [one.is_action_permitted(action, resource) for one in policies]
            if action not in FREE and (PermissionResult.DENIED in answers or PermissionResult.PERMITTED not in answers):
                self._action = action
                self._raise_access_denied()
        if self._is_assuming_role_operation(resource) and not self._check_role_trust_relationship(resource):
            self._raise_access_denied()

    IAMRequestBase.check_action_permitted = check_action_permitted


@patch
def iam_signature() -> None:
    """What has no body is signed as an empty one.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    stock = IAMRequestBase._create_aws_request

    def _create_aws_request(self: Any) -> Any:
        has_no_form = self._method in ("GET", "DELETE") or self._service == "cloudfront"
        self._data = {} if has_no_form else self._data  # the headers, where there is no form
        return stock(self)

    IAMRequestBase._create_aws_request = _create_aws_request


@patch
def iam_denied() -> None:
    """Services that speak JSON refuse in JSON, with AccessDeniedException, and those of REST and XML have one error and no list.

    https://docs.aws.amazon.com/acm/latest/APIReference/CommonErrors.html, and smithy.io/2.0/aws/protocols for the shape of errors
    """

    def _raise_access_denied(self: Any) -> None:
        denied = AccessDeniedError(user_arn=self._access_key.arn, action=self._action)
        if "X-Amz-Target" in self._headers or self._service == "apigateway":
            denied.code = 400 if "X-Amz-Target" in self._headers else 403
            denied.description = json.dumps({"__type": "AccessDeniedException", "code": "AccessDeniedException", "message": denied.message})
        elif self._service in ("cloudfront", "route53"):
            denied.description = denied.description.replace("<Errors>", "").replace("</Errors>", "")
        raise denied

    IAMRequest._raise_access_denied = _raise_access_denied


@patch
def iam_delete_in_use() -> None:
    """A server certificate that a classic load balancer uses is not deleted.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServerCertificate.html
    """
    stock = IAMBackend.delete_server_certificate

    def delete_server_certificate(self: Any, name: str) -> None:
        arn = self.get_server_certificate(name).arn
        balancers = [one for backend in elb_backends[self.account_id].values() for one in backend.load_balancers.values()]
        users = [one.name for one in balancers if arn in [row.ssl_certificate_id for row in one.listeners]]
        if users:
            raise DeleteConflictException(f"Certificate: {arn} is currently in use by {', '.join(users)}")
        stock(self, name)

    IAMBackend.delete_server_certificate = delete_server_certificate
