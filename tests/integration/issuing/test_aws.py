# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates with AWS through ansible-playbook, against the lab's emulator (tier B) and a real Pebble."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.tests.integration.issuing.site import Site, play, states
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.lab.pebble import pebble
from ansible_collections.certops.clm.tests.lab.private_ca import keys_in_aws, private_ca
from ansible_collections.certops.clm.tests.lab.route53 import serving
from ansible_collections.certops.clm.tests.support.leaks import Place, look
from ansible_collections.certops.clm.tests.support.needles import Needles

WILD = {"lineage": "wild", "names": ["lab.example", "*.lab.example"]}
LOST = {"lineage": "lost", "names": ["lost.example"]}
SHOP = {"lineage": "shop", "names": ["shop.lab.example"]}
LONG = {"lineage": "long", "names": ["long.lab.example"], "profile": "long"}
READING = {"sts:GetCallerIdentity", "secretsmanager:GetSecretValue", "secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue"}
ROOT = "acm-pca:GetCertificateAuthorityCertificate"
KEPT = '"of somebody else"'


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


def test_acme_by_route53_with_keys_in_secrets_manager_and_nothing_stays_behind(ansible, tmp_path, aws):
    """Planned, issued, and once more: a wildcard with its apex, beside a name that is in no hosted zone."""
    site = Site(tmp_path)
    kept = {**site.kept, "secret_store": {"type": "aws_secrets_manager", "region": REGION}}
    with serving(aws) as names, pebble(tmp_path / "pebble", dns=names.address) as ca:
        zone = names.zone("lab.example")
        names.put(zone, "_acme-challenge.lab.example", "TXT", KEPT)
        options = {**ca.issuer(challenge=names.challenge()), **kept}
        tasks = [("acme_certificate", {**options, "certificates": wanted}) for wanted in ([WILD, LOST], [WILD])]
        plays = play(*tasks, ("secret_store_info", {"secret_store": kept["secret_store"]}))
        plays[0]["tasks"][0]["ignore_errors"] = True
        aws.forget_calls()
        planned = ansible.playbook(plays, args=["--check", "--diff"], env=aws.environment)
        assert states(planned.result("acme_certificate 1")) == {"wild": "planned"}
        assert set(aws.calls()) <= READING, "a plan writes nothing"
        run = ansible.playbook(plays, args=["--diff", "-vvvvv"], env={**aws.environment, "ANSIBLE_KEEP_REMOTE_FILES": "1"}).ok()
        result = run.result("acme_certificate 0")
        assert states(result) == {"wild": "done", "lost": "failed"}, run.output
        assert "lost.example. is in no public hosted zone" in result["outcomes"]["lost"]["message"]
        assert states(run.result("acme_certificate 1")) == {"wild": "unchanged"}
        assert names.records() == {"_acme-challenge.lab.example. TXT": [KEPT]}
    store = run.result("secret_store_info 2")
    assert store["store"] == f"aws_secrets_manager:123456789012:{REGION}:certops-clm/" and "wild" in store["lineages"]
    no_key_is_anywhere_but_in_aws(aws, ansible, tmp_path, run.output)


def no_key_is_anywhere_but_in_aws(aws, ansible, place, output):
    """Every key that Secrets Manager has is looked for in what was printed, kept on disk, and left by Ansible."""
    needles, found = Needles(), keys_in_aws(aws)
    for name, pem in found.items():
        needles.key(name, pem)
    seen = look(needles, [Place("site", place), Place("ansible", ansible.place)], {"output": output.encode()})
    assert len(found) >= 2 and seen.files > 5 and not seen.leaks, sorted(seen.leaks)


def test_private_ca_issues_for_days_revokes_and_issues_again(ansible, tmp_path, aws):
    """One run: planned is nothing asked; issued, unchanged, revoked, and issued again with a new key."""
    aws.reset()
    site, arn = Site(tmp_path), private_ca(aws, mode="SHORT_LIVED_CERTIFICATE", crl_bucket="crls")
    profiles = {"default": {"lifetime": "6d"}, "long": {"lifetime": "30d"}}
    kept = {**site.kept, "secret_store": {"type": "aws_secrets_manager", "region": REGION}, "profiles": profiles}
    options = {"certificate_authority_arn": arn, **kept}
    own = ("aws_pca_certificate", {**options, "certificates": [SHOP]})
    facade = ("certificate", {"issuer": {"type": "aws_pca", "certificate_authority_arn": arn}, **kept, "certificates": [SHOP, LONG]})
    revoke = ("aws_pca_certificate", {**options, "certificates": [SHOP], "state": "revoked", "reason": "key_compromise"})
    plays = play(own, facade, revoke, revoke, own)
    plays[0]["tasks"][1]["ignore_errors"] = True
    aws.forget_calls()
    planned = ansible.playbook(play(own), args=["--check", "--diff"], env=aws.environment).ok()
    assert states(planned.result("aws_pca_certificate 0")) == {"shop": "planned"} and set(aws.calls()) <= READING | {ROOT}
    run = ansible.playbook(plays, args=["--diff", "-vvv"], env=aws.environment).ok()
    assert states(run.result("aws_pca_certificate 0")) == {"shop": "done"}, run.output
    said = run.result("certificate 1")["outcomes"]
    assert said["shop"]["state"] == "unchanged" and said["long"]["state"] == "failed" and "7 days" in said["long"]["message"]
    assert states(run.result("aws_pca_certificate 2")) == {"shop": "done"} and not run.result("aws_pca_certificate 3")["changed"]
    assert aws.client("s3").list_objects_v2(Bucket="crls")["KeyCount"] == 1, "the CRL that clients read has it"
    again = run.result("aws_pca_certificate 4")["outcomes"]["shop"]
    assert again["state"] == "done" and again["reason"]["word"] == "revoked"
    no_key_is_anywhere_but_in_aws(aws, ansible, tmp_path, run.output)
