# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which page of the documentation tells somebody who was woken up what to do. Standard library only: this file travels to managed hosts."""

from __future__ import annotations

PAGES = (
    "blind", "busy", "compromised", "deploy", "ending", "expired", "foreign", "issuer", "ledger", "refused", "rolled_back", "store",
    "unproven", "window",
)  # fmt: skip
FOLDER = "docs/docsite/rst/runbook_"

# What an error named by itself is kept from step to step; every other page is found by how the item ended, and where.
NAMED = frozenset({"blind", "busy", "compromised", "deploy", "ledger", "refused", "store"})
BY_STATE = {"rolled_back": "rolled_back", "unproven": "unproven", "pending": "issuer"}
DEFERRED = {"plan": "window", "break_glass": "ledger", "adopt": "foreign", "import": "foreign"}
FAILED = {
    "plan": "refused",
    "promote": "refused",
    "adopt": "refused",
    "import": "refused",
    "setup": "refused",
    "crl": "refused",
    "issue": "issuer",
    "account": "issuer",
    "standby": "issuer",
    "observe": "blind",
    "break_glass": "ledger",
    "record": "store",
    "unbind": "ending",
    "begin": "ending",
    "retire": "ending",
    "lift": "ending",
    "cleanup": "ending",
    "revoke": "ending",
}
DEAD = ("compromised", "revoked")  # reasons to issue for which a delay is a danger by itself


def page_of(state: str, step: str, reason: str = "", named: str = "") -> str:
    """The page for an item that ended so, empty for one that did not go wrong. `named` is the page that its error named, if any."""
    if state in BY_STATE:
        return path_of(BY_STATE[state])
    if state not in ("failed", "deferred"):
        return ""
    if name_of(named) in NAMED:
        return named
    if state == "deferred":
        return path_of(DEFERRED.get(step, "issuer"))
    if step == "issue" and reason in DEAD:
        return path_of("compromised")
    return path_of(FAILED.get(step, "deploy"))  # every other step is a server's or a proof's


def path_of(name: str) -> str:
    """The page's path inside of the collection."""
    return f"{FOLDER}{name}.rst"


def name_of(path: str) -> str:
    """The page's name, empty when there is no such page."""
    name = path[len(FOLDER) : -len(".rst")] if path.startswith(FOLDER) and path.endswith(".rst") else ""
    return name if name in PAGES else ""
