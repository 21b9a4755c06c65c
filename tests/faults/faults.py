# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a run: the faults, each by the means that the machine really has."""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Tuple

from . import acme_faults, corruption, incidents
from .ca_proxy import AFTER
from .invariants import Broken
from .proxy import Proxy
from .steps import SERVER, WHOLE_RUN
from .world import HOST, PORT

if TYPE_CHECKING:
    from .cell import Cell

PROXY_PORT = 9443


def nothing(_cell: Cell) -> None:
    """Nothing."""


def fine(_cell: Cell) -> Broken:
    """Nothing more to hold it to."""
    return []


@dataclass(frozen=True)
class Fault:
    """`prepare` before the run, `strike` while the process is held at the step, `mend` before the rerun."""

    name: str
    numbers: str  # of standards.md
    means: str
    prepare: Callable[[Cell], None] = nothing
    strike: Callable[[Cell], None] = nothing
    mend: Callable[[Cell], None] = nothing
    after: bool = False  # the process is held after the call, not before it
    instead: bool = False  # at the write that the step begins with
    error: int = 0  # the call fails with that errno and nobody is held
    absent: bool = False  # the fault itself takes the server away
    tampered: bool = False  # the fault itself changes the ledger
    judge: Callable[[Cell], Broken] = fine
    at: Tuple[str, ...] = ()  # only these steps, and only of the first row
    needs: Tuple[str, ...] = ()  # programs
    ca: str = ""  # how the CA's proxy answers at the step
    fleet: bool = False  # of a row with more than one server, for a whole run
    defers: bool = False  # so long that the runs after it are put off too
    service: bool = False  # of a row with a CA of its own, for a whole run
    forced: bool = True  # the manifest asks for a new version
    goes_back: bool = False  # somebody else rightly undoes what the run did
    word: str = ""  # how the server lies: a word of Provider.stands

    @property
    def prepares_only(self) -> bool:
        """Nobody has to be held for it."""
        return self.strike is nothing and not self.error and not self.ca


def kill(cell: Cell) -> None:
    cell.killed = "SIGKILL"
    cell.world.kill(cell.process, cell.caught)


def kill_module(cell: Cell) -> None:
    cell.world.kill_on_server(cell.caught)


def interrupt(number: int) -> Callable[[Cell], None]:
    def strike(cell: Cell) -> None:
        os.killpg(cell.process.pid, number)
        cell.killed = signal.Signals(number).name
        time.sleep(0.3)  # the signal is there before the call goes on

    return strike


def second(cell: Cell) -> None:
    """Another controller begins while this one is in the middle; both go on together."""
    process, events = cell.world.begin(cell.gate.tracing())
    cell.others.append((process, events))
    deadline = time.monotonic() + 20
    while "Begin the rotation" not in events.read_text() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(1.0)  # it is at the first's lease by then


def overtake(cell: Cell) -> None:
    """Another controller comes, waits until the lease of this one has expired, and ends before this one goes on."""
    second(cell)
    process, _events = cell.others[-1]
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def stand(cell: Cell) -> None:
    """The server lies as the fault and the step say."""
    sabotage = cell.step.sabotage if cell.held else ()
    cell.world.stand(*sabotage, *filter(None, [cell.fault.word]))


def honest(cell: Cell) -> None:
    cell.world.stand()


def start_again(cell: Cell) -> None:
    cell.world.stand()
    server = cell.world.lab.servers[HOST]
    server.stop()
    server.start()


def clock(offset: str, server: bool = False) -> Callable[[Cell], None]:
    def prepare(cell: Cell) -> None:
        library = faketime()
        fake = {"LD_PRELOAD": library, "FAKETIME": offset}  # monotonic clocks too: leaving them real breaks time.sleep (0.9.10)
        if server:
            cell.world.on_server(fake)
        else:
            cell.environment.update(fake)

    return prepare


def faketime() -> str:
    """The library, empty where the machine has none."""
    return next((str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), "")


def behind_proxy(cell: Cell) -> None:
    """The manifest names the proxy as the endpoint."""
    host = cell.world.lab.hosts[HOST]
    cell.proxy = Proxy(host.address, PROXY_PORT, PORT)
    (deployment,) = cell.world.campaign.manifest["lineages"]["api"]["deployments"]
    endpoints = [{**one, "port": PROXY_PORT} for one in deployment["endpoints"]]
    cell.world.campaign.manifest["lineages"]["api"]["deployments"] = [{**deployment, "endpoints": endpoints}]


def turn(mode: str) -> Callable[[Cell], None]:
    def strike(cell: Cell) -> None:
        if cell.proxy is not None:
            cell.proxy.mode = mode

    return strike


