# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is allowed: dated presets and the user's own rules, all of which must hold. Pure: no clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ..errors import ConfigError
from ..x509._show import plain
from ..x509.certificate import Certificate
from .duration import duration, in_words
from .presets import _index as presets
from .profile import Profile, allows_name

OWN = "own rules"
_LISTS = ("key_types", "signatures_refused", "usages_required", "usages_allowed", "suffixes_refused", "labels_required")
_FLAGS = ("common_name_in_names", "serial_checked", "reuse_key_refused")
_DURATIONS = ("lifetime", "lifetime_advised", "crl_above", "renew_before")


@dataclass(frozen=True)
class Policy:
    """Rules by the name of their preset; the strictest one wins because each must hold. `renew_before` in seconds, 0: a share."""

    rules: Tuple[Tuple[str, Mapping[str, Any]], ...] = ()
    renew_before: int = 0

    @classmethod
    def load(cls, names: Sequence[str], overrides: Optional[Mapping[str, Any]] = None) -> Policy:
        """The policy of these presets and, beside them, the user's own rules; ConfigError for an unknown preset or field."""
        rules = [(name, presets.load(name)) for name in dict.fromkeys(names)]
        own = _own(overrides or {})
        renew_before = int(own.pop("renew_before", 0))
        return cls(tuple([*rules, (OWN, own)] if own else rules), renew_before)

    @property
    def names(self) -> Tuple[str, ...]:
        """The names of the rules, for groups and reports."""
        return tuple(name for name, _rule in self.rules)


def _own(data: Mapping[str, Any]) -> dict[str, Any]:
    """The user's rules in the presets' shape."""
    rule: dict[str, Any] = {}
    for name, value in data.items():
        field = f"policy.{name}"
        if name in _DURATIONS:
            rule[name] = duration(value, field)
        elif name in _FLAGS and isinstance(value, bool):
            rule[name] = value
        elif name in _LISTS and isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
            rule[name] = [str(one) for one in value]
        elif name in _FLAGS + _LISTS:
            raise ConfigError("true or false is needed" if name in _FLAGS else "a list of texts is needed", field=field)
        else:
            raise ConfigError(f"unknown rule {str(name)[:40]!r}", hint=f"known: {', '.join(_DURATIONS + _FLAGS + _LISTS)}", field="policy")
    if "lifetime" in rule:
        rule["lifetimes"] = [{"from": "0001-01-01", "seconds": rule.pop("lifetime")}]
    return rule


def check_request(
    policy: Policy, profile: Profile, names: Sequence[str], when: datetime, labels: Optional[Mapping[str, Any]] = None
) -> List[str]:
    """Every finding against a request made now, one sentence each; empty when it is allowed.

    `names` are canonical (`check_names`). `labels` None: owner and the like are not judged.
    """
    findings = [f"profile {profile.name}: the name {name} is not allowed" for name in names if not allows_name(profile.names_allowed, name)]
    if not names:
        findings.append(f"profile {profile.name}: there is no name")
    not_before, _not_after = profile.validity(when)
    for title, rule in policy.rules:
        found = _lifetime(rule, not_before, profile.lifetime) + _key(rule, profile.key_type)
        found += _usages(rule, profile.usages) + _suffixes(rule, names)
        if profile.reuse_key and rule.get("reuse_key_refused"):
            found.append("a key is not used again for the next certificate")
        if labels is not None:
            found += [f"the field {one} is missing" for one in rule.get("labels_required", ()) if not labels.get(one)]
        findings += [f"{title}: {one}" for one in found]
    return findings


def check_certificate(policy: Policy, certificate: Certificate, when: datetime, *, by_renewal: bool = False) -> List[str]:
    """Every finding against a certificate, one sentence each; empty when it is as the policy wants it.

    The lifetime is judged by the certificate's own notBefore, `when` is used only where that cannot be read.
    `by_renewal`: only what a new request mends (key, signature, lifetime, usages), so that what a CA always does, a missing
    CRL pointer for one, never makes a certificate due again and again.
    """
    findings: List[str] = []
    if not by_renewal and certificate.malformed:
        findings.append(f"malformed: {'; '.join(certificate.malformed)}")
    for title, rule in policy.rules:
        found = _key(rule, certificate.key_type) + _signature(rule, certificate)
        if certificate.not_before is not None and certificate.not_after is not None:
            found += _lifetime(rule, certificate.not_before, validity_seconds(certificate))
        else:
            found += _lifetime(rule, when, 0)
        found += _usages(rule, certificate.extended_key_usage)
        if not by_renewal:
            found += _shape(rule, certificate) + _suffixes(rule, certificate.names)
        findings += [f"{title}: {one}" for one in found]
    return findings


