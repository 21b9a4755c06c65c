# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account that another ACME client made at a CA, kept as if it were ours: the CA knows the key by the same URL."""

from __future__ import annotations

from typing import Optional

from ..contracts import SecretStore, StoredVersion
from ..errors import MalformedError
from ..masking import Secret
from ..outcome import DONE, PLANNED, UNCHANGED, Outcome, Reason
from ..x509 import key as keys
from ._acme_account import Writing, lineage_of
from ._acme_library import josepy, require_acme
from ._powers import Pause

STEP = "import"


def judged(store: SecretStore, directory: str, account: str, uri: str) -> Outcome:
    """`unchanged` where the store has an account of this name at the CA, `planned` where it has none."""
    lineage = lineage_of(directory, account)
    if store.versions(lineage):
        return Outcome(UNCHANGED, STEP, message=f"the store has an account there, as {lineage}")
    return Outcome(PLANNED, STEP, Reason("missing", f"certbot has an account there, {uri}"), after={"account": uri, "lineage": lineage})


def keep(store: SecretStore, directory: str, account: str, jwk: Secret, uri: str, pause: Optional[Pause] = None) -> Outcome:
    """The account is in the store, durably; MalformedError when its key cannot be read, whose text quotes nothing."""
    require_acme()
    planned = judged(store, directory, account, uri)
    if planned.state == UNCHANGED:
        return planned
    try:
        key = josepy.JWK.json_loads(jwk.reveal().decode("utf-8")).key
        pem, spki = keys.to_pem(key), keys.spki_sha256(key)
    except Exception:  # damaged JSON and foreign kinds of keys raise anything
        raise MalformedError("the account's key cannot be read") from None
    lineage = lineage_of(directory, account)
    meta = {"key_type": keys.key_type_of(keys.load(pem)), "key_origin": "store", "acme_account": True, "directory": directory}
    with Writing(store, lineage, pause) as lease:
        version = StoredVersion(lineage, store.new_version(lineage), "issued", spki, key=pem, meta={**meta, "account": uri, "contact": []})
        store.save(lease, version)
        store.flush()
    return Outcome(DONE, STEP, planned.reason, after={**planned.after, "spki_sha256": spki})