def on_disk(act: str) -> Callable[[Cell], None]:
    return lambda cell: getattr(cell.world, act)(cell.step.folder)


def cut(cell: Cell) -> None:
    """Before a step of the controller the host is gone; in one of the server's the connection drops and the module goes on alone."""
    cell.world.drop()
    if cell.step.side == SERVER:
        time.sleep(0.2)


def bad_day(cell: Cell) -> None:
    """The proxy answers in the CA's place."""
    proxy = cell.world.service.proxy
    proxy.bad, proxy.nth = (cell.step.path, cell.fault.ca), cell.step.nth


def good_day(cell: Cell) -> None:
    """The CA itself answers again, and what it asked to wait for is over."""
    proxy = cell.world.service.proxy
    cell.ca_hits, proxy.bad = proxy.hits if proxy.reached else 0, None
    if cell.fault.ca.endswith(("seconds", "date")):
        time.sleep(AFTER)


def _ca(name: str, numbers: str, means: str, how: str, **more: bool) -> Fault:
    return Fault(name, numbers, means, bad_day, mend=good_day, ca=how, **more)


KILL = "F1-F12"
GROUPS = {  # column of README's table -> numbers of standards.md
    "killed (F1-F12)": ("F1-F12",),
    "the CA (F13-F17)": ("F13", "F14", "F15 CA", "F16", "F17"),
    "network (F15, F21, F28)": ("F15", "F21", "F21, F29", "F28"),
    "disk (F18)": ("F18",),
    "server (F19, F20, F27)": ("F19", "F20", "F27"),
    "two runs (F22, F23, F30)": ("F22", "F23", "F30"),
    "clock (F24)": ("F24",),
    "damage (F25, F26)": ("F25", "F26"),
    "signals (F29)": ("F29",),
}


def group_of(fault: str) -> str:
    """The column of README's table."""
    return next(group for group, numbers in GROUPS.items() if FAULTS[fault].numbers in numbers)


