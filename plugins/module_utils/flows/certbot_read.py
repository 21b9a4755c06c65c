# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What certbot keeps on a managed host: lineages, their renewal settings and accounts. Read, never written; a key leaves it sealed only.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import urlsplit

from .. import commands
from ..errors import ClmError, ConfigError, NotFoundError
from ..server_kinds._read import read_chain, read_file, text_of
from ..x509 import pem

MAX_LINEAGES, MAX_FOUND = 2000, 100
MAX_CONF, MAX_KEY = 256 * 1024, 64 * 1024
SECONDS = 30
NAME = re.compile(r"[A-Za-z0-9*_][A-Za-z0-9*_.@+-]{0,252}\Z")
ACCOUNT = re.compile(r"[0-9a-f]{1,64}\Z")
HOOKS = ("pre_hook", "post_hook", "renew_hook", "deploy_hook", "manual_auth_hook", "manual_cleanup_hook")
# Settings whose values are told; of any other only the name is, for a plugin may keep a secret there.
TOLD = (
    "account", "server", "authenticator", "installer", "key_type", "rsa_key_size", "elliptic_curve", "reuse_key", "preferred_chain",
    "must_staple", "webroot_path", "autorenew", "preferred_profile", "required_profile",
)  # fmt: skip
QUIET = ("version", "archive_dir", "cert", "privkey", "chain", "fullchain", "http01_port", "http01_address", "config_dir", "work_dir",
         "logs_dir", "dns_rfc2136_credentials", "dns_rfc2136_propagation_seconds", "pref_challs", "renew_before_expiry")  # fmt: skip
RFC2136 = ("server", "port", "name", "algorithm")


def read_all(folder: str) -> Dict[str, Any]:
    """`lineages`, `hook_files` and `errors`; all empty where certbot was never used, and what cannot be read is an error of its own."""
    found: Dict[str, Any] = {"lineages": [], "hook_files": _hook_files(folder), "errors": []}
    try:
        names = sorted(entry.name[:-5] for entry in os.scandir(os.path.join(folder, "renewal")) if entry.name.endswith(".conf"))
    except FileNotFoundError:
        return found
    except OSError as error:
        return {**found, "errors": [f"{folder}/renewal: {error.strerror}"]}
    for name in names[:MAX_LINEAGES]:
        if NAME.match(name) and ".." not in name:
            found["lineages"].append(_lineage(folder, name))
        else:
            found["errors"].append(f"{folder}/renewal: {name[:80]!r} is no name of a lineage")
    if len(names) > MAX_LINEAGES:
        found["errors"].append(f"more than {MAX_LINEAGES} lineages, the rest was left out")
    return found


def _lineage(folder: str, name: str) -> Dict[str, Any]:
    live = os.path.join(folder, "live", name)
    chain, error = read_chain(os.path.join(live, "fullchain.pem"))
    record: Dict[str, Any] = {"name": name, "folder": live, "settings": {}, "webroots": {}, "rfc2136": {}, "hooks": {}, "unknown": []}
    try:
        settings, webroots = parse(text_of(read_file(os.path.join(folder, "renewal", f"{name}.conf"), MAX_CONF)))
        record.update(
            settings={key: value for key, value in settings.items() if key in TOLD},
            webroots=webroots,
            hooks={key: (value.split() or [""])[0] for key, value in settings.items() if key in HOOKS and value not in ("", "None")},
            unknown=sorted(key for key in settings if key not in (*TOLD, *HOOKS, *QUIET))[:MAX_FOUND],
            rfc2136=_rfc2136(settings.get("dns_rfc2136_credentials", "")),
            account=_account(folder, settings),
        )
    except OSError as problem:
        error = error or f"{folder}/renewal/{name}.conf: {problem.strerror or problem}"
    sha256 = pem.sha256(chain[0]) if chain else ""
    return {**record, "sha256": sha256, "chain_pem": [pem.encode(pem.CERTIFICATE, der) for der in chain], "error": error}


def parse(text: str) -> Tuple[Dict[str, str], Dict[str, str]]:
    """(the settings, the folder of each name in `webroot_map`) of a renewal configuration; a quoted value is without its quotes."""
    settings: Dict[str, str] = {}
    webroots: Dict[str, str] = {}
    inside = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            inside = line.strip("[] ")
            continue
        key, sign, value = (part.strip() for part in line.partition("="))
        if not sign or line.startswith("#"):
            continue
        value = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
        where = webroots if inside == "webroot_map" else settings
        if len(where) < MAX_FOUND:
            where[key[:255]] = value[:1000]
    return settings, webroots


