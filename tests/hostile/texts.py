# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that try to be more than text, wherever a name from outside can stand; `LOOKUP` is the one that would run."""

from __future__ import annotations

import os
from typing import Dict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same examples in every run, each with the limit that issue 5 sets; CLM_EXAMPLES=5000 tries so many others.
EXAMPLES = int(os.environ.get("CLM_EXAMPLES", "0"))
BOUNDED = settings(
    max_examples=EXAMPLES or 150, derandomize=not EXAMPLES, deadline=2000, database=None, suppress_health_check=list(HealthCheck)
)
LOOKUP = "{{ lookup('pipe', 'touch /tmp/clm-hostile') }}"

HOSTILE: Dict[str, str] = {
    "template": LOOKUP,
    "template statement": "{% set x = lookup('pipe', 'id') %}{{ x }}",
    "template comment": "{# #}{{ 7 * 7 }}{#",
    "template of two halves": "{{' ~ '}}",
    "template of attributes": "{{ ''.__class__.__mro__ }}",
    "format": "%s%n%(x)s{0}{x.__class__}${HOME}",
    "path up": "../../../etc/passwd",
    "path absolute": "/etc/cron.d/x",
    "path of dots": "..",
    "path of Windows": "..\\..\\con:aux",
    "home": "~root/.ssh/authorized_keys",
    "NUL": "a\x00.example.com",
    "newline": "a.example.com\nevil: true",
    "carriage return": "good\rbad",
    "header": "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "tab": "\t=1+1",
    "vertical tab and form feed": "a\x0bb\x0cc",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31m",
    "C1 control": "\x9b31mred\x85next",
    "backspace": "good\x08\x08\x08\x08evil",
    "right to left": "\u202egpj.exe",
    "isolates": "\u2066a\u2069\u2068b",
    "zero width": "exa\u200bmple\u200d.com\u2060",
    "byte order mark": "\ufeffa.example.com",
    "tags": "a\U000e0041\U000e0042",
    "line separator": "a\u2028b\u2029c",
    "lone surrogate": "\ud800x\udfff",
    "no character": "\uffff\U0010ffff",
    "private use": "\ue000",
    "combining": "z" + "\u0301" * 500,
    "look-alike": "раypal.com",
    "full width": "ｅｘａｍｐｌｅ．ｃｏｍ",
    "Kelvin": "\u212aelvin.example",
    "formula =": '=HYPERLINK("http://evil","x")',
    "formula +": "+1+cmd|' /C calc'!A0",
    "formula -": "-2+3",
    "formula @": "@SUM(1+1)",
    "formula behind a space": " =1+1",
    "formula behind a newline": "\n=1+1",
    "formula in full width": "＝1+1",
    "cells": 'x","y";z\t',
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)" x=\'',
    "comment": "--><img src=x onerror=alert(1)><!--",
    "style": "</style><style>*{display:none}",
    "entity": "&lt;b&gt;&#x3c;&amp;",
    "address": "javascript:alert(1)",
    "label": 'up{job="x"} 1\n# HELP evil\nevil{a="b\\"} 2',
    "YAML": "a: b\n- &x !!python/object/apply:os.system ['id']\n*x",
    "YAML vault": "!vault |\n  $ANSIBLE_VAULT;1.1;AES256",
    "JSON": '"},"x":{"y":"',
    "shell": "$(id);`id`|id&&id>x",
    "option": "--become-user=root",
    "glob": "*?[a-z]",
    "pattern": "all:!localhost,&x[0:3]",
    "implicit host": "localhost",
    "group": "ungrouped",
    "regular expression": "~(a+)+$",
    "key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
    "empty": "",
    "space": " ",
    "long": "x" * 100_000,
    "long label": "a" * 64 + ".example",
    "emoji": "👩‍💻🏴‍☠️",
}
TEXTS = st.one_of(
    st.sampled_from(sorted(HOSTILE.values())),
    st.text(max_size=80),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=20),
)
