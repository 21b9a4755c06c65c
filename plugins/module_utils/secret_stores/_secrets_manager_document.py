# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store `aws_secrets_manager` keeps of a lineage beside its keys: one document, which is written as a whole or not at all.

It has the lease, the name of the current version, and every version with its chain and request. AWS takes 64 KiB, and it is kept
compressed; when it grows over that, the chains and requests of the oldest versions whose keys are destroyed are left out.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Dict, Mapping, Optional

from ..contracts import DROPPED, RETIRED, VERSION_STATES, StoredVersion
from ..errors import ConfigError, MalformedError
from ._directory_version import VERSION_ID, digest

FORMAT = 1
LARGEST = 65536  # bytes of a value in Secrets Manager
INFLATED = 4 * 1024 * 1024
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Document:
    """A lineage without its keys; `expires` is None while nobody has it. A value is never changed, only replaced."""

    fence: int = 0
    owner: str = ""
    expires: Optional[datetime] = None
    current: str = ""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def version(self, lineage: str, version: str) -> Optional[StoredVersion]:
        """The version without its key; MalformedError when it is damaged, None when there is none."""
        row = self.versions.get(version)
        if row is None:
            return None
        wanted: Dict[str, type] = {"state": str, "sha256": str, "spki_sha256": str, "key": bool, "chain": str, "request": str, "meta": dict}
        wrong = [name for name, kind in wanted.items() if not isinstance(row.get(name), kind)]
        if wrong or row["state"] not in VERSION_STATES or digest(row["chain"]) != row.get("chain_sha256"):
            raise MalformedError(f"{', '.join(wrong) or 'state or chain'} is not what was saved", field=f"{lineage} {version}")
        named = {name: row[name] for name in ("state", "sha256", "spki_sha256", "meta")}
        return StoredVersion(lineage, version, chain_pem=row["chain"], csr_pem=row["request"], **named)

    def has_key(self, version: str) -> bool:
        """True when a key was saved with the version."""
        return bool((self.versions.get(version) or {}).get("key"))

    def with_version(self, version: StoredVersion, has_key: bool) -> Document:
        """The document with that version in it; ConfigError when its facts are not plain data or hold a key."""
        row = {"state": version.state, "sha256": version.sha256, "spki_sha256": version.spki_sha256, "key": has_key, "meta": version.meta}
        row.update(chain=version.chain_pem, chain_sha256=digest(version.chain_pem), request=version.csr_pem)
        try:
            text = _encode(row)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the facts of version {version.version} of {version.lineage} are not plain data: {error}") from None
        if "PRIVATE KEY-----" in text:
            raise ConfigError(f"the facts of version {version.version} of {version.lineage} hold a private key: refused")
        return replace(self, versions={**self.versions, version.version: json.loads(text)})

    def encode(self, lineage: str) -> bytes:
        """The bytes to keep; ConfigError when there is more than AWS takes."""
        rows = {name: dict(row) for name, row in self.versions.items()}
        gone = [name for name in sorted(rows) if rows[name].get("state") in (DROPPED, RETIRED) and not rows[name].get("key")]
        while True:
            expires = self.expires.timestamp() if self.expires else None
            fields = {"format": FORMAT, "fence": self.fence, "owner": self.owner, "expires": expires, "current": self.current}
            data = zlib.compress(_encode({**fields, "versions": rows}).encode("ascii"), 9)
            if len(data) <= LARGEST:
                return data
            if not gone:
                text = f"{len(rows)} versions of {lineage} are {len(data)} bytes, and a secret of AWS takes {LARGEST}"
                raise ConfigError(text, hint="run certops.clm.cleanup, which destroys keys of old versions", field=lineage)
            rows[gone.pop(0)].update(chain="", chain_sha256="", request="")


def decode(data: bytes, lineage: str) -> Document:
    """The document of these bytes; MalformedError when they are none."""
    try:
        inflate = zlib.decompressobj()
        fields = json.loads(inflate.decompress(data, INFLATED))
        if fields["format"] != FORMAT:
            raise MalformedError(f"it has format {str(fields['format'])[:20]}, this release reads {FORMAT}", field=lineage)
        expires = None if fields["expires"] is None else datetime.fromtimestamp(fields["expires"], timezone.utc)
        versions = {name: row for name, row in fields["versions"].items() if VERSION_ID.match(name) and isinstance(row, dict)}
        return Document(int(fields["fence"]), str(fields["owner"]), expires, str(fields["current"]), versions)
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        raise MalformedError("the secret is no document of certops.clm", field=lineage, hint="look who else writes to it") from None
