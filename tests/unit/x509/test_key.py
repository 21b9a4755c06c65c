# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys: every type goes to PEM and back, and nothing but `Secret` carries their bytes."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, MalformedError, MissingLibraryError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.tests.unit.x509.make import KEY_TYPES

PASSPHRASE = Secret(b"correct horse")


@pytest.mark.parametrize("key_type", KEY_TYPES)
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_key_comes_back_from_its_pem(key_type, passphrase):
    made = keys.generate(key_type)
    pem = keys.to_pem(made, passphrase)
    label = b"PRIVATE KEY" if passphrase is None else b"ENCRYPTED PRIVATE KEY"
    assert pem.reveal().startswith(b"-----BEGIN " + label)
    read = keys.load(pem, passphrase)
    assert keys.key_type_of(read) == keys.key_type_of(read.public_key()) == key_type
    assert keys.spki_sha256(read) == keys.spki_sha256(made.public_key())


def test_an_unknown_type_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="ml-dsa-65"):
        keys.generate("rsa-1024")


@pytest.mark.parametrize(
    ("stored", "given", "word"),
    [(None, PASSPHRASE, "not encrypted"), (PASSPHRASE, None, "is encrypted"), (PASSPHRASE, Secret(b"wrong"), "wrong passphrase")],
)
def test_a_passphrase_that_does_not_fit_is_named_and_not_shown(stored, given, word):
    pem = keys.to_pem(keys.generate("ed25519"), stored)
    with pytest.raises(MalformedError, match=word) as caught:
        keys.load(pem, given)
    assert "horse" not in str(caught.value) and caught.value.__cause__ is None


def test_what_is_no_key_is_refused():
    pem = keys.to_pem(keys.generate("ed25519")).reveal()
    for data in (b"", pem[:-30], pem + pem, b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"):
        with pytest.raises(MalformedError):
            keys.load(Secret(data))


def test_the_digest_is_as_strong_as_the_key():
    kinds = [one for one in ("rsa-2048", "ecdsa-p384", "ed25519", "ml-dsa-44") if one in KEY_TYPES]
    names = {kind: getattr(keys.digest_for(keys.generate(kind)), "name", None) for kind in kinds}
    expected = {"rsa-2048": "sha256", "ecdsa-p384": "sha384", "ed25519": None, "ml-dsa-44": None}
    assert names == {one: expected[one] for one in kinds}


@pytest.mark.skipif("ml-dsa-65" in KEY_TYPES, reason="this cryptography has ML-DSA")
def test_where_the_library_is_too_old_the_message_says_so():
    with pytest.raises(MissingLibraryError, match="47"):
        keys.generate("ml-dsa-65")
