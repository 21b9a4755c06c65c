# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that are read once: the same as without a pool, also for what is odd or broken."""

from __future__ import annotations

import pytest

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.x509.pem import KEY_LABELS, encode, split
from ansible_collections.certops.clm.plugins.plugin_utils.pool import certificate_of, chain_of
from ansible_collections.certops.clm.tests.support.world import Authority


@pytest.fixture(scope="module")
def chain():
    return Authority().chain("shop.example.com")


def test_what_two_texts_share_is_one_object(chain):
    pool = {}
    found = chain_of("".join(chain), pool)
    assert [one.pem for one in found] == list(chain)
    assert all(certificate_of(pem, pool) is mine for pem, mine in zip(chain, found))
    assert all(one is mine for one, mine in zip(chain_of("".join([*chain[1:], *chain]), pool), (*found[1:], *found)))


@pytest.mark.parametrize("change", [
    lambda text: text.rstrip("\n"),
    lambda text: text.replace("\n", "\r\n"),
    lambda text: f"said somebody\n{text}and so on\n",
    lambda text: text.replace("-----BEGIN", "who it is\n-----BEGIN"),
])  # fmt: skip
def test_a_text_of_another_form_holds_the_same(chain, change):
    text = change("".join(chain))
    assert [one.der for one in chain_of(text, {})] == [block.der for block in split(text)]
    assert [one.pem for one in chain_of(text, {})] == list(chain)


@pytest.mark.parametrize("change", [
    lambda text: "",
    lambda text: text[:-40],
    lambda text: text[100:],
    lambda text: text.replace("\nM", "\n*", 1),
    lambda text: text + encode(KEY_LABELS[0], b"\x30\x03\x02\x01\x00"),
    lambda text: encode(KEY_LABELS[0], b"\x30\x03\x02\x01\x00") + text,
    lambda text: text + "-----BEGIN CERT",
    lambda text: text + "-----END CERTIFICATE-----\n",
])  # fmt: skip
def test_a_text_that_is_refused_as_a_whole_is_refused_by_its_blocks(chain, change):
    text = change("".join(chain))
    with pytest.raises(MalformedError) as whole:
        split(text)
    with pytest.raises(MalformedError) as by_blocks:
        chain_of(text, {})
    assert by_blocks.value.message == whole.value.message
