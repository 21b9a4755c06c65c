# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole rotation under everything that makes Ansible talk: no byte of any private key is anywhere but where keys belong."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.certops.clm.tests.integration.rotate.campaign import Campaign

LOUD = {
    "pipelining": {},
    "files": {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"},
    "debug": {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_DEBUG": "1"},
}


def needles(pem: bytes) -> list[bytes]:
    """A key as it could turn up: PEM body lines, base64 of the PEM, DER, hex, and the private number itself."""
    key = serialization.load_pem_private_key(pem, None)
    number = key.private_numbers().private_value.to_bytes(32, "big")
    form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    der = key.private_bytes(*form)
    body = [line for line in pem.splitlines() if line and not line.startswith(b"-")]
    return [*body[:-1], base64.b64encode(pem)[:60], der[-100:-60], der.hex().encode()[60:120], number, number.hex().encode()]


@pytest.mark.parametrize("way", sorted(LOUD))
def test_no_key_is_anywhere_but_where_keys_belong(lab, ansible, tmp_path, way):
    campaign = Campaign(lab, ansible, tmp_path, ["shop", "edge"])
    kept = {"ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"), "ANSIBLE_LOG_PATH": str(tmp_path / "log")}
    loud = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", **kept, **LOUD[way]}
    args, extra = ["-vvvvv", "--diff"], campaign.settings()
    run = ansible.playbook("certops.clm.rotate", inventory=campaign.inventories, args=args, extra=extra, env=loud, timeout=200)
    assert run.rc == 0, run.output[-3000:]
    keys = [path.read_bytes() for path in (tmp_path / "store").rglob("key.pem")]
    assert len(keys) == 2 and b"PRIVATE KEY" in keys[0]
    wanted = [needle for key in keys for needle in needles(key)]
    texts = {"output": run.output.encode()}
    for place in (tmp_path, ansible.place):
        for path in place.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.name != "key.pem":
                texts[str(path)] = path.read_bytes()
    served = ("/etc/nginx/tls/shop.key", "/etc/haproxy", "/var/lib/certops-clm")  # where they belong on a managed host
    for name in ("web1", "web2", "web3", "lb1"):
        for path in lab.hosts[name].root.rglob("*"):
            inside = "/" + str(path.relative_to(lab.hosts[name].root))
            if path.is_file() and not path.is_symlink() and not inside.startswith(served):
                texts[str(path)] = path.read_bytes()
    found = [place for place, text in texts.items() for needle in wanted if needle in text]
    assert not found, found
    assert any("AnsiballZ" in place for place in texts) == (way != "pipelining"), "KEEP_REMOTE_FILES left its files to be searched"
