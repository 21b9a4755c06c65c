# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from outside stays data on every supported core; the few texts that are templates by intent are said to be.

ansible-core < 2.19 templates every string that is not marked unsafe; from 2.19 on only strings marked trusted are
templated, so a string made here is safe as it is, and a trusted one that came along loses its mark.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.certops.clm.plugins.module_utils.identifiers import group_part, safe_name

try:
    from ansible.template import trust_as_template as _trust
except ImportError:  # ansible-core < 2.19
    _trust = None

__all__ = ["group_part", "safe_name", "trusted_template", "untrusted"]

_NO_TEXT = frozenset((bool, int, float, type(None)))


def untrusted(value: Any) -> Any:
    """The same data with every string in it, keys too, never templated; lists and tuples come back as lists."""
    kind = value.__class__  # an inventory has a hundred values for each host: what they mostly are is asked first, and by identity
    if kind is str:
        return value if _trust is not None else _untrusted_text(value)
    if kind in _NO_TEXT:
        return value
    if kind is dict:
        return {untrusted(key): untrusted(item) for key, item in value.items()}
    if kind is list:
        return [untrusted(item) for item in value]
    return _untrusted_other(value)


def _untrusted_other(value: Any) -> Any:
    if isinstance(value, str):
        return _untrusted_text(value)
    if isinstance(value, bytes):
        return _untrusted_text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping):
        return {untrusted(key): untrusted(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [untrusted(item) for item in value]
    return value


def _untrusted_text(value: str) -> str:
    plain = value if value.__class__ is str else "".join((value, ""))
    # Only text with a brace can be, or become by being put together, a template; marking the rest would show as
    # `__ansible_unsafe` in the output of ansible-inventory on cores < 2.19.
    if _trust is not None or not ("{" in plain or "}" in plain):
        return plain
    from ansible.utils.unsafe_proxy import wrap_var  # deprecated with core 2.23, where nothing comes here

    return wrap_var(plain)


def trusted_template(text: str) -> str:
    """A text of ours, never one from outside, that Ansible is to template on every supported core."""
    return text if _trust is None else _trust(text)
