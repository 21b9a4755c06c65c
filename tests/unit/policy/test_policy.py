# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets hold by the date of issue and to the second; the strictest rule wins; every finding is named."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy, advise, check_certificate, check_request
from ansible_collections.certops.clm.plugins.module_utils.policy.presets import _index as presets
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.tests.unit.x509.make import NOW, make

SECOND = timedelta(seconds=1)
CRL = x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/a")], None, None, None)])
CABF = Policy.load(["cabf"])


def utc(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def certificate(start=NOW, seconds=90 * 86_400, **more):
    more.setdefault("names", [x509.DNSName("a.example.com")])
    more.setdefault("extensions", [CRL])
    return make(more.pop("subject", None), start=start, end=start + timedelta(seconds=seconds) - SECOND, **more).certificate


def test_every_preset_is_dated_data_with_its_source():
    assert set(presets.NAMES) >= {"cabf", "mozilla_modern", "mozilla_intermediate", "private_mtls", "nist"}
    for name in presets.NAMES:
        preset = presets.load(name)
        assert preset["source"].startswith("https://") and preset["title"] and date.fromisoformat(preset["date"]) < date(2027, 1, 1)
        starts = [date.fromisoformat(one["from"]) for one in preset["lifetimes"]]
        assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("issued", "days"),
    [
        (utc(2026, 3, 14, 23, 59, 59), 398),
        (utc(2026, 3, 15), 200),
        (utc(2027, 3, 14, 23, 59, 59), 200),
        (utc(2027, 3, 15), 100),
        (utc(2029, 3, 14, 23, 59, 59), 100),
        (utc(2029, 3, 15), 47),
        (utc(2040, 1, 1), 47),
    ],
)
def test_cabf_limits_go_by_the_date_of_issue_and_count_both_ends(issued, days):
    good, bad = certificate(issued, days * 86_400), certificate(issued, days * 86_400 + 1)
    assert check_certificate(CABF, good, NOW) == []
    (finding,) = check_certificate(CABF, bad, NOW)
    assert f"{days} days allowed" in finding and issued.date().isoformat() in finding
    for seconds, allowed in ((days * 86_400, True), (days * 86_400 + 1, False)):
        profile = Profile("web", lifetime=seconds, backdate=300)
        assert (not check_request(CABF, profile, ["a.example.com"], issued + timedelta(seconds=300))) is allowed


def test_a_certificate_made_by_the_profile_is_as_long_as_the_request_said():
    profile = Profile("web", lifetime=200 * 86_400)
    start, end = profile.validity(NOW)
    assert check_request(CABF, profile, ["a.example.com"], NOW) == []
    assert check_certificate(CABF, certificate(start, (end - start).total_seconds() + 1), NOW) == []


def test_a_request_against_policy_names_every_finding():
    policy = Policy.load(["cabf", "private_mtls", "nist"])
    profile = Profile(
        "web", key_type="ed25519", lifetime=400 * 86_400, usages=("client_auth",), names_allowed=("*.example.com",), reuse_key=True
    )
    found = check_request(policy, profile, ["evil.org", "1.0.0.10.in-addr.arpa"], NOW, {"owner": ""})
    for part in (
        "evil.org is not allowed",
        "cabf: a lifetime of 400 days",
        "cabf: a key of type ed25519",
        "cabf: the usage server_auth is missing",
        "in-addr.arpa is in a zone",
        "private_mtls: a lifetime",
        "not used again",
        "nist: a lifetime",
        "nist: the field owner is missing",
    ):
        assert any(part in one for one in found), part
    assert check_request(policy, profile, [], NOW) != []


@pytest.mark.parametrize(
    ("preset", "key_type", "allowed"),
    [
        ("cabf", "rsa-2048", True),
        ("cabf", "ecdsa-p521", True),
        ("cabf", "ml-dsa-65", False),
        ("mozilla_modern", "rsa-4096", False),
        ("mozilla_modern", "ecdsa-p384", True),
        ("mozilla_intermediate", "rsa-2048", True),
        ("mozilla_intermediate", "ecdsa-p521", False),
        ("private_mtls", "ml-dsa-87", True),
        ("nist", "ed25519", True),
    ],
)
def test_key_types(preset, key_type, allowed):
    found = check_request(Policy.load([preset]), Profile("x", key_type=key_type, lifetime=86_400), ["a.example.com"], NOW)
    assert (not found) is allowed


def test_what_only_the_ca_decides_is_found_but_makes_nothing_due():
    made = certificate(subject="b.example.com", extensions=[])
    found = " | ".join(check_certificate(CABF, made, NOW))
    assert "common name" in found and "no CRL pointer" in found
    assert check_certificate(CABF, made, NOW, by_renewal=True) == []
    assert check_certificate(CABF, certificate(extensions=[], seconds=7 * 86_400), NOW) == []
    assert "no subject alternative names" in " ".join(check_certificate(CABF, certificate(names=[]), NOW))


def test_usages_and_weak_keys_are_found():
    client = certificate(usages=[ExtendedKeyUsageOID.CLIENT_AUTH])
    assert any("server_auth is missing" in one for one in check_certificate(CABF, client, NOW, by_renewal=True))
    odd = certificate(usages=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING])
    assert any("1.3.6.1.5.5.7.3.3 is not allowed" in one for one in check_certificate(CABF, odd, NOW))
    edwards = certificate(key=keys.generate("ed25519"))
    assert any("ed25519" in one for one in check_certificate(CABF, edwards, NOW))


def test_a_certificate_that_cannot_be_read_never_passes():
    for der in (b"", b"garbage", certificate().der[:-1]):
        assert check_certificate(CABF, Certificate.parse(der), NOW) and check_certificate(
            CABF, Certificate.parse(der), NOW, by_renewal=True
        )


def test_own_rules_only_make_it_stricter():
    policy = Policy.load(
        ["cabf"], {"lifetime": "30d", "key_types": ["ecdsa-p256"], "renew_before": "5d", "labels_required": ["owner", "service"]}
    )
    assert policy.names == ("cabf", "own rules") and policy.renew_before == 5 * 86_400
    found = check_request(policy, Profile("x", lifetime=31 * 86_400), ["a.example.com"], NOW, {"owner": "me"})
    assert len(found) == 2 and all(one.startswith("own rules: ") for one in found)
    assert Policy.load([]).rules == () and Policy.load(["cabf", "cabf"]).names == ("cabf",)


@pytest.mark.parametrize(
    "rules", [{"lifetimes": []}, {"key_types": "rsa-2048"}, {"serial_checked": 1}, {"lifetime": "long"}, {"nonsense": 1}]
)
def test_a_wrong_own_rule_is_refused(rules):
    with pytest.raises(ConfigError) as caught:
        Policy.load([], rules)
    assert caught.value.field.startswith("policy")


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError):
        Policy.load(["cbaf"])


def test_advice_is_no_finding():
    policy = Policy.load(["nist", "mozilla_intermediate"])
    assert check_request(policy, Profile("x", lifetime=300 * 86_400), ["a.example.com"], NOW) == []
    assert len(advise(policy, "ecdsa-p256", 300 * 86_400, utc(2031, 1, 1))) == 2
    assert advise(policy, "ecdsa-p384", 90 * 86_400, utc(2031, 1, 1)) == [] == advise(policy, "ecdsa-p256", 86_400, utc(2030, 12, 31))
