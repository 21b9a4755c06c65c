# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A query to Prometheus held against a threshold. No data, NaN and a warning do not pass: blind is not good. Pure.

The API is https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
"""

from __future__ import annotations

import json
import math
import operator
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Tuple
from urllib.parse import urlencode

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError, UnavailableError
from ansible_collections.certops.clm.plugins.plugin_utils.report.words import visible
from ansible_collections.certops.clm.plugins.plugin_utils.wave.fetch import Page

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_WANT = re.compile(r"(<=|>=|==|!=|<|>)\s*([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)\Z")
SHOWN = 3
Sample = Tuple[str, float]


@dataclass(frozen=True)
class Threshold:
    """A comparison with a number."""

    sign: str
    number: float

    @classmethod
    def parse(cls, text: str, at: str) -> Threshold:
        """From "< 0.01"; ConfigError names the field for anything else."""
        match = _WANT.match(text.strip())
        try:
            return cls(match.group(1), float(match.group(2)))  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            raise ConfigError(f"{text!r} is no threshold", hint='such as "< 0.01", with one of < <= > >= == !=', field=at) from None

    def holds(self, value: float) -> bool:
        """Whether the value keeps it; what is no finite number never does."""
        return math.isfinite(value) and COMPARISONS[self.sign](value, self.number)


def address(base: str, query: str) -> str:
    """The address of an instant query."""
    return f"{base.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"


def judge(page: Page, threshold: Threshold) -> Tuple[bool, str]:
    """Whether every series keeps the threshold, and what was measured; UnavailableError when Prometheus did not measure."""
    samples = _samples(_data(page))
    if not samples:
        return False, "no data: the query found no series"
    bad = [sample for sample in samples if not threshold.holds(sample[1])]
    shown = [f"{name or 'the value'} is {value:g}" for name, value in (bad or samples)[:SHOWN]]
    more = len(bad or samples) - len(shown)
    return not bad, ", ".join(shown) + (f" and {more} more series" if more > 0 else "")


def _data(page: Page) -> Mapping[str, Any]:
    try:
        answer = json.loads(page.body)
    except (ValueError, RecursionError):
        raise UnavailableError(f"status {page.status}, and the answer is not the JSON of Prometheus") from None
    if not isinstance(answer, dict) or answer.get("status") != "success" or page.status != 200:
        error = answer if isinstance(answer, dict) else {}
        text = f"{error.get('errorType') or 'error'}: {error.get('error') or 'it did not say why'}"
        raise UnavailableError(f"status {page.status}, {visible(text)[:300]}")
    if answer.get("warnings"):
        raise UnavailableError(f"it warns, so the answer may not be whole: {visible(answer['warnings'])[:300]}")
    data = answer.get("data")
    return data if isinstance(data, dict) else {}


def _samples(data: Mapping[str, Any]) -> List[Sample]:
    """Name and value of every series; UnavailableError for types that are no values of now."""
    kind, result = data.get("resultType"), data.get("result")
    try:
        if kind == "scalar":
            return [("", _number(result))]
        if kind == "vector":
            return [(_name(row["metric"]), _number(row["value"])) for row in result or ()]
    except (TypeError, KeyError, ValueError, IndexError, AttributeError):
        raise UnavailableError("a result that is not as Prometheus writes it (a histogram has no one value)") from None
    raise UnavailableError(f"the query gives a {visible(kind)[:50]}: a gate needs a scalar or a vector")


def _number(pair: Any) -> float:
    _time, value = pair
    return float(value)


def _name(metric: Dict[str, Any]) -> str:
    """A series as Prometheus writes it, bounded: labels come from outside."""
    labels = ",".join(f'{key}="{value}"' for key, value in sorted(metric.items()) if key != "__name__")
    return visible(f"{metric.get('__name__', '')}{{{labels}}}")[:200]