def _rfc2136(path: str) -> Dict[str, str]:
    """What of the plugin's credentials is no secret: its own is dropped before anything looks at it."""
    if not path.startswith("/"):
        return {}
    try:
        settings, _none = parse(text_of(read_file(path, MAX_CONF)))
    except OSError:
        return {}
    return {name: settings[f"dns_rfc2136_{name}"] for name in RFC2136 if settings.get(f"dns_rfc2136_{name}")}


def _account(folder: str, settings: Mapping[str, str]) -> Dict[str, str]:
    """The account of these settings, with the URL that its CA gave it; empty where there is none here."""
    place = _account_folder(folder, settings.get("server", ""), settings.get("account", ""))
    try:
        data = json.loads(read_file(os.path.join(place, "regr.json"), MAX_CONF)) if place else {}
    except (OSError, ValueError, RecursionError):
        return {}
    uri = data.get("uri") if isinstance(data, dict) else None
    return {"server": settings["server"], "id": settings["account"], "uri": uri[:1000]} if isinstance(uri, str) else {}


def _account_folder(folder: str, server: str, account: str) -> str:
    """certbot keeps an account below the CA's host and path; empty for one that is no name."""
    try:
        parts = urlsplit(server)
    except ValueError:
        return ""
    below = [part for part in parts.path.split("/") if part]
    if not ACCOUNT.match(account) or ".." in (parts.netloc, *below) or not parts.netloc:
        return ""
    return os.path.join(folder, "accounts", parts.netloc, *below, account)


def _hook_files(folder: str) -> List[str]:
    """The programs that certbot runs for every lineage."""
    found: List[str] = []
    for kind in ("pre", "deploy", "post"):
        place = os.path.join(folder, "renewal-hooks", kind)
        try:
            found += sorted(os.path.join(place, name) for name in os.listdir(place) if not name.endswith("~"))
        except OSError:
            continue
    return found[:MAX_FOUND]


def sealed(folder: str, wanted: List[Mapping[str, str]], recipient: str, openssl: str) -> List[Dict[str, str]]:
    """Each key that is wanted, encrypted to the recipient's certificate, or the error that hindered it; nothing else is told of a key."""
    answers: List[Dict[str, str]] = []
    for one in wanted:
        try:
            answers.append({"id": str(one.get("id")), "sealed": _seal(_key_path(folder, one), recipient, openssl)})
        except ClmError as error:
            answers.append({"id": str(one.get("id")), "error": str(error)})
    return answers


def _key_path(folder: str, one: Mapping[str, str]) -> str:
    """The file of a lineage's or an account's key, which lies in certbot's own folder also when links are followed."""
    name = str(one.get("name") or "")
    if name:
        if not NAME.match(name) or ".." in name:
            raise ConfigError(f"{name[:80]!r} is no name of a lineage")
        path = os.path.join(folder, "live", name, "privkey.pem")
    else:
        path = os.path.join(_account_folder(folder, str(one.get("server")), str(one.get("account"))), "private_key.json")
    real, home = os.path.realpath(path), os.path.realpath(folder)
    if os.path.commonpath((real, home)) != home or not os.path.isfile(real):
        raise NotFoundError(f"{path} is no file in certbot's folder")
    return real


def _seal(path: str, recipient: str, openssl: str) -> str:
    """By the host's openssl, which reads the key itself, so that it is in no memory of ours and on no command line."""
    if os.path.getsize(path) > MAX_KEY:
        raise ConfigError(f"{path} is too large for a private key")
    with tempfile.NamedTemporaryFile(prefix="clm-") as file:  # a certificate; openssl cannot open a socket, which stdin may be
        file.write(recipient.encode())
        file.flush()
        argv = [openssl, "cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "PEM", "-in", path, file.name]
        done = commands.pipe(argv, SECONDS)
    if done.code != 0:
        raise ClmError(f"{openssl} could not seal {path}: {' '.join(text_of(done.errors).split())[:300]}")
    return done.output.decode("ascii", "replace")
