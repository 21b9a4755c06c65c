# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tomcat of a managed host: a connector a site, the first with a PKCS#12 keystore, the second with a JKS one; told by its manager."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from .ca import Issued
from .server import Server, Site

VERSION = ("Tomcat", "sh", "/usr/share/tomcat10/bin/version.sh")
CONFIGURATION = """<?xml version="1.0" encoding="UTF-8"?>
<Server port="-1">
  <Service name="Catalina">
    <Connector port="8080" address="{address}" protocol="HTTP/1.1"/>
{connectors}    <Engine name="Catalina" defaultHost="localhost">
      <Realm className="org.apache.catalina.realm.MemoryRealm"/>
      <Host name="localhost" appBase="webapps" autoDeploy="false">
        <Context path="/manager" docBase="{manager}" privileged="true"/>
      </Host>
    </Engine>
  </Service>
</Server>
"""
CONNECTOR = """    <Connector port="{port}" address="{address}" protocol="org.apache.coyote.http11.Http11NioProtocol" SSLEnabled="true">
      <SSLHostConfig>
        <Certificate certificateKeystoreFile="{keystore}" certificateKeystoreType="{kind}" certificateKeystorePassword="{password}"/>
      </SSLHostConfig>
    </Connector>
"""
USERS = """<tomcat-users><role rolename="manager-script"/><user username="clm" password="{password}" roles="manager-script"/></tomcat-users>
"""
HOME = Path("/usr/share/tomcat10")
MANAGER = Path("/usr/share/tomcat10-admin/manager")
FORMATS = ("pkcs12", "jks")


class Tomcat(Server):
    """The real Tomcat of Debian, with its manager (packages tomcat10 and tomcat10-admin)."""

    kind = "tomcat"
    program = "keytool"
    folder = "/etc/tomcat10/tls"
    log = "/var/log/tomcat.log"
    base = "/srv/tomcat"
    patience = 120.0
    password = "the keystore's own"
    alias = "lab"

    def layout_of(self, site: Site) -> str:
        """The format of the site's keystore."""
        return FORMATS[self.sites.index(site)]

    def certificate_file(self, site: Site) -> str:
        """The keystore."""
        return self.host.path(f"{self.folder}/{site.name}.{'p12' if self.layout_of(site) == 'pkcs12' else 'jks'}")

    def key_file(self, site: Site) -> str:
        """It is the keystore too."""
        return self.certificate_file(site)

    @property
    def password_file(self) -> str:
        """Where the product finds the password."""
        return self.host.path("/etc/tomcat10/keystore.password")

    def hold(self, site: Site, issued: Issued) -> None:
        """A keystore by other hands than the product's: cryptography's, and keytool's."""
        sealed = pkcs12.serialize_key_and_certificates(
            self.alias.encode(), issued.key, issued.leaf, issued.issuers, BestAvailableEncryption(self.password.encode()))
        place = self.host.real(f"{self.folder}/{site.name}.p12")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(sealed)
        self.host.write("/etc/tomcat10/keystore.password", self.password + "\n", 0o600)
        if self.layout_of(site) == "jks":
            converted = place.with_suffix(".jks")
            converted.unlink(missing_ok=True)
            secret = self.host.real("/etc/tomcat10/keystore.password")
            words = ["-srckeystore", place, "-srcstoretype", "PKCS12", "-destkeystore", converted, "-deststoretype", "JKS"]
            words += ["-srcstorepass:file", secret, "-deststorepass:file", secret]
            subprocess.run(["keytool", "-importkeystore", "-noprompt", *map(str, words)], check=True, capture_output=True)
            converted.chmod(0o600)
            place.unlink()

    def configure(self) -> None:
        """Write server.xml with the password that it needs, and the manager's only user."""
        connectors = "".join(
            CONNECTOR.format(port=site.port, address=self.host.address, keystore=self.certificate_file(site),
                             kind=self.layout_of(site).upper(), password=self.password) for site in self.sites)
        for folder in ("logs", "temp", "work", "webapps"):
            self.host.real(f"{self.base}/{folder}").mkdir(parents=True, exist_ok=True)
        conf = self.host.real(f"{self.base}/conf")  # a link into /etc, as on Debian
        if not conf.is_symlink():
            conf.symlink_to(self.host.path("/etc/tomcat10"))
        for name in ("web.xml", "catalina.properties", "context.xml"):
            shutil.copy(Path("/etc/tomcat10") / name, self.host.real(f"/etc/tomcat10/{name}"))
        text = CONFIGURATION.format(address=self.host.address, connectors=connectors, manager=MANAGER)
        self.host.write("/etc/tomcat10/server.xml", text, 0o600)
        self.host.write("/etc/tomcat10/tomcat-users.xml", USERS.format(password=self.password), 0o600)
        netrc = f'machine {self.host.address} login clm password "{self.password}"\n'
        self.host.write("/etc/tomcat10/manager.netrc", netrc, 0o600)

    def command(self) -> List[str]:
        """In the foreground."""
        return ["env", f"CATALINA_HOME={HOME}", f"CATALINA_BASE={self.host.path(self.base)}", "JAVA_OPTS=-Xmx128m -XX:+UseSerialGC",
                str(HOME / "bin" / "catalina.sh"), "run"]

    def check(self) -> List[str]:
        """It has none that leaves a running one alone."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """The manager reads the keystores of all connectors again."""
        place = f"http://{self.host.address}:8080/manager/text/sslReload"
        words = ["--silent", "--show-error", "--netrc-file", self.host.path("/etc/tomcat10/manager.netrc")]
        return {"command": ["curl", "--fail", *words, place]}

    def target(self, site: Site) -> Dict[str, Any]:
        """With the file that has the password."""
        return {"type": "server", "kind": self.kind, "layout": self.layout_of(site), "certificate_file": self.certificate_file(site),
                "password_file": self.password_file, "reload": self.reload_option()}
