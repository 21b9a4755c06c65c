# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asks about: a certificate by its SHA-256, a key by that of its SPKI, an issuer, or a host."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Collection, Mapping, Sequence, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

KINDS = ("sha256", "key", "issuer", "host")


@dataclass(frozen=True)
class Chain:
    """A chain, leaf first, with the hosts where it is and the client classes that verify it."""

    role: str
    certificates: Tuple[Certificate, ...]
    hosts: Tuple[str, ...]
    consumers: Sequence[str]


@dataclass(frozen=True)
class Question:
    """One question. `anchors` are the client classes' trust anchors; `issued` has the SHA-256s that a named issuer made."""

    kind: str
    value: str
    anchors: Mapping[str, Bundle] = field(default_factory=dict)
    issued: Collection[str] = ()

    @classmethod
    def ask(cls, kind: str, value: str, anchors: Mapping[str, Bundle], issued: Collection[str] = ()) -> Question:
        """The question in its one spelling; ConfigError when the value is none that can be asked about."""
        text = value.strip()
        if kind in ("sha256", "key"):
            text = text.replace(":", "").lower()
            if not re.match(r"[0-9a-f]{64}\Z", text):
                hint = "64 hexadecimal digits, with or without colons: openssl x509 -noout -fingerprint -sha256"
                raise ConfigError(f"{value[:100]!r} is no SHA-256", hint=hint, field=kind)
        return cls(kind, text.lower() if kind == "host" else text, anchors, issued)

    @property
    def label(self) -> str:
        """The thing that was asked about, as a message names it."""
        named = {"sha256": "the certificate", "key": "the key", "issuer": "the issuer", "host": "the host"}[self.kind]
        return f"{named} {self.value[:16] + '...' if self.kind in ('sha256', 'key') else self.value[:200]}"

    @property
    def trusted_by(self) -> Tuple[str, ...]:
        """The client classes that hold what was asked about as an anchor: they would have to let it go."""
        return tuple(name for name, bundle in self.anchors.items() if any(self._is(one) for one in bundle.certificates))

    def touches(self, chain: Chain) -> str:
        """One sentence why this chain depends on it, empty when it does not."""
        if self.kind == "host":
            return self._host(chain)
        for depth, certificate in enumerate(chain.certificates):
            if self._is(certificate):
                return "it is this certificate" if depth == 0 else f"its chain holds {_shown(certificate)}"
        if self.issued and chain.certificates and chain.certificates[0].sha256 in self.issued:
            return "this issuer issued it"
        if self.kind == "issuer" and any(self._named(certificate.issuer) for certificate in chain.certificates):
            return "its chain was issued under that name"
        return self._anchor(chain)

    def _is(self, certificate: Certificate) -> bool:
        if self.kind == "sha256":
            return certificate.sha256 == self.value
        if self.kind == "key":
            return certificate.spki_sha256 == self.value
        return self.kind == "issuer" and certificate.is_ca and self._named(certificate.subject)

    def _named(self, name: str) -> bool:
        """True for the whole distinguished name, or for its common name alone."""
        return bool(name) and (name == self.value or f"CN={self.value}" in re.split(r"(?<!\\),", name))

    def _anchor(self, chain: Chain) -> str:
        """An anchor is seldom served: the last certificate of the chain says which key signed it."""
        last = chain.certificates[-1] if chain.certificates else None
        for name in chain.consumers if last is not None else ():
            for anchor in self.anchors[name].certificates if name in self.anchors else ():
                if self._is(anchor) and _signed(anchor, last):
                    return f"clients of {name} trust it through {_shown(anchor)}"
        return ""

    def _host(self, chain: Chain) -> str:
        if self.value in (host.lower() for host in chain.hosts if host):
            return "it is served there"
        leaf = chain.certificates[0] if chain.certificates else None
        if leaf is not None and any(_covers(name, self.value) for name in leaf.names):
            return "the certificate is for that name"
        return ""


def _signed(anchor: Certificate, certificate: Certificate) -> bool:
    """True when names and key identifiers fit (RFC 5280 section 6.1.3 a 4, 4.2.1.1)."""
    if anchor.subject != certificate.issuer:
        return False
    return not (anchor.ski and certificate.aki) or anchor.ski == certificate.aki


def _covers(pattern: str, host: str) -> bool:
    """True when a DNS name or a wildcard of one label is that host (RFC 9525 section 6.3)."""
    low = pattern.lower()
    return low == host or (low.startswith("*.") and "." in host and host.split(".", 1)[1] == low[2:])


def _shown(certificate: Certificate) -> str:
    return f"{certificate.subject[:200] or 'a certificate without subject'} ({certificate.sha256[:16]}...)"
