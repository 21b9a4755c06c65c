# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of one server's certbot goes into the secret store of a manifest: certificates with their keys, and accounts."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.certops.clm.plugins.module_utils.edge import utc_now
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.flows.take_in import STEP, Offer, judged, take_in
from ansible_collections.certops.clm.plugins.module_utils.issuers import _acme_taken as accounts
from ansible_collections.certops.clm.plugins.module_utils.issuers.acme import identity_of
from ansible_collections.certops.clm.plugins.module_utils.manifest import Manifest
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.outcome import PLANNED, Outcome, failed
from ansible_collections.certops.clm.plugins.plugin_utils import certbot
from ansible_collections.certops.clm.plugins.plugin_utils.pausing import shown
from ansible_collections.certops.clm.plugins.plugin_utils.wave.context import open_ledger, open_store, refuse_ephemeral_places

Outcomes = Dict[str, Outcome]


class Taking:
    """One server's part; nothing is asked of it before `take`."""

    def __init__(self, manifest: Manifest, read: Mapping[str, Any], server: str, take: Sequence[Mapping[str, str]], accounts: bool) -> None:
        self._manifest = manifest
        self._server = server
        self._store = open_store(manifest.secret_store, utc_now)
        self._rows = {str(row["name"]): row for _server, row in certbot.kept({server: read})}
        self._problems: Outcomes = {}
        self._names: Dict[str, str] = {}
        self._offers: List[Offer] = []
        for one in take:
            self._offer(one["name"], one["lineage"])
        self._accounts = self._asked_accounts() if accounts else {}

    def _offer(self, name: str, lineage: str) -> None:
        row = self._rows.get(name)
        try:
            if lineage not in self._manifest.lineages:
                raise NotFoundError("the manifest has no such lineage", field=lineage)
            if row is None or not row.get("chain_pem"):
                said = (row or {}).get("error") or "certbot has no such lineage"
                raise NotFoundError(f"{self._server}: {name}: {said}", hint="run certbot certificates on the server", field=lineage)
        except ClmError as error:
            self._problems[lineage] = failed(STEP, error)
            return
        wanted = self._manifest.lineages[lineage]
        issuer = identity_of(str((row.get("settings") or {}).get("server") or ""))
        chain = "".join(str(one) for one in row["chain_pem"])
        self._names[lineage] = name
        self._offers.append(Offer(lineage, chain, f"certbot on {self._server}", issuer, self._manifest.profile_of(wanted), wanted.labels))

    def _asked_accounts(self) -> Dict[str, Dict[str, str]]:
        """By an id the accounts of what is taken, each with the name that an issuer of the manifest gives it."""
        found: Dict[str, Dict[str, str]] = {}
        rows = [self._rows[name].get("account") or {} for name in self._names.values()]
        for options in self._manifest.issuers.values():
            name = str(options.get("account") or "default")
            for row in rows:
                if options["type"] == certbot.ACME and row.get("server") == options.get("directory"):
                    key = f"account {name} at {row['server']}"
                    found.setdefault(key, {"server": row["server"], "account": row["id"], "uri": row["uri"], "name": name})
        return found

    def planned(self) -> Outcomes:
        """What would become of each; it reads the store alone."""
        found = {**self._problems, **judged(self._offers, self._store)}
        for key, one in self._accounts.items():
            found[key] = accounts.judged(self._store, one["server"], one["name"], one["uri"])
        return found

    def wanted(self, outcomes: Outcomes) -> List[Dict[str, str]]:
        """The keys that the server is asked for."""
        names = [{"id": lineage, "name": name} for lineage, name in self._names.items() if outcomes[lineage].state == PLANNED]
        asked = [{"id": key, "server": one["server"], "account": one["account"]} for key, one in self._accounts.items()]
        return names + [one for one in asked if outcomes[one["id"]].state == PLANNED]

    def take(self, key: Callable[[str], Secret], run_id: str) -> Outcomes:
        """What became of each, durably; `key` gives the key of an id of `wanted`."""
        refuse_ephemeral_places(self._manifest, utc_now)
        with open_ledger(self._manifest, utc_now, False) as ledger:
            done = take_in(self._offers, key, store=self._store, ledger=ledger, clock=utc_now, run_id=run_id, pause=shown())
        for name, one in self._accounts.items():
            try:
                if accounts.judged(self._store, one["server"], one["name"], one["uri"]).state == PLANNED:
                    done[name] = accounts.keep(self._store, one["server"], one["name"], key(name), one["uri"], shown())
            except ClmError as error:
                done[name] = failed(STEP, error)
        return done
