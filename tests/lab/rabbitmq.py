# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ of a managed host: a node of its own, whose Erlang listens on the host's address only, told by rabbitmqctl."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List

from .pebble import free_port
from .server import Server

VERSION = ("RabbitMQ", "dpkg-query", "-Wf", "${Version}", "rabbitmq-server")
CONFIGURATION = """listeners.tcp = none
listeners.ssl.default = {address}:{port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
log.console = true
log.file = false
"""
PROGRAMS = Path("/usr/lib/rabbitmq/bin")  # those in /usr/sbin change the user first


class Rabbitmq(Server):
    """The real RabbitMQ; one site, because its listeners have one certificate."""

    kind = "rabbitmq"
    program = "rabbitmq-server"
    folder = "/etc/rabbitmq/tls"
    log = "/var/log/rabbitmq.log"
    patience = 90.0

    @cached_property
    def between_nodes(self) -> int:
        """Its port for other nodes: the usual one is one for all nodes of a machine, and so is a name, which has our process in it."""
        return free_port()

    def configure(self) -> None:
        """Write rabbitmq.conf."""
        site = self.sites[0]
        text = CONFIGURATION.format(address=self.host.address, port=site.port, certificate=self.certificate_file(site),
                                    key=self.key_file(site))
        self.host.write("/etc/rabbitmq/rabbitmq.conf", text)
        self.host.write("/etc/rabbitmq/enabled_plugins", "[].\n")
        self.host.real("/srv/rabbitmq").mkdir(parents=True, exist_ok=True)

    def _program(self, name: str, *more: str) -> List[str]:
        """With the environment that keeps it on this host."""
        place = self.host.path("/srv/rabbitmq")
        own = {
            "HOME": place,
            "RABBITMQ_NODENAME": f"{self.host.name}-{os.getpid()}@localhost",
            "RABBITMQ_CONFIG_FILE": self.host.path("/etc/rabbitmq/rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.host.path("/etc/rabbitmq/enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": place,
            "RABBITMQ_LOG_BASE": place,
            "RABBITMQ_DIST_PORT": str(self.between_nodes),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        return ["env", *(f"{key}={value}" for key, value in own.items()), str(PROGRAMS / name), *more]

    def command(self) -> List[str]:
        """In the foreground."""
        return self._program("rabbitmq-server")

    def check(self) -> List[str]:
        """It has none."""
        return []

    def reload_option(self) -> Dict[str, Any]:
        """Erlang's cache of PEM files is emptied; the next handshake reads them again."""
        return {"command": self._program("rabbitmqctl", "eval", "ssl:clear_pem_cache().")}
