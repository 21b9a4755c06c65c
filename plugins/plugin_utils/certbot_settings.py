# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certbot's renewal settings in the words of this collection, and in plain sentences what of them has no counterpart."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.plugin_utils.proposals import UNDECIDED

WEBROOT, RESPONDER, DNS = "http_01_webroot", "http_01", "dns_01_rfc2136"
ON_SERVER = ("standalone", "nginx", "apache")
ELSEWHERE = "it runs on the controller: forward /.well-known/acme-challenge/ of these names to it"


def as_challenge(row: Mapping[str, Any], settings: Mapping[str, str]) -> Tuple[Dict[str, Any], List[str]]:
    """(the challenge that does what certbot's authenticator did, what is to be said of it)."""
    name = settings.get("authenticator", "")
    if name == "webroot":
        return _webroot(row, settings)
    if name == "dns-rfc2136":
        return _rfc2136(row)
    if name in ON_SERVER:
        said = f"certbot answered for its names on the server itself ({name}); the responder of http_01 does not, {ELSEWHERE}"
        return {"type": RESPONDER}, [said]
    said = f"certbot's authenticator {name or 'is not named and'} has no counterpart: choose a challenge, or delegate the"
    return {"type": UNDECIDED}, [f"{said} _acme-challenge names by CNAME to a zone that takes dynamic updates ({DNS})"]


def _webroot(row: Mapping[str, Any], settings: Mapping[str, str]) -> Tuple[Dict[str, Any], List[str]]:
    given = row.get("webroots")
    roots = sorted({str(root) for root in given.values()}) if isinstance(given, Mapping) else []
    roots = roots or [settings.get("webroot_path", "").rstrip(",").split(",")[0].strip()]
    notes = [f"certbot has a folder for each name ({', '.join(roots[:5])}), and this challenge one for all"] if len(roots) > 1 else []
    return {"type": WEBROOT, "root": roots[0] or f"/{UNDECIDED}"}, notes


def _rfc2136(row: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    given = row.get("rfc2136")
    found = {str(key): str(value) for key, value in given.items()} if isinstance(given, Mapping) else {}
    server = found.get("server") or UNDECIDED
    challenge = {
        "type": DNS,
        "server": f"{f'[{server}]' if ':' in server else server}:{found['port']}" if "port" in found else server,
        "tsig_name": found.get("name", UNDECIDED).rstrip("."),
        "tsig_algorithm": found.get("algorithm", "HMAC-MD5").lower(),
        "tsig_key_file": UNDECIDED,
    }
    notes = ["the TSIG key stays where it is: put it into a file of the controller, and name that as tsig_key_file"]
    if challenge["tsig_algorithm"] == "hmac-md5":
        challenge["tsig_algorithm"] = "hmac-sha256"
        notes.append("certbot signs its updates by hmac-md5, which is not taken here: make a key for hmac-sha256")
    return challenge, notes


def notes_of(row: Mapping[str, Any], settings: Mapping[str, str], certificate: Certificate) -> List[str]:
    """What a person has to look at, one sentence each."""
    notes: List[str] = []
    hooks = row.get("hooks")
    for kind, program in sorted(hooks.items()) if isinstance(hooks, Mapping) else ():
        notes.append(f"certbot runs {program} as {kind}: what it does is to be done by the deployment's reload or by the user's gate")
    for path in _texts(row.get("hook_files")):
        notes.append(f"certbot runs {path} for every lineage: see whether the deployment's reload does what it did")
    for name in _texts(row.get("unknown")):
        notes.append(f"certbot's setting {name} is not known here and was not taken over")
    if settings.get("must_staple") == "True":
        notes.append("certbot asked for OCSP must-staple, which is not asked for here")
    if settings.get("autorenew") == "False":
        notes.append("certbot was told not to renew it (autorenew), and this collection will")
    wanted = _key_type(settings)
    if wanted and wanted != certificate.key_type:
        notes.append(f"its key is {certificate.key_type}, and certbot would ask for {wanted} the next time")
    if settings.get("installer", "None") not in ("None", "nginx", "apache"):
        notes.append(f"certbot's installer {settings['installer']} has no counterpart: say how the server is told")
    return notes


def _key_type(settings: Mapping[str, str]) -> str:
    """In our words, empty where certbot's settings do not say it."""
    if settings.get("key_type") == "rsa":
        return f"rsa-{settings.get('rsa_key_size') or 2048}"
    curves = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384", "secp521r1": "ecdsa-p521"}
    return curves.get(settings.get("elliptic_curve") or "secp256r1", "") if settings.get("key_type") else ""


def _texts(value: Any) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
