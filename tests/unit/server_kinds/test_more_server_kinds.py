# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in the configurations of the rest of the server family, their includes followed, capped, and what is unreadable said."""

from __future__ import annotations

import pathlib
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping

import pytest

from ansible_collections.certops.clm.plugins.module_utils._keystore_jks import seal
from ansible_collections.certops.clm.plugins.module_utils.contracts import Found
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.server_kinds import _index
from ansible_collections.certops.clm.plugins.module_utils.starttls import KINDS
from ansible_collections.certops.clm.plugins.module_utils.targets._server_where import place_of
from ansible_collections.certops.clm.tests.unit.keystores.test_keystores import CHAIN, KEY
from ansible_collections.certops.clm.tests.unit.server_kinds.test_server_kinds import PEM_CERT, PEM_KEY, find

CONFIGURED = [kind for kind in _index.NAMES if "config" in _index.options_of(kind)]
OF_LISTS = [kind for kind in CONFIGURED if _index.options_of(kind)["config"]["type"] == "list"]


def looked(kind: str, tmp_path: pathlib.Path, files: Mapping[str, str]) -> List[Found]:
    """What is found when the first of these files is the configuration; `@` stands for the folder."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("@", str(tmp_path)))
    return find(kind, config=[str(tmp_path / next(iter(files)))])


def uses(found: List[Found], tmp_path: pathlib.Path) -> Dict[str, Any]:
    """By certificate file (key file, server names, listeners), with the folder as `@`."""
    text = {one.where["certificate_file"]: one.where for one in found if "certificate_file" in one.where}
    return {
        path.replace(str(tmp_path), "@"): (where["key_file"].replace(str(tmp_path), "@"), where["server_names"], where["listen"])
        for path, where in text.items()
    }


def test_apache(tmp_path: pathlib.Path) -> None:
    files = {
        "apache2.conf": "Define TLS tls\nIncludeOptional sites/*.conf\nInclude nowhere.conf\nInclude more\n",
        "sites/a.conf": "<VirtualHost *:443 [::]:443>\nServerName https://a.example:443\nServerAlias b.example \\\n  c.example\n"
        "SSLEngine on\n"
        "SSLCertificateFile ${TLS}/rsa.pem\nSSLCertificateKeyFile ${TLS}/rsa.key\nSSLCertificateFile \"@/ec.pem\"\n"
        "SSLCertificateKeyFile @/ec.key\n</VirtualHost>\n# SSLCertificateFile /out.pem\n",
        "sites/b.conf": "<VirtualHost *:80>\nServerName plain.example\nSSLCertificateFile /unused.pem\n</VirtualHost>\n",
        "more/c": "<virtualhost *:8443>\nsslengine ON\nsslcertificatefile @/both.pem\n</virtualhost>\n"
        "<VirtualHost *:1>\nSSLEngine on\nSSLCertificateFile ${APACHE_X}/x.pem\n</VirtualHost>\n",
        "ec.pem": PEM_CERT,
    }  # fmt: skip
    found = looked("apache", tmp_path, files)
    names = ["a.example", "b.example", "c.example"]
    assert {path: use for path, use in uses(found, tmp_path).items() if "$" not in path} == {
        "@/tls/rsa.pem": ("@/tls/rsa.key", names, ["*:443", "[::]:443"]),
        "@/ec.pem": ("@/ec.key", names, ["*:443", "[::]:443"]),
        "@/both.pem": ("@/both.pem", [], ["*:8443"]),
    }
    assert [len(one.chain_der) for one in found if one.where["certificate_file"].endswith("ec.pem")] == [1]
    assert any("is no path of a file" in one.error for one in found)


def test_httpd_of_red_hat_has_its_root_one_folder_up(tmp_path: pathlib.Path) -> None:
    text = "<VirtualHost *:443>\nSSLEngine on\nSSLCertificateFile tls/a.pem\nSSLCertificateKeyFile tls/a.key\n</VirtualHost>\n"
    found = looked("apache", tmp_path, {"conf/httpd.conf": "Include conf.d/*.conf\n", "conf.d/ssl.conf": text})
    assert uses(found, tmp_path) == {"@/tls/a.pem": ("@/tls/a.key", [], ["*:443"])}


def test_stunnel(tmp_path: pathlib.Path) -> None:
    files = {
        "stunnel.conf": "; cert = /out.pem\ncert = @/all.pem\ninclude = conf.d\n[one]\naccept = 1\nconnect = 2\n"
        "[out]\nclient = yes\ncert = /c.pem\n",
        "conf.d/two": "[two]\naccept = 127.0.0.1:993\ncert = two.pem\nkey = two.key\nsni = one:two.example\n",
    }
    assert uses(looked("stunnel", tmp_path, files), tmp_path) == {
        "@/all.pem": ("@/all.pem", [], ["1"]),
        "@/conf.d/two.pem": ("@/conf.d/two.key", ["two.example"], ["127.0.0.1:993"]),
    }


def test_mariadb(tmp_path: pathlib.Path) -> None:
    files = {
        "my.cnf": "[client]\nssl-cert=/client.pem\n[mysqld]\nssl_cert = /first.pem\n!includedir @/conf.d/\n",
        "conf.d/50.cnf": "[mariadb-10.11]\nssl-cert = '@/db.pem' # here\nssl_key=db.key\nport=3307\nbind-address = 10.0.0.1\n",
        "conf.d/no.txt": "[mysqld]\nssl_cert=/no.pem\n",
    }
    assert uses(looked("mariadb", tmp_path, files), tmp_path) == {"@/db.pem": ("/var/lib/mysql/db.key", [], ["10.0.0.1:3307"])}


def test_postfix(tmp_path: pathlib.Path) -> None:
    main = (
        "myhostname = mx.example\ntls = @\n# smtpd_tls_cert_file = /out.pem\nsmtpd_tls_cert_file = $tls/rsa.pem\n"
        "smtpd_tls_eccert_file =\n  ${tls}/ec.pem\nsmtpd_tls_eckey_file = @/ec.key\nloop = $loop\nsmtpd_tls_dcert_file = $loop\n"
    )
    assert uses(looked("postfix", tmp_path, {"main.cf": main}), tmp_path) == {
        "@/rsa.pem": ("@/rsa.pem", ["mx.example"], ["25"]),
        "@/ec.pem": ("@/ec.key", ["mx.example"], ["25"]),
    }
    chains = main + "smtpd_tls_chain_files = @/a.key, @/a.pem\n  @/both.pem\n"
    files = {"main.cf": chains, "a.key": PEM_KEY, "a.pem": PEM_CERT, "both.pem": PEM_KEY + PEM_CERT}
    assert uses(looked("postfix", tmp_path, files), tmp_path) == {
        "@/a.pem": ("@/a.key", ["mx.example"], ["25"]),
        "@/both.pem": ("@/both.pem", ["mx.example"], ["25"]),
    }


def test_dovecot(tmp_path: pathlib.Path) -> None:
    files = {
        "dovecot.conf": "!include conf.d/*.conf\n!include_try local.conf\n",
        "conf.d/10-ssl.conf": "ssl = yes\nssl_cert = <@/mail.pem\nssl_key = <@/mail.key\n#ssl_cert = </out.pem\nssl_alt_cert = <alt.pem\n",
        "local.conf": 'local_name imap.example {\n  ssl_cert = <"@/imap.pem"\n  ssl_key = <@/imap.key\n}\nprotocol imap {\n}\n',
    }
    assert uses(looked("dovecot", tmp_path, files), tmp_path) == {
        "@/mail.pem": ("@/mail.key", [], []),
        "@/conf.d/alt.pem": ("@/conf.d/alt.pem", [], []),
        "@/imap.pem": ("@/imap.key", ["imap.example"], []),
    }


def test_redis(tmp_path: pathlib.Path) -> None:
    files = {
        "redis.conf": "include tls.conf\nbind 127.0.0.1 -::1\ntls-cert-file /late.pem\n",
        "tls.conf": "tls-port 6380\ntls-key-file k\n",
    }
    assert uses(looked("redis", tmp_path, files), tmp_path) == {"/late.pem": ("@/k", [], ["127.0.0.1:6380", "::1:6380"])}
    assert looked("redis", tmp_path, {"redis.conf": "tls-cert-file /a.pem\n"}) == [], "without a TLS port it serves none"


def test_rabbitmq(tmp_path: pathlib.Path) -> None:
    files = {
        "rabbitmq.conf": "listeners.ssl.default = 5671\nssl_options.certfile = @/a.pem\n"
        "ssl_options.keyfile = @/a.key\n# mqtt.ssl.certfile = /x\n",
        "conf.d/10.conf": "management.ssl.port = 15671\nmanagement.ssl.certfile = @/m.pem\nmanagement.ssl.keyfile = @/m.key\n",
    }
    assert uses(looked("rabbitmq", tmp_path, files), tmp_path) == {
        "@/a.pem": ("@/a.key", [], ["5671"]),
        "@/m.pem": ("@/m.key", [], ["15671"]),
    }


def test_mosquitto(tmp_path: pathlib.Path) -> None:
    files = {
        "mosquitto.conf": "listener 1883\nlistener 8883 10.0.0.1\ncertfile @/a.pem\nkeyfile @/a.key\ninclude_dir conf.d\n",
        "conf.d/b.conf": "port 8884\ncertfile @/b.pem\n",
    }
    assert uses(looked("mosquitto", tmp_path, files), tmp_path) == {
        "@/a.pem": ("@/a.key", [], ["10.0.0.1:8883"]),
        "@/b.pem": ("@/b.pem", [], [":8884"]),
    }


def test_caddy(tmp_path: pathlib.Path) -> None:
    files = {
        "Caddyfile": "{\n  admin off\n}\nimport sites/*\n(snip) {\n  header x\n}\nauto.example {\n  import snip\n  tls me@example.com\n}\n",
        "sites/a": "https://a.example:8443,\nb.example {\n  tls @/a.pem @/a.key {\n    protocols tls1.3\n  }\n}\n",
    }
    assert uses(looked("caddy", tmp_path, files), tmp_path) == {"@/a.pem": ("@/a.key", ["a.example", "b.example"], ["a.example:8443"])}


TOMCAT = """<Server><Service><Connector port="8080"/>
<Connector port="8443" address="10.0.0.1"><SSLHostConfig hostName="_default_">
  <Certificate certificateFile="conf/a.pem" certificateKeyFile="/tls/a.key"/>
  <Certificate certificateKeystoreFile="conf/b.jks"/></SSLHostConfig>
