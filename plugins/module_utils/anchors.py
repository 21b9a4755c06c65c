# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust anchors of client classes: what clients trust, by the name of their class."""

from __future__ import annotations

from typing import Dict, Mapping

from .errors import ConfigError
from .x509.bundle import Bundle

PUBLIC = "public"
LARGEST = 64 * 1024 * 1024


def load_anchors(classes: Mapping[str, str], field: str = "anchors") -> Dict[str, Bundle]:
    """The bundle of every class, from a PEM file's path or `public` (the public roots of certifi); ConfigError names the class."""
    return {str(name): _load(str(place), f"{field}.{name}") for name, place in classes.items()}


def _load(place: str, field: str) -> Bundle:
    if place == PUBLIC:
        return Bundle.public()
    try:
        with open(place, "rb") as stream:
            bundle = Bundle.parse(stream.read(LARGEST + 1))
    except OSError as error:
        hint = "name a PEM file that can be read, or public"
        raise ConfigError(f"{place} cannot be read: {error.strerror}", hint=hint, field=field) from error
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}", hint=error.hint, field=field) from error
    if not bundle.certificates:
        raise ConfigError(f"{place} holds no certificate", field=field)
    return bundle
