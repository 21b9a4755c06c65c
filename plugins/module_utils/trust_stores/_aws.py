# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What trust stores of AWS share: the account, the bundle as an object of a versioned bucket, and waiting until a change is in force."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Callable, Dict, Mapping, Optional

from .. import aws
from ..aws import Clients
from ..contracts import Clock
from ..errors import BusyError, ClmError, ConfigError, UnavailableError

BUCKET: Dict[str, Dict[str, Any]] = {
    "bucket": {"type": "str", "required": True},
    "key": {"type": "str", "no_log": False},
    "timeout": {"type": "int", "default": 300},
}
LARGEST = 64 * 1024 * 1024
PAUSE = 2.0  # seconds between two looks
OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict")
MISSING = ("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404", "InvalidArgument")


class Objects:
    """The bundle in S3: every write is a version of its own, so what is in force is named exactly, and the one before it stays."""

    def __init__(self, clients: Clients, bucket: str, key: str) -> None:
        self._clients, self.bucket, self.key = clients, bucket, key
        self._seen = ""
        self._versioned = False

    @property
    def _s3(self) -> Any:
        return self._clients.get("s3")

    def look(self) -> None:
        """Remember the bundle as it is now, before what is in force is read: `put` then writes only where nobody else has meanwhile.

        ConfigError when the bucket keeps no versions.
        """
        self._require_versions()
        try:
            with aws.told(f"s3 HeadObject {self.bucket}/{self.key}"):
                self._seen = str(self._s3.head_object(Bucket=self.bucket, Key=self.key)["ETag"])
        except ClmError as error:
            if aws.code_of(error) not in MISSING:
                raise
            self._seen = ""

    def _require_versions(self) -> None:
        if self._versioned:
            return
        with aws.told(f"s3 GetBucketVersioning of {self.bucket}"):
            found = self._s3.get_bucket_versioning(Bucket=self.bucket).get("Status")
        if found != "Enabled":
            hint = f"aws s3api put-bucket-versioning --bucket {self.bucket} --versioning-configuration Status=Enabled"
            text = f"the bucket {self.bucket} keeps no versions, so nobody could tell which bundle is in force"
            raise ConfigError(text, hint=hint, field="bucket")
        self._versioned = True

    def put(self, text: str) -> str:
        """Write the bundle; returns the version. BusyError when somebody else wrote it since `look`."""
        try:
            return self.put_beside(text, self.key, **({"IfMatch": self._seen} if self._seen else {"IfNoneMatch": "*"}))
        except ClmError as error:
            if aws.code_of(error) not in OVERTAKEN:
                raise
            hint = "run again: it is read anew, and what they added stays"
            raise BusyError(f"somebody else wrote {self.bucket}/{self.key} meanwhile, so nothing was changed", hint=hint) from error

    def put_beside(self, text: str, key: str, **guard: str) -> str:
        """Write any object; returns the version."""
        with aws.told(f"s3 PutObject {self.bucket}/{key}"):
            body = {"Body": text.encode(), "ContentType": "application/x-pem-file", **guard}
            return str(self._s3.put_object(Bucket=self.bucket, Key=key, **body)["VersionId"])

    def get(self, bucket: str, key: str, version: str = "") -> Optional[str]:
        """The text of an object, None when it is not there."""
        more = {"VersionId": version} if version else {}
        try:
            with aws.told(f"s3 GetObject {bucket}/{key}"):
                body = self._s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read(LARGEST + 1)
        except ClmError as error:
            if aws.code_of(error) in MISSING:
                return None
            if version and aws.code_of(error) in aws.DENIED:  # the SDK has one operation for both rights
                raise ClmError(error.message, hint=error.hint.replace("s3:GetObject ", "s3:GetObjectVersion ")) from error
            raise
        if len(body) > LARGEST:
            raise ClmError(f"{bucket}/{key} is larger than {LARGEST} bytes")
        return bytes(body).decode("utf-8", "replace")


class Patience:
    """Waiting with an end: looks again until something is so."""

    def __init__(self, seconds: float, clock: Clock, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep

    def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Return when it is so; UnavailableError when the time is over."""
        end = self._clock() + timedelta(seconds=self._seconds)
        while not is_so():
            if self._clock() >= end:
                hint = "run again with a longer timeout: what was written stays, and is read first"
                raise UnavailableError(f"{what} is not in force after {self._seconds:g} seconds", hint=hint)
            self._sleep(PAUSE)


def key_of(options: Mapping[str, Any], name: str) -> str:
    """Where the bundle is kept: as the task says, else by the name of the trust store."""
    return str(options.get("key") or f"certops-clm/{name}.pem")


def patience_of(options: Mapping[str, Any], clock: Clock) -> Patience:
    """As long as the task says; ConfigError when that is no time."""
    seconds = int(options.get("timeout") or BUCKET["timeout"]["default"])
    if seconds < 1:
        raise ConfigError("must be at least 1", field="timeout")
    return Patience(seconds, clock)
