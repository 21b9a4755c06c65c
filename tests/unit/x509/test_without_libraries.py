# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where cryptography is not installed everything still imports, and its use says what to install; pem.py needs nothing at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = "ansible_collections.certops.clm.plugins.module_utils"
BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
"""


def run(blocked, code):
    program = f"BLOCKED = {blocked!r}{BLOCK}{code}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / ".cache" / "dev")}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_imports_and_its_use_names_the_package():
    folders = [ROOT / "plugins" / "module_utils" / "x509", ROOT / "plugins" / "module_utils" / "policy"]
    names = [
        f"{PACKAGE}.{folder.name}.{path.stem}" for folder in folders for path in sorted(folder.glob("*.py")) if path.stem != "__init__"
    ]
    code = "\n".join(f"import {name}" for name in names)
    code += f"""
from {PACKAGE}.errors import MissingLibraryError
from {PACKAGE}.x509 import key, request, bundle
from {PACKAGE}.x509.certificate import Certificate
for use in (lambda: Certificate.parse(b""), lambda: key.generate("ed25519"), lambda: request.parse(""), bundle.Bundle.public):
    try:
        use()
    except MissingLibraryError as error:
        print(error.hint)
"""
    hints = run({"cryptography", "OpenSSL", "certifi"}, code).splitlines()
    assert len(hints) == 4 and all("pip install" in hint for hint in hints)


def test_what_managed_hosts_use_is_standard_library_only():
    code = f"""
from {PACKAGE}.x509 import pem, der
import sys
names = {{name.split(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names) - {{"ansible_collections", "__main__"}}
print(sorted(name for name in names if not name.startswith("_")))
"""
    assert run({"cryptography", "OpenSSL", "certifi", "ansible", "yaml", "jinja2"}, code).strip() == "[]"
