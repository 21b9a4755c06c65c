# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in the configurations of servers, and that no configuration makes a source raise."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.certops.clm.plugins.module_utils.contracts import Found
from ansible_collections.certops.clm.plugins.module_utils.server_kinds import _index
from ansible_collections.certops.clm.tests.support.collection import provider_index

ROOT = pathlib.Path(__file__).resolve().parents[3]
PEM_CERT = (ROOT / "tests" / "unit" / "server_kinds" / "one.pem").read_text()
PEM_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def find(kind: str, **options: Any) -> List[Found]:
    """Everything that is found, without the waiting for a command that is not there."""
    return list(_index.create(kind, options, lambda: pytest.fail("no clock is needed")).find())


def by_file(found: List[Found]) -> Dict[str, Found]:
    return {pathlib.Path(one.where["certificate_file"]).name: one for one in found}


NGINX = """
# ssl_certificate /commented/out.pem;
http {
  ssl_certificate tls/default.pem;  ssl_certificate_key tls/default.key;
  server { listen 443 ssl; server_name "a.example" b.example; include snippets/*.conf; }
  server { listen [::]:8443 ssl; server_name c.example; }
  server { listen 80; server_name plain.example;
    ssl_certificate /tls/rsa.pem; ssl_certificate_key /tls/rsa.key;
    ssl_certificate /tls/ec.pem; ssl_certificate_key /tls/ec.key;
    location / { return 200 "}{;"; } }
  server { server_name v.example; ssl_certificate /tls/$ssl_server_name.pem; ssl_certificate_key /tls/${ssl_server_name}.key; }
}
"""


def test_nginx(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nginx.conf").write_text(NGINX)
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets" / "a.conf").write_text("ssl_certificate tls/a.pem;\nssl_certificate_key tls/a.key;")
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "a.pem").write_text(PEM_CERT + PEM_CERT)
    found = by_file(find("nginx", binary="/nowhere/nginx", config=str(tmp_path / "nginx.conf")))
    assert sorted(found) == ["$ssl_server_name.pem", "a.pem", "default.pem", "ec.pem", "rsa.pem"]
    a = found["a.pem"]
    assert a.where["server_names"] == ["a.example", "b.example"] and a.where["listen"] == ["443"] and len(a.chain_der) == 2
    assert a.where["config_file"] == str(tmp_path / "snippets" / "a.conf") and a.where["key_file"] == str(tmp_path / "tls" / "a.key")
    assert found["default.pem"].where["server_names"] == ["c.example"] and "No such file" in found["default.pem"].error
    assert found["ec.pem"].where["key_file"] == "/tls/ec.key" and "no path" in found["$ssl_server_name.pem"].error


def test_nginx_that_is_not_installed_is_nothing_and_a_named_file_that_is_missing_is_a_record() -> None:
    assert [one.error for one in find("nginx", binary="/nowhere/nginx", config="/nowhere/nginx.conf")] == [
        "/nowhere/nginx.conf: No such file or directory"
    ]


