# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who verifies clients by a trust store: listeners and distributions, against the lab's emulator (tier B)."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils import distributions
from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, MissingLibraryError
from ansible_collections.certops.clm.plugins.module_utils.flows import trust, verifying
from ansible_collections.certops.clm.plugins.module_utils.trust_stores import aws_cloudfront_trust_store, aws_elbv2_trust_store
from ansible_collections.certops.clm.plugins.module_utils.verifiers import aws_cloudfront_mutual_tls, aws_elbv2_mutual_tls
from ansible_collections.certops.clm.tests.lab.anchors import write_anchors
from ansible_collections.certops.clm.tests.lab.aws_places import distribution
from ansible_collections.certops.clm.tests.lab.aws_trust import EAST, CloudFrontPlace, ElbPlace

FLAGS = {"ignore_client_certificate_expiry": False, "advertise_trust_store_ca_names": False}


class Listener:
    """A listener with a default and an SNI certificate, and what a trust store for it is."""

    provider, kind, on, softer = aws_elbv2_mutual_tls, aws_elbv2_trust_store, "verify", "passthrough"

    def __init__(self, aws):
        self.aws, self.place = aws, ElbPlace(aws)
        self.arn = aws.listener("shop", aws.hold("a.example.com")[0], [aws.hold("b.example.com")[0]])
        self.options = {"listener_arn": self.arn, "trust_store": "clients"}
        self.gone = {"listener_arn": self.arn[:-1] + "x"}

    def mode(self):
        return self._row().get("MutualAuthentication", {}).get("Mode", "off")

    def others(self):
        elb = self.aws.client("elbv2")
        row = self._row()
        row.pop("MutualAuthentication", None)
        return row, elb.describe_listener_certificates(ListenerArn=self.arn)["Certificates"]

    def _row(self):
        return self.aws.client("elbv2").describe_listeners(ListenerArns=[self.arn])["Listeners"][0]


class Distribution:
    """A distribution, and what a trust store for it is."""

    provider, kind, on, softer = aws_cloudfront_mutual_tls, aws_cloudfront_trust_store, "required", "optional"

    def __init__(self, aws):
        self.aws, self.place = aws, CloudFrontPlace(aws)
        self.arn = self.id = distribution(aws, "shop.example.com", aws.hold("shop.example.com", region=EAST)[0])
        self.options = {"distribution_id": self.id, "trust_store": "viewers"}
        self.gone = {"distribution_id": "GONE"}

    def config(self):
        return self.aws.client("cloudfront").get_distribution_config(Id=self.id)["DistributionConfig"]

    def mode(self):
        return self.config().get("ViewerMtlsConfig", {}).get("Mode", "off")

    def others(self):
        return {name: value for name, value in self.config().items() if name != "ViewerMtlsConfig"}


@pytest.fixture(params=[Listener, Distribution])
def place(request, aws, tmp_path):
    made = request.param(aws)
    made.folder = tmp_path
    write_anchors(tmp_path)
    aws.forget_calls()
    return made


def verify(place, mode, check_mode=False, **more):
    options = {**FLAGS, **place.options, "mode": mode, **more}
    if mode in ("off", "passthrough"):
        options["trust_store"] = None
    (outcome,) = verifying.converge(place.provider.create(options), check_mode).values()
    return outcome


def store(place, state="present"):
    params = {"state": state, "anchors": [str(place.folder / "one.pem")] if state == "present" else None, **place.place.options}
    (outcome,) = trust.converge(params, store=place.kind.create(params, utc_now), clock=utc_now, check_mode=False).values()
    return outcome


def test_verified_only_by_a_trust_store_in_force_and_which_then_stays(place):
    around, made = place.others(), place.place
    assert verify(place, "off").state == "unchanged" and verify(place, place.on, check_mode=True).state == "planned"
    missing = verify(place, place.on)
    assert missing.state == "failed" and "there is no trust store" in missing.message and "trust_store" in missing.next_action, missing
    assert made.writes() == 0 and store(place).state == "done"
    writes = made.writes()
    planned = verify(place, place.on, check_mode=True)
    assert planned.state == "planned" and planned.before["mode"] == "off" and made.writes() == writes and place.mode() == "off"
    done = verify(place, place.on)
    assert done.state == "done" and done.after == planned.after and place.mode() == place.on and place.others() == around, done
    assert made.writes() == writes + 1 and verify(place, place.on).state == "unchanged" and made.writes() == writes + 1
    used = store(place, "absent")
    assert used.state == "failed" and used.step == "plan" and place.arn in used.message and "another trust store first" in used.next_action
    assert verify(place, place.on, advertise_trust_store_ca_names=True).after["advertise_trust_store_ca_names"] is True
    assert verify(place, place.on, ignore_client_certificate_expiry=True, advertise_trust_store_ca_names=True).state == "done"
    assert verify(place, place.softer).state == "done" and place.mode() == place.softer and place.others() == around
    off = verify(place, "off")
    assert off.state == "done" and off.after == {"mode": "off", "trust_store": "", **FLAGS} and place.mode() == "off"
    assert place.others() == around and store(place, "absent").state == "done"


def test_what_cannot_be_is_refused_before_any_write(place):
    with pytest.raises(ConfigError) as caught:
        place.provider.create({**place.options, "mode": "off"})
    assert caught.value.field == "trust_store"
    gone = verify(place, "off", **place.gone)
    assert (gone.state, gone.step) == ("failed", "plan") and next(iter(place.gone.values())) in gone.message
    place.aws.faults({"match": "*", "share": 0.3, "code": "Throttling"})
    assert verify(place, "off").state == "unchanged", "a third of the calls throttled"
    place.aws.faults()
    assert place.place.writes() == 0
    assert store(place).state == "done"
    place.aws.faults(*({"match": match, "share": 1, "code": "AccessDenied"} for match in ("*Modify*", "cloudfront:PUT*")))
    denied = verify(place, place.on)
    place.aws.faults()
    assert (denied.state, denied.step) == ("failed", "write") and "let the role call" in denied.next_action and place.mode() == "off"


def test_no_listener_is_refused_by_name():
    with pytest.raises(ConfigError) as caught:
        aws_elbv2_mutual_tls.create({"listener_arn": "shop", "mode": "off"})
    assert caught.value.field == "listener_arn"


def test_an_sdk_that_would_lose_a_part_of_a_distribution_changes_nothing(aws, tmp_path):
    place = Distribution(aws)
    place.folder = tmp_path
    write_anchors(tmp_path)
    assert store(place).state == verify(place, "required").state == "done"
    import boto3  # one of its own, which has forgotten that there is mutual TLS

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    old = boto3.session.Session(**keys).client("cloudfront", region_name=EAST, endpoint_url=aws.url)
    old.meta.service_model._service_description["shapes"]["DistributionConfig"]["members"].pop("ViewerMtlsConfig")
    writes = place.place.writes()
    with pytest.raises(MissingLibraryError, match="does not know ViewerMtlsConfig, and to change anything would turn that off"):
        distributions.change(old, place.id, lambda config: config.update(Comment="new"))
    assert place.place.writes() == writes and place.mode() == "required"
    assert verify(place, "off").state == "done"
    distributions.change(old, place.id, lambda config: config.update(Comment="new"))
    assert place.config()["Comment"] == "new", "what is not there is not lost"
