# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire of RFC 8555: signed requests, nonces, problems, and how long to wait.

The client of the package `acme` is not used for it: it tries a rejected nonce once more and then gives up, and it loses both
Retry-After and what a 409 says.
"""

from __future__ import annotations

import email.utils
import json
import re
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional

from ..contracts import Clock
from ..errors import ClmError, ConfigError, UnavailableError
from ..masking import Secret
from ..x509 import key as keys
from ._acme_library import josepy, jws, requests, require_acme
from ._acme_problem import Problem, problem_of

NONCES = 200  # tries: at nine rejected of ten, one request in a thousand million fails
SHORT = 15.0  # seconds that are waited for at once when the CA asks for them
TRIES = 4
LARGEST = 4 * 1024 * 1024
AGAIN = 3600.0  # seconds after a rate limit that names no time
JOSE = "application/jose+json"
_FRACTION = re.compile(r"\.[0-9]+")  # of a second: more digits than Python 3.10 reads


class Signer:
    """A private key that signs requests: an account's, or a certificate's own for its revocation."""

    def __init__(self, pem: Secret) -> None:
        require_acme()
        key = keys.load(pem)
        kind = keys.key_type_of(key)
        algorithms = {"ecdsa-p256": "ES256", "ecdsa-p384": "ES384", "ecdsa-p521": "ES512"}
        if not kind.startswith(("rsa-", "ecdsa-p")):
            raise ConfigError(f"a key of type {kind} signs no ACME request", hint="revoke by the account's key")
        rsa = kind.startswith("rsa-")
        self.jwk: Any = josepy.JWKRSA(key=josepy.ComparableRSAKey(key)) if rsa else josepy.JWKEC(key=josepy.ComparableECKey(key))
        self.algorithm: Any = getattr(josepy, "RS256" if rsa else algorithms[kind])

    def thumbprint(self) -> str:
        """What key authorizations end with (RFC 7638)."""
        return str(josepy.b64encode(self.jwk.thumbprint()).decode("ascii"))

    def sign(self, payload: Any, url: str, nonce: Optional[bytes], kid: str = "") -> str:
        """The JWS of a request; its key is in it where there is no `kid`. `payload` None is POST-as-GET."""
        body = b"" if payload is None else json.dumps(payload).encode("utf-8")
        return str(jws.JWS.sign(body, key=self.jwk, alg=self.algorithm, nonce=nonce, url=url, kid=kid or None).json_dumps())


@dataclass(frozen=True)
class Reply:
    """What the CA answered; `retry_after` is in seconds, None when it did not say."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    retry_after: Optional[float] = None

    @property
    def data(self) -> Dict[str, Any]:
        """The JSON object; an UnavailableError for anything else, for that is no answer of a working CA."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UnavailableError(f"the CA's answer is no JSON object (HTTP {self.status})")
        return found

    @property
    def location(self) -> str:
        """Where what was made is; an UnavailableError when the CA did not say."""
        if not self.headers.get("Location"):
            raise UnavailableError(f"the CA's answer lacks its Location (HTTP {self.status})")
        return str(self.headers["Location"])


class Wire:
    """One CA, reached through its directory. Many threads may use it at once."""

    def __init__(self, url: str, ca_file: str, connections: int, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self.url = url
        self._ca_file = ca_file
        self._connections = connections
        self._clock = clock
        self.sleep = sleep
        self._nonces: List[str] = []
        self._lock = threading.RLock()
        self._session: Any = None
        self._directory: Optional[Dict[str, Any]] = None
        self._closed: Optional[UnavailableError] = None

    @property
    def directory(self) -> Dict[str, Any]:
        """What the CA offers, asked once."""
        with self._lock:
            if self._directory is None:
                self._directory = self.get(self.url).data
            return self._directory

    def resource(self, name: str) -> str:
        """The URL of a resource; ConfigError when this CA has none of that name."""
        url = self.directory.get(name)
        if not isinstance(url, str):
            raise ConfigError(f"the CA offers no {name}", field="issuer.directory", hint=f"look at {self.url}")
        return url

    def get(self, url: str) -> Reply:
        """A plain GET; Problem, or UnavailableError, for every answer that is no success."""
        return _checked(self._patient(lambda: self._send("GET", url)))

    def post(self, url: str, payload: Any, signer: Signer, kid: str = "") -> Reply:
        """A signed POST; a rejected nonce is followed by a new one."""
        return _checked(self._patient(lambda: self._signed(url, payload, signer, kid)))

    def _patient(self, ask: Callable[[], Reply]) -> Reply:
        """The answer; a CA that is busy for a few seconds is waited for, and one that is for longer is not asked again meanwhile."""
        reply = ask()
        for _again in range(TRIES):
            if reply.status not in (429, 503) or reply.retry_after is None or reply.retry_after > SHORT:
                break
            self.sleep(max(0.1, reply.retry_after))
            reply = ask()
        if reply.status == 503 and reply.retry_after:
            self._closed = _unavailable(reply)
        return reply

    def _signed(self, url: str, payload: Any, signer: Signer, kid: str) -> Reply:
        for _again in range(NONCES):
            reply = self._send("POST", url, signer.sign(payload, url, josepy.decode_b64jose(self._nonce()), kid))
            if reply.status != 400 or problem_of(reply.status, reply.body).kind != "badNonce":
                return reply
        raise UnavailableError(f"the CA rejected {NONCES} nonces in a row")

    def _nonce(self) -> str:
        with self._lock:
            if self._nonces:
                return self._nonces.pop()
        reply = self._send("HEAD", self.resource("newNonce"), keep=False)
        nonce = reply.headers.get("Replay-Nonce")
        if not nonce:
            raise UnavailableError(f"the CA gave no nonce (HTTP {reply.status})")
        return str(nonce)

    def _send(self, method: str, url: str, body: str = "", keep: bool = True) -> Reply:
        if self._closed is not None:
            raise self._closed
        reply = self._once(method, url, body)
        nonce = reply.headers.get("Replay-Nonce")
        if nonce and keep:
            with self._lock:
                self._nonces.append(str(nonce))
        return reply

    def _once(self, method: str, url: str, body: str) -> Reply:
        if not url.startswith("https://"):
            raise ConfigError(f"{url[:120]!r} is no https:// URL", field="issuer.directory")
        session = self._opened()
        headers = {"User-Agent": "certops.clm", "Accept-Language": "en", **({"Content-Type": JOSE} if body else {})}
        try:
            with session.request(
                method, url, data=body or None, headers=headers, timeout=(10, 60), allow_redirects=method == "GET", stream=True,
                verify=self._ca_file or True,
            ) as answer:  # fmt: skip
                content = answer.raw.read(LARGEST + 1, decode_content=True)
                if len(content) > LARGEST:
                    raise UnavailableError(f"the CA's answer is larger than {LARGEST} bytes")
                return Reply(answer.status_code, answer.headers, content, self._retry_after(answer.headers.get("Retry-After")))
        except requests.exceptions.SSLError as error:
            hint = "give ca_file when it is a private CA"
            raise ConfigError(f"the CA's own certificate is not trusted: {_short(error)}", field="issuer.ca_file", hint=hint) from None
        except (requests.exceptions.RequestException, OSError) as error:
            if isinstance(error, OSError) and self._ca_file and not _readable(self._ca_file):
                raise ConfigError(f"{self._ca_file} cannot be read", field="issuer.ca_file") from None
            raise UnavailableError(f"the CA at {url[:120]} did not answer: {_short(error)}") from None

    def _opened(self) -> Any:
        require_acme()
        if self._session is None:
            session = requests.Session()
            session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=self._connections))
            self._session = session
        return self._session

    def _retry_after(self, text: Optional[str]) -> Optional[float]:
        """Seconds from a number of them or an HTTP date (RFC 9110 section 10.2.3); None for anything else."""
        if not text:
            return None
        if text.strip().isdecimal():
            return float(text.strip()[:9])
        try:
            when = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return max(0.0, (when - self._clock()).total_seconds())


def _checked(reply: Reply) -> Reply:
    if 200 <= reply.status < 300:
        return reply
    if reply.status in (429, 503) or reply.status >= 500:
        raise _unavailable(reply)
    raise problem_of(reply.status, reply.body)


def _unavailable(reply: Reply) -> UnavailableError:
    problem: ClmError = problem_of(reply.status, reply.body)
    after = reply.retry_after
    if after is None and reply.status == 429:
        after = AGAIN
    said = "limits the rate" if reply.status == 429 else "is not available"
    detail = f": {problem.detail}" if isinstance(problem, Problem) and problem.detail else ""
    return UnavailableError(f"the CA {said} (HTTP {reply.status}){detail}", retry_after=after)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _readable(path: str) -> bool:
    try:
        with open(path, "rb"):
            return True
    except OSError:
        return False


def when(text: Any) -> Optional[datetime]:
    """An RFC 3339 text as a moment in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub("", str(text)).replace("Z", "+00:00"))
        return found.astimezone(timezone.utc) if found.tzinfo else None
    except (ValueError, OverflowError):  # a year that its offset leads out of
        return None
