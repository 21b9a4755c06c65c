# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted certificates out of the plain data of a task: every item by itself, so that a wrong one is alone with its failure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import ClmError, ConfigError
from ..identifiers import is_name, meant
from ..outcome import Outcome, failed
from ..policy.profile import Profile
from ..x509.names import check_names
from ._issue_values import LABELS, STEP, Wanted

FIELDS = ("id", "lineage", "names", "profile", *LABELS, "forced", "csr_pem", "reuse_key", "revoked", "compromised")
DEFAULT = "default"


def profiles_of(data: Mapping[str, Any]) -> Dict[str, Profile]:
    """The profiles by name; `default` is always there."""
    found = {str(name): Profile.from_dict(str(name), _mapping(one, f"profiles.{name}")) for name, one in data.items()}
    found.setdefault(DEFAULT, Profile(DEFAULT))
    return found


def wanted_of(items: Sequence[Any], profiles: Mapping[str, Profile]) -> Tuple[List[Wanted], Dict[str, Optional[Outcome]]]:
    """The items that are right; and by every id, in the order given, a failed outcome for an item that is not, else None.

    An item without a usable id is named by its place.
    """
    good: List[Wanted] = []
    outcomes: Dict[str, Optional[Outcome]] = {}
    for index, item in enumerate(items):
        place = f"certificates[{index}]"
        name = _id(item, place)
        try:
            if name in outcomes:
                name, twice = f"{name}@{index}", name
                raise ConfigError(f"the id {twice!r} comes twice", field=f"{place}.id", hint="give each item an id of its own")
            good.append(_wanted(name, _mapping(item, place), profiles, place))
            outcomes[name] = None
        except ClmError as error:
            outcomes[name] = failed(STEP, error)
    return good, outcomes


def _id(item: Any, place: str) -> str:
    found = (item.get("id") or item.get("lineage")) if isinstance(item, Mapping) else None
    return str(found)[:200] if found else place


def _mapping(item: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise ConfigError("a mapping is needed", field=place)
    return item


def _wanted(name: str, item: Mapping[str, Any], profiles: Mapping[str, Profile], place: str) -> Wanted:
    unknown = [key for key in item if key not in FIELDS]
    if unknown:
        word = str(unknown[0])[:60]
        raise ConfigError(f"unknown field {word!r}", field=place, hint=meant(word, FIELDS))
    lineage = item.get("lineage") or item.get("id")
    if not lineage:
        raise ConfigError("is needed", field=f"{place}.lineage", hint="a name of your choice: a-z, 0-9, '.', '_' and '-'")
    if not is_name(lineage):
        raise ConfigError(f"{str(lineage)[:130]!r} is no name of a lineage", field=f"{place}.lineage", hint="a-z, 0-9, '.', '_' and '-'")
    names = item.get("names")
    if not isinstance(names, (list, tuple)):
        raise ConfigError("a list of names is needed", field=f"{place}.names")
    if not names:
        raise ConfigError("at least one name is needed", field=f"{place}.names")
    return Wanted(
        id=name,
        lineage=str(lineage),
        names=check_names([str(one) if isinstance(one, str) else one for one in names], f"{place}.names"),
        profile=_profile(item.get("profile"), profiles, place),
        labels={key: _label(item[key], f"{place}.{key}") for key in LABELS if item.get(key)},
        forced=_text(item, "forced", place),
        csr_pem=_text(item, "csr_pem", place),
        reuse_key=_text(item, "reuse_key", place),
        revoked=_hashes(item, "revoked", place),
        compromised=_hashes(item, "compromised", place),
    )


def _profile(given: Any, profiles: Mapping[str, Profile], place: str) -> Profile:
    if isinstance(given, Mapping):
        return Profile.from_dict("inline", given)
    name = str(given or DEFAULT)
    if name not in profiles:
        raise ConfigError(f"there is no profile {name[:60]!r}", field=f"{place}.profile", hint="one of " + ", ".join(sorted(profiles)))
    return profiles[name]


def _label(value: Any, field: str) -> Any:
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return [str(one) for one in value]
    if isinstance(value, str):
        return str(value)
    raise ConfigError("a text or a list of texts is needed", field=field)


def _text(item: Mapping[str, Any], name: str, place: str) -> str:
    value = item.get(name)
    if value is None or isinstance(value, str):
        return str(value or "")
    raise ConfigError("a text is needed", field=f"{place}.{name}")


def _hashes(item: Mapping[str, Any], name: str, place: str) -> Tuple[str, ...]:
    value = item.get(name) or ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and len(one) == 64 for one in value):
        raise ConfigError("a list of SHA-256 in hex is needed", field=f"{place}.{name}")
    return tuple(one.lower() for one in value)
