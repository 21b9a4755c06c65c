# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module `local_ca`, and what is wanted by them."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from ..ca_keys import _index as ca_keys
from ..errors import ConfigError
from ..nested import options_of
from ..policy.duration import DAY, duration
from ._local_ca_build import ANY_POLICY, CaProfile, Publishing
from ._local_ca_folder import INTERMEDIATE, ROOT, Folder, passphrase_of
from ._local_ca_setup import BOTH, Setup

KEY_TYPES = (
    "rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87",
)  # fmt: skip
MAX_NAME = 64  # RFC 5280, appendix A.1
OID = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))+")


def _ca_options(key_type: str) -> Dict[str, Any]:
    return {
        "common_name": {"type": "str"},
        "organization": {"type": "str"},
        "country": {"type": "str"},
        "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": key_type, "no_log": False},
        "lifetime": {"type": "str"},
    }


_LISTS: Dict[str, Any] = {name: {"type": "list", "elements": "str", "default": []} for name in ("permitted", "excluded")}
OPTIONS: Dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "part": {"type": "str", "choices": [BOTH, ROOT, INTERMEDIATE], "default": BOTH},
    "passphrase_file": {"type": "path", "no_log": False},
    "passphrase": {"type": "str", "no_log": True},
    "root_passphrase_file": {"type": "path", "no_log": False},
    "root_passphrase": {"type": "str", "no_log": True},
    "root": {"type": "dict", "default": {}, "options": _ca_options("ecdsa-p384")},
    "intermediate": {
        "type": "dict",
        "default": {},
        "options": {**_ca_options("ecdsa-p256"), **_LISTS, "path_length": {"type": "int", "default": 0}},
    },
    "intermediate_key": {"type": "dict", "no_log": False, "provider": (ca_keys.NAMES, ca_keys.options_of)},
    "url": {"type": "str", "default": ""},
    "policy_oid": {"type": "str", "default": ANY_POLICY},
    "crl_lifetime": {"type": "str", "default": "7d"},
    "request": {"type": "path"},
    "certificate": {"type": "path"},
    "root_certificate": {"type": "path"},
}


def setup_of(params: Mapping[str, Any]) -> Setup:
    """What is wanted; ConfigError names the option that is wrong."""
    own = {"passphrase_file": params.get("root_passphrase_file"), "passphrase": params.get("root_passphrase")}
    part = str(params["part"])
    given = bool(params.get("passphrase_file") or params.get("passphrase"))
    root_given = any(own.values())
    held, folder = _held(params), Folder(str(params["path"]))
    if not given and (root_given or part == INTERMEDIATE) and (held or folder.holder(INTERMEDIATE)):
        params, given = {**params, "passphrase": "its key is not kept in the folder"}, True
    root_passphrase = passphrase_of(own, "root_") if root_given else passphrase_of(params)
    return Setup(
        folder=folder,
        root=_profile(params["root"], ROOT),
        intermediate=_profile(params["intermediate"], INTERMEDIATE),
        publishing=Publishing(_url(params["url"]), _oid(params["policy_oid"]), _positive(params["crl_lifetime"], "crl_lifetime")),
        passphrase=passphrase_of(params) if given or part != ROOT else root_passphrase,
        root_passphrase=root_passphrase,
        part=part,
        request=str(params.get("request") or ""),
        certificate=str(params.get("certificate") or ""),
        root_certificate=str(params.get("root_certificate") or ""),
        intermediate_key=held,
    )


def _held(params: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """Which service keeps the intermediate's key, as it is kept in the folder; None when it is a file."""
    if not params.get("intermediate_key"):
        return None
    kind, options = options_of(ca_keys, params["intermediate_key"], "intermediate_key")
    return {"type": kind, **{name: value for name, value in options.items() if value is not None}}


_DEFAULTS: Mapping[str, Tuple[str, int]] = {ROOT: ("Root CA", 3650 * DAY), INTERMEDIATE: ("Issuing CA", 1825 * DAY)}


def _profile(given: Mapping[str, Any], ca: str) -> CaProfile:
    name, lifetime = _DEFAULTS[ca]
    return CaProfile(
        common_name=_text(given.get("common_name") or name, f"{ca}.common_name"),
        organization=_text(given.get("organization") or "", f"{ca}.organization"),
        country=_country(given.get("country") or "", f"{ca}.country"),
        key_type=str(given.get("key_type") or ("ecdsa-p384" if ca == ROOT else "ecdsa-p256")),
        lifetime=_positive(given["lifetime"], f"{ca}.lifetime") if given.get("lifetime") else lifetime,
        path_length=_path_length(given.get("path_length") or 0, f"{ca}.path_length") if ca == INTERMEDIATE else None,
        permitted=tuple(given.get("permitted") or ()),
        excluded=tuple(given.get("excluded") or ()),
    )


def _text(value: Any, field: str) -> str:
    text = str(value)
    if len(text) > MAX_NAME or not text.isprintable() or text != text.strip():
        raise ConfigError(f"at most {MAX_NAME} printable characters are needed, and no space around them", field=field)
    return text


def _country(value: Any, field: str) -> str:
    if value and not re.fullmatch("[A-Za-z]{2}", str(value)):
        raise ConfigError("a country is its two letters, such as DE", field=field)
    return str(value)


def _path_length(value: Any, field: str) -> int:
    if int(value) < 0:
        raise ConfigError("how many CAs may follow below it is a number from 0 up", field=field)
    return int(value)


def _oid(value: Any) -> str:
    if len(str(value)) > 100 or not OID.fullmatch(str(value)):
        raise ConfigError(f"{str(value)[:40]!r} is no object identifier, such as {ANY_POLICY}", field="policy_oid")
    return str(value)


def _positive(value: Any, field: str) -> int:
    seconds = duration(value, field)
    if seconds < 60:
        raise ConfigError("a lifetime below a minute is of no use", field=field)
    return seconds


def _url(value: Any) -> str:
    url = str(value or "").rstrip("/")
    if url and (not url.startswith("http://") or not url.isascii() or any(c.isspace() for c in url)):
        raise ConfigError(f"{url[:80]!r} is no http:// URL", field="url", hint="CRLs are fetched over plain HTTP: they are signed")
    return url
