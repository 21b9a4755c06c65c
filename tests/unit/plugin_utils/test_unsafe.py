# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names made from outside text are harmless whatever the text, and outside text is never a template."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.identifiers import is_name
from ansible_collections.certops.clm.plugins.plugin_utils.unsafe import group_part, safe_name, trusted_template, untrusted

TEMPLATE = "{{ lookup('pipe', 'id') }}"
HOSTILE = ["localhost", "../../etc/x", "!z", "a,b", "[1:3]", "x:y", "", "..", TEMPLATE, "a\nb", "\ud800", "all", "x" * 5000]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gives_a_plain_name(text):
    assert is_name(safe_name(text))
    assert safe_name(text) != text
    assert re.fullmatch(r"[a-z0-9_]{1,60}", group_part(text))


def test_two_texts_with_one_slug_have_two_names():
    assert safe_name("A b") != safe_name("a-b")
    assert group_part("Root CA") != group_part("root.ca")


@given(st.text())
def test_any_text_gives_a_stable_valid_name(text):
    assert is_name(safe_name(text))
    assert safe_name(text) == safe_name(text)


class Tagged(str):
    """A str that carries something along, as Ansible's tagged strings do."""


def test_untrusted_goes_into_everything_and_keys_too():
    value = untrusted({Tagged("k"): [Tagged("a"), (Tagged("b"), {"c": Tagged("{{ d }}")}), b"e"], "n": 1, "none": None, "yes": True})
    assert value == {"k": ["a", ["b", {"c": "{{ d }}"}], "e"], "n": 1, "none": None, "yes": True}
    assert type(next(iter(value))) is str
    assert type(value["k"][0]) is str
    assert not isinstance(value["k"][1][1]["c"], Tagged)


def test_a_trusted_template_loses_its_trust_again():
    ours = trusted_template("{{ ansible_playbook_python }}")
    assert untrusted(ours) == ours
    try:
        from ansible.template import is_trusted_as_template
    except ImportError:
        pytest.skip("this core trusts every string that is not marked unsafe")
    assert is_trusted_as_template(ours)
    assert not is_trusted_as_template(untrusted(ours))
    assert not is_trusted_as_template(untrusted({"x": [ours]})["x"][0])
