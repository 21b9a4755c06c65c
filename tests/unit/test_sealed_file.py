# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sealed file opens whole with its passphrase, and in no other case."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.errors import MalformedError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.sealed_file import CHUNK, TAG, Sealer, unsealed

PASS = Secret(b"correct horse battery staple")
COST = 2**14
EDGES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7]


def sealed(data: bytes, step: int = 50_000) -> bytes:
    file = io.BytesIO()
    sealer = Sealer(file, PASS, COST)
    for start in range(0, len(data), step):
        sealer.write(data[start : start + step])
    sealer.close()
    return file.getvalue()


def opened(data: bytes, passphrase: Secret = PASS) -> bytes:
    return b"".join(unsealed(io.BytesIO(data), passphrase))


def body(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", EDGES)
def test_it_comes_back_as_it_was(size: int) -> None:
    data = sealed(body(size))
    assert opened(data) == body(size) and body(40) not in data


@pytest.mark.parametrize("size", EDGES)
def test_a_cut_is_found_wherever_it_is(size: int) -> None:
    data = sealed(body(size))
    head = len(data) - size - TAG * max(1, -(-size // CHUNK))
    for length in {0, 5, head - 1, head, head + 1, head + TAG, head + CHUNK + TAG, len(data) - TAG, len(data) - 1}:
        if length < len(data):
            with pytest.raises(MalformedError):
                opened(data[:length])


SEALED = sealed(body(3 * CHUNK + 100))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_byte_that_is_altered_is_found(place: int, change: int) -> None:
    altered = bytearray(SEALED)
    altered[place] ^= change
    with pytest.raises(MalformedError):
        opened(bytes(altered))


def test_chunks_that_are_moved_doubled_or_added_are_found() -> None:
    head = SEALED.index(b"\n", SEALED.index(b"\n") + 1) + 1
    one, two, rest = (SEALED[head + at * (CHUNK + TAG) : head + (at + 1) * (CHUNK + TAG)] for at in (0, 1, 2))
    last = SEALED[head + 3 * (CHUNK + TAG) :]
    moved, doubled, gone = (two, one, rest, last), (one, one, two, rest, last), (one, two, last)
    for order in (moved, doubled, gone, (one, two, rest, last, b"x"), (one, two, rest, last, last)):
        with pytest.raises(MalformedError):
            opened(SEALED[:head] + b"".join(order))


WRONG_TYPES = (
    {"n": float(2**14)},
    {"n": float(2**17)},
    {"n": [2**14]},
    {"n": None},
    {"r": 8.0},
    {"p": 1.0},
    {"chunk": 65536.0},
    {"salt": 7},
)


def test_another_passphrase_and_another_head_open_nothing() -> None:
    with pytest.raises(MalformedError, match="passphrase"):
        opened(SEALED, Secret(b"another long passphrase"))
    line = SEALED.split(b"\n")[1]
    for change in ({"n": 2**30}, {"n": 1}, {"cipher": "none"}, {"salt": "zz"}, {"chunk": 10**9}, {"r": 9}, {"n": "x"}, *WRONG_TYPES):
        with pytest.raises(MalformedError):
            opened(SEALED.replace(line, json.dumps({**json.loads(line), **change}).encode(), 1))


def test_no_two_files_have_one_salt() -> None:
    assert sealed(b"x").split(b"\n")[1] != sealed(b"x").split(b"\n")[1]
