# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate of ACM that is waited for, and the records that it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Mapping, Optional, Sequence, Union

from ..contracts import Answer, IssueRequest
from ..errors import ClmError
from ._acm_records import Record

SHOWN = 20


@dataclass
class Work:
    """One certificate that is waited for; `answer` set means that its way has ended. `missing` are records that are not ours to write."""

    ref: str
    request: IssueRequest
    detail: Mapping[str, Any] = field(default_factory=dict)
    missing: List[Record] = field(default_factory=list)
    answer: Optional[Union[Answer, ClmError]] = None


def said(work: Work) -> bool:
    """Whether ACM says for every name which record it wants."""
    options = work.detail.get("DomainValidationOptions") or ()
    return bool(options) and all(is_valid(one) or one.get("ResourceRecord") for one in options)


def unseen(work: Work) -> str:
    """What ACM still has to do."""
    names = [str(one["DomainName"]) for one in work.detail.get("DomainValidationOptions") or () if not is_valid(one)]
    if names:
        return f"which has not found the records of {', '.join(names[:SHOWN])} yet"
    return "which has found every record, and not issued yet"


def is_valid(option: Mapping[str, Any]) -> bool:
    """Whether ACM has seen the record of a name."""
    return option.get("ValidationStatus") == "SUCCESS"


def wanted(work: Work) -> List[Record]:
    """The records of names that are not validated yet; a name and its wildcard share one."""
    options = [one for one in work.detail.get("DomainValidationOptions") or () if not is_valid(one) and one.get("ResourceRecord")]
    return list(dict.fromkeys((str(one["ResourceRecord"]["Name"]), str(one["ResourceRecord"]["Value"])) for one in options))


def listed(records: Sequence[Record]) -> str:
    """The records for a person."""
    shown = "; ".join(f"{name} CNAME {value}" for name, value in records[:SHOWN])
    return shown + (f"; and {len(records) - SHOWN} more, which aws acm describe-certificate shows" if len(records) > SHOWN else "")
