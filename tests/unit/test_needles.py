# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for leaked secrets finds each of them in each encoding, and none in what is public."""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
import textwrap
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ansible_collections.certops.clm.tests.support.needles import Needles

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8, OLD, SSH = (getattr(serialization.PrivateFormat, name) for name in ("PKCS8", "TraditionalOpenSSL", "OpenSSH"))
PLAIN = serialization.NoEncryption()


def keys():
    made = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p256 with a zero before it": ec.derive_private_key(int.from_bytes(bytes(range(9, 40)), "big"), ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "ed448": ed448.Ed448PrivateKey.generate(),
    }
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError:  # cryptography < 46
        return made
    return {**made, "mldsa65": mldsa.MLDSA65PrivateKey.generate()}


KEYS = keys()
SECRET = b"open, sesame/42"


def bodies(text):
    return [line for line in text.splitlines() if line and not line.startswith(b"-")]


def written(data):
    """Bytes as programs write them, each by other means than the needles were made by."""
    text = data.decode("latin-1")
    for before in (b"", b"x", b"xy"):
        yield f"base64 behind {len(before)}", base64.b64encode(before + data)
        yield f"base64url behind {len(before)}", base64.urlsafe_b64encode(before + data).rstrip(b"=")
        yield f"MIME behind {len(before)}", base64.encodebytes(before + data)
    yield "base64 at 64", "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64)).encode()
    yield "hex", binascii.hexlify(data)
    yield "HEX", binascii.hexlify(data).upper()
    yield "colons", binascii.hexlify(data, ":")
    yield "COLONS", binascii.hexlify(data, ":").upper()
    yield "hexdump", binascii.hexlify(data, " ")
    yield "repr", repr(data).encode()
    yield "str", str(text).encode()
    yield "json", json.dumps({"a": [text]}).encode()
    yield "list", str(list(data)).encode()
    yield "url", urllib.parse.quote(data).encode()
    yield "form", urllib.parse.urlencode({"a": data}).encode()
    yield "within", b"\x00" * 7 + data + b"\xff"


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_found_in_every_form_and_encoding(kind):
    key = KEYS[kind]
    needles = Needles().key("it", key.private_bytes(PEM, PKCS8, PLAIN))
    forms = [(DER, PKCS8), (PEM, PKCS8)]
    forms += [(DER, OLD), (PEM, OLD)] if kind.startswith(("rsa", "p")) else []
    forms += [(PEM, SSH)] if kind != "ed448" and kind != "mldsa65" else []
    for encoding, form in forms:
        data = key.private_bytes(encoding, form, PLAIN)
        for name, text in [("raw", data), *written(data)]:
            assert needles.found(text), f"{form} {encoding} as {name}"
    data = key.private_bytes(PEM, PKCS8, PLAIN)
    assert needles.found(data.replace(b"\n", b"\r\n")) and needles.found(data.replace(b"\n", b"\\n"))
    assert needles.found(b"".join(bodies(data))), "without its line breaks"


@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_each_line_of_an_old_pem_with_a_secret_in_it_is_found_alone(kind):
    needles = Needles().key("it", KEYS[kind].private_bytes(PEM, PKCS8, PLAIN))
    lines = bodies(KEYS[kind].private_bytes(PEM, OLD, PLAIN))
    found = [number for number, line in enumerate(lines) if needles.found(line)]
    assert len(found) >= (len(lines) - 8 if kind == "rsa" else 1), found  # the modulus is public, and so is the point


def test_the_numbers_themselves():
    numbers = KEYS["rsa"].private_numbers()
    needles = Needles().key("it", KEYS["rsa"].private_bytes(PEM, PKCS8, PLAIN))
    for number in (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp):
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        jwk = json.dumps({"kty": "RSA", "d": base64.urlsafe_b64encode(data).rstrip(b"=").decode()})
        assert all(map(needles.found, (jwk.encode(), str(number).encode(), f"{number:x}".encode(), f"{number:X}".encode())))
    value = KEYS["p256"].private_numbers().private_value
    needles = Needles().key("it", KEYS["p256"].private_bytes(PEM, PKCS8, PLAIN))
    assert needles.found(f"value={value}".encode())


@pytest.mark.parametrize("kind", KEYS)
def test_what_openssl_prints_of_a_key_is_found(kind):
    data = KEYS[kind].private_bytes(PEM, PKCS8, PLAIN)
    shown = subprocess.run(["openssl", "pkey", "-text", "-noout"], input=data, capture_output=True, check=False)
    if shown.returncode == 0:  # an older OpenSSL does not know ML-DSA
        assert Needles().key("it", data).found(shown.stdout)
    else:
        assert kind == "mldsa65"


@pytest.mark.parametrize("kind", KEYS)
def test_nothing_public_is_taken_for_the_key(kind):
    key = KEYS[kind]
    needles = Needles().key("it", key.private_bytes(PEM, PKCS8, PLAIN))
    public = key.public_key()
    spki = public.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    algorithm = None if kind.startswith(("ed", "mldsa")) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder(name).sign(key, algorithm)
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, PLAIN)
    passphrase = serialization.BestAvailableEncryption(b"a passphrase")
    for data in (spki, request.public_bytes(DER), request.public_bytes(PEM), other, key.private_bytes(PEM, PKCS8, passphrase)):
        for how, text in [("raw", data), *written(data)]:
            assert not needles.found(text), (how, needles.found(text))
    if kind == "rsa":
        assert not needles.found(str(public.public_numbers().n).encode())


def test_an_encrypted_key_is_opened():
    data = KEYS["p256"].private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"a passphrase"))
    needles = Needles().key("it", data, b"a passphrase")
    assert not needles.found(data) and needles.found(KEYS["p256"].private_bytes(PEM, PKCS8, PLAIN))


@pytest.mark.parametrize("secret", [SECRET, b"correct horse battery staple", "pässe/+?&=wörter \\ \"'".encode(), bytes(range(200, 248))])
def test_a_passphrase_is_found_in_every_encoding(secret):
    needles = Needles().text("it", secret + b"\n")
    for name, text in [("raw", secret), *written(secret)]:
        assert needles.found(text), name
    assert not needles.found(b"open, sesame / correct battery of horses")


def test_a_secret_that_would_be_found_by_chance_is_refused():
    with pytest.raises(AssertionError, match="too short"):
        Needles().text("it", b"secret\n")


def test_what_was_found_is_named():
    needles = Needles().text("the CA's passphrase", SECRET).key("shop", KEYS["p256"].private_bytes(PEM, PKCS8, PLAIN))
    assert needles.found(SECRET.hex().encode()) == {"the CA's passphrase: text, hex"}
    assert all(one.startswith("shop: ") for one in needles.found(KEYS["p256"].private_bytes(PEM, OLD, PLAIN)))
