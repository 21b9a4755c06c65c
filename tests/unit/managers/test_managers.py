# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which places another manager keeps."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.managers import manager_of


@pytest.mark.parametrize(
    "where, manager",
    [
        ({"certificate_file": "/etc/letsencrypt/live/shop/fullchain.pem"}, "certbot"),
        ({"certificate_file": "/etc/tls/shop.pem", "real_file": "/etc/letsencrypt/archive/shop/fullchain3.pem"}, "certbot"),
        ({"certificate_file": "/root/.acme.sh/shop_ecc/fullchain.cer"}, "acme.sh"),
        ({"certificate_file": "/var/lib/dehydrated/certs/shop/fullchain.pem"}, "dehydrated"),
        ({"certificate_file": "/var/lib/caddy/.local/share/caddy/certificates/acme/shop.crt"}, "Caddy"),
        ({"certificate_file": "/etc/httpd/state/md/domains/shop/pubcert.pem"}, "mod_md"),
        ({"annotations": {"cert-manager.io/certificate-name": "shop"}}, "cert-manager"),
        ({"managed_by": "AWS Certificate Manager", "certificate_file": "/root/.lego/certificates/a.crt"}, "AWS Certificate Manager"),
        ({"certificate_file": "/etc/tls/letsencrypt-live.pem", "real_file": ""}, ""),
        ({"certificate_file": "/etc/tls/shop.pem", "annotations": None, "managed_by": 3}, ""),
        ({}, ""),
    ],
)
def test_the_mark_of_a_manager(where, manager):
    assert manager_of(where) == manager
