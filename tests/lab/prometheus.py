# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus on loopback that scrapes one file of the test, five times a second.

    with watching(tmp_path / "monitor") as prometheus:
        prometheus.set('errors{service="shop"}', 0.5)
        ...                                              # query prometheus.url
"""

from __future__ import annotations

import functools
import json
import os
import socket
import subprocess
import threading
import urllib.request
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import quote

from ..support.environment import not_there, which
from .host import stop, wait_for

CONFIGURATION = """global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - {{job_name: lab, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""


class Prometheus:
    """`url` answers; `metrics` is the file that it scrapes."""

    def __init__(self, url: str, metrics: Path) -> None:
        self.url, self.metrics = url, metrics

    def set(self, series: str, value: float) -> None:
        """The series has this value from now on, and Prometheus knows."""
        fresh = self.metrics.with_suffix(".fresh")
        fresh.write_text(f"{series} {value}\n")
        os.replace(fresh, self.metrics)
        wait_for(lambda: self.ask(series) == [str(value)], f"Prometheus to scrape {series}")

    def ask(self, query: str) -> Any:
        """The values of the query now."""
        with urllib.request.urlopen(f"{self.url}/api/v1/query?query={quote(query)}", timeout=5) as answer:
            return [row["value"][1] for row in json.load(answer)["data"]["result"]]

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def watching(place: Path) -> Iterator[Prometheus]:
    """It runs until the end of the block, with its data below `place`; where it is not installed the test skips or fails."""
    program = which("prometheus") or not_there("prometheus")
    (place / "pages").mkdir(parents=True)
    (place / "pages" / "metrics").write_text("")
    pages = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(place / "pages")))
    threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (place / "prometheus.yml").write_text(CONFIGURATION.format(port=pages.server_port))
    argv = [program, f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data", f"--web.listen-address={address}"]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=place, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    prometheus = Prometheus(f"http://{address}", place / "pages" / "metrics")
    try:
        wait_for(prometheus.ready, f"Prometheus ({place}/log)")
        yield prometheus
    finally:
        stop(process)
        pages.shutdown()
        pages.server_close()
