# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser (Chromium, headless) that looks at HTML pages of ours, as they are, at several widths at once.

Each page stands in a frame of that width, so its media queries are those of a window as wide, and one start of the browser looks at
them all. Our server is the browser's proxy too: what a page wants from anywhere comes here, and nothing leaves the machine.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from ..support.environment import program

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--enable-logging=stderr")
MAKER = (".google.com", ".googleapis.com", ".gstatic.com", ".gvt1.com")  # what the browser itself wants of its maker is refused as well
# What a frame shows: `over` names elements that end to the right of it, also where a parent hides what does not fit.
LOOK = """
onload = () => {
  const seen = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, wide = frame.contentWindow.innerWidth, root = page.documentElement;
    const over = [...page.body.querySelectorAll("*")].filter(one => one.getBoundingClientRect().right > wide + 1);
    seen.push({page: frame.dataset.page, asked: Number(frame.width), width: wide, scroll: root.scrollWidth,
               text: page.body.innerText.length, over: over.slice(0, 5).map(one => one.outerHTML.slice(0, 200)),
               fetched: frame.contentWindow.performance.getEntriesByType("resource").map(one => one.name)});
  }
  document.body.innerHTML = "";
  document.body.append(Object.assign(document.createElement("pre"), {id: "seen", textContent: JSON.stringify(seen)}));
};
"""


@dataclass
class Look:
    """What the browser saw: a row for each page and width, what it wrote to its console, and what was asked of the network."""

    rows: List[Dict[str, Any]] = field(default_factory=list)
    console: List[str] = field(default_factory=list)
    asked: List[str] = field(default_factory=list)  # beside the pages themselves, and the browser's maker


def look(pages: Mapping[str, str], widths: Sequence[int]) -> Look:
    """Every page at every width; where there is no browser the test skips or fails."""
    chromium = program("chromium")
    found = Look()
    served = {f"/{number}": text for number, text in enumerate(pages.values())}
    frames = [f'<iframe src="/{number}" data-page="{html.escape(name)}" width="{width}" height="900" style="border:0"></iframe>'
              for number, name in enumerate(pages) for width in widths]
    served["/"] = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>{LOOK}</script>{"".join(frames)}'
    with Pages(served, found.asked) as address, tempfile.TemporaryDirectory(prefix="clm-browser-") as home:
        command = [chromium, *FLAGS, f"--user-data-dir={home}", f"--proxy-server={address}", "--proxy-bypass-list=<-loopback>",
                   f"--window-size={max(widths) + 100},1000", "--dump-dom", f"http://{address}/"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
    dom, said = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    seen = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert seen, f"exit {done.returncode}\n{dom[-2000:]}\n{said[-3000:]}"
    found.rows = json.loads(html.unescape(seen.group(1)))
    found.console = [line for line in said.splitlines() if ":CONSOLE" in line]
    return found


class Pages:
    """A server of these texts on a loopback address; whatever else is asked of it, as a proxy too, is kept in `asked` and refused."""

    def __init__(self, served: Mapping[str, str], asked: List[str]) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(served, asked))

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        host, port = self.server.server_address[:2]
        return f"{host!s}:{port}"

    def __exit__(self, *_error: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


def handler(served: Mapping[str, str], asked: List[str]) -> Any:
    """The handler of a server of these texts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = self._answer()
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _answer(self) -> Tuple[int, str]:
            own = f"http://127.0.0.1:{self.server.server_address[1]}"
            path = self.path.removeprefix(own)  # a proxy is asked for the whole address
            if path in served:
                return 200, served[path]
            self._refused()
            return 404, ""

        def _refused(self) -> None:
            host = urlsplit(self.path if "://" in self.path else f"//{self.path}").hostname or ""
            if not f".{host}".endswith(MAKER):
                asked.append(self.path)

        def do_CONNECT(self) -> None:
            self._refused()
            self.send_error(403)

        def log_message(self, *_given: Any) -> None:
            """Nothing is said."""

    return Handler
