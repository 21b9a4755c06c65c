# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and requests: hostile text never becomes a name, on neither side."""

from __future__ import annotations

import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509 import names, pem, request
from ansible_collections.certops.clm.tests.unit.x509.make import KEY_TYPES

KEY = keys.generate("ecdsa-p256")
GOOD = {
    "Shop.Example.COM": "shop.example.com",
    "*.example.com": "*.example.com",
    "localhost": "localhost",
    "db1": "db1",
    "a--b.example.com": "a--b.example.com",
    "xn--mnchen-3ya.de": "xn--mnchen-3ya.de",
    "1.example.com": "1.example.com",
    "192.0.2.1": "192.0.2.1",
    "2001:DB8::0:1": "2001:db8::1",
    "a" * 63 + ".example": "a" * 63 + ".example",
}
BAD = [
    "",
    " ",
    "a b.example",
    "a.example,DNS:evil.example",
    "DNS:a.example",
    "a.example\n",
    "a.example\0",
    "a.example;",
    "{{ x }}",
    "$(id)",
    "../x",
    "-a.example",
    "a-.example",
    "a..example",
    ".example",
    "example.com.",
    "a_b.example",
    "*.com",
    "*",
    "a*.example.com",
    "www.*.example.com",
    "*.*.example.com",
    "münchen.de",
    "ex\u212aample.com",
    "xn--a.example",
    "xn--.example",
    "ab--c.example",
    "1.2.3",
    "1.2.3.4.5",
    "192.0.2.256",
    "192.0.2.1/24",
    "fe80::1%eth0",
    "[::1]",
    "::1:",
    "a" * 64 + ".example",
    ".".join(["a" * 60] * 5),
    "host:443",
    "a.example/x",
]


@pytest.mark.parametrize(("given_name", "canonical"), GOOD.items())
def test_good_names_take_their_canonical_form(given_name, canonical):
    assert names.check_names([given_name, canonical]) == (canonical,)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_name_is_refused_with_its_field(bad):
    with pytest.raises(ConfigError) as caught:
        names.check_names(["good.example.com", bad], "lineages.shop.names")
    assert caught.value.field == "lineages.shop.names[1]"


@pytest.mark.parametrize("bad", [None, 5, b"a.example", ["a"]])
def test_what_is_no_text_is_refused(bad):
    with pytest.raises(ConfigError):
        names.check_names([bad])


@given(st.text(max_size=40))
def test_what_passes_is_made_of_harmless_characters_and_stays_the_same(text):
    try:
        (checked,) = names.check_names([text])
    except ConfigError:
        return
    assert re.fullmatch(r"(\*\.)?[a-z0-9.:-]+", checked) and names.check_names([checked]) == (checked,)


def test_a_text_instead_of_a_list_is_refused():
    with pytest.raises(ConfigError, match="list"):
        names.check_names("a.example")


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("a.example.com", "A.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.com", "example.com", False),
        ("192.0.2.1", "192.0.2.1", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_wildcard_covers_one_label(pattern, name, covered):
    assert names.covers(pattern, name) is covered


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_request_comes_back_as_it_was_built(key_type):
    key = keys.generate(key_type)
    built = request.build(key, ["B.example.com", "192.0.2.1", "::1"], "b.example.com")
    read = request.parse(str(built))  # a text that says nothing of who built it, as after a restart
    assert read.names == ("b.example.com", "192.0.2.1", "::1") and read.signature_ok and read.key_type == key_type
    assert read.spki_sha256 == keys.spki_sha256(key) and type(read.pem) is str
    assert request.parse(built) == read and request.parse(built).spki_sha256 == read.spki_sha256
    assert list(read.alternative_names) == list(request.parse(built).alternative_names)


def test_without_a_common_name_the_subject_is_empty_and_the_names_critical():
    native = request.parse(str(request.build(KEY, ["b.example.com"]))).native
    assert not list(native.subject) and native.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


@pytest.mark.parametrize(("wanted", "common"), [([], None), (["a.example"], "b.example"), (["a" * 63 + ".example"], "a" * 63 + ".example")])
def test_a_request_that_no_ca_could_take_is_not_built(wanted, common):
    with pytest.raises(ConfigError):
        request.build(KEY, wanted, common)


def signed(subject=(), *extensions):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def san(*given_names):
    return x509.SubjectAlternativeName([x509.DNSName(one) for one in given_names])


@pytest.mark.parametrize(
    "hostile",
    [
        signed((), san("a.example", "a.example,DNS:evil.example")),
        signed((), san("a.example\0.evil.example")),
        signed([x509.NameAttribute(x509.NameOID.COMMON_NAME, "evil.example")], san("a.example")),
        signed([x509.NameAttribute(x509.NameOID.COMMON_NAME, "{{ lookup('pipe', 'id') }}")], san("a.example")),
        signed((), x509.SubjectAlternativeName([x509.RFC822Name("a@example.com")])),
        request.build(KEY, ["a.example"]) * 2,
        request.build(KEY, ["a.example"])[:-60],
        "",
    ],
)
def test_a_hostile_request_is_refused(hostile):
    with pytest.raises(ClmError):
        request.parse(hostile)


def test_a_request_signed_by_another_key_says_so():
    text = request.build(KEY, ["a.example"])
    der = bytearray(request.parse(text).native.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    read = request.parse(pem.encode(pem.REQUEST, bytes(der)))
    assert read.names == ("a.example",) and not read.signature_ok
