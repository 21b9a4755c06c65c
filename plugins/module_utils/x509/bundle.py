# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of trust anchors: each once by its SHA-256, in the order of the hashes, so that the same set is the same text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Dict, Iterable, Tuple, Union

from ..errors import MalformedError, MissingLibraryError
from . import pem as _pem
from ._crypto import require_verification, verification
from .certificate import Certificate
from .faults import anchor_faults

try:
    import certifi
except ImportError:
    certifi = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Bundle:
    """Trust anchors. `malformed` has a sentence for each certificate that was given and cannot be read.

    `vetted`: a root programme has judged these anchors, so what is odd in their form is no fault (one of 117 has no SKI).
    """

    certificates: Tuple[Certificate, ...] = ()
    malformed: Tuple[str, ...] = field(default=(), compare=False)
    vetted: bool = field(default=False, compare=False)

    @classmethod
    def parse(cls, pem: Union[str, bytes]) -> Bundle:
        """The bundle of a PEM text; MalformedError when the PEM is cut or garbled, or none of its certificates can be read.

        Certificates are read one by one: a single one that a library refuses never takes the others with it.
        """
        return cls.of(block.der for block in _pem.split(pem))

    @classmethod
    def of(cls, ders: Iterable[bytes]) -> Bundle:
        """The bundle of DER certificates; MalformedError when there are some and none can be read."""
        unique = {der: Certificate.parse(der) for der in ders}
        good = sorted((one for one in unique.values() if one.native is not None), key=lambda one: one.sha256)
        bad = tuple(f"{one.sha256}: {'; '.join(one.malformed[:1])}" for one in unique.values() if one.native is None)
        if bad and not good:
            raise MalformedError(f"no certificate of the bundle can be read: {bad[0]}")
        return cls(tuple(good), bad)

    @classmethod
    def public(cls) -> Bundle:
        """The public roots of the package certifi; MissingLibraryError when it is not installed."""
        if certifi is None:
            raise MissingLibraryError("the public roots need the Python package certifi", hint="pip install certifi")
        return _public(certifi.contents())

    @cached_property
    def pem(self) -> str:
        """All certificates as PEM; equal bundles give equal text."""
        return "".join(one.pem for one in self.certificates)

    @cached_property
    def faults(self) -> Dict[str, str]:
        """By SHA-256, why an anchor is not used to build paths."""
        if self.vetted:
            return {}
        found = {one.sha256: anchor_faults(one) for one in self.certificates}
        return {sha256: "; ".join(faults) for sha256, faults in found.items() if faults}

    @cached_property
    def store(self) -> Any:
        """The library's store of the anchors without faults, None when there are none."""
        require_verification()
        usable = [one.native for one in self.certificates if one.native is not None and one.sha256 not in self.faults]
        return verification.Store(usable) if usable else None


@lru_cache(maxsize=1)
def _public(text: str) -> Bundle:
    return replace(Bundle.parse(text), vetted=True)
