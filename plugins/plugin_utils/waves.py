# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many deployments each wave takes: Ansible's `serial`, from what the user wants and what a service can bear."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple, Union

from ansible_collections.certops.clm.plugins.module_utils.errors import ConfigError

Wave = Union[int, str]
CAP = 500
REST = "rest"
DEFAULT_WAVES: Tuple[Wave, ...] = (1, "10%", REST)


def wave_sizes(hosts: Sequence[Tuple[str, str, int]], waves: Sequence[Wave] = DEFAULT_WAVES, cap: int = CAP) -> List[int]:
    """The sizes of the waves in which all hosts are done, in the order given; empty when there are none.

    A host is `(id, service, how many deployments the service has in all)`. A wave is never wider than `cap` and never
    takes more than a third of a service, except that one deployment is always allowed; it ends early instead. What the
    last entry of `waves` leaves over is done in more waves of that entry.
    """
    wanted = [_wanted(wave, index, len(hosts), cap) for index, wave in enumerate(waves)]
    if not wanted:
        raise ConfigError("at least one wave is needed", field="clm_waves")
    sizes: List[int] = []
    done = 0
    while done < len(hosts):
        size = _fitting(hosts, done, wanted[min(len(sizes), len(wanted) - 1)])
        sizes.append(size)
        done += size
    return sizes


def _wanted(wave: Wave, index: int, total: int, cap: int) -> int:
    """The size that an entry asks for: a number, a share of all such as "10%", or "rest"."""
    text = str(wave).strip()
    if text == REST:
        return cap
    number = text[:-1] if text.endswith("%") else text
    if isinstance(wave, bool) or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ConfigError(f"{wave!r} is no wave", hint='a number, a share such as "10%", or "rest"', field=f"clm_waves[{index}]")
    size = total * int(number) // 100 if text.endswith("%") else int(number)
    return max(1, min(size, cap))


def _fitting(hosts: Sequence[Tuple[str, str, int]], start: int, size: int) -> int:
    """How many hosts from `start` on fit into a wave of `size` before one of their services has its third."""
    taken: Dict[str, int] = {}
    for count, (_name, service, total) in enumerate(hosts[start : start + size]):
        taken[service] = taken.get(service, 0) + 1
        if service and taken[service] > max(1, total // 3):
            return count
    return min(size, len(hosts) - start)
