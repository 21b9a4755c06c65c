# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of two certificates side by side each is seen by a client of its own signature."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError
from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, probe_many
from ansible_collections.certops.clm.tests.lab.ca import TestCA


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A server with an RSA and an ECDSA certificate: (port, their SHA-256s)."""
    ca, place = TestCA(), tmp_path_factory.mktemp("pair")
    made = {"rsa": ca.issue(["a.example"], key=rsa.generate_private_key(65537, 2048)), "ecdsa": ca.issue(["a.example"])}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, one in made.items():
        path = place / f"{name}.pem"
        path.touch(0o600)
        path.write_text(one.fullchain + one.key_pem)
        context.load_cert_chain(path)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True):
                    pass
            except ssl.SSLError:
                continue
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], {name: one.sha256 for name, one in made.items()}
    listener.close()


def test_each_is_seen_in_its_slot_in_one_batch(pair):
    port, made = pair
    ends = [Endpoint("127.0.0.1", port, "a.example", slot=slot) for slot in ("rsa", "ecdsa", "default", "rsa")]
    seen = [rows[0].sha256 for rows in probe_many(ends)]
    assert seen[:2] == [made["rsa"], made["ecdsa"]] and seen[3] == made["rsa"] and seen[2] in made.values()


def test_a_slot_is_part_of_what_an_endpoint_is():
    plain, slotted = Endpoint("a", 443), Endpoint.from_dict({"host": "a", "port": 443, "slot": "rsa"})
    assert plain.key == "a|443||none" and slotted.key == "a|443||none|rsa" and slotted.label == "a:443 for RSA"
    assert "slot" not in plain.as_dict() and Endpoint.from_dict(slotted.as_dict()) == slotted
    with pytest.raises(ConfigError) as caught:
        Endpoint.from_dict({"host": "a", "slot": "dsa"}, "here")
    assert caught.value.field == "here.slot"
