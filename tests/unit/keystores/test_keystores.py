# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores against the real keytool in both directions, what they hold beside, and what hostile bytes do."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils import _keystore_jks as jks
from ansible_collections.certops.clm.plugins.module_utils._keystore_pkcs12 import _opened
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, MalformedError
from ansible_collections.certops.clm.plugins.module_utils.keystores import FORMATS, Keystore, check_alias, password_of
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.support.environment import program
from ansible_collections.certops.clm.tests.unit.targets.conftest import make

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
MADE = make()
CHAIN = [block.der for block in pem.split(MADE.chain_pem)]
KEY = Secret(MADE.key_pem)
PRINTED = [f"-----{word} {what}-----\n".encode() for word in ("BEGIN", "END") for what in ("CERTIFICATE", "PRIVATE KEY")]
PRINTED += [b"    friendlyName: a\n", b"AAAA\n", b"\xff\n"]
STORETYPE = {"pkcs12": "PKCS12", "jks": "JKS"}


@pytest.fixture
def passwords(tmp_path):
    """Files with two passwords; the first has letters that are not ASCII."""
    for name, text in (("now", "pässwörd\n"), ("former", "changeit\r\nnot this line\n")):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    return str(tmp_path / "now"), str(tmp_path / "former")


def keytool(*words):
    done = subprocess.run([program("keytool"), *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def public(key):
    return load_pem_private_key(key.reveal(), None).public_key()


@pytest.mark.parametrize("form", FORMATS)
def test_keytool_reads_what_we_write(form, passwords, tmp_path):
    path = tmp_path / "ours"
    path.write_bytes(Keystore(form, "", passwords[1]).sealed(CHAIN, KEY, "shop", NOW))
    store = ["-keystore", path, "-storetype", STORETYPE[form], "-storepass:file", tmp_path / "plain"]
    (tmp_path / "plain").write_text("changeit")
    listed = keytool("-list", "-rfc", *store)
    assert "Alias name: shop" in listed and "Certificate chain length: 2" in listed and "PrivateKeyEntry" in listed
    assert [block.der for block in pem.split(listed)] == CHAIN
    (tmp_path / "csr").write_text(keytool("-certreq", "-alias", "shop", *store))
    asked = subprocess.run(["openssl", "req", "-in", tmp_path / "csr", "-noout", "-verify"], capture_output=True, text=True, check=True)
    assert "OK" in asked.stderr + asked.stdout, "keytool could use the key"


@pytest.mark.parametrize("form", FORMATS)
def test_we_read_what_keytool_writes(form, passwords, tmp_path):
    path = tmp_path / "theirs"
    (tmp_path / "plain").write_text("changeit")
    words = ["-keystore", path, "-storetype", STORETYPE[form], "-storepass:file", tmp_path / "plain"]
    keytool("-genkeypair", "-alias", "Mine", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=a", *words)
    store = Keystore(form, "", passwords[1])
    opened = store.opened(path.read_bytes())
    assert (opened.alias, len(opened.chain_der), opened.others) == ("mine", 1, 0)
    assert public(opened.key) and pem.leaf_facts(opened.chain_der[0]).sha256
    assert store.opens(path.read_bytes()) and not Keystore(form, "other", passwords[1]).opens(path.read_bytes())
    (tmp_path / "ca.pem").write_text(pem.encode(pem.CERTIFICATE, CHAIN[1]))
    keytool("-importcert", "-noprompt", "-alias", "anchor", "-file", tmp_path / "ca.pem", *words)
    keytool("-genkeypair", "-alias", "second", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=b", *words)
    assert store.opened(path.read_bytes()).others == 2


@pytest.mark.parametrize("form", FORMATS)
def test_what_was_sealed_is_opened_by_its_password_alone(form, passwords):
    now, former = passwords
    data = Keystore(form, "", former).sealed(CHAIN, KEY, "", NOW)
    opened = Keystore(form, "", now, former).opened(data)
    assert (opened.alias, list(opened.chain_der), opened.others) == ("server", CHAIN, 0)
    assert public(opened.key) == public(KEY)
    assert not Keystore(form, "", now, former).opens(data), "its password is to change"
    with pytest.raises(MalformedError, match=r"password|cannot be opened") as caught:
        Keystore(form, "", now).opened(data)
    assert "PRIVATE" not in str(caught.value) and "changeit" not in str(caught.value)
    changed = Keystore(form, "New", now).sealed(CHAIN, KEY, "server", NOW)
    assert Keystore(form, "new", now).opens(changed) and not Keystore(form, "new", former).opens(changed)


def test_a_jks_shows_its_certificates_without_a_password(passwords):
    data = Keystore("jks", "", passwords[0]).sealed(CHAIN, KEY, "a", NOW)
    assert list(jks.certificates(data)) == CHAIN
    flipped = bytes([*data[:40], data[40] ^ 1, *data[41:]])
    with pytest.raises(MalformedError):
        jks.unseal(flipped, password_of(passwords[0]))


def test_a_key_that_is_another_ones_makes_no_keystore(passwords):
    with pytest.raises(ClmError, match="openssl could not make"):
        Keystore("pkcs12", "", passwords[1]).sealed(CHAIN, Secret(make().key_pem), "a", NOW)


@pytest.mark.parametrize("text", ["", "short\n", "\nlong enough but not in the first line\n"])
def test_what_is_no_password_is_refused(text, tmp_path):
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(ConfigError, match="no password of at least 6"):
        password_of(str(path))


def test_a_password_that_everybody_reads_is_refused(passwords, tmp_path):
    (tmp_path / "now").chmod(0o644)
    with pytest.raises(ConfigError, match="everybody may read"):
        password_of(passwords[0])
    with pytest.raises(ConfigError, match="is not on this server"):
        password_of(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("alias", ["-out", "a\nb", "a;b", "x" * 101, "ä", "$(id)"])
def test_an_alias_that_could_be_something_else_is_refused(alias):
    with pytest.raises(ConfigError, match="no alias"):
        check_alias(alias)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=120).map(lambda data: bytes.fromhex("feedfeed0000000200000001") + data)))
def test_hostile_bytes_are_no_keystore(data):
    for read in (jks.certificates, lambda one: jks.unseal(one, Secret(b"changeit"))):
        try:
            read(data)
        except MalformedError as error:
            assert str(error).isprintable()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PRINTED), max_size=12))
def test_whatever_openssl_prints_is_read_or_refused(lines):
    try:
        assert _opened(b"".join(lines)).others >= 0
    except ClmError as error:
        assert "AAAA" not in str(error)
