# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server sees of its own endpoints when it is asked what it has: whole chains, or it says that they are not."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.discover_server import discover


def served(endpoints: List[Dict[str, Any]], **more: Any) -> List[Dict[str, Any]]:
    params = {"kinds": [], "files": [], "endpoints": endpoints, "timeout": 3.0, "openssl": "openssl", **more}
    found: List[Dict[str, Any]] = discover(params, lambda: datetime.now(timezone.utc))["served"]
    return found


@pytest.mark.parametrize(("sabotage", "count"), [("", 2), ("leaf_only", 1)])
def test_a_leaf_that_is_served_alone_is_told_from_one_that_is_seen_alone(world: Any, made: Any, sabotage: str, count: int) -> None:
    cert = made()
    item = world.add("shop.example.com", cert)
    world.sabotage(sabotage)
    world.start()
    (seen,) = served(item["endpoints"])
    assert (seen["answer"], seen["sha256"], seen["whole"], seen["detail"]) == ("answered", cert.sha256, True, "")
    assert len(seen["chain_pem"]) == count and cert.chain_pem.startswith("".join(seen["chain_pem"]))
    (alone,) = served(item["endpoints"], openssl="/nowhere/openssl")
    assert (alone["answer"], alone["sha256"], alone["whole"], alone["chain_pem"]) == ("answered", cert.sha256, False, seen["chain_pem"][:1])
    assert "install the openssl command there, or Python 3.13 or newer" in alone["detail"]


def test_every_program_is_asked_unless_some_are_named(tmp_path: Any) -> None:
    (tmp_path / "nginx.conf").write_text("server { ssl_certificate /nowhere.pem; }")
    where = {"nginx": {"config": str(tmp_path / "nginx.conf"), "binary": "/nowhere/nginx"}}
    params = {"files": [], "endpoints": [], "timeout": 1.0, "openssl": "openssl", "kind_options": where}
    for asked in ({}, {"kinds": None}, {"kinds": ["nginx", "haproxy"]}):
        found = discover({**params, **asked}, lambda: datetime.now(timezone.utc))["findings"]
        assert "/nowhere.pem" in [one["where"].get("certificate_file") for one in found if one["kind"] == "nginx"]
    assert discover({**params, "kinds": []}, lambda: datetime.now(timezone.utc))["findings"] == []
    for wrong in ({"kinds": ["oracle"]}, {"kind_options": {"oracle": {}}}, {"kind_options": {"nginx": {"reload": {}}}}):
        with pytest.raises(ConfigError):
            discover({**params, **wrong}, lambda: datetime.now(timezone.utc))


def test_what_does_not_answer_is_not_whole_and_hides_no_neighbour(world: Any, made: Any) -> None:
    cert = made()
    (good,) = world.add("shop.example.com", cert)["endpoints"]
    world.start()
    seen = served([{**good, "port": 1}, good, {**good, "host": "nowhere.invalid"}])
    assert [(one["answer"], one["whole"], len(one["chain_pem"])) for one in seen] == [
        ("could_not_look", False, 0), ("answered", True, 2), ("could_not_look", False, 0)
    ]  # fmt: skip
    assert all(one["detail"] for one in seen if one["answer"] == "could_not_look")
