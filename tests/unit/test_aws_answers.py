# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes back from AWS on a bad day is said in words, whatever the protocol of the service: the SDK takes some of it for an answer."""

from __future__ import annotations

from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils import aws
from ansible_collections.certops.clm.plugins.module_utils.errors import UnavailableError
from ansible_collections.certops.clm.tests.faults.ca_proxy import Middle

LISTINGS = {  # one service of each protocol
    "acm-pca": "list_certificate_authorities", "apigatewayv2": "get_domain_names", "elbv2": "describe_load_balancers",
    "route53": "list_hosted_zones",
}  # fmt: skip


class Alone(Middle):
    """Nobody is behind it: what would be asked of AWS is answered with half of an object of JSON."""

    def connection(self):
        answer = mock.Mock(status=200, read=lambda: b'{"half": ', getheaders=list)
        return mock.Mock(getresponse=lambda: answer)

    def keep(self, what, status, body):
        pass


@pytest.fixture
def bad(tmp_path, monkeypatch):
    proxy = Alone(tmp_path / "log")
    for name, value in {"ENDPOINT_URL": f"http://{proxy.serve('127.0.0.1', None)}", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(aws, "ATTEMPTS", 1)
    yield proxy
    proxy.close()


def asked(service):
    account, region = aws.account({"region": "eu-central-1"})
    with aws.told(f"{service} {LISTINGS[service]}"):
        return getattr(account.client(service, region), LISTINGS[service])()


@pytest.mark.parametrize("service", LISTINGS)
@pytest.mark.parametrize("how, word", [("html", "none of AWS"), ("truncated", "none of AWS"), ("away", "Connection was closed"),
                                       ("503", "AWS answered|none of AWS")])  # fmt: skip
def test_it_is_unavailable_and_says_so(bad, service, how, word):
    bad.bad = ("*", how)
    with pytest.raises(UnavailableError, match=word) as caught:
        asked(service)
    assert not aws.code_of(caught.value) or how == "503"
    assert service in caught.value.message and caught.value.hint
