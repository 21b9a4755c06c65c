# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab mends in the emulator's ACM, with and without the patches."""

from __future__ import annotations


def test_acm_lists_in_pages_and_says_what_is_in_use_by_sni_too(lab):
    server, mended = lab
    server.reset()
    default, sni = server.hold("a.example.com")[0], server.hold("b.example.com")[0]
    server.listener("shop", default, [sni])
    acm = server.client("acm")
    every = {"Includes": {"keyTypes": ["EC_prime256v1"]}}
    page = acm.list_certificates(MaxItems=1, **every)
    assert (len(page["CertificateSummaryList"]) == 1 and "NextToken" in page) is mended
    rows = {one["CertificateArn"]: one for one in acm.list_certificates(**every)["CertificateSummaryList"]}
    assert rows[sni]["InUse"] is mended
    assert bool(acm.list_certificates()["CertificateSummaryList"]) is not mended, "by default only RSA keys are listed"
    users = acm.describe_certificate(CertificateArn=sni)["Certificate"]["InUseBy"]
    assert bool(users and ":loadbalancer/" in users[0]) is mended


def test_an_imported_certificate_has_the_chain_that_it_came_with(lab):
    server, mended = lab
    server.reset()
    arn, issued = server.hold("a.example.com")
    answer = server.client("acm").get_certificate(CertificateArn=arn)
    kept = answer["Certificate"].strip() + "\n" + answer["CertificateChain"].strip() + "\n"
    assert (kept == issued.fullchain) is mended
