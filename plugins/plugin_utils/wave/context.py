# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening what a plan or a manifest names: secret store, issuers, ledger."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from ansible_collections.certops.clm.plugins.module_utils.contracts import Anchored, Clock, Issuer, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index as issuers
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger, NullLedger, Recorder, default_writer_id
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.plugin_utils.edge import provider_options


def open_store(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The secret store that {type: ...} names."""
    return secret_stores.create(options["type"], provider_options(secret_stores, options, "secret_store"), clock)


def open_issuer(options: Mapping[str, Any], clock: Clock) -> Issuer:
    """The issuer that {type: ...} names."""
    return issuers.create(options["type"], provider_options(issuers, options, "issuer"), clock)


def issuer_anchors(manifest: Manifest, name: str, clock: Clock) -> str:
    """The anchors of a named issuer as PEM, empty for one of the public root set; ConfigError when they are not there."""
    issuer = open_issuer(manifest.issuers[name], clock)
    if not isinstance(issuer, Anchored):
        return ""
    pem = issuer.anchors_pem()
    if not pem:
        hint = "make the CA first (certops.clm.local_ca), or name a client class under consumers, whose anchors lie elsewhere"
        raise ConfigError("it has no root to prove against", field=f"issuers.{name}", hint=hint)
    return pem


@contextmanager
def open_ledger(manifest: Manifest, clock: Clock, check_mode: bool) -> Iterator[Recorder]:
    """The manifest's ledger, closed at the end; in check mode one that keeps nothing, for nothing happens."""
    if check_mode:
        yield NullLedger()
        return
    folder = str(manifest.ledger["path"])
    with Ledger(folder, str(manifest.ledger.get("writer_id") or default_writer_id(folder)), clock) as ledger:
        yield ledger
