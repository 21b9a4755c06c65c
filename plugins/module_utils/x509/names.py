# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that may go into a request, a configuration or a command: LDH host names and IP addresses, nothing else."""

from __future__ import annotations

import ipaddress
import re
from typing import Iterable, Tuple

from ..errors import ConfigError

MAX_NAMES = 10_000
_LABEL = r"(?!..--|[0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(r"(?:\*\.(?=[^.]+\.))?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*" + _LABEL + r"\Z")
_JOINERS = "\u200c\u200d"  # invisible, and right in some languages (RFC 5892)
_IP_LIKE = re.compile(r"[0-9.]+\Z|.*:")


def check_names(names: Iterable[str], field: str = "names") -> Tuple[str, ...]:
    """The names in canonical form, in order and once each; ConfigError names the field and what is wrong with which name.

    Host names are lower-case LDH (RFC 5890); an internationalised name must be given in its xn-- form, which is kept as it
    is: no IDNA library is used. A wildcard is one whole leftmost label. IP addresses take their shortest text.
    """
    if isinstance(names, str):
        raise ConfigError("a list of names is needed, not one text", field=field)
    found = {}
    for index, name in enumerate(names):
        if index >= MAX_NAMES:
            raise ConfigError(f"more than {MAX_NAMES} names", field=field)
        found[check_name(name, f"{field}[{index}]")] = True
    return tuple(found)


def check_name(name: str, field: str = "name") -> str:
    """One name in canonical form; see check_names."""
    if not isinstance(name, str) or not name:
        raise ConfigError("a name is empty or no text", field=field)
    # Before lower(): that makes an ASCII k of the Kelvin sign.
    if not name.isascii():
        raise ConfigError(f"{name[:80]!r} is not ASCII", hint="write an internationalised name in its xn-- form", field=field)
    lower = name.lower()
    if _IP_LIKE.match(lower):
        return _address(lower, field)
    if len(lower) <= 253 and _PLAIN.match(lower) and "--" not in lower:
        return lower
    _explain(name, lower, field)
    return lower


def is_address(name: str) -> bool:
    """True for a canonical name that is an IP address."""
    return bool(_IP_LIKE.match(name))


def covers(pattern: str, name: str) -> bool:
    """True when a certificate's name covers a host name or address (RFC 6125: a wildcard stands for one leftmost label)."""
    pattern, name = pattern.lower(), name.lower()
    if pattern == name:
        return True
    return pattern.startswith("*.") and not is_address(name) and name.partition(".")[2] == pattern[2:] and "." in pattern[2:]


def _address(text: str, field: str) -> str:
    try:
        if "%" in text:
            raise ValueError("a zone is not part of an address")
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ConfigError(f"{text[:80]!r} is neither an IP address nor a host name", field=field) from None


def _explain(name: str, lower: str, field: str) -> None:
    """Return for a good name that the short test could not pass (xn-- labels, inner --); else say what is wrong."""
    shown = repr(name[:80])
    if len(lower) > 253:
        raise ConfigError(f"{shown} is longer than 253 characters", field=field)
    labels = lower.split(".")
    if labels[0] == "*":
        labels = labels[1:]
        if len(labels) < 2:
            raise ConfigError(f"{shown}: a wildcard needs two labels behind it, or no client accepts it", field=field)
    for label in labels:
        problem = _label_problem(label)
        if problem:
            raise ConfigError(f"{shown}: {problem}", field=field)
    if labels[-1].isdigit():
        raise ConfigError(f"{shown} ends in a number and would be taken for an address", field=field)


def _label_problem(label: str) -> str:
    if not label:
        return "it has an empty label (a dot too many)"
    if "*" in label:
        return "a wildcard is one whole label, the leftmost"
    if len(label) > 63:
        return "a label is longer than 63 characters"
    if not re.match(r"[a-z0-9-]+\Z", label):
        return "a host name is made of letters, digits, hyphens and dots only"
    if label[0] == "-" or label[-1] == "-":
        return "a label begins or ends with a hyphen"
    if label[2:4] == "--" and not _is_a_label(label):
        return "a label with -- in its third and fourth place must be a valid xn-- label"
    return ""


def _is_a_label(label: str) -> bool:
    """True for xn-- and punycode that decodes to visible text that is not ASCII, and encodes back to itself."""
    if not label.startswith("xn--"):
        return False
    try:
        text = label[4:].encode("ascii").decode("punycode")
        visible = all(char.isprintable() or char in _JOINERS for char in text)
        return visible and not text.isascii() and text.encode("punycode").decode("ascii") == label[4:]
    except (ValueError, OverflowError):
        return False
