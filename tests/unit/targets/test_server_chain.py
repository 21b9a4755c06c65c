# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole chains as the server itself sees them: what openssl prints is hostile, and looking ends."""

from __future__ import annotations

import pathlib
from typing import Any, Dict, List

import pytest

from ansible_collections.certops.clm.plugins.module_utils import starttls
from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError
from ansible_collections.certops.clm.plugins.module_utils.flows.look_server import look_from_server
from ansible_collections.certops.clm.plugins.module_utils.targets._server_chain import (
    MAX_CERTIFICATES,
    Patience,
    Shown,
    chain_in,
    client_argv,
    watch,
)
from ansible_collections.certops.clm.plugins.module_utils.targets._server_proof import Spot
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import Endpoint
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem

A, B, C = (b"\x30\x03\x02\x01" + bytes([number]) for number in range(3))
KEY = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"


def printed(*ders: bytes, before: bytes = b"", inside: bytes = b"", after: bytes = b"") -> bytes:
    """As s_client prints it."""
    rows = b"".join(b" %d s:CN = x\n   i:CN = y\n" % n + pem.encode(pem.CERTIFICATE, der).encode() for n, der in enumerate(ders))
    end = b"---\nServer certificate\nsubject=CN = x\n---\n"
    return before + b"CONNECTED(00000003)\n---\nCertificate chain\n" + rows + inside + end + after


@pytest.mark.parametrize("ders", [[A], [A, B], [B, A, B]])
def test_certificates_come_in_the_order_in_which_they_were_served(ders: List[bytes]) -> None:
    assert chain_in(printed(*ders)) == tuple(ders) == chain_in(printed(*ders).replace(b"\n", b"\r\n"))


def test_what_a_server_sends_behind_its_handshake_counts_for_nothing() -> None:
    assert chain_in(printed(A, after=printed(B, C))) == (A,)
    assert chain_in(printed(A, after=KEY)) == (A,)
    assert chain_in(printed(A, B, inside=b"\x00\x1b]0;title\x07\xff\xfe  0 s:CN = -----\n")) == (A, B)


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"CONNECTED(00000003)\n---\nno peer certificate available\n---\n",
        pem.encode(pem.CERTIFICATE, A).encode(),
        printed(),
        printed(A, B)[:-90],
        printed(A, B)[:120],
        printed(A, B).partition(b" 1 s:")[0],
        printed(A, inside=KEY),
        printed(A, inside=b"-----BEGIN CERTIFICATE-----\n"),
        printed(A, inside=b"-----BEGIN CERTIFICATE-----\nMAA\n-----END CERTIFICATE-----\n"),
        printed(A, inside=b"-----BEGIN CERTIFICATE-----\n\x00\x1b\n-----END CERTIFICATE-----\n"),
    ],
)
def test_half_a_chain_is_no_chain(output: bytes) -> None:
    """A cut chain would look like a server that lacks its intermediate, and be put back."""
    with pytest.raises(ClmError) as caught:
        chain_in(output)
    assert "c2VjcmV0" not in str(caught.value) and "PRIVATE" not in str(caught.value)


def test_ten_thousand_certificates() -> None:
    assert len(chain_in(printed(*[A] * 10000))) == 10000


def spot(host: str = "127.0.0.1", name: str = "", kind: str = "none", address: str = "127.0.0.1") -> Spot:
    return Spot(Endpoint(host, 8443, name, kind), address)


def test_the_words_of_the_command() -> None:
    plain = ["openssl", "s_client", "-connect", "127.0.0.1:8443", "-showcerts", "-cipher", "ALL:@SECLEVEL=0"]
    assert client_argv(spot(), "default", "openssl") == plain
    assert client_argv(spot("db.example", kind="postgresql"), "x", "openssl")[7:] == ["-servername", "db.example", "-starttls", "postgres"]
    assert client_argv(spot("a", "_x.a_b.example.", address="::1"), "rsa", "o")[3:] == [
        "[::1]:8443", "-showcerts", "-cipher", "aRSA:@SECLEVEL=0", "-tls1_2", "-servername", "_x.a_b.example"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["-help", "a b", "a;id", "a\n", "*.example", "bücher.example", "a..b", "x" * 64 + "é", "a." * 200, "$(id)", "."]
)
def test_names_that_are_none_never_reach_the_command(name: str) -> None:
    with pytest.raises(ClmError, match="no host name"):
        client_argv(spot("h", name), "default", "openssl")


