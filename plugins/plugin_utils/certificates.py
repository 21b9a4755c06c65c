# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters and tests share: certificates from what a playbook hands over, errors as Ansible's own."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Callable, Mapping, Tuple, TypeVar

from ansible.errors import AnsibleFilterError

from ansible_collections.certops.clm.plugins.module_utils.errors import ClmError, ConfigError
from ansible_collections.certops.clm.plugins.module_utils.moments import moment_of
from ansible_collections.certops.clm.plugins.module_utils.x509 import pem
from ansible_collections.certops.clm.plugins.module_utils.x509.certificate import Certificate

T = TypeVar("T")


def certificates(value: Any) -> Tuple[Certificate, ...]:
    """Every certificate of a PEM text, at least one; ConfigError for anything else."""
    if isinstance(value, Mapping) and isinstance(value.get("pem"), str):
        value = value["pem"]
    if not isinstance(value, (str, bytes)):
        raise ConfigError(f"a PEM text is needed, not a {type(value).__name__}")
    return tuple(Certificate.parse(block.der) for block in pem.split(value if isinstance(value, bytes) else str(value)))


def moment(value: Any = None) -> datetime:
    """An RFC 3339 text as a moment in UTC, now when it is None; ConfigError for anything else."""
    if value is None:
        return datetime.now(timezone.utc)
    found = moment_of(value)
    if found is None:
        raise ConfigError(f"{str(value)[:40]!r} is no RFC 3339 date")
    return found


def end_of(value: Any) -> datetime:
    """When a certificate ends: of the first in a PEM text, or `not_after` of facts; ConfigError when it cannot be read."""
    if isinstance(value, Mapping) and value.get("not_after"):
        return moment(value["not_after"])
    found = certificates(value)[0]
    if found.not_after is None:
        raise ConfigError(f"the end of the certificate cannot be read: {'; '.join(found.malformed)}")
    return found.not_after


def translated(name: str, work: Callable[[], T]) -> T:
    """What `work` returns; its errors as the filter's or test's error."""
    try:
        return work()
    except ClmError as error:
        raise AnsibleFilterError(f"certops.clm.{name}: {error}") from error
