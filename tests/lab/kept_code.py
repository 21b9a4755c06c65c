# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands as sitecustomize.py in the Python of the lab's managed hosts, and of the lab's controller (clm_kept.py goes on there).

What a module brings along is compiled once, and not each time: Ansible sends a zip of a hundred sources, and Python keeps no byte code
of a zip: that was 0.2 of the 0.5 s which a module costs. The code is found again by its source and its Python alone, so another source
is never answered with it. Only imports of Ansible and of collections are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
import zipimport
from typing import Any, Callable

PLACE = os.environ.get("CLM_KEPT_CODE") or os.path.join(sys.prefix, "kept")
compile_source = zipimport._compile_source  # type: ignore[attr-defined]


def kept(name: str, source: bytes, make: Callable[[], Any]) -> Any:
    """The code of this source, from PLACE where it is there already; whoever may not write there compiles."""
    version = f"{sys.implementation.cache_tag} {sys.hexversion} {name}\0".encode()
    path = os.path.join(PLACE, hashlib.sha256(version + source).hexdigest())
    with contextlib.suppress(OSError, ValueError, EOFError, TypeError), open(path, "rb") as stream:
        return marshal.load(stream)
    code = make()
    with contextlib.suppress(OSError):
        fresh = f"{path}.{os.getpid()}"
        with open(fresh, "wb") as stream:
            marshal.dump(code, stream)
        os.replace(fresh, path)
    return code


def from_zip(pathname: str, source: bytes, *more: Any) -> Any:
    """The code of a file of a zip."""
    name = pathname.partition(".zip/")[2]
    if not name.startswith(("ansible/", "ansible_collections/")):
        return compile_source(pathname, source, *more)
    return kept(name, source, lambda: compile_source(pathname, source, *more))


zipimport._compile_source = from_zip  # type: ignore[attr-defined]
