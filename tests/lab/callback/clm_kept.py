# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the tests need not do again, because an earlier run of the same core on the same collection did it."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import become_loader, connection_loader, shell_loader
from ansible.release import __version__ as core
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionPkgLoaderBase as Loader

DOCUMENTATION = """
name: clm_kept
type: notification
short_description: Begins with what earlier runs made
description:
  - Modules are packed, and the collection is compiled, once for a folder named by the environment variable E(CLM_KEPT), which belongs
    to one core and one content of the collection. Without it nothing is kept.
version_added: "0.1.0"
author: certops.clm authors (@certops)
"""
# What every worker process would load and read the documentation of, each time.
LOADED = ((connection_loader, "local"), (connection_loader, "ssh"), (shell_loader, "sh"), (become_loader, "sudo"))
SHARED = ("ansible_collections.certops.clm.", "ansible.modules.")  # modules that no test has another one of by the same name
OURS = f"{os.sep}ansible_collections{os.sep}certops{os.sep}clm{os.sep}"


class CallbackModule(CallbackBase):
    """Packed modules, byte code of the collection and loaded plugins."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "clm_kept"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        folder = os.environ.get("CLM_KEPT")
        self.kept = Path(folder) / "modules" / f"{core}-{sys.implementation.cache_tag}" if folder else None
        self.own = Path(C.DEFAULT_LOCAL_TMP) / "ansiballz_cache"
        if self.kept:
            self._unpack(self.kept)
            keep_code()
            for loader, name in LOADED:
                loader.get(name, class_only=True)

    def _unpack(self, kept: Path) -> None:
        self.own.mkdir(exist_ok=True)
        for path in kept.glob("[!.]*"):
            with contextlib.suppress(FileExistsError):
                (self.own / path.name).symlink_to(path)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """What is there now is not looked through again by each worker, and so not copied for it."""
        if self.kept:
            gc.freeze()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Leaves what was packed for the next run; whole or not at all, and nothing where it may not write."""
        with contextlib.suppress(OSError):
            for path in self.own.glob("*") if self.kept else ():
                if path.name.startswith(SHARED) and not path.is_symlink() and not path.name.endswith((".lock", "-part")):
                    self.kept.mkdir(exist_ok=True)
                    fresh = self.kept / f".{path.name}.{os.getpid()}"
                    shutil.copyfile(path, fresh)
                    os.replace(fresh, self.kept / path.name)


def keep_code() -> None:
    """Ansible compiles a collection in every process that imports it; here sitecustomize.py (kept_code.py) finds the code again."""
    kept, get_code = getattr(sys.modules.get("sitecustomize"), "kept", None), Loader.get_code

    def found(loader: Any, fullname: str) -> Any:
        filename, source = loader.get_filename(fullname), loader.get_source(fullname)
        if not loader._compiled_code and filename and OURS in filename and isinstance(source, bytes):
            loader._compiled_code = kept(filename, source, lambda: compile(source, filename, "exec", flags=0, dont_inherit=True))
        return get_code(loader, fullname)

    if kept:
        Loader.get_code = found
