# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tomcat: the certificates of its connectors, by server.xml, in keystores and in PEM files."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple
from xml.etree import ElementTree

from ..contracts import Clock, Found, Source
from ._read import Use, broken, found, keystore_found, read_text
from ._walk import named, path_in

NAME = "tomcat"
OPTIONS: Dict[str, Any] = {
    "config": {
        "type": "list",
        "elements": "str",
        "default": ["/etc/tomcat*/server.xml", "/opt/tomcat/conf/server.xml", "/usr/share/tomcat/conf/server.xml"],
    },
    "check": {"type": "list", "elements": "str", "default": []},  # it has none that leaves a running server alone
    "reload": {"type": "dict", "default": {}},  # has to be said: the manager's sslReload, or a restart
    "endpoint": {"type": "dict", "default": {"port": 8443, "starttls": "none"}},
}
MAX_ELEMENTS = 20_000
_DOCTYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)  # nothing of Tomcat's needs one, and entities can be bombs


class _Tomcat:
    """The source for the instances whose server.xml match."""

    def __init__(self, config: Sequence[str]) -> None:
        self.config = config

    def find(self) -> Iterator[Found]:
        """Every certificate of every connector with TLS; a server.xml that cannot be read is one record with its error."""
        for path in named(self.config, OPTIONS["config"]["default"]):
            try:
                text = read_text(path)
                if _DOCTYPE.search(text):
                    raise ValueError("a document type with entities is not read")
                root = ElementTree.fromstring(text)
            except (OSError, ValueError, ElementTree.ParseError) as error:
                yield broken(NAME, path, getattr(error, "strerror", None) or str(error))
                continue
            pems, keystores = _uses(root, path)
            yield from found(NAME, pems)
            for use in keystores:
                yield keystore_found(NAME, use)


def _uses(root: ElementTree.Element, path: str) -> Tuple[List[Use], List[Use]]:
    """(uses of PEM files, uses of keystores)."""
    folder = os.path.dirname(path)
    pems: List[Use] = []
    keystores: List[Use] = []
    connectors = [one for number, one in enumerate(root.iter()) if number < MAX_ELEMENTS and one.tag == "Connector"]
    for connector in connectors:
        listen = (f"{connector.get('address') or '*'}:{connector.get('port') or '8080'}",)
        for host in [one for one in connector if one.tag == "SSLHostConfig"]:
            name = host.get("hostName") or "_default_"
            names = () if name == "_default_" else (name,)
            for one in [child for child in host if child.tag == "Certificate"]:
                pem, keystore = one.get("certificateFile") or "", one.get("certificateKeystoreFile") or ""
                if pem:
                    key = one.get("certificateKeyFile") or pem
                    pems.append(Use(path, 0, _below(folder, pem), _below(folder, key), names, listen, _unclear(pem)))
                elif keystore:
                    place = _below(folder, keystore)
                    keystores.append(Use(path, 0, place, place, names, listen, _unclear(keystore)))
    return pems, keystores


def _below(folder: str, value: str) -> str:
    """Paths are relative to the folder that holds `conf`, which a distribution may have put under another name."""
    if value.startswith("conf/"):
        return path_in(folder, value[len("conf/") :])
    return path_in(os.path.dirname(folder) if os.path.basename(folder) == "conf" else folder, value)


def _unclear(value: str) -> str:
    return f"{value} is no path of a file" if "${" in value or "://" in value else ""


def create(options: Mapping[str, Any], clock: Clock) -> Source:
    """The source; it needs no clock."""
    return _Tomcat(options.get("config") or OPTIONS["config"]["default"])
