# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELBv2: certificates of a listener, each change as AWS makes it and nothing else touched."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend

from aws_patches import patch

TLS = ("HTTPS", "TLS")


@patch
def elbv2_modify_default() -> None:
    """ModifyListener takes exactly one certificate, for HTTPS and TLS, which becomes the default; the certificate list stays.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    stock = ELBv2Backend.modify_listener

    def modify_listener(self: Any, arn: str, port: Any = None, protocol: Any = None, ssl_policy: Any = None,
                        certificates: Optional[List[Dict[str, Any]]] = None, actions: Any = None) -> Any:  # fmt: skip
        (listener,) = self.describe_listeners(None, [arn])
        if certificates:
            default = str(certificates[0]["CertificateArn"])
            if len(certificates) != 1 or (protocol or listener.protocol) not in TLS:
                raise ELBClientError("InvalidConfigurationRequest", "exactly one certificate is needed, for an HTTPS or TLS listener")
            if not self._certificate_exists(certificate_arn=default):
                raise ELBClientError("CertificateNotFound", f"Certificate '{default}' not found")
        changed = stock(self, arn, port, protocol, ssl_policy, [], actions)
        if certificates:
            listener.certificate = default
            listener.certificates = [default, *listener.certificates[1:]]
        return changed

    ELBv2Backend.modify_listener = modify_listener


@patch
def elbv2_list_is_a_set() -> None:
    """What is in the certificate list already is not added again, what does not exist is refused.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddListenerCertificates.html
    """
    stock = ELBv2Backend.add_listener_certificates

    def add_listener_certificates(self: Any, arn: str, certificates: List[Dict[str, Any]]) -> Any:
        (listener,) = self.describe_listeners(None, [arn])
        for one in certificates:
            if not self._certificate_exists(certificate_arn=one["CertificateArn"]):
                raise ELBClientError("CertificateNotFound", f"Certificate '{one['CertificateArn']}' not found")
        return stock(self, arn, [one for one in certificates if one["CertificateArn"] not in listener.certificates[1:]])

    ELBv2Backend.add_listener_certificates = add_listener_certificates


@patch
def elbv2_default_stays() -> None:
    """RemoveListenerCertificates takes certificates off the list, and never the default.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RemoveListenerCertificates.html
    """

    def remove_listener_certificates(self: Any, arn: str, certificates: List[Dict[str, Any]]) -> None:
        (listener,) = self.describe_listeners(None, [arn])
        over = {one["CertificateArn"] for one in certificates}
        if over & {listener.certificates[0]} - set(listener.certificates[1:]):
            raise ELBClientError("OperationNotPermitted", "Default certificate cannot be removed")
        listener.certificates = [listener.certificates[0], *[one for one in listener.certificates[1:] if one not in over]]

    ELBv2Backend.remove_listener_certificates = remove_listener_certificates
