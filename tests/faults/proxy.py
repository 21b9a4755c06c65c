# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy between clients and a TLS server that behaves until it is told not to."""

from __future__ import annotations

import socket
import struct
import threading
import time

HTML = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>Bad Gateway</html>"
SLOW, PART = 2.0, 700  # seconds before each answer; bytes of the server that a cut answer has


class Proxy:
    """`mode`: empty (honest), latency, reset (in mid-body), truncation, wrong bytes, html."""

    def __init__(self, address: str, port: int, to: int) -> None:
        self.address, self.to, self.mode = address, to, ""
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """No new connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _peer = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        mode = self.mode
        try:
            if mode == "html":
                client.recv(4096)
                client.sendall(HTML)
                client.close()
                return
            server = socket.create_connection((self.address, self.to), timeout=10)
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()
            self._answer(server, client, mode)
        except OSError:
            client.close()

    @staticmethod
    def _pump(source: socket.socket, to: socket.socket) -> None:
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                to.sendall(data)
        except OSError:
            pass
        to.close()

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket, mode: str) -> None:
        sent = 0
        while True:
            data = server.recv(65536)
            if not data:
                break
            if mode == "latency":
                time.sleep(SLOW)
            if mode in ("reset", "truncation"):
                data = data[: max(0, PART - sent)]
            if mode == "wrong bytes" and sent + len(data) > PART:
                data = data[:-40] + bytes(byte ^ 0x55 for byte in data[-40:])
            client.sendall(data)
            sent += len(data)
            if mode in ("reset", "truncation") and sent >= PART:
                break
        if mode == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        server.close()
