# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook of the user's own that imports rotate: the tag that it gives it runs it and leaves it out, others are refused in words."""

from __future__ import annotations

SITE = [
    {"name": "web", "hosts": "localhost", "gather_facts": False, "tasks": [{"name": "web", "ansible.builtin.debug": {}, "tags": ["web"]}]},
    {"ansible.builtin.import_playbook": "certops.clm.rotate", "tags": ["certs"]},
]


def test_the_tag_of_an_import_runs_rotate_or_leaves_it_out(ansible):
    ran, left, others, without = (
        ansible.playbook(SITE, args=args)
        for args in (["--tags", "certs"], ["--skip-tags", "certs"], ["--tags", "web"], ["--tags", "web", "--skip-tags", "certs"])
    )
    assert ran.rc == 2 and "No inventory of the plugin certops.clm.certificates was read" in ran.output and not ran.results("web")
    assert left.rc == 0 and left.result("web") and left.changed() == 0
    assert others.rc == 2 and others.result("web") and "--skip-tags certs" in others.output
    assert without.rc == 0 and without.result("web")
