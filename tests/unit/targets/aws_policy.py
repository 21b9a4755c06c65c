# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of the guide for AWS, and the IAM actions of calls as the lab counts them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Set

GUIDE = Path(__file__).parents[3] / "docs/docsite/rst/guide_aws.rst"
FREE = ("sts:GetCallerIdentity",)  # allowed to everybody
WITH_TAGS = "acm:AddTagsToCertificate"  # for the tags that an import carries, which is no call of its own


def policy(target: str) -> Dict[str, Any]:
    """The policy of a target."""
    text = GUIDE.read_text()
    found = re.search(rf"Policy of ``{target}``:\n\n.. code-block:: json\n\n(.*?)\n\n[^ ]", text + "\n\n.", re.DOTALL)
    assert found, target
    made: Dict[str, Any] = json.loads(found.group(1))
    return made


def actions(target: str) -> Set[str]:
    """The actions that it allows."""
    return set(policy(target)["Statement"][0]["Action"])


def called(calls: Mapping[str, int]) -> Set[str]:
    """The actions of these calls."""
    return {name.replace("tagging:", "tag:") for name in calls if name not in FREE}
