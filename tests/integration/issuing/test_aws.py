# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates with AWS through ansible-playbook, against the lab's emulator (tier B) and a real Pebble."""

from __future__ import annotations

import json

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
    """One run: planned is nothing asked; issued, unchanged, revoked, and issued again. And a CA of our own, whose key KMS has."""
    aws.reset()
    site, arn = Site(tmp_path), private_ca(aws, mode="SHORT_LIVED_CERTIFICATE", crl_bucket="crls")
    profiles = {"default": {"lifetime": "6d"}, "long": {"lifetime": "30d"}}
    kept = {**site.kept, "secret_store": {"type": "aws_secrets_manager", "region": REGION}, "profiles": profiles}
    options = {"certificate_authority_arn": arn, **kept}
    own = ("aws_pca_certificate", {**options, "certificates": [SHOP]})
    facade = ("certificate", {"issuer": {"type": "aws_pca", "certificate_authority_arn": arn}, **kept, "certificates": [SHOP, LONG]})
    revoke = ("aws_pca_certificate", {**options, "certificates": [SHOP], "state": "revoked", "reason": "key_compromise"})
    key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
    holder, passphrase = {"type": "aws_kms", "key_id": key, "region": REGION}, {"passphrase_file": str(site.passphrase)}
    below = ("local_ca", {"path": str(tmp_path / "kms"), **passphrase, "intermediate_key": holder})
    wanted = [{"lineage": "mine", "names": ["m.lab.example"]}]
    mine = ("local_ca_certificate", {"path": str(tmp_path / "kms"), **kept, "certificates": wanted})
    plays = play(own, facade, revoke, revoke, own, below, below, mine, mine)
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
    assert [run.result(f"local_ca {number}")["changed"] for number in (5, 6)] == [True, False]
    assert [states(run.result(f"local_ca_certificate {number}"))["mine"] for number in (7, 8)] == ["done", "unchanged"]
    assert not (tmp_path / "kms" / "intermediate.key").exists() and aws.calls()["kms:Sign"] > 0
    no_key_is_anywhere_but_in_aws(aws, ansible, tmp_path, run.output)


def test_acm_holds_the_keys_of_many_names_in_two_zones_and_goes_on_when_somebody_has_added_the_rest(ansible, tmp_path, aws):
    """Planned; two issued and one left to a person in one call; unchanged; added by hand and gone on with; renewed by ACM in place."""
    aws.reset()
    site, route53 = Site(tmp_path), aws.client("route53")
    one, two = (route53.create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"] for name in ("one.example", "two.example"))
    many = {"lineage": "many", "names": [f"{label}.{end}.example" for end in ("one", "two") for label in ("a", "b", "*.b", "c")]}
    wild = {"lineage": "wild", "names": ["one.example", "*.one.example"], "profile": {"key_type": "rsa-2048"}}
    half = {"lineage": "half", "names": ["h.one.example", "h.else.example"]}
    options = {"region": REGION, "issue_timeout": 30, **site.kept}
    tasks = [("aws_acm_certificate", {**options, "certificates": wanted}) for wanted in ([many, wild, half], [many, wild])]
    refused = {**options, "certificates": [{"lineage": "many", "names": ["192.0.2.1"]}, {**wild, "reuse_key": "pinned"}]}
    plays = play(*tasks, ("aws_acm_certificate", refused))
    plays[0]["tasks"][2]["ignore_errors"] = True
    aws.forget_calls()
    planned = ansible.playbook(play(tasks[0]), args=["--check", "--diff"], env=aws.environment).ok()
    assert set(states(planned.result("aws_acm_certificate 0")).values()) == {"planned"} and set(aws.calls()) == {"sts:GetCallerIdentity"}
    run = ansible.playbook(plays, args=["--diff", "-vvv"], env=aws.environment).ok()
    outcomes = run.result("aws_acm_certificate 0")["outcomes"]
    assert {name: outcome["state"] for name, outcome in outcomes.items()} == {"many": "done", "wild": "done", "half": "pending"}, run.output
    assert "h.else.example. CNAME _" in outcomes["half"]["message"] and "h.one.example. CNAME" not in outcomes["half"]["message"]
    assert set(states(run.result("aws_acm_certificate 1")).values()) == {"unchanged"} and not run.result("aws_acm_certificate 1")["changed"]
    assert [one["state"] for one in run.result("aws_acm_certificate 2")["outcomes"].values()] == ["failed", "failed"]
    calls = aws.calls()
    assert calls["acm:RequestCertificate"] == 3 and sum(count for name, count in calls.items() if name.endswith("/rrset/")) == 2
    rows = {where: route53.list_resource_record_sets(HostedZoneId=where)["ResourceRecordSets"] for where in (one, two)}
    assert [sum(row["Type"] == "CNAME" for row in rows[where]) for where in (one, two)] == [5, 3], "they stay"

    arn = json.loads(next((tmp_path / "store/lineages/half/versions").glob("*/pending.json")).read_text())["meta"]["ref"]
    added = aws.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"][1]["ResourceRecord"]
    other = route53.create_hosted_zone(Name="else.example", CallerReference="else")["HostedZone"]["Id"]
    record = {"Name": added["Name"], "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": added["Value"]}]}
    route53.change_resource_record_sets(HostedZoneId=other, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]})
    aws.listener("half", arn)
    last = ("aws_acm_certificate", {**options, "certificates": [half]})
    run = ansible.playbook(play(last, last), env=aws.environment).ok()
    (after,) = (one["after"] for one in run.result("aws_acm_certificate 0")["outcomes"].values())
    assert states(run.result("aws_acm_certificate 0")) == {"half": "done"} and aws.calls()["acm:RequestCertificate"] == 3
    assert states(run.result("aws_acm_certificate 1")) == {"half": "unchanged"}
    aws.renew(arn)
    run = ansible.playbook(play(last, last), env=aws.environment).ok()
    renewed = run.result("aws_acm_certificate 0")["outcomes"]["half"]
    assert renewed["state"] == "done" and "has renewed it by itself" in renewed["message"] + renewed["reason"]["sentence"]
    assert renewed["after"]["sha256"] != after["sha256"] and aws.calls()["acm:RequestCertificate"] == 3
    assert states(run.result("aws_acm_certificate 1")) == {"half": "unchanged"}
