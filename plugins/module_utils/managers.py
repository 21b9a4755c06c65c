# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else renews a certificate: the marks that other certificate managers leave at the places they keep."""

from __future__ import annotations

import re
from typing import Any, Mapping, Tuple

MAX_TEXT = 300
# Folders that the managers' own documentation names as theirs.
FOLDERS: Tuple[Tuple[str, str], ...] = (
    ("certbot", r"/letsencrypt(?:/[^/]+)*/(?:live|archive)/"),
    ("acme.sh", r"/(?:\.acme\.sh|acme\.sh)/"),
    ("dehydrated", r"/dehydrated/certs/"),
    ("lego", r"/\.lego/certificates/"),
    ("acmetool", r"/var/lib/acme/(?:live|certs)/"),
    ("Caddy", r"/caddy/certificates/"),
    ("mod_md", r"/md/(?:domains|staging)/"),
    ("getssl", r"/\.getssl/"),
    ("certmonger", r"/var/lib/certmonger/"),
)
ANNOTATIONS: Tuple[Tuple[str, str], ...] = (
    ("cert-manager.io/", "cert-manager"),
    ("networking.gke.io/managed-certificates", "GKE managed certificates"),
    ("service.beta.openshift.io/", "the OpenShift service CA"),
    ("service.alpha.openshift.io/", "the OpenShift service CA"),
)


def manager_of(where: Mapping[str, Any]) -> str:
    """The manager whose mark the place bears, empty when it bears none.

    A source that knows says it as `managed_by`; else annotations (Kubernetes) and the file's own and real path tell.
    """
    said = where.get("managed_by")
    if isinstance(said, str) and said:
        return said[:MAX_TEXT]
    annotations = where.get("annotations")
    for name in annotations if isinstance(annotations, Mapping) else ():
        for mark, manager in ANNOTATIONS:
            if str(name).startswith(mark):
                return manager
    paths = [str(where.get(key) or "") for key in ("certificate_file", "real_file")]
    return next((manager for manager, folder in FOLDERS if any(re.search(folder, path) for path in paths)), "")
