# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that providers and flows raise; `edge.py` and the action plugins translate them once.

Standard library only: this file travels to managed hosts.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar

T = TypeVar("T")


class ClmError(Exception):
    """Something the user can act on: `message` says what is wrong, `hint` what to do next, `field` which input.

    `runbook` names the page of the documentation for it (see runbooks.py), empty where the step that it ends says enough.
    """

    runbook = ""

    def __init__(self, message: str, *, hint: str = "", field: str = "", runbook: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.field = field
        self.runbook = runbook or self.runbook

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def as_dict(self) -> Dict[str, Any]:
        """The parts of the error as plain data, without a traceback."""
        return {"message": self.message, "hint": self.hint, "field": self.field}


class ConfigError(ClmError):
    """The input is wrong and will stay wrong until somebody changes it."""


def check_path(path: object, field: str, required: object = False) -> None:
    """ConfigError for a path that no system takes, since Python's own error names no option, and for an empty one that is required.

    A variable that is empty must not mean the folder in which this runs.
    """
    if "\0" in str(path):
        raise ConfigError("has a NUL in it: no file has such a name", field=field)
    if required and not str(path).strip():
        raise ConfigError("is empty: a path is needed", field=field)


class MalformedError(ConfigError):
    """Bytes that are not what they should be: PEM, DER, JSON, a key where certificates belong."""


class PolicyError(ConfigError):
    """The request is against policy; `findings` has one sentence for every finding."""

    def __init__(self, findings: Sequence[str], *, hint: str = "", field: str = "") -> None:
        super().__init__("; ".join(findings), hint=hint, field=field)
        self.findings: List[str] = list(findings)


class MissingLibraryError(ClmError):
    """A Python package that this feature needs is not there; the hint names the package to install."""


class NotFoundError(ClmError):
    """What was named does not exist."""


class BusyError(ClmError):
    """Somebody else holds the lineage, or it changed since it was read."""

    runbook = "busy"


class UnavailableError(ClmError):
    """The other side did not answer, or asked to be asked later; `retry_after` is in seconds, None when it did not say."""

    def __init__(self, message: str, *, hint: str = "", field: str = "", retry_after: Optional[float] = None) -> None:
        super().__init__(message, hint=hint, field=field)
        self.retry_after = retry_after


class about:
    """An error that leaves the block, or the function that it decorates, without a page of its own gets this one."""

    __slots__ = ("_runbook",)

    def __init__(self, runbook: str) -> None:
        self._runbook = runbook

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if isinstance(error, ClmError):
            error.runbook = error.runbook or self._runbook

    def __call__(self, act: Callable[..., T]) -> Callable[..., T]:
        def acting(*args: Any, **named: Any) -> T:
            with self:
                return act(*args, **named)

        return acting


def known(value: Optional[T], what: str) -> T:
    """The value, which an earlier step has set; that it is missing is a defect of ours, and said as one."""
    if value is None:
        raise ClmError(f"{what} is not known at this step", hint="this is a defect of certops.clm: please report it with the run's output")
    return value
