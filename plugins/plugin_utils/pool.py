# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by their PEM text, each read once: what is served is mostly what the store holds, and one CA is above all of it."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import split

END = "-----END CERTIFICATE-----\n"
Pool = Dict[str, Certificate]


def certificate_of(pem: str, pool: Pool) -> Certificate:
    """The certificate of exactly one PEM block; MalformedError when the text is not that."""
    found = pool.get(pem)
    if found is None:
        found = pool[pem] = Certificate.from_pem(pem)
    return found


def chain_of(text: str, pool: Pool) -> Tuple[Certificate, ...]:
    """The certificates of a PEM text, at least one; MalformedError when any of it is cut, garbled or something else."""
    return _one_by_one(text, pool) or tuple(Certificate.parse(block.der) for block in split(text))


def _one_by_one(text: str, pool: Pool) -> Optional[Tuple[Certificate, ...]]:
    """None for a text that is not block after block as we write it: then its reader must see the whole."""
    *blocks, rest = text.split(END)
    if rest or not blocks:
        return None
    found: List[Certificate] = []
    for block in blocks:
        try:
            found.append(certificate_of(block + END, pool))
        except MalformedError:
            return None
    return tuple(found)
