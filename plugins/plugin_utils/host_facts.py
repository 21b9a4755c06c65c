# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of each host: variables and groups, as plain data. Outside strings are not marked here."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.certops.clm.plugins.module_utils.contracts import COULD_NOT_LOOK, SERVED
from ansible_collections.certops.clm.plugins.module_utils.managers import manager_of
from ansible_collections.certops.clm.plugins.module_utils.manifest import LABELS
from ansible_collections.certops.clm.plugins.module_utils.outcome import Reason
from ansible_collections.certops.clm.plugins.module_utils.policy.policy import Policy, check_certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate, rfc3339
from ansible_collections.certops.clm.plugins.plugin_utils.deployments import Judged
from ansible_collections.certops.clm.plugins.plugin_utils.places import Place
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import group_part
from ansible_collections.certops.clm.plugins.plugin_utils.waiting import Timing

MAX_NAMES = 1000
MAX_TEXT = 4096
GROUPS = (
    "clm_due", "clm_waiting", "clm_canary", "clm_managed", "clm_unmanaged", "clm_orphaned", "clm_expired", "clm_weak_key",
    "clm_foreign", "clm_blind",
)  # fmt: skip
NO_LABELS: Dict[str, Any] = {**dict.fromkeys(LABELS, ""), "consumers": []}


def judged_variables(judged: Judged, findings: Sequence[str]) -> Dict[str, Any]:
    """The variables of a deployment of the manifest."""
    wanted = judged.standing.sha256
    return {
        **certificate_variables(judged.served),
        **label_variables(judged.lineage.labels),
        "clm_lineage": judged.lineage.name,
        "clm_deployment": judged.deployment.as_item(),
        "clm_server": judged.deployment.server,
        "clm_answer": judged.answer,
        "clm_detail": judged.detail[:MAX_TEXT],
        "clm_held": judged.held,
        "clm_reason_to_issue": as_data(judged.issue),
        "clm_reason_to_deploy": as_data(judged.deploy),
        "clm_wanted_version": judged.wanted_version or "",
        "clm_wanted_sha256": wanted,
        "clm_next_due": rfc3339(judged.next_due) if judged.next_due else "",
        **window_variables(judged.timing),
        "clm_policy_findings": list(findings),
        "clm_source": "manifest",
        "clm_managed_by": "",
    }


def place_variables(place: Place) -> Dict[str, Any]:
    """The variables of a place that the manifest does not name: the same names, empty where nobody said anything."""
    return {
        **certificate_variables(place.certificate),
        **label_variables(_told_labels(place.found.where)),
        "clm_lineage": place.lineage,
        "clm_deployment": None,
        "clm_server": place.found.server,
        "clm_answer": SERVED if place.chain and not place.orphaned else "",
        "clm_detail": place.found.error[:MAX_TEXT],
        "clm_held": False,
        "clm_reason_to_issue": None,
        "clm_reason_to_deploy": None,
        "clm_wanted_version": "",
        "clm_wanted_sha256": "",
        "clm_next_due": "",
        **window_variables(None),
        "clm_policy_findings": [],
        "clm_source": place.found.source,
        "clm_managed_by": manager_of(place.found.where),
        "clm_where": bounded(place.found.where),
    }


def window_variables(timing: Optional[Timing]) -> Dict[str, str]:
    """Why a change waits and until when, or why its window does not count; empty where none is closed."""
    waits, opens = timing is not None and timing.waits, timing.opens if timing is not None else None
    sentence = timing.sentence if timing is not None else ""
    return {
        "clm_waiting_for": sentence if waits else "",
        "clm_waiting_until": rfc3339(opens) if waits and opens else "",
        "clm_window_override": "" if waits else sentence,
    }


def certificate_variables(certificate: Optional[Certificate]) -> Dict[str, Any]:
    """What is served, empty where nobody saw anything."""
    if certificate is None:
        empty: Dict[str, Any] = dict.fromkeys(("clm_sha256", "clm_not_before", "clm_not_after", "clm_issuer", "clm_key_type"), "")
        return {**empty, "clm_names": []}
    return {
        "clm_sha256": certificate.sha256,
        "clm_not_before": rfc3339(certificate.not_before) if certificate.not_before else "",
        "clm_not_after": rfc3339(certificate.not_after) if certificate.not_after else "",
        "clm_issuer": certificate.issuer[:MAX_TEXT],
        "clm_key_type": certificate.key_type,
        "clm_names": [name[:MAX_TEXT] for name in certificate.names[:MAX_NAMES]],
    }


