# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx of a managed host: /etc/nginx/nginx.conf as on Debian, one server block a site."""

from __future__ import annotations

from typing import Any, Dict, List

from .client import can_connect
from .host import wait_for
from .server import Server, Site

CONFIGURATION = """user root;
worker_processes 1;
pid {pid};
error_log {log} notice;
events {{ worker_connections 256; }}
http {{
  access_log off;
  ssl_session_tickets off;
  client_body_temp_path {tmp}; proxy_temp_path {tmp}; fastcgi_temp_path {tmp}; uwsgi_temp_path {tmp}; scgi_temp_path {tmp};
{sites}}}
"""
SITE = """  server {{
    listen {address}:{port} ssl;
    server_name {names};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{ return 200 "{name}\\n"; }}
  }}
"""


WEBROOT = """  server {{
    listen {address}:{port};
    root {root};
  }}
"""


class Nginx(Server):
    """The real nginx."""

    kind = "nginx"
    program = "nginx"
    folder = "/etc/nginx/tls"
    log = "/var/log/nginx/error.log"

    def configure(self) -> None:
        """Write nginx.conf."""
        sites = "".join(self._site(site) for site in self.sites)
        own = {"pid": self.host.path("/run/nginx.pid"), "log": self.host.path(self.log), "tmp": self.host.path("/run/nginx-temp")}
        self.host.real(self.log).parent.mkdir(parents=True, exist_ok=True)
        self.host.write("/etc/nginx/nginx.conf", CONFIGURATION.format(sites=sites, **own))

    def serve_folder(self, port: int, inside: str) -> str:
        """What the host calls this folder of it, which is also served, without TLS, until the server is as on its first day again."""
        root = self.host.path(inside)
        self.host.real(inside).mkdir(parents=True, exist_ok=True)
        configured = self.host.real("/etc/nginx/nginx.conf")
        block = WEBROOT.format(address=self.host.address, port=port, root=root)
        configured.write_text(configured.read_text().rstrip().removesuffix("}") + block + "}\n")
        self.reload()
        wait_for(lambda: can_connect(self.host.address, port), f"nginx of {self.host.name} on port {port}")
        return root

    def _site(self, site: Site) -> str:
        return SITE.format(address=self.host.address, port=site.port, names=" ".join(site.names), name=site.name,
                           certificate=self.certificate_file(site), key=self.key_file(site))

    def _nginx(self, *more: str) -> List[str]:
        """Its configuration is the compiled-in one in the host's own view."""
        return ["nginx", *([] if self.host.isolated else ["-c", self.host.path("/etc/nginx/nginx.conf")]), *more]

    def command(self) -> List[str]:
        """In the foreground."""
        return self._nginx("-g", "daemon off;")

    def check(self) -> List[str]:
        """nginx -t."""
        return self._nginx("-t")

    def reload_option(self) -> Dict[str, Any]:
        """nginx -s reload, which answers before the workers are new."""
        return {"command": self._nginx("-s", "reload")}
