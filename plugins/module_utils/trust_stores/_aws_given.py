# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that AWS gives by a URL that is signed for some minutes: the URL is as good as a password, and no message holds it."""

from __future__ import annotations

from ..errors import ClmError, UnavailableError
from ._aws import LARGEST

try:
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies
except ImportError:  # said when somebody asks for AWS
    AWSRequest = None


def given(url: str, what: str) -> bytes:
    """What is behind the URL, with the proxies of the environment; `what` names it in an error."""
    try:
        session = URLLib3Session(proxies=get_environ_proxies(url), timeout=(10, 60))
        answer = session.send(AWSRequest(method="GET", url=url, stream_output=True).prepare())
        body = bytes(answer.raw.read(LARGEST + 1))
    except Exception as error:  # its text has the URL
        raise UnavailableError(
            f"{what} could not be fetched: {type(error).__name__}", hint="it comes from S3: is that reachable?"
        ) from None
    if answer.status_code != 200 or len(body) > LARGEST:
        raise ClmError(f"{what} could not be fetched: S3 answered {answer.status_code} with {len(body)} bytes")
    return body