def advise(policy: Policy, key_type: str, lifetime: int, not_after: datetime) -> List[str]:
    """What is allowed today but better not done, one sentence each."""
    advice: List[str] = []
    for title, rule in policy.rules:
        advised = rule.get("lifetime_advised")
        if advised and lifetime > advised:
            advice.append(f"{title}: a lifetime of at most {in_words(advised)} is advised")
        end = rule.get("deprecated_after")
        if end and key_type in end["key_types"] and not_after.date() > date.fromisoformat(end["date"]):
            advice.append(f"{title}: {key_type} is deprecated after {end['date']}, and this certificate lives longer")
    return advice


def validity_seconds(certificate: Certificate) -> int:
    """The whole validity in seconds with its first and its last second counted; 0 when the dates cannot be read."""
    if certificate.not_before is None or certificate.not_after is None:
        return 0
    return int((certificate.not_after - certificate.not_before) / timedelta(seconds=1)) + 1


def lifetime_limit(rule: Mapping[str, Any], not_before: datetime) -> Optional[int]:
    """The most seconds that a certificate issued then may live by one rule; None when it has no limit."""
    day = not_before.date().isoformat()
    limits = [int(one["seconds"]) for one in rule.get("lifetimes", ()) if one["from"] <= day]
    return limits[-1] if limits else None


def _lifetime(rule: Mapping[str, Any], not_before: datetime, seconds: int) -> List[str]:
    limit = lifetime_limit(rule, not_before)
    if limit is None or 0 < seconds <= limit:
        return []
    if seconds <= 0:
        return ["the validity is empty or cannot be read"]
    issued = not_before.date().isoformat()
    return [f"a lifetime of {in_words(seconds)} is above the {in_words(limit)} allowed for certificates issued on {issued}"]


def _key(rule: Mapping[str, Any], key_type: str) -> List[str]:
    allowed = rule.get("key_types")
    if allowed is None or any(_is_key(one, key_type) for one in allowed):
        return []
    return [f"a key of type {key_type} is not allowed ({', '.join(allowed)})"]


def _is_key(pattern: str, key_type: str) -> bool:
    if not pattern.startswith("rsa>="):
        return pattern == key_type
    bits = key_type[4:] if key_type.startswith("rsa-") else ""
    return bits.isdigit() and int(bits) >= int(pattern[5:]) and int(bits) % 8 == 0


def _signature(rule: Mapping[str, Any], certificate: Certificate) -> List[str]:
    refused = certificate.signature in rule.get("signatures_refused", ())
    return [f"a signature with {certificate.signature} is not allowed"] if refused else []


def _usages(rule: Mapping[str, Any], usages: Sequence[str]) -> List[str]:
    found = [f"the usage {one} is missing" for one in rule.get("usages_required", ()) if one not in usages]
    allowed = rule.get("usages_allowed")
    return found + [f"the usage {one} is not allowed" for one in usages if allowed is not None and one not in allowed]


def _suffixes(rule: Mapping[str, Any], names: Sequence[str]) -> List[str]:
    refused = tuple(rule.get("suffixes_refused", ()))
    return [f"the name {plain(name)} is in a zone that is not allowed" for name in names if refused and name.lower().endswith(refused)]


def _shape(rule: Mapping[str, Any], certificate: Certificate) -> List[str]:
    """What only the CA decides."""
    found: List[str] = []
    common = certificate.common_name.lower()
    if rule.get("common_name_in_names"):
        if not certificate.names:
            found.append("there are no subject alternative names")
        elif common and common not in [name.lower() for name in certificate.names]:
            found.append("the common name is not among the names")
    serial = certificate.serial
    if rule.get("serial_checked") and (serial.startswith("-") or serial in ("", "0") or len(serial) > 40):
        found.append("the serial number is not a positive number of at most 20 octets")
    above = rule.get("crl_above")
    if above is not None and validity_seconds(certificate) > above and not certificate.crl_urls:
        found.append(f"there is no CRL pointer, and it lives longer than {in_words(above)}")
    return found