<SSLHostConfig hostName="c.example"><Certificate certificateKeystoreFile="${x}/c.p12"/></SSLHostConfig></Connector></Service></Server>"""


def test_tomcat(tmp_path: pathlib.Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "b.jks").write_bytes(seal("a", CHAIN, KEY, Secret(b"changeit"), datetime.now(timezone.utc)))
    found = looked("tomcat", tmp_path, {"conf/server.xml": TOMCAT, "conf/a.pem": PEM_CERT})
    assert uses(found, tmp_path) == {
        "@/conf/a.pem": ("/tls/a.key", [], ["10.0.0.1:8443"]),
        "@/conf/b.jks": ("@/conf/b.jks", [], ["10.0.0.1:8443"]),
        "@/${x}/c.p12": ("@/${x}/c.p12", ["c.example"], ["10.0.0.1:8443"]),
    }
    by_name = {pathlib.Path(one.where["certificate_file"]).name: one for one in found}
    assert list(by_name["b.jks"].chain_der) == CHAIN and "is no path of a file" in by_name["c.p12"].error
    assert by_name["b.jks"].where["layout"] == "jks" and "layout" not in by_name["c.p12"].where
    (bomb,) = looked("tomcat", tmp_path, {"bomb.xml": '<!DOCTYPE a [<!ENTITY b "c">]><Server>&b;</Server>'})
    assert "is not read" in bomb.error


@pytest.mark.parametrize("kind", OF_LISTS)
def test_what_is_not_there_is_nothing_and_what_was_named_and_is_not_is_said(kind: str, tmp_path: pathlib.Path) -> None:
    (one,) = find(kind, config=[str(tmp_path / "nowhere.conf")])
    assert "No such file" in one.error and one.where["kind"] == kind
    assert find(kind, config=[str(tmp_path / "*.nothing")]) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [("apache", "Include @/self\n"), ("redis", "include @/self\n"), ("mariadb", "!include @/self\n")],
)
def test_a_configuration_that_includes_itself_ends_and_says_so(kind: str, text: str, tmp_path: pathlib.Path) -> None:
    (one,) = looked(kind, tmp_path, {"self": text * 2})
    assert "the rest was left out" in one.error


@pytest.mark.parametrize("kind", _index.NAMES)
def test_every_kind_says_how_it_is_checked_reloaded_and_asked(kind: str) -> None:
    options = _index.options_of(kind)
    endpoint = options["endpoint"]["default"]
    assert endpoint["starttls"] in KINDS and 0 < endpoint["port"] < 65536
    target = {"kind": kind, "certificate_file": "/tls/a.pem", "key_file": "/tls/a.key"}
    target.update({} if options["reload"]["default"] else {"reload": {"systemd": "x"}})
    program = place_of({"id": "a", "target": target, "endpoints": [{"host": "h", "port": 1}]}).program
    assert program.what and not [word for word in program.what if "{" in word]


def test_redis_is_told_the_file_that_it_is_to_read_again() -> None:
    target = {"kind": "redis", "certificate_file": "/tls/a.pem", "key_file": "/tls/a.key"}
    program = place_of({"id": "a", "target": target, "endpoints": [{"host": "h", "port": 1}]}).program
    assert program.what[-2:] == ("tls-cert-file", "/tls/a.pem")
