# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clients are let in where, by real handshakes: `let_in.py FILE`, to be run between the tasks of a play.

FILE is {"places": {name: endpoint}, "clients": {name: PEM file with its key, or ""}}. Prints {place: {client: whom the server saw}}, with
"" for a client that is refused and "-" for one that is let in without a certificate.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
from pathlib import Path
from typing import Any, Dict

SAID = re.compile(rb"HTTP/1.1 200 OK\r\nX-Lab-Client: (\S+)\r\n")


def seen(endpoint: Dict[str, Any], client: str) -> str:
    """Whom the server says that it has let in, empty when it ends the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if client:
        context.load_cert_chain(client)
    with socket.create_connection((endpoint["host"], endpoint["port"]), timeout=20) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=endpoint["server_name"]) as tls:
                tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
                answer = SAID.match(tls.recv(4096))
        except (ssl.SSLError, ConnectionError):
            return ""
    return answer.group(1).decode() if answer else ""


def main() -> None:
    """Every client at every place."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    clients = given["clients"].items()
    print(json.dumps({place: {name: seen(endpoint, path) for name, path in clients} for place, endpoint in given["places"].items()}))


if __name__ == "__main__":
    main()
