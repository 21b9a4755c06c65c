# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key on its way from a server: encrypted there to a key that lives in this process alone.

What a command or a module prints is in Ansible's debug output, so a private key comes back only so.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ansible_collections.certops.clm.plugins.module_utils.contracts import Clock
from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509._crypto import hashes, require, rsa, serialization, x509

LABEL, LARGEST = "CMS", 256 * 1024


class Envelope:
    """One recipient. CMS knows RSA everywhere, and the certificate only carries the public key."""

    def __init__(self, clock: Clock) -> None:
        require()
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "certops.clm, one task")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(clock() - timedelta(days=1))
        self._certificate: Any = builder.not_valid_after(clock() + timedelta(days=1)).sign(self._key, hashes.SHA256())

    @property
    def recipient_pem(self) -> str:
        """What the server encrypts to."""
        return str(self._certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"))

    def open(self, text: object) -> Secret:
        """What was sealed; MalformedError for anything else, which quotes nothing."""
        from cryptography.hazmat.primitives.serialization import pkcs7

        try:
            if not isinstance(text, str) or len(text) > LARGEST:
                raise ValueError
            (block,) = pem.split(text.encode("ascii"), allow=(LABEL,), limit=1)
            return Secret(pkcs7.pkcs7_decrypt_der(block.der, self._certificate, self._key, []))
        except Exception:  # what a server sends raises anything
            raise MalformedError("what the server sent as its sealed key cannot be opened") from None
