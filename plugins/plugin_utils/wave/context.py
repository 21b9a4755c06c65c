# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening what a plan or a manifest names: secret store, issuers, ledger."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Union

from ansible_collections.certops.clm.plugins.module_utils._ledger_session import Session, opened
from ansible_collections.certops.clm.plugins.module_utils.contracts import Anchored, Clock, Issuer, SecretStore
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, about
from ansible_collections.certops.clm.plugins.module_utils.issuers import _index as issuers
from ansible_collections.certops.clm.plugins.module_utils.lasting import refuse_ephemeral
from ansible_collections.certops.clm.plugins.module_utils.ledger import NullLedger
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index as secret_stores
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._powers import Lasting, Sharing
from ansible_collections.certops.clm.plugins.plugin_utils.edge import provider_options


def open_store(options: Mapping[str, Any], clock: Clock) -> SecretStore:
    """The secret store that {type: ...} names."""
    with about("store"):
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


def refuse_ephemeral_places(manifest: Manifest, clock: Clock) -> None:
    """ConfigError when store or ledger end with this run and nobody said that this is meant: the next run would know of nothing."""
    store = open_store(manifest.secret_store, clock)
    if isinstance(store, Lasting):
        store.refuse_ephemeral()
    if not manifest.ledger.get("allow_ephemeral"):
        refuse_ephemeral(str(manifest.ledger["path"]), "ledger")


def refuse_unshared_store(manifest: Manifest, clock: Clock) -> None:
    """ConfigError when the other slices of the run would not see this one's store."""
    store = open_store(manifest.secret_store, clock)
    if isinstance(store, Sharing):
        store.refuse_unshared()


@contextmanager
def open_ledger(manifest: Manifest, clock: Clock, check_mode: bool, *, checkpoint: bool = False) -> Iterator[Union[Session, NullLedger]]:
    """The manifest's ledger, closed at the end; in check mode one that keeps nothing, for nothing happens.

    With `checkpoint` it ends with one; what hinders that is in its problems, and the run's last play fails for it.
    """
    if check_mode:
        yield NullLedger()
        return
    with opened(manifest.ledger, manifest.secret_store, clock, checkpoint=checkpoint) as ledger:
        yield ledger
