# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why ACM did not issue, and what a person does about it (https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html)."""

from __future__ import annotations

from typing import Any, Mapping

from ..errors import ConfigError

HINTS: Mapping[str, str] = {
    "CAA_ERROR": "let the CAA records of every name allow amazon.com with issue, and with issuewild for a wildcard; then run again",
    "DOMAIN_VALIDATION_DENIED": "see that the CNAME records of every name can be resolved from everywhere; then run again",
    "DOMAIN_NOT_ALLOWED": "the CA refuses one of the names, as one that somebody reported: ask AWS Support, or leave it out",
    "ADDITIONAL_VERIFICATION_REQUIRED": "AWS wants to know more of a name that looks like a known one: open a case with AWS Support",
    "INVALID_PUBLIC_DOMAIN": "one of the names is under no public suffix: leave it out, or ask a private CA for it",
}
TIMED_OUT = "have the CNAME records in the DNS within 72 hours after the request; then run again, which asks anew"
OTHER = "look at the certificate in the ACM console; then run again, which asks anew"


def failure(detail: Mapping[str, Any]) -> ConfigError:
    """The error for a certificate of ACM that will not be issued any more."""
    status, reason = str(detail.get("Status")), str(detail.get("FailureReason") or "")
    hint = TIMED_OUT if status == "VALIDATION_TIMED_OUT" else HINTS.get(reason, OTHER)
    refused = [str(one.get("DomainName")) for one in detail.get("DomainValidationOptions") or () if one.get("ValidationStatus") == "FAILED"]
    names = f" for {', '.join(refused[:5])}" if refused else ""
    text = f"ACM has not issued {detail.get('CertificateArn')}: {status}{f' with {reason}' if reason else ''}{names}"
    return ConfigError(text, hint=hint, runbook="issuer")
