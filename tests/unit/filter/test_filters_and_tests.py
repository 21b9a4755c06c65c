# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters give data and never templates; tests judge, and an unreadable certificate is never a good one."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509

from ansible_collections.certops.clm.plugins.filter.certificate_names import FilterModule as Names
from ansible_collections.certops.clm.plugins.filter.parse_certificate import FilterModule as One
from ansible_collections.certops.clm.plugins.filter.parse_certificates import FilterModule as All
from ansible_collections.certops.clm.plugins.test.expiring import TestModule as Expiring
from ansible_collections.certops.clm.plugins.test.trusted_by import TestModule as Trusted
from ansible_collections.certops.clm.tests.unit.x509.make import make, tree

LEAF, ABOVE, ROOT = tree(subject="{{ lookup('pipe', 'id') }}")
CHAIN = LEAF.pem + ABOVE.pem
parse_certificate = One().filters()["parse_certificate"]
parse_certificates = All().filters()["parse_certificates"]
certificate_names = Names().filters()["certificate_names"]
expiring = Expiring().tests()["expiring"]
trusted_by = Trusted().tests()["trusted_by"]
AT = "2026-11-05T12:00:00Z"


def test_facts_of_one_and_of_all():
    assert parse_certificate(CHAIN)["sha256"] == LEAF.certificate.sha256
    assert [one["subject"] for one in parse_certificates(CHAIN)][1] == "CN=intermediate"
    assert certificate_names(CHAIN) == ["a.example.com"] == certificate_names({"pem": LEAF.pem})


def test_hostile_text_comes_out_as_data():
    hostile = make("x", ROOT, names=[x509.DNSName("{{ lookup('pipe', 'id') }}")]).pem
    texts = [parse_certificate(CHAIN)["subject"], *certificate_names(hostile), *parse_certificates(hostile)[0]["dns_names"]]
    try:
        from ansible._internal._datatag._tags import TrustedAsTemplate

        assert not any(TrustedAsTemplate.is_tagged_on(text) for text in texts)
    except ImportError:
        assert all(getattr(text, "__UNSAFE__", False) for text in texts)
    assert all("{{" in text for text in texts)


@pytest.mark.parametrize(
    "value", ["", "x", CHAIN[:-40], None, 5, [CHAIN], {"pem": 1}, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----"]
)
@pytest.mark.parametrize(
    "plugin", [parse_certificate, parse_certificates, certificate_names, expiring, lambda value: trusted_by(value, ROOT.pem)]
)
def test_what_is_no_certificate_is_an_error_that_names_the_plugin(plugin, value):
    with pytest.raises(AnsibleFilterError, match=r"certops\.clm\."):
        plugin(value)


def test_expiring():
    assert not expiring(CHAIN, "30d", at=AT) and expiring(CHAIN, "90d", at=AT) and expiring(CHAIN, 90 * 86_400, at=AT)
    assert expiring({"not_after": "2026-11-06T00:00:00Z"}, "1d", at=AT) and not expiring({"not_after": "2026-11-06T00:00:00Z"}, 0, at=AT)
    assert not expiring(CHAIN, 0, at="2027-02-02T11:59:59Z") and expiring(CHAIN, 0, at="2027-02-02T12:00:00Z")
    with pytest.raises(AnsibleFilterError, match="within"):
        expiring(CHAIN, "soon")
    with pytest.raises(AnsibleFilterError, match="RFC 3339"):
        expiring(CHAIN, "1d", at="tomorrow")


def test_trusted_by():
    assert trusted_by(CHAIN, ROOT.pem, at=AT) and trusted_by(CHAIN, ROOT.pem, name="a.example.com", at=AT)
    assert not trusted_by(CHAIN, ROOT.pem, name="b.example.com", at=AT) and not trusted_by(LEAF.pem, ROOT.pem, at=AT)
    assert not trusted_by(CHAIN, ROOT.pem, at="2030-01-01T00:00:00Z") and not trusted_by(CHAIN, "public", at=AT)
    assert not trusted_by(CHAIN, ROOT.pem, usage="client_auth", at=AT)
    with pytest.raises(AnsibleFilterError, match="usage"):
        trusted_by(CHAIN, ROOT.pem, usage="any")
