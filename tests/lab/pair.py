# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx with an RSA and an ECDSA certificate side by side: two sites that are one server block."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

from .ca import Issued
from .nginx import Nginx
from .server import Site


class Pair(Nginx):
    """The real nginx; its two sites have one name and one port, and the clients' signature algorithms choose. The first is RSA."""

    def issue(self, site: Site, **ages: float) -> Issued:
        """With a key of the site's own kind."""
        key = rsa.generate_private_key(65537, 2048) if site is self.sites[0] else None
        return self.ca.issue(site.names, key=key, **ages)

    def _site(self, site: Site) -> str:
        if site is not self.sites[0]:
            return ""
        other = self.sites[1]
        more = f"ssl_certificate {self.certificate_file(other)};\n    ssl_certificate_key {self.key_file(other)};\n    location"
        return super()._site(site).replace("location", more, 1)
