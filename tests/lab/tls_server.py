# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small TLS server with files, a check, a reload and sabotage: standard library only, Python 3.9.

    tls_server.py --config server.json            serve in the foreground until SIGTERM
    tls_server.py --config server.json --check    validate configuration and files as the server would, serve nothing
    tls_server.py --config server.json --reload   validate, then SIGHUP the process of the pid file; does not wait

server.json, read again at every reload (except `listen` and `pid_file`):

    {"listen": ["127.0.0.1:8443"],                addresses, an IPv6 one as "[::1]:8443"
     "pid_file": "/run/x.pid",                    written when every listener is open
     "starttls": "none",                          or "postgresql": answers the SSLRequest first
     "certificates": [                            the first one is the default
       {"names": ["a.example"], "certificate_file": "a.pem", "key_file": "a.key"}]}   no key_file: combined PEM

Sabotage is a file beside it, `server.json.sabotage`, with words separated by white space:
`keep_old` (reload says ok, the old one is served), `fail_reload` (--reload exits 1), `die_on_reload`, `refuse` (after a
reload the listeners are closed, the process lives), `hang` (connections are accepted and never answered), `fail_check`
(--check exits 1), `leaf_only` (serves the leaf without its intermediates).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import socket
import ssl
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Set, Tuple

PG_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


def sabotage(config_file: pathlib.Path) -> Set[str]:
    """The switches that are on now."""
    try:
        return set((config_file.parent / (config_file.name + ".sabotage")).read_text().split())
    except FileNotFoundError:
        return set()


def address_of(text: str) -> Tuple[str, int]:
    """`127.0.0.1:8443` or `[::1]:8443` as host and port."""
    host, _colon, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def context_of(entry: Dict[str, Any], leaf_only: bool, scratch: pathlib.Path) -> ssl.SSLContext:
    """A context with the certificate and key of the entry; raises OSError or ssl.SSLError when they do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = entry["certificate_file"], entry.get("key_file") or entry["certificate_file"]
    if leaf_only:
        end = b"-----END CERTIFICATE-----"
        scratch.write_bytes(pathlib.Path(certificate).read_bytes().split(end)[0] + end + b"\n")
        certificate = str(scratch)
    context.load_cert_chain(certificate, key, password=lambda: b"")
    return context


class Contexts:
    """The contexts by SNI name; the first entry answers every other name."""

    def __init__(self, config: Dict[str, Any], leaf_only: bool, scratch: pathlib.Path) -> None:
        self.names: Dict[str, ssl.SSLContext] = {}
        self.default: Optional[ssl.SSLContext] = None
        for entry in config["certificates"]:
            context = context_of(entry, leaf_only, scratch)
            self.default = self.default or context
            self.names.update({name.lower(): context for name in entry.get("names", ())})
        if self.default is None:
            raise ValueError("no certificates are configured")
        self.default.sni_callback = self._choose

    def _choose(self, connection: Any, name: Optional[str], _context: ssl.SSLContext) -> None:
        chosen = self.names.get((name or "").lower())
        if chosen is not None:
            connection.context = chosen


def load(config_file: pathlib.Path) -> Tuple[Dict[str, Any], Contexts]:
    """Configuration and contexts, whole or an exception."""
    config = json.loads(config_file.read_text())
    for listen in config["listen"]:
        address_of(listen)
    return config, Contexts(config, "leaf_only" in sabotage(config_file), config_file.with_suffix(".leaf.pem"))


class Server:
    """Listeners, one thread for each connection, and contexts that a reload swaps at once."""

    def __init__(self, config_file: pathlib.Path) -> None:
        self.config_file = config_file
        self.config, self.contexts = load(config_file)
        self.hanging = "hang" in sabotage(config_file)
        self.listeners: List[socket.socket] = []
        self.stopping = threading.Event()

    def listen(self) -> None:
        for text in self.config["listen"]:
            host, port = address_of(text)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(256)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.hanging:
                time.sleep(600)
            connection.settimeout(600)
            if self.config.get("starttls", "none") == "postgresql":
                if connection.recv(8, socket.MSG_WAITALL) != PG_SSL_REQUEST:
                    return
                connection.sendall(b"S")
            assert self.contexts.default is not None
            with self.contexts.default.wrap_socket(connection, server_side=True) as tls:
                while True:
                    data = tls.recv(4096)
                    if not data:
                        return
                    if data.startswith((b"GET ", b"HEAD ")):
                        tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
                        return
                    tls.sendall(data)
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            connection.close()

    def reload(self) -> None:
        switches = sabotage(self.config_file)
        if "die_on_reload" in switches:
            os._exit(1)
        self.hanging = "hang" in switches
        if "refuse" in switches:
            for listener in self.listeners:
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
            self.listeners = []
            return
        if "keep_old" in switches:
            return
        try:
            config, contexts = load(self.config_file)
        except (OSError, ssl.SSLError, ValueError, KeyError) as error:
            print(f"reload refused, the old configuration stays: {error}", file=sys.stderr, flush=True)
            return
        self.config, self.contexts = config, contexts
        if not self.listeners:
            self.listen()


def serve(config_file: pathlib.Path) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads."""
    server = Server(config_file)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)  # also when another thread takes the signal: the main one would sleep on in its read
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _got, _frame: None)
    server.listen()
    pid_file = server.config.get("pid_file")
    if pid_file:
        pathlib.Path(pid_file + ".new").write_text(f"{os.getpid()}\n")
        os.replace(pid_file + ".new", pid_file)
    while os.read(wake_read, 1)[0] == signal.SIGHUP:
        server.reload()
    if pid_file and pathlib.Path(pid_file).exists():
        os.unlink(pid_file)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="a small TLS server with files, check, reload and sabotage")
    parser.add_argument("--config", required=True, type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--reload", action="store_true")
    options = parser.parse_args(argv)
    if not (options.check or options.reload):
        serve(options.config)
        return 0
    switches = sabotage(options.config)
    try:
        config, _contexts = load(options.config)
    except (OSError, ssl.SSLError, ValueError, KeyError) as error:
        print(f"configuration is wrong: {error}", file=sys.stderr)
        return 1
    if "fail_check" in switches or (options.reload and "fail_reload" in switches):
        print("sabotaged", file=sys.stderr)
        return 1
    if options.reload:
        os.kill(int(pathlib.Path(config["pid_file"]).read_text()), signal.SIGHUP)
    return 0


if __name__ == "__main__":
    sys.exit(main())
