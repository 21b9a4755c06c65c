# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tree, notes, checkpoints and options: against vectors that others published and against a second, plain implementation."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, List

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils._ledger_checkpoint import Checkpoint, file_name, of_file
from ansible_collections.certops.clm.plugins.module_utils._ledger_note import Verifier, open_note, sign, verifier_of
from ansible_collections.certops.clm.plugins.module_utils._ledger_options import settle
from ansible_collections.certops.clm.plugins.module_utils._ledger_tree import Tree, roots
from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, MalformedError

# The eight entries and their roots that RFC 6962's reference implementation is tested with.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# The example of the package that signed notes come from.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def plain_root(entries: List[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written: split at the largest power of two below the size."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return hashlib.sha256(b"\1" + plain_root(entries[:split]) + plain_root(entries[split:])).digest()


def test_the_tree_has_the_published_roots() -> None:
    tree = Tree()
    assert tree.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for entry, root in zip(ENTRIES, ROOTS):
        tree.add(bytes.fromhex(entry))
        assert tree.root().hex() == root


@given(st.lists(st.binary(max_size=6), max_size=40))
def test_the_tree_is_the_one_of_the_rfc(entries: List[bytes]) -> None:
    plain = [entry.replace(b"\n", b"") for entry in entries]
    found = roots([entry + b"\n" for entry in plain] + [b"torn"], range(len(plain) + 5))
    assert found == {size: plain_root(plain[:size]) for size in range(len(plain) + 1)}


def test_memory_grows_with_the_levels_only() -> None:
    tree = Tree()
    for number in range(5000):
        tree.add(b"%d" % number)
        assert len(tree._peaks) == bin(tree.size).count("1")


def test_a_published_note_opens_and_its_key_is_read() -> None:
    verifier = Verifier.parse(VKEY)
    assert verifier.text == VKEY and verifier.key_id.hex() == "c74f20a3"
    assert open_note((TEXT + "\n" + SIGNED).encode(), [verifier]) == TEXT


def test_signing_makes_the_bytes_that_the_format_says() -> None:
    public = SEED.public_key().public_bytes_raw() if hasattr(SEED.public_key(), "public_bytes_raw") else verifier_of("a/b", SEED).public
    key_id = hashlib.sha256(b"a/b\n\x01" + public).digest()[:4]
    line = base64.b64encode(key_id + SEED.sign(b"x\n")).decode()
    assert sign("x\n", "a/b", SEED) == f"x\n\n\u2014 a/b {line}\n".encode()
    assert open_note(sign("x\n", "a/b", SEED), [verifier_of("a/b", SEED)]) == "x\n"


def test_signatures_of_witnesses_are_let_be() -> None:
    other = sign(TEXT, "witness.example/w", SEED).decode().rpartition("\n\n")[2]
    assert open_note((TEXT + "\n" + other + SIGNED).encode(), [Verifier.parse(VKEY)]) == TEXT


@pytest.mark.parametrize(
    "note",
    [
        TEXT + SIGNED,  # no blank line
        TEXT + "\n",
        TEXT + "\n" + SIGNED[:-1],
        TEXT.replace("you", "me") + "\n" + SIGNED,
        TEXT + "\n" + SIGNED.replace("x08go/", "x08go+"),
        TEXT + "\n" + SIGNED.replace("\u2014", "-"),
        TEXT + "\n" + SIGNED.replace("PeterNeumann", "Peter"),
        "\x07" + TEXT + "\n" + SIGNED,
        TEXT + "\n" + SIGNED * 200,
        sign(TEXT, "PeterNeumann", SEED).decode(),  # the name of the known key, and another key
        "",
    ],
)
def test_a_note_that_is_not_signed_as_it_should_be_is_refused(note: str) -> None:
    with pytest.raises(MalformedError):
        open_note(note.encode(), [Verifier.parse(VKEY)])


@pytest.mark.parametrize(
    "vkey",
    ["", VKEY[:-4], VKEY.replace("c74f20a3", "c74f20a4"), VKEY.replace("Peter", "Pe ter"), VKEY.replace("+AR", "+BR"), "PeterNeumann"],
)
def test_what_is_no_vkey_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedError):
        Verifier.parse(vkey)


def test_a_checkpoint_is_the_example_of_its_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    found = Checkpoint.parse(text)
    assert (found.origin, found.size, found.text) == ("example.com/behind-the-sofa", 20852163, text)
    assert Checkpoint.parse(text + "an extension\n") == found


@pytest.mark.parametrize(
    "text",
    ["", "a\n1\n", "a\n01\nR\n", "a\n-1\nR\n", "a\n1\nx\n", "\n1\nR\n", "a\n1\nR\n\nx\n", "a\n0x\nR\n", "a\n1 \nR\n", "a\n1\nR"],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        Checkpoint.parse(text.replace("R", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="))


def test_a_file_says_whose_checkpoint_it_is() -> None:
    assert of_file(file_name("web-1.example-aabbccdd", 7)) == ("web-1.example-aabbccdd", 7)
    for name in ("w1.checkpoint", "w1.7.checkpoint", "../w1.000000000007.checkpoint", ".w1.000000000007.checkpoint", "w1.vkey"):
        assert of_file(name) is None


STORE = {"type": "directory", "path": "/srv/pki/store"}


def test_key_and_spool_lie_beside_the_store_by_default() -> None:
    found = settle({"path": "/srv/pki/ledger", "checkpoints": {"path": "/mnt/worm"}}, STORE)
    assert found.checkpoints is not None and found.checkpoints.key_file == "/srv/pki/store.ledger-key.pem"
    assert found.spool == "/srv/pki/store.ledger-spool" and found.break_glass == ""
    assert settle({"path": "/l"}, {}).spool == "" and settle({"path": "/l", "checkpoints": None}, {}).checkpoints is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"checkpoints": {"path": "/l/checkpoints"}}, "ledger.checkpoints.path"),
        ({"checkpoints": {"path": "/"}}, "ledger.checkpoints.path"),
        ({"checkpoints": {"path": "/c", "key_file": "/l/key"}}, "ledger.checkpoints.key_file"),
        ({"checkpoints": {"path": "/c", "key_file": "/c/key"}}, "ledger.checkpoints.key_file"),
        ({"checkpoints": {"path": "/c", "key_file": "/x/../l/key"}}, "ledger.checkpoints.key_file"),
        ({"spool": "/l/spool"}, "ledger.spool"),
        ({"spool": "/c/spool", "checkpoints": {"path": "/c"}}, "ledger.spool"),
    ],
)
def test_what_is_checked_against_never_lies_where_the_ledger_is(given: Any, field: str) -> None:
    with pytest.raises(ConfigError) as error:
        settle({"path": "/l", **given}, STORE)
    with pytest.raises(ConfigError, match="is empty: a path is needed"):
        settle({"path": ""}, STORE)
    assert error.value.field == field


def test_a_link_into_the_ledger_is_seen(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "ledger")
    with pytest.raises(ConfigError, match="lies where the ledger is"):
        settle({"path": str(tmp_path / "ledger"), "checkpoints": {"path": str(tmp_path / "elsewhere" / "c")}}, STORE)


def test_without_a_folder_beside_it_a_place_has_to_be_named() -> None:
    for options, field in (({"checkpoints": {"path": "/c"}}, "ledger.checkpoints.key_file"), ({"break_glass": "why"}, "ledger.spool")):
        with pytest.raises(ConfigError) as error:
            settle({"path": "/l", **options}, {"type": "vault_kv"})
        assert error.value.field == field
