# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading certificates: every item has its outcome, and what is malformed is a record."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.flows.inspect import inspect
from ansible_collections.certops.clm.tests.unit.x509.make import DAY, NOW, tree

LEAF, ABOVE, ROOT = tree()
CHAIN = LEAF.pem + ABOVE.pem


def read(*items, now=NOW):
    return inspect(items, lambda: now)


def test_files_and_texts_are_read(tmp_path):
    path, der = tmp_path / "chain.pem", tmp_path / "leaf.der"
    path.write_text(CHAIN)
    der.write_bytes(LEAF.certificate.der)
    outcomes, facts = read({"path": str(path)}, {"path": str(der), "id": "der"}, {"content": LEAF.pem})
    assert list(outcomes) == [str(path), "der", "2"] and {one.state for one in outcomes.values()} == {"unchanged"}
    assert [one["subject"] for one in facts[str(path)]] == ["", "CN=intermediate"] and len(facts["der"]) == 1
    assert facts["2"][0]["days_left"] == 88 and not facts["2"][0]["expired"] and outcomes["2"].after["sha256"] == LEAF.certificate.sha256


def test_the_last_second_is_not_expired():
    end = LEAF.certificate.not_after
    assert not read({"content": LEAF.pem}, now=end)[1]["0"][0]["expired"]
    late = read({"content": LEAF.pem}, now=end + DAY)[1]["0"][0]
    assert late["expired"] and late["days_left"] == -1


@pytest.mark.parametrize("content", ["", "garbage", CHAIN[:-30], "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----"])
def test_what_is_malformed_is_a_record(content):
    outcomes, facts = read({"id": "bad", "content": content}, {"id": "good", "content": CHAIN})
    (record,) = facts["bad"]
    assert (
        record["malformed"] and record["sha256"] == "" and outcomes["bad"].state == "unchanged" and "malformed" in outcomes["bad"].message
    )
    assert set(record) == set(facts["good"][0]) and len(facts["good"]) == 2


def test_a_file_that_cannot_be_read_fails_alone(tmp_path):
    outcomes, facts = read(
        {"id": "gone", "path": str(tmp_path / "gone")}, {"content": CHAIN}, {"id": "both", "path": "x", "content": "y"}, {"id": "none"}
    )
    assert [one.state for one in outcomes.values()] == ["failed", "unchanged", "failed", "failed"] and list(facts) == ["1"]


def test_two_items_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="two items"):
        read({"id": "a", "content": CHAIN}, {"id": "a", "content": CHAIN})
