# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACM: what an import is refused for, and that a certificate in use is not deleted."""

from __future__ import annotations

from typing import Any, List, Optional

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from moto.acm.exceptions import AWSValidationException
from moto.acm.models import AWSCertificateManagerBackend
from moto.core.exceptions import AWSError

from aws_patches import patch
from aws_patches.acm import users_of


class ResourceInUseError(AWSError):
    """As AWS calls it."""

    TYPE = "ResourceInUseException"


@patch
def acm_import_refusals() -> None:
    """The key must be the certificate's, the chain must have its issuer, and a re-import takes no tags and only what was imported.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html
    """
    stock = AWSCertificateManagerBackend.import_certificate

    def import_certificate(self: Any, certificate: bytes, private_key: bytes, chain: Optional[bytes], arn: Optional[str], tags: Any) -> Any:
        leaf, key = x509.load_pem_x509_certificate(certificate), load_pem_private_key(private_key, None)
        if leaf.public_key() != key.public_key():
            raise AWSValidationException("The certificate and the private key do not match.")
        issuers: List[x509.Certificate] = x509.load_pem_x509_certificates(chain) if chain else [leaf]
        if leaf.issuer not in [one.subject for one in issuers]:
            raise AWSValidationException("Could not validate the certificate with the certificate chain.")
        if arn and tags:
            raise AWSValidationException("Tags cannot be used when re-importing a certificate.")
        if arn and arn in self._certificates and self._certificates[arn].type != "IMPORTED":
            raise AWSValidationException("Only an imported certificate can be re-imported.")
        kept = self._certificates[arn].tags if arn in self._certificates else None
        written = stock(self, certificate, private_key, chain, arn, tags)
        if kept is not None:
            self._certificates[arn].tags = kept
        return written

    AWSCertificateManagerBackend.import_certificate = import_certificate


@patch
def acm_delete_in_use() -> None:
    """A certificate that something serves is not deleted.

    https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
    """
    stock = AWSCertificateManagerBackend.delete_certificate

    def delete_certificate(self: Any, arn: str) -> None:
        users = users_of(arn, self.account_id, self.region_name)
        if users:
            raise ResourceInUseError(f"Certificate {arn} is in use.")
        stock(self, arn)

    AWSCertificateManagerBackend.delete_certificate = delete_certificate