def test_haproxy(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    for name in ("one.pem", "two.pem", "listed.pem", "store.pem"):
        (folder / name).write_text(PEM_CERT + PEM_KEY)
    (folder / "two.pem.ocsp").write_text("x")
    (tmp_path / "list").write_text(f"# comment\n{folder}/listed.pem [alpn h2] l.example !no.l.example\n\n{folder}/one.pem\n")
    (tmp_path / "haproxy.cfg").write_text(
        f"global\n  crt-base {folder}\nfrontend f\n  bind :443 ssl crt {folder}/ alpn h2\n  bind :8443 ssl crt-list {tmp_path}/list\n"
        "  bind :80\n  server s 127.0.0.1:1 ssl crt client.pem\n"
        "crt-store web\n  load crt store.pem alias s\n  load crt split.pem key split.key\n"
    )
    found = by_file(find("haproxy", config=str(tmp_path / "haproxy.cfg")))
    assert sorted(found) == ["listed.pem", "one.pem", "split.pem", "store.pem", "two.pem"]
    assert found["one.pem"].where["listen"] == [":443", ":8443"] and len(found["one.pem"].chain_der) == 1
    assert found["listed.pem"].where["server_names"] == ["l.example"] and found["split.pem"].where["key_file"].endswith("split.key")


def test_postgresql(tmp_path: pathlib.Path) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "db.crt").write_text(PEM_CERT)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "10.conf").write_text("ssl_cert_file = 'db.crt'  # here\nport 5433\n")
    (tmp_path / "postgresql.conf").write_text(
        f"ssl = on\nssl_cert_file = 'nowhere'\ninclude_dir 'conf.d'\ninclude_if_exists = 'x'\ndata_directory = '{tmp_path}/main'\n"
        "listen_addresses = 'localhost, 10.0.0.1'\n"
    )
    (one,) = find("postgresql", config=[str(tmp_path / "postgresql.conf")])
    assert one.where["certificate_file"] == str(tmp_path / "main" / "db.crt") and len(one.chain_der) == 1
    assert one.where["key_file"] == str(tmp_path / "main" / "server.key") and one.where["listen"] == ["localhost:5433", "10.0.0.1:5433"]
    assert one.where["config_file"].endswith("10.conf") and one.where["line"] == 1
    (tmp_path / "main" / "postgresql.auto.conf").write_text("ssl = 'off'\n")
    assert find("postgresql", config=[str(tmp_path / "postgresql.conf")]) == []
    assert find("postgresql", config=[str(tmp_path / "*.nothing")]) == []


def test_files_are_records_whatever_they_are(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cut.pem").write_text(PEM_CERT[: len(PEM_CERT) // 2])
    names = [str(tmp_path / "cut.pem"), str(tmp_path), "/dev/zero", "/nowhere"]
    assert [bool(one.error) and not one.chain_der for one in find("generic", files=names)] == [True] * 4


WORDS = ["ssl_certificate ", "include ", "server ", "bind ", "ssl ", "crt ", "crt-list ", "ssl_cert_file=", "on", "include_dir "]
WORDS += [
    "<VirtualHost *:443>\n",
    "</VirtualHost>\n",
    "SSLEngine on\n",
    "SSLCertificateFile ",
    "Define a ",
    "cert = ",
    "[a]\n",
    "[mysqld]\n",
]
WORDS += [
    "ssl_cert=",
    "!includedir ",
    "!include ",
    "smtpd_tls_cert_file=",
    "smtpd_tls_chain_files=",
    "$smtpd_tls_cert_file",
    "local_name a {\n",
]
WORDS += [
    "tls-cert-file ",
    "tls-port 1\n",
    "ssl_options.certfile=",
    "listener 1\n",
    "certfile ",
    "tls a b\n",
    "import ",
    "a.example {\n",
    "}\n",
]
WORDS += [
    "<Connector ",
    "<Certificate ",
    "certificateKeystoreFile='a' ",
    "/>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "&b;",
    "<Server>",
    "</Server>",
]
TEXT = st.lists(st.sampled_from([*"ab \n\t;{}\"'\\#$[]=/*.~\0", *WORDS]), max_size=40).map("".join)


@settings(max_examples=100, deadline=None)
@given(TEXT)
@pytest.mark.parametrize("kind", [kind for kind in _index.NAMES if "config" in _index.options_of(kind)])
def test_no_configuration_makes_a_source_raise(kind: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "server.conf"
        path.write_text(text)
        options = {"config": [str(path)] if _index.options_of(kind)["config"]["type"] == "list" else str(path)}
        assert all(isinstance(one, Found) for one in find(kind, binary="/nowhere/nginx", **options))


def test_a_configuration_that_includes_itself_ends(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "n.conf"
    path.write_text("include n.conf; include n.conf; server { ssl_certificate x.pem; }")
    assert len(find("nginx", binary="/nowhere/nginx", config=str(path))) == 1
    path = tmp_path / "p.conf"
    path.write_text("ssl = on\ninclude 'p.conf'\ninclude 'p.conf'\n")
    assert len(find("postgresql", config=[str(path)])) == 1


def test_the_index_is_fresh() -> None:
    folder = ROOT / "plugins" / "module_utils" / "server_kinds"
    assert (folder / "_index.py").read_text() == provider_index(folder, "Source")
