# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name constraints of the issuing CA, held before it signs: a certificate outside them would be refused by every client."""

from __future__ import annotations

import ipaddress
from typing import Any, List, Sequence

from ..errors import ConfigError
from ..x509._crypto import x509
from ..x509.names import is_address


class Constraints:
    """What a CA certificate permits and excludes (RFC 5280 section 4.2.1.10)."""

    def __init__(self, ca: Any) -> None:
        try:
            found = ca.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            found = None
        permitted = list(found.permitted_subtrees or ()) if found else []
        excluded = list(found.excluded_subtrees or ()) if found else []
        self._permitted_names, self._permitted_networks = _names(permitted), _networks(permitted)
        self._excluded_names, self._excluded_networks = _names(excluded), _networks(excluded)
        self._open = found is None

    def check(self, names: Sequence[str]) -> None:
        """ConfigError names the first name that this CA may not issue for."""
        if self._open:
            return
        for name in names:
            if not self._allowed(name):
                raise ConfigError(
                    f"{name} is outside the name constraints of the intermediate",
                    hint="ask for another name, or make an intermediate that permits it",
                    field="names",
                )

    def _allowed(self, name: str) -> bool:
        if is_address(name):
            address = ipaddress.ip_address(name)
            permitted = not self._permitted_networks or any(address in network for network in self._permitted_networks)
            return permitted and not any(address in network for network in self._excluded_networks)
        plain = name[2:] if name.startswith("*.") else name
        permitted = not self._permitted_names or any(_below(plain, tree) for tree in self._permitted_names)
        excluded = any(_below(plain, tree) or (plain != name and _below(tree, plain)) for tree in self._excluded_names)
        return permitted and not excluded


def _below(name: str, tree: str) -> bool:
    return not tree or name == tree or name.endswith("." + tree)


def _names(trees: List[Any]) -> List[str]:
    return [tree.value.lower().lstrip(".") for tree in trees if isinstance(tree, x509.DNSName)]


def _networks(trees: List[Any]) -> List[Any]:
    return [tree.value for tree in trees if isinstance(tree, x509.IPAddress)]
