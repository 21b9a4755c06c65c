# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A past for a campaign: versions that were current before, and a ledger that says so of days ago."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List

from ansible_collections.certops.clm.plugins.module_utils._ledger_summary import summary
from ansible_collections.certops.clm.plugins.module_utils.flows.issue import Wanted, converge
from ansible_collections.certops.clm.plugins.module_utils.issuers import local_ca
from ansible_collections.certops.clm.plugins.module_utils.ledger import Ledger
from ansible_collections.certops.clm.plugins.module_utils.policy.profile import Profile
from ansible_collections.certops.clm.plugins.module_utils.secret_stores.directory import DirectoryStore
from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign

ADDED = ("seq", "prev", "time", "writer_id")


def now() -> datetime:
    return datetime.now(timezone.utc)


def earlier_versions(campaign: Campaign, lineage: str, count: int) -> None:
    """So many versions, each the current one until the next."""
    place, names = campaign.place, tuple(campaign.manifest["lineages"][lineage]["names"])
    store = DirectoryStore(str(place / "store"), clock=now, owner="tests")
    issuer = local_ca.create({"path": str(place / "ca"), "passphrase_file": str(place / "passphrase")}, now)
    with Ledger(str(place / "ledger"), "tests", now) as ledger:
        for number in range(count):
            wanted = Wanted(lineage, lineage, names, Profile("web", lifetime=90 * 86400), forced=f"earlier {number}")
            outcome = converge([wanted], store=store, issuer=issuer, ledger=ledger, clock=now, run_id="past")[lineage]
            assert outcome.state == "done", outcome


def age(campaign: Campaign, days: float) -> None:
    """Everything that the ledger says happened so many days earlier; its chain is made anew."""
    events = sorted(campaign.events(), key=lambda event: str(event["time"]))
    for path in [*(campaign.place / "second").glob("*.checkpoint"), *campaign.place.glob("*.checkpoint")]:
        path.unlink()  # they would say that the ledger was rewritten, and it is
    for path in (campaign.place / "ledger").glob("*.*"):
        if path.suffix in (".jsonl", ".head"):
            path.unlink()
    when = [now()]
    with Ledger(str(campaign.place / "ledger"), "tests", lambda: when[0]) as ledger:
        for event in events:
            when[0] = datetime.fromisoformat(event["time"].replace("Z", "+00:00")) - timedelta(days=days)
            ledger.append([{name: value for name, value in event.items() if name not in ADDED}])


def anchored(campaign: Campaign) -> bool:
    """Whether a checkpoint covers every line that the playbooks wrote; the past that the tests wrote has none."""
    found = summary(str(campaign.place / "ledger"), [str(campaign.place / "second")])
    written = [one for one in found["chains"] if one["writer_id"] != "tests"]
    return bool(written) and all(one["anchored"] == one["events"] > 0 for one in written)


def states(campaign: Campaign, lineage: str = "shop") -> List[str]:
    return [version["state"] for version in campaign.versions(lineage)]


def revoked(campaign: Campaign) -> Dict[str, str]:
    """Serial in hex -> reason, as openssl reads the CA's CRL."""
    crl = campaign.place / "ca" / "intermediate.crl.pem"
    text = subprocess.run(["openssl", "crl", "-in", str(crl), "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    found: Dict[str, str] = {}
    serial = ""
    for line in (line.strip() for line in text.splitlines()):
        if line.startswith("Serial Number:"):
            serial = line.split(":", 1)[1].strip().lower().lstrip("0")
            found[serial] = ""
        elif serial and not found[serial] and line in ("Superseded", "Cessation Of Operation", "Key Compromise"):
            found[serial] = line
    return found


def serials(campaign: Campaign, lineage: str = "shop") -> List[str]:
    """The serials of all versions, oldest first, by openssl."""
    folder = campaign.place / "store" / "lineages" / lineage / "versions"
    found = []
    for version in sorted(path for path in folder.iterdir() if path.name[0] != "."):
        command = ["openssl", "x509", "-in", str(version / "chain.pem"), "-noout", "-serial"]
        found.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split("=")[1].lower().lstrip("0"))
    return found


def keys(campaign: Campaign, lineage: str = "shop") -> List[bytes]:
    """A line of each private key that lies in the store, oldest first."""
    folder = campaign.place / "store" / "lineages" / lineage / "versions"
    return [path.read_bytes().splitlines()[1] for path in sorted(folder.glob("0*/key.pem"))]


def ended(campaign: Campaign, step: str) -> List[Dict[str, Any]]:
    """The ledger's events of that step."""
    return [event for event in campaign.events() if event.get("step") == step]