FAULTS: Dict[str, Fault] = {
    fault.name: fault
    for fault in (
        _ca("CA 429 seconds", "F13", "429 and Retry-After in seconds", "429 seconds"),
        _ca("CA 429 date", "F13", "429 and Retry-After as a date", "429 date"),
        _ca("CA 429", "F13", "429 and no Retry-After", "429", defers=True),
        _ca("CA 503 seconds", "F13", "503 and Retry-After", "503 seconds"),
        _ca("CA 503", "F13", "503 and no Retry-After", "503"),
        _ca("CA away", "F13", "every connection is reset", "away"),
        _ca("CA resets", "F15 CA", "the connection is reset in mid-body", "reset"),
        _ca("CA answers HTML", "F15 CA", "200 and a page of HTML", "html"),
        _ca("CA truncates", "F15 CA", "200 and half of the body", "truncated"),
        _ca("CA refuses nonces", "F14", "two of three nonces are refused", "nonce"),
        _ca("AWS throttles", "F13", "400 and ThrottlingException, each time", "throttled"),
        _ca("store away", "F17", "from there on 503 to everything", "outage"),
        _ca("store throttles", "F17", "from there on 400 and ThrottlingException to everything", "busy"),
        _ca("token expires", "F17", "from there on 400 and ExpiredTokenException to everything", "expired"),
        _ca("right withdrawn", "F17", "from there on 400 and AccessDeniedException to everything", "denied"),
        Fault("lease lost", "F17", "held until its lease has expired and a second ansible-playbook has ended", strike=overtake),
        _ca("already replaced", "F16", "409 to an order that says which certificate it replaces", "replaced"),
        *(Fault(one.name, "F16", one.means, one.prepare, judge=one.judge, service=True) for one in acme_faults.RENEWALS),
        Fault("ARI in the past", "F16", "a window that has ended, of a certificate that nobody forces", acme_faults.over,
              judge=acme_faults.asked_for, service=True, forced=False),
        Fault("DNS half-propagated", "F28", "nftables keeps the secondary name server from the primary", acme_faults.apart,
              mend=acme_faults.together, judge=acme_faults.nothing_stayed, service=True, needs=("nft", "named")),
        Fault("DNS leftover", "F28", "a TXT record of another client at the same name", acme_faults.somebodys, service=True,
              needs=("named",)),
        Fault("check refuses", "F19", "the server's own check fails", stand, mend=honest, word="fail_check"),
        Fault("reload fails", "F20", "the reload command exits 1", stand, mend=honest, word="fail_reload"),
        Fault("reload lies", "F20", "reload exits 0, the old one is served", stand, mend=honest, word="keep_old"),
        Fault("reload lies, kill", "F20", "the same, and SIGKILL in the rollback", strike=kill, mend=honest),
        Fault("server dies", "F20", "the server ends at the reload", stand, mend=start_again, word="die_on_reload", absent=True),
        Fault("server refuses", "F20", "listeners are closed after the reload", stand, mend=start_again, word="refuse", absent=True),
        Fault("server hangs", "F20", "connections are never answered after the reload", stand, mend=start_again, word="hang", absent=True),
        *(Fault(f"clock {offset}", "F24", "faketime on the controller", clock(offset)) for offset in ("+1h", "-1h", "+1y", "-1y")),
        *(Fault(f"server's clock {offset}", "F24", "faketime on the server", clock(offset, server=True)) for offset in ("+1y", "-1y")),
        *(Fault(f"proxy: {mode}", "F15", "a TCP proxy before the server", behind_proxy, turn(mode), turn(""))
          for mode in ("latency", "reset", "truncation", "wrong bytes", "html")),
        *(Fault(made.name, made.numbers, made.means, made.do, mend=made.mend, tampered=made.tampered)
          for made in corruption.ALL),
        Fault("kill before", KILL, "SIGKILL of every process of the controller, and of what works on the server", strike=kill),
        Fault("kill after", KILL, "the same, right after the call", strike=kill, after=True),
        Fault("no space", "F18", "a small tmpfs, filled to its last byte and inode", on_disk("small"), on_disk("fill"), instead=True),
        Fault("read-only", "F18", "a read-only bind mount over the folder", strike=on_disk("read_only"), instead=True),
        Fault("kill the module", KILL, "SIGKILL of the module on the server, the controller goes on", strike=kill_module),
        Fault("unreachable", "F21, F29", "every SSH session killed, no new one", strike=cut),
        Fault("not permitted", "F18", "chattr +i on everything in the folder", strike=on_disk("forbid"), instead=True),
        Fault("disk error", "F18", "EIO from the call itself (LD_PRELOAD)", error=errno.EIO),
        Fault("second campaign", "F22", "a second ansible-playbook on the same store", strike=second),
        Fault("ctrl-C", "F29", "SIGINT to the process group of ansible-playbook", strike=interrupt(signal.SIGINT)),
        Fault("quota", "F18", "EDQUOT from the call itself (LD_PRELOAD)", error=errno.EDQUOT, instead=True),
        Fault("clock goes back", "F24", "the controller's clock is set two hours back in the middle (LD_PRELOAD)", incidents.own_clock,
              incidents.two_hours_back, at=("issue", "prove", "settle", "record")),
        Fault("black hole", "F21", "nftables drops every packet to the host", strike=incidents.swallow, mend=incidents.pass_again,
              at=("lock", "issue", "prove", "settle", "record"), absent=True, needs=("nft",)),
        Fault("linked files", "F27", "certificate and key are symbolic links", incidents.linked, judge=incidents.still_linked,
              at=(WHOLE_RUN,)),
        Fault("mounted files", "F27", "certificate and key are mount points (EBUSY)", incidents.mounted, mend=incidents.not_mounted,
              at=(WHOLE_RUN,)),
        Fault("become nobody", "F27", "become_user is a user without rights there", incidents.as_nobody, mend=incidents.as_root,
              judge=incidents.refused_as_nobody, at=(WHOLE_RUN,), needs=("sudo",)),
        Fault("rollback in the middle", "F30", "certops.clm.rollback while the rotation is held", incidents.patient,
              incidents.back_meanwhile, judge=incidents.refused_back, at=("key write", "issue", "swap", "prove", "settle")),
        Fault("rollback right after", "F30", "certops.clm.rollback once the new version is current, before that is recorded",
              incidents.patient, incidents.back_meanwhile, judge=incidents.back_right_after, at=("record",), goes_back=True),
        Fault("one of three away", "F21", "a server is cut off before the run", incidents.away(1), mend=incidents.nobody_away,
              judge=incidents.all_serve_it, fleet=True),
        Fault("two of three away", "F21", "two servers are cut off before the run", incidents.away(2), mend=incidents.nobody_away,
              judge=incidents.all_serve_it, fleet=True),
        Fault("the last one lies", "F20", "the reload of the last server lies", incidents.last_lies, mend=incidents.nobody_away,
              judge=incidents.all_serve_it, fleet=True),
        Fault("the first one lies", "F20", "the reload of the canary lies", stand, mend=incidents.nobody_away,
              judge=incidents.all_serve_it, fleet=True, word="keep_old"),
        Fault("rollback to an expired one", "F30", "certops.clm.rollback a hundred days later", incidents.long_lived,
              judge=incidents.expired_back, at=(WHOLE_RUN,)),
        Fault("SIGTERM", "F29", "SIGTERM to the process group of ansible-playbook", strike=interrupt(signal.SIGTERM)),
    )
}  # fmt: skip
