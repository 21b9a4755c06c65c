# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The leak gate can fail: a secret in a log, a file name, a cache, a zip that AnsiballZ carries, or a key file that is open to others."""

from __future__ import annotations

import base64
import io
import os
import zipfile

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.certops.clm.tests.support.leaks import IN_A_SITE, Place, look, needles_of

WHERE = "store/lineages/shop/versions/000001-0a0b0c0d/key.pem"
SECRET = b"a passphrase for tests"


def pem(passphrase=None):
    how = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    return key, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


@pytest.fixture
def site(tmp_path):
    """A site with a key, an encrypted CA key and a passphrase, each where it belongs."""
    for name, data in ((WHERE, pem()[1]), ("ca/root.key", pem(SECRET)[1]), ("passphrase", SECRET + b"\n")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.write(data)
    return tmp_path


def found(site, **texts):
    return look(needles_of([site], {"the passphrase": SECRET}), [Place("site", site, IN_A_SITE)], texts)


def test_nothing_leaks_where_everything_is_in_its_place(site):
    seen = found(site, output=b"ok")
    assert not seen.leaks and seen.files == 3 and seen.holders == ["site/passphrase", f"site/{WHERE}"]


def leak(site, where, data):
    path = site / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    return found(site).leaks


@pytest.mark.parametrize("where", ["log", "key.pem", "certops-clm/x", "store/lineages/shop/key.pem", "home/.ansible/tmp/a/AnsiballZ_x.py"])
def test_a_key_anywhere_else_is_a_leak(site, where):
    (one, *_more) = leak(site, where, b'{"a": ' + base64.b64encode((site / WHERE).read_bytes()) + b"}")
    assert one.startswith(f"site/{where}: ") and WHERE in one


def test_the_key_of_a_ca_is_looked_for_too(site):
    key = serialization.load_pem_private_key((site / "ca/root.key").read_bytes(), SECRET)
    number = key.private_numbers().private_value
    assert any("ca/root.key" in one for one in leak(site, "log", f"{number:064x}".encode()))


def test_a_file_name_and_an_output_are_looked_into(site):
    assert leak(site, f"tmp/{SECRET.hex()}", b"")
    assert any(one.startswith("output: the passphrase") for one in found(site, output=b"x" + SECRET).leaks)


def test_what_ansiballz_carries_is_unpacked(site):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("args.py", SECRET + b" " * 2000 + os.urandom(3000).hex().encode())
    script = b"#!/usr/bin/python3\nZIPDATA = '" + base64.b64encode(packed.getvalue()) + b"'\n"
    leaks = leak(site, "tmp/AnsiballZ_shop.py", script)
    assert leaks and all(one.startswith("site/tmp/AnsiballZ_shop.py: the passphrase") for one in leaks)
    assert found(site).modules == {"shop"}


def test_a_key_that_is_open_to_others_is_a_leak(site):
    (site / WHERE).chmod(0o640)
    assert found(site).leaks == {f"site/{WHERE}: a secret where it belongs, but open to others (640)"}


def test_a_key_that_nobody_can_open_is_no_pass(site):
    (site / "other.key").write_bytes(pem(b"another one")[1])
    with pytest.raises(AssertionError, match="no passphrase opens"):
        found(site)
