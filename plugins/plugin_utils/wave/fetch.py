# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bounded GET of what a gate asks: TLS is verified, no redirect is followed, and neither time nor size can run away."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Callable, List, Optional, Tuple

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError, UnavailableError

MOST = 1024 * 1024


@dataclass(frozen=True)
class Page:
    """What came back. The body is in no repr, for it may hold what nobody should read in a log."""

    status: int
    body: bytes = field(repr=False, default=b"")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: its status is judged, and nothing else is asked."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


def context_of(ca_file: str, at: str = "ca_file") -> ssl.SSLContext:
    """Verifies by the anchors in the file, or by those of the system when there is none; ConfigError when it cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca_file} holds no anchors: {error.strerror or error}", hint="name a PEM file there", field=at) from error


def fetch(url: str, seconds: float, ca_file: str = "") -> Page:
    """The page, whatever its status; UnavailableError when there is none within the time, or it is larger than 1 MiB."""
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=context_of(ca_file)))
    return _within(seconds, lambda: _get(opener, url, seconds))


def _get(opener: urllib.request.OpenerDirector, url: str, seconds: float) -> Page:
    request = urllib.request.Request(url, headers={"User-Agent": "certops.clm", "Accept": "*/*"})
    try:
        with opener.open(request, timeout=seconds) as response:
            return Page(int(response.status), _body(response))
    except urllib.error.HTTPError as error:
        with error:
            return Page(int(error.code), _body(error))
    except urllib.error.URLError as error:
        raise UnavailableError(f"no answer: {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise UnavailableError(f"no answer: {error or type(error).__name__}") from error


def _body(response: Any) -> bytes:
    body: bytes = response.read(MOST + 1)
    if len(body) > MOST:
        raise UnavailableError(f"the answer is larger than {MOST} bytes")
    return body


def _within(seconds: float, work: Callable[[], Page]) -> Page:
    """Socket time-outs end a silence, but not an answer that comes drop by drop: the thread is left behind then."""
    found: List[Tuple[Optional[Page], Optional[Exception]]] = []

    def run() -> None:
        try:
            found.append((work(), None))
        except Exception as error:  # raised again where somebody waits for it
            found.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    page, error = found[0] if found else (None, None)
    if error is not None:
        raise error if isinstance(error, ClmError) else UnavailableError(f"no answer: {error}")
    if page is None:
        raise UnavailableError(f"no whole answer within {seconds:g} s")
    return page