def test_addresses_that_are_none_and_protocols_that_openssl_does_not_know() -> None:
    with pytest.raises(ClmError, match="not an address"):
        client_argv(spot(address="-help"), "default", "openssl")
    with pytest.raises(ClmError, match="'smoke' is not known"):
        client_argv(spot(kind="smoke"), "default", "openssl")
    for kind in starttls.KINDS:
        client_argv(spot(kind=kind), "default", "openssl")


GOOD, OTHER, LESS, BLIND = Shown((A, B), 2, "a"), Shown((C,), 1, "c"), Shown((A,), 1, "a"), Shown(sha256="a", detail="blind")


def watched(looks: List[Shown], timeout: float = 0, soak: float = 0) -> Any:
    """What came of watching a script of looks, the last of which stays, and how many were taken."""
    clock, taken = [0.0], []

    def look() -> Shown:
        taken.append(looks[min(len(taken), len(looks) - 1)])
        return taken[-1]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    return watch("a", look, Patience(timeout, soak, now=lambda: clock[0], sleep=sleep)), len(taken)


def test_the_wanted_leaf_may_take_its_time() -> None:
    assert watched([OTHER, BLIND, GOOD], timeout=9) == (GOOD, 3)
    assert watched([OTHER]) == (OTHER, 1) and watched([OTHER], timeout=3)[0] == OTHER and watched([BLIND], timeout=3) == (BLIND, 4)


def test_a_soak_ends_at_the_first_look_that_shows_something_else() -> None:
    assert watched([GOOD], soak=5) == (GOOD, 6)
    assert watched([GOOD, GOOD, LESS, GOOD], soak=5) == (LESS, 3) and watched([GOOD, OTHER], soak=5) == (OTHER, 2)
    assert watched([GOOD, BLIND, GOOD], soak=5)[0] == GOOD and watched([GOOD, BLIND], soak=5)[0] == BLIND
    assert watched([OTHER], soak=5) == (OTHER, 1), "what is wrong already is not watched"


def ask(*rows: Dict[str, Any], openssl: str = "openssl", timeout: float = 0) -> Dict[str, Any]:
    looks: Dict[str, Any] = look_from_server({"endpoints": rows, "timeout": timeout, "soak": 0, "openssl": openssl})["looks"]
    return looks


def test_a_real_server_is_seen_whole(world: Any, made: Any, tmp_path: pathlib.Path) -> None:
    cert = made()
    item = world.add("shop.example.com", cert)
    world.start()
    row = {**item["endpoints"][0], "id": "a/0", "sha256": cert.sha256.upper()}
    (seen,) = ask(row)["a/0"]
    assert (seen["answer"], seen["sha256"], seen["sent"], seen["detail"]) == ("answered", cert.sha256, 2, "")
    assert "".join(seen["chain_pem"]) == cert.chain_pem
    looks = ask(
        {**row, "id": "x", "host": "nowhere.invalid", "addresses": []}, {**row, "id": "y", "port": 1}, {**row, "id": "z", "host": ""}
    )
    assert {rows[0]["answer"] for rows in looks.values()} == {"could_not_look"} and all(rows[0]["detail"] for rows in looks.values())


@pytest.mark.parametrize("script", ["exit 1", "sleep 60", "yes", "cat /dev/zero"])
def test_an_openssl_that_is_broken_leaves_the_leaf_and_says_what_to_install(
    world: Any, made: Any, tmp_path: pathlib.Path, script: str
) -> None:
    cert = made()
    item = world.add("shop.example.com", cert)
    world.start()
    fake = tmp_path / "openssl"
    fake.write_text(f"#!/bin/sh\nexec {script}\n" if " " in script or script == "yes" else script)
    fake.chmod(0o755)
    (seen,) = ask({**item["endpoints"][0], "id": "a"}, openssl=str(fake))["a"]
    assert (seen["answer"], seen["sha256"], len(seen["chain_pem"])) == ("could_not_look", cert.sha256, 1)
    assert "install the openssl command there, or Python 3.13 or newer" in seen["detail"]


def test_no_more_than_sixteen_leave_the_server(world: Any, made: Any) -> None:
    cert = made()
    leaf, ca = (block + "-----END CERTIFICATE-----\n" for block in cert.chain_pem.split("-----END CERTIFICATE-----\n")[:2])
    item = world.add("shop.example.com", cert)
    pathlib.Path(item["target"]["certificate_file"]).write_text(leaf + ca * 40)
    world.start()
    (seen,) = ask({**item["endpoints"][0], "id": "a"})["a"]
    assert seen["sent"] > MAX_CERTIFICATES == len(seen["chain_pem"])
