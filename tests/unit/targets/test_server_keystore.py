# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keystores as layouts of the transaction: kept and changed aliases and passwords, the way back byte for byte, and what is refused.

The server reads PEM files, so its reload takes them out of the keystore first; Tomcat itself is in the integration tests.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import sys
from datetime import datetime, timezone
from typing import Any, Dict

import pytest

from ansible_collections.certops.clm.plugins.module_utils.keystores import Keystore
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.tests.unit.targets.conftest import Made, World

EXTRACT = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from ansible_collections.certops.clm.plugins.module_utils.keystores import Keystore
text = Keystore(*sys.argv[2].split(",")).opened(open(sys.argv[3], "rb").read()).text
open(sys.argv[4], "wb").write(text)
"""


class Java:
    """A server with a keystore, and the deployment of it."""

    def __init__(self, world: World, old: Made, layout: str) -> None:
        self.world, self.old = world, old
        self.folder = world.folder
        self.secret("now", "the password of now")
        self.secret("former", "the former password")
        self.path = self.folder / f"store.{layout}"
        self.item: Dict[str, Any] = world.add("shop.example.com", old, "combined")
        served = self.item["target"]["certificate_file"]
        reload = shlex.join(self.item["target"]["reload"]["command"])
        words = [
            sys.executable,
            "-c",
            EXTRACT,
            os.environ["PYTHONPATH"],
            f"{layout},,{self.folder}/now,{self.folder}/former",
            str(self.path),
            served,
        ]
        self.item["target"].update(layout=layout, certificate_file=str(self.path), password_file=str(self.folder / "now"))
        self.item["target"].update(check=[], reload={"command": ["sh", "-c", f"{shlex.join(words)} && {reload}"]})

    def secret(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text + "\n")

    def store(self, alias: str = "", password: str = "now") -> Keystore:
        return Keystore(self.item["target"]["layout"], alias, str(self.folder / password))

    def begin(self, alias: str, password: str = "now") -> None:
        """The keystore of the first day, and the server serves it."""
        chain = [block.der for block in pem.split(self.old.chain_pem)]
        sealed = self.store(alias, password).sealed(chain, Secret(self.old.key_pem), "", datetime.now(timezone.utc))
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o640), "wb") as file:
            file.write(sealed)
        self.world.start()


@pytest.mark.parametrize("layout", ["pkcs12", "jks"])
def test_a_keystore_is_replaced_with_its_alias_and_comes_back_byte_for_byte(world: World, made: Any, layout: str) -> None:
    old, new = made(), made()
    java = Java(world, old, layout)
    java.begin("shop-alias")
    before, mode = java.path.read_bytes(), java.path.stat().st_mode
    planned = world.run((java.item, new), check_mode=True)["outcomes"]["shop.example.com"]
    assert (planned["state"], planned["before"]["sha256"]) == ("planned", old.sha256) and java.path.read_bytes() == before
    done = world.run((java.item, new))["outcomes"]["shop.example.com"]
    assert (done["state"], world.served(java.item)) == ("done", new.sha256), done
    opened = java.store().opened(java.path.read_bytes())
    assert (opened.alias, pem.sha256(opened.chain_der[0]), len(opened.chain_der)) == ("shop-alias", new.sha256, 2)
    assert java.path.stat().st_mode == mode
    assert world.run((java.item, new))["outcomes"]["shop.example.com"]["state"] == "unchanged"
    back = world.run((java.item, None), state="restored")["outcomes"]["shop.example.com"]
    assert (back["state"], world.served(java.item)) == ("done", old.sha256) and java.path.read_bytes() == before


@pytest.mark.parametrize("layout", ["pkcs12", "jks"])
def test_alias_and_password_are_changed_when_others_are_given(world: World, made: Any, layout: str) -> None:
    old, new = made(), made()
    java = Java(world, old, layout)
    java.begin("before", "former")
    refused = world.run((java.item, new))["outcomes"]["shop.example.com"]
    assert (refused["state"], refused["step"]) == ("failed", "plan") and "password" in refused["message"], refused
    java.item["target"].update(alias="after", former_password_file=str(java.folder / "former"))
    done = world.run((java.item, new))["outcomes"]["shop.example.com"]
    assert (done["state"], world.served(java.item)) == ("done", new.sha256), done
    assert java.store("after").opens(java.path.read_bytes()) and not java.store("after", "former").opens(java.path.read_bytes())
    java.item["target"].update(alias="again")
    same = world.run((java.item, new))["outcomes"]["shop.example.com"]
    assert same["state"] == "done" and java.store("again").opens(java.path.read_bytes()), "the same certificate under another alias"


def test_a_reload_that_lies_brings_the_keystore_back(world: World, made: Any) -> None:
    java = Java(world, made(), "pkcs12")
    java.begin("a")
    before = java.path.read_bytes()
    java.item["target"]["reload"] = {"command": ["true"]}
    outcome = world.run((java.item, made()))["outcomes"]["shop.example.com"]
    assert outcome["state"] == "rolled_back" and java.path.read_bytes() == before, outcome


def test_a_keystore_with_other_entries_is_refused_before_any_write(world: World, made: Any) -> None:
    java = Java(world, made(), "jks")
    java.begin("a")
    data = bytearray(java.path.read_bytes()[:-20])
    data[8:12] = (2).to_bytes(4, "big")
    anchor = pem.split(java.old.chain_pem)[1].der
    data += b"\0\0\0\2\0\6anchor" + bytes(8) + b"\0\5X.509" + len(anchor).to_bytes(4, "big") + anchor
    from ansible_collections.certops.clm.plugins.module_utils import _keystore_jks as jks

    java.path.write_bytes(bytes(data) + jks._sealed(bytes(data), Secret(b"the password of now")))
    before = java.path.read_bytes()
    outcome = world.run((java.item, made()))["outcomes"]["shop.example.com"]
    assert outcome["state"] == "failed" and "1 more entries" in outcome["message"] and java.path.read_bytes() == before


def test_no_key_and_no_password_is_in_a_command_or_a_file_in_clear(world: World, made: Any) -> None:
    new = made()
    java = Java(world, made(), "pkcs12")
    java.begin("a")
    calls = java.folder / "calls"
    spy = java.folder / "bin" / "openssl"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec /usr/bin/openssl "$@"\n')
    spy.chmod(0o755)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{spy.parent}:{path}"
    try:
        assert world.run((java.item, new))["outcomes"]["shop.example.com"]["state"] == "done"
    finally:
        os.environ["PATH"] = path
    said = calls.read_text()
    assert "pkcs12 -export" in said and "the password" not in said and "PRIVATE" not in said
    body = new.key_pem.split(b"\n")[1]
    served = pathlib.Path(java.folder / "shop.example.com.pem")  # what the stand-in's own reload took out
    assert [one for one in java.folder.rglob("*") if one.is_file() and body in one.read_bytes()] == [served]
