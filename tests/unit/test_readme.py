# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""README's manifest is one: a first user copies it."""

from __future__ import annotations

import re

from ansible_collections.certops.clm.plugins.module_utils.manifest import load


def test_the_manifest_of_the_readme_is_read(root, tmp_path):
    (shown,) = re.findall(r"```yaml\n(# manifest\.yml\n.*?)```", (root / "README.md").read_text(), re.DOTALL)
    (tmp_path / "manifest.yml").write_text(shown)
    manifest = load(str(tmp_path / "manifest.yml"))
    (deployment,) = manifest.lineages["shop"].deployments
    assert (deployment.server, deployment.target["kind"], deployment.endpoints[0].server_name) == ("web1", "nginx", "shop.example.com")
    assert manifest.ledger["path"] == str(tmp_path / "ledger")
