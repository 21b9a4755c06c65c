# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and requests that are made on the managed host by its openssl (key_origin host): only the request leaves.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from .. import commands, files
from ..errors import ClmError, ConfigError
from ..masking import Secret
from ..x509 import pem
from ._server_state import State
from ._server_where import texts_of

KEY_TYPES: Mapping[str, Tuple[str, ...]] = {
    "rsa-2048": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
    "rsa-3072": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
    "rsa-4096": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"),
    "ecdsa-p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"),
    "ecdsa-p384": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"),
    "ecdsa-p521": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-pkeyopt", "ec_param_enc:named_curve"),
    "ed25519": ("-algorithm", "ED25519"),
    "ml-dsa-44": ("-algorithm", "ML-DSA-44"),
    "ml-dsa-65": ("-algorithm", "ML-DSA-65"),
    "ml-dsa-87": ("-algorithm", "ML-DSA-87"),
}
MAX_NAMES = 1000
_LDH = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")


def checked_names(names: Sequence[Any]) -> List[str]:
    """The names as they may stand in a configuration: LDH host names (a wildcard only leftmost) or addresses, else ConfigError."""
    if isinstance(names, str) or not 0 < len(names) <= MAX_NAMES:
        raise ConfigError(f"1 to {MAX_NAMES} names belong here", field="request.names")
    checked = []
    for name in names:
        if isinstance(name, str) and "%" in name:  # an address with a scope id may hold anything behind it, line ends too
            raise ConfigError(f"{name[:100]!r} is neither a host name in ASCII nor an address", field="request.names")
        try:
            checked.append(str(ipaddress.ip_address(name)) if isinstance(name, str) else "")
            continue
        except ValueError:
            pass
        lower = name.lower()
        if len(lower) > 253 or not _LDH.match(lower):
            raise ConfigError(f"{name[:100]!r} is neither a host name in ASCII nor an address", field="request.names")
        checked.append(lower)
    if "" in checked:
        raise ConfigError("a name is text", field="request.names")
    return list(dict.fromkeys(checked))


def configuration(names: Sequence[str], common_name: str) -> bytes:
    """The openssl configuration of a request for these names; `names` were checked."""
    lines = ["[req]", "prompt = no", "distinguished_name = dn", "req_extensions = extensions", "string_mask = utf8only", "[dn]"]
    lines += [f"CN = {common_name}"] if common_name else []
    lines += ["[extensions]", "subjectAltName = @names", "[names]"]
    for number, name in enumerate(names, 1):
        kind = "IP" if ":" in name or re.fullmatch(r"[0-9.]+", name) else "DNS"
        lines.append(f"{kind}.{number} = {name}")
    return "\n".join([*lines, ""]).encode("ascii")


class Requests:
    """Makes keys and requests with one openssl command."""

    def __init__(self, state: State, openssl: str = "openssl", seconds: float = 60.0) -> None:
        self.state, self.openssl, self.seconds = state, openssl, seconds

    def _openssl(self, *words: str, data: bytes = b"") -> bytes:
        """What the command printed; a key only ever goes through its pipes."""
        done = commands.pipe([self.openssl, *words], self.seconds, data)
        if done.code != 0:
            text = " ".join(done.errors.decode("utf-8", "replace").split())[:400]
            raise ClmError(f"openssl {words[0]} ended with {done.code}: {text}")
        return done.output

    def pending(self, deployment: str, wanted: Mapping[str, Any], used: str) -> Dict[str, Any]:
        """The request that was made for the same before and whose key is not the `used` one; empty when there is none."""
        found = self.state.request(deployment)
        spki_sha256 = str(found.get("spki_sha256", ""))
        same = all(found.get(name) == value for name, value in wanted.items())
        fresh = bool(found) and same and spki_sha256 != used and self.state.made_key(deployment, spki_sha256) is not None
        return found if fresh else {}

    def make(self, deployment: str, wanted: Mapping[str, Any]) -> Dict[str, Any]:
        """A new key, durable before anything else, and its request; `wanted` has names, key_type and common_name."""
        key = Secret(self._openssl("genpkey", *KEY_TYPES[str(wanted["key_type"])], "-outform", "PEM"))
        public = self._openssl("pkey", "-pubout", "-outform", "DER", data=key.reveal())
        path = self.state.keep_key(deployment, pem.sha256(public), key)
        configured = os.path.join(self.state.path, "staged", f"{deployment}-{secrets.token_hex(8)}.cnf")
        try:
            files.write(configured, configuration(wanted["names"], str(wanted["common_name"])), mode=0o600)
            subject = () if wanted["common_name"] else ("-subj", "/")
            csr = self._openssl("req", "-new", "-utf8", "-key", path, "-config", configured, *subject, "-outform", "PEM")
        finally:
            files.remove(configured)
        block = pem.split(csr, allow=(pem.REQUEST,), limit=1)[0]
        made = {**wanted, "spki_sha256": pem.sha256(public), "csr_pem": pem.encode(pem.REQUEST, block.der)}
        self.state.write_request(deployment, made)
        return made


def wanted_of(request: Mapping[str, Any]) -> Dict[str, Any]:
    """Names, key type and common name of an item's `request`, checked."""
    key_type = request.get("key_type") or "ecdsa-p256"
    if not isinstance(key_type, str) or key_type not in KEY_TYPES:
        raise ConfigError(f"unknown key type {key_type!r}", field="request.key_type", hint="one of " + ", ".join(KEY_TYPES))
    names = checked_names(texts_of(request, "names"))
    common_name = str(request.get("common_name") or "").lower()
    if common_name and common_name not in names:
        raise ConfigError("the common name is not among the names", field="request.common_name")
    return {"names": names, "key_type": key_type, "common_name": common_name}
