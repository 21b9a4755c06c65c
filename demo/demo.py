# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: certificates on running servers are found, judged, renewed in waves, proven, rolled back and recorded.

    make demo                                   sets up .venv first; no root and no system package is needed
    .venv/bin/python demo/demo.py [--stand-ins] [--work FOLDER]

Everything listens on 127.0.0.1 and is stopped at the end, also on ctrl-C. Exit code 0 only when every act went as told.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / ".cache" / "dev"


def link_checkout() -> None:
    """This checkout is importable as ansible_collections.certops.clm: the demo shares the servers of tests/lab."""
    link = DEV / "ansible_collections" / "certops" / "clm"
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.resolve() != ROOT:
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT)
    sys.path.insert(0, str(DEV))


def options() -> argparse.Namespace:
    """What a person may choose."""
    parser = argparse.ArgumentParser(description="one certificate's whole life, on real servers of this machine")
    parser.add_argument("--work", type=Path, default=ROOT / ".cache" / "demo", help="where logs, ledger and report stay")
    parser.add_argument("--stand-ins", action="store_true", help="use the demo's own TLS server for every server")
    return parser.parse_args()


def end(_number: int, _frame: Any) -> None:
    """A polite end takes the same way out as ctrl-C."""
    raise KeyboardInterrupt


def main() -> int:
    """Tell the story."""
    chosen = options()
    link_checkout()
    os.umask(0o022)  # PostgreSQL runs as a user of its own where we are root, and must reach its folders
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    try:
        from ansible_collections.certops.clm.demo.story import tell
    except ImportError as error:
        sys.exit(f"{error}\nThis Python lacks what the demo needs: run `make demo`, which makes .venv first.")
    return tell(chosen.work.absolute(), stand_ins=chosen.stand_ins)


if __name__ == "__main__":
    sys.exit(main())