def label_variables(labels: Dict[str, Any]) -> Dict[str, Any]:
    """Owner and the like, with our prefix."""
    return {f"clm_{key}": value for key, value in labels.items()}


def _told_labels(where: Any) -> Dict[str, Any]:
    """Owner and the like as a source tells them of a place, empty where it does not."""
    told = where.get("labels")
    given = told if isinstance(told, dict) else {}
    return {**NO_LABELS, **{key: str(given[key])[:MAX_TEXT] for key in LABELS if key in given and key != "consumers"}}


def as_data(reason: Optional[Reason]) -> Optional[Dict[str, str]]:
    """A reason as plain data, None when there is none."""
    return reason.as_dict() if reason else None


def bounded(value: Any, depth: int = 4) -> Any:
    """Plain data of a bounded size: long texts are cut, long lists too, and what is nested too deep is left out."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, dict):
        return {str(key)[:200]: bounded(item, depth - 1) for key, item in list(value.items())[:100]} if depth else {}
    if isinstance(value, (list, tuple)):
        return [bounded(item, depth - 1) for item in value[:MAX_NAMES]] if depth else []
    return value if isinstance(value, (int, float, bool)) or value is None else str(value)[:MAX_TEXT]


def certificate_groups(certificate: Optional[Certificate], now: datetime) -> List[str]:
    """The groups that follow from the certificate alone."""
    if certificate is None:
        return []
    groups = [issuer_group(certificate.issuer)] if certificate.issuer else []
    if certificate.not_after is not None and certificate.not_after < now:
        groups.append("clm_expired")
    if is_weak(certificate.key_type):
        groups.append("clm_weak_key")
    return groups


@lru_cache(maxsize=256)
def issuer_group(issuer: str) -> str:
    """The group of what one issuer has signed."""
    return f"clm_issuer_{group_part(issuer)}"


def judged_groups(judged: Judged, policy_groups: Sequence[str], now: datetime) -> List[str]:
    """The groups of a deployment but for clm_due and clm_canary, which have an order of their own."""
    groups = ["clm_managed", *certificate_groups(judged.served, now), *policy_groups]
    if judged.deploy is not None and judged.deploy.word == "foreign":
        groups.append("clm_foreign")
    if judged.answer == COULD_NOT_LOOK or judged.standing.error:
        groups.append("clm_blind")
    return groups


def place_groups(place: Place, now: datetime) -> List[str]:
    """The groups of a place that the manifest does not name."""
    return ["clm_unmanaged", *certificate_groups(place.certificate, now), *(["clm_orphaned"] if place.orphaned else [])]


@lru_cache(maxsize=256)
def is_weak(key_type: str) -> bool:
    """True for keys below 112 bits of strength (NIST SP 800-57 part 1): RSA and DSA below 2048 bits, curves below 224."""
    family, _dash, size = key_type.partition("-")
    if family in ("rsa", "dsa"):
        return not size.isdigit() or int(size) < 2048
    curve = re.search(r"[0-9]+", size)  # p256, secp192r1, sect163k1
    return family == "ecdsa" and curve is not None and int(curve.group()) < 224


def policy_findings(policy: Policy, certificate: Optional[Certificate], now: datetime) -> Dict[str, List[str]]:
    """The findings against what is served by the name of their rules; empty when there are none, or nothing was seen."""
    if certificate is None:
        return {}
    each = {title: check_certificate(Policy(((title, rule),)), certificate, now) for title, rule in policy.rules}
    return {title: found for title, found in each.items() if found}


def policy_group(title: str) -> str:
    """The group of deployments with findings against a preset, or against the manifest's own rules."""
    return "clm_policy_" + "".join(char if char.isalnum() else "_" for char in title.lower())
