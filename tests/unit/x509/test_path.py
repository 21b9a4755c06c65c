# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths are built from what was served, to the anchors given, and findings say what a person has to mend."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.path import verify
from ansible_collections.certops.clm.tests.unit.x509.make import DAY, KEY_TYPES, NOW, make, tree

LEAF, ABOVE, ROOT = tree()
SERVED = (LEAF.certificate, ABOVE.certificate)
ANCHORS = Bundle.parse(ROOT.pem)


def findings(chain=SERVED, anchors=ANCHORS, name="a.example.com", when=NOW, **more):
    return " | ".join(verify(chain, anchors, name=name, when=when, **more).findings)


def test_a_good_chain_shows_its_path():
    result = verify(SERVED, ANCHORS, name="A.example.com", when=NOW)
    assert result.ok and result.path == tuple(one.certificate.sha256 for one in (LEAF, ABOVE, ROOT))
    assert verify(SERVED, ANCHORS, name=None, when=NOW).ok


def test_the_last_second_counts():
    assert not findings(when=LEAF.certificate.not_after)
    assert "expired at 2027-02-02T11:59:59Z" in findings(when=LEAF.certificate.not_after + timedelta(seconds=1))
    assert "not valid before" in findings(when=LEAF.certificate.not_before - timedelta(seconds=1))


def test_findings_name_what_is_wrong():
    assert "no certificate was served" in findings(())
    assert "b.example.com is not among its names (a.example.com)" in findings(name="b.example.com")
    assert "issuer 'CN=intermediate' was not served" in findings((LEAF.certificate,))
    assert "issuer 'CN=root' was not served and is no trust anchor" in findings(anchors=Bundle.parse(make("x", ca=True).pem))
    assert "another key made the signature" in findings(anchors=Bundle.parse(tree()[2].pem))
    assert "ends at the root 'CN=root'" in findings((*SERVED, ROOT.certificate), Bundle())
    assert "lacks client_auth" in findings(usage="client_auth")
    assert "17 certificates" in findings(SERVED[:1] * 17)
    assert "cannot be read" in findings((Certificate.parse(b"x"),))
    assert "is not among its names" in findings(name="m\u00fcnchen.example")
    assert findings(name="*.example.com")


def test_an_expired_anchor_and_an_expired_intermediate_are_named():
    assert "the anchor 'CN=root': it expired" in findings(when=NOW + 4000 * DAY)
    old = make("intermediate", ROOT, ca=True, key=ABOVE.key, end=NOW - timedelta(hours=1))
    assert "the intermediate 'CN=intermediate': it expired" in findings((LEAF.certificate, old.certificate))
    assert not findings((LEAF.certificate, old.certificate, ABOVE.certificate))


def test_an_alternate_path_is_taken_when_the_first_is_dead():
    other = make("other root", ca=True)
    cross = make("intermediate", other, ca=True, key=ABOVE.key)
    for order in ((cross, ABOVE), (ABOVE, cross)):
        assert not findings((LEAF.certificate, *(one.certificate for one in order)))


def test_a_client_certificate_needs_no_name():
    client, above, root = tree(subject="alice", names=[x509.RFC822Name("a@example.com")], usages=[ExtendedKeyUsageOID.CLIENT_AUTH])
    anchors = Bundle.parse(root.pem)
    chain = (client.certificate, above.certificate)
    assert not findings(chain, anchors, None, usage="client_auth")
    assert "lacks server_auth" in findings(chain, anchors, None)


@pytest.mark.parametrize("common", ["web 1", "a.example.com"])
def test_a_common_name_that_names_no_other_host_is_fine(common):
    leaf, above, root = tree(subject=common)
    assert not findings((leaf.certificate, above.certificate), Bundle.parse(root.pem))


def test_a_common_name_of_another_host_is_not():
    leaf, above, root = tree(subject="b.example.com")
    assert "common name" in findings((leaf.certificate, above.certificate), Bundle.parse(root.pem))


@pytest.mark.parametrize("key_type", [one for one in KEY_TYPES if one != "rsa-4096"])
def test_every_kind_of_key_has_a_path(key_type):
    root = make("root", ca=True, key=keys.generate(key_type))
    above = make("intermediate", root, ca=True, key=keys.generate(key_type))
    leaf = make(None, above, names=[x509.DNSName("a.example.com")], key=keys.generate(key_type))
    chain, anchors = (leaf.certificate, above.certificate), Bundle.parse(root.pem)
    assert not findings(chain, anchors)
    assert len(verify(chain, anchors, name=None, when=NOW).path) == 3
    assert "not among its names" in findings(chain, anchors, name="b.example.com")
    assert "was not served" in findings(chain[:1], anchors)
    assert "expired" in findings(chain, anchors, when=NOW + 300 * DAY)
    assert findings(chain, anchors, max_depth=0)


def test_an_edwards_ca_is_held_to_its_limits():
    root = make("root", ca=True, key=keys.generate("ed25519"))
    limit = x509.NameConstraints([x509.DNSName("other.example")], None)
    bound = make("bound", root, ca=True, key=keys.generate("ed25519"), extensions=[limit])
    client = make("client", root, ca=True, extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])
    no_ca = make("no ca", root, names=[x509.DNSName("n.example.com")], key=keys.generate("ed25519"))
    for above in (bound, client, no_ca):
        leaf = make(None, above, names=[x509.DNSName("a.example.com")])
        assert findings((leaf.certificate, above.certificate), Bundle.parse(root.pem)), above


@pytest.mark.parametrize("one_name", [True, False])
@pytest.mark.parametrize("count", [1, 2, 4, 15])
def test_sixteen_certificates_that_sign_each_other_cost_no_time(one_name, count):
    secrets = [ec.generate_private_key(ec.SECP521R1() if count == 4 else ec.SECP256R1()) for number in range(count)]
    called = ["x" if one_name else f"x{number}" for number in range(count)]
    nodes = [make(called[i], ca=True, key=secrets[i]) for i in range(count)]
    pairs = [(i, j) for i in range(count) for j in range(count)]
    pool = [make(called[i], nodes[j], ca=True, key=secrets[i], serial=99 + n) for n, (i, j) in enumerate((pairs * 15)[:15])]
    leaf = make(None, nodes[0], names=[x509.DNSName("a.example.com")])
    false_root = make(called[0], ca=True)
    begin = time.process_time()
    assert findings((leaf.certificate, *(one.certificate for one in pool)), Bundle.parse(false_root.pem))
    assert time.process_time() - begin < 2
