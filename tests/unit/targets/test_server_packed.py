# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a managed host: its import closure, packed as AnsiballZ does it, on the oldest Python without any site-packages."""

from __future__ import annotations

import ast
import json
import pathlib
import subprocess
import sys
import zipfile
from typing import Any, Dict, List, Set

import ansible.module_utils
import pytest

from ansible_collections.certops.clm.tools import environment

ROOT = pathlib.Path(__file__).resolve().parents[3]
PREFIX = "ansible_collections.certops.clm."
BOOT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[3])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
import importlib
importlib.import_module("ansible_collections.certops.clm.plugins.modules." + sys.argv[2]).main()
"""


def imported(path: pathlib.Path) -> Set[str]:
    """Dotted names in the collection that the file imports, also inside functions; with them each of their packages."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    names: Set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level:
            module = ".".join([*package[: len(package) - node.level + 1], *filter(None, [module])])
        elif module.startswith(PREFIX):
            module = module[len(PREFIX) :]
        else:
            continue
        names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def closure(module: str) -> List[pathlib.Path]:
    """Every file of the collection that the module needs."""
    todo, seen = [ROOT / "plugins" / "modules" / f"{module}.py"], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        bases = [ROOT.joinpath(*name.split(".")) for name in imported(path)]
        todo += [file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()]
    return sorted(seen)


def pack(module: str, place: pathlib.Path) -> pathlib.Path:
    """The zip that is sent to the host."""
    archive = place / f"{module}.zip"
    utils = pathlib.Path(ansible.module_utils.__path__[0])
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("ansible/__init__.py", "")
        for path in utils.rglob("*.py"):
            zipped.write(path, f"ansible/module_utils/{path.relative_to(utils)}")
        names = {f"ansible_collections/certops/clm/{path.relative_to(ROOT)}": path for path in closure(module)}
        folders = {str(parent) for name in names for parent in pathlib.PurePosixPath(name).parents if str(parent) != "."}
        for folder in sorted(folders - {str(pathlib.PurePosixPath(name).parent) for name in names if name.endswith("__init__.py")}):
            zipped.writestr(f"{folder}/__init__.py", "")
        for name, path in names.items():
            zipped.write(path, name)
    return archive


def oldest() -> str:
    """The oldest interpreter from 3.9 that is here."""
    return next(filter(None, (environment.find_python(f"3.{minor}") for minor in range(9, 15))), sys.executable)


def run(module: str, place: pathlib.Path, args: Dict[str, Any], python: str = "") -> Dict[str, Any]:
    """The module's result."""
    command = [python or oldest(), "-I", "-S", "-W", "ignore", "-c", BOOT, str(pack(module, place)), module, json.dumps(args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("{") or "\n{" in done.stdout, done.stdout + done.stderr
    result: Dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


@pytest.mark.parametrize("module", ["server_deployment", "server_certificates_info", "server_endpoint_info", "http_01_webroot"])
def test_only_the_standard_library_is_needed(module: str) -> None:
    standard = set(sys.stdlib_module_names) | {"__future__"}
    for path in closure(module):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name.split(".")[0] in standard or name.startswith(("ansible.module_utils", PREFIX)), f"{path} imports {name}"


def test_a_deployment_runs_packed(world: Any, made: Any, tmp_path: pathlib.Path) -> None:
    item = world.add("shop.example.com", made())
    world.start()
    item["key_origin"] = "host"
    args = {"deployments": [{**item, "request": {"names": ["shop.example.com"]}}], "state": "requested", "state_dir": world.state_dir}
    first = run("server_deployment", tmp_path, args)
    assert first["changed"] and first["requests"]["shop.example.com"]["csr_pem"].startswith("-----BEGIN CERTIFICATE REQUEST")
    assert not run("server_deployment", tmp_path, args)["changed"]
    new = made()
    item["version"] = new.version
    result = run("server_deployment", tmp_path, {"deployments": [item], "state_dir": world.state_dir})
    assert result["failed"] and "is not on this server" in result["outcomes"]["shop.example.com"]["message"]
    item["key_origin"] = "store"
    plan = {"deployments": [item], "state_dir": world.state_dir, "hand_over": True}
    needed = run("server_deployment", tmp_path, plan)["need_keys"]
    path = pathlib.Path(needed["shop.example.com"])
    path.touch(mode=0o600)
    path.write_bytes(new.key_pem)
    args = {"deployments": [item], "state_dir": world.state_dir, "staged_keys": needed, "proof": {"timeout": 5}}
    assert run("server_deployment", tmp_path, args)["outcomes"]["shop.example.com"]["state"] == "done"
    assert world.served(item) == new.sha256 and not path.exists()


def test_a_discovery_runs_packed(world: Any, made: Any, tmp_path: pathlib.Path) -> None:
    old = made()
    item = world.add("shop.example.com", old, "combined")
    world.start()
    args = {"kinds": [], "files": [item["target"]["certificate_file"], "/nowhere"], "endpoints": item["endpoints"]}
    result = run("server_certificates_info", tmp_path, args)
    assert [len(found["chain_pem"]) for found in result["findings"]] == [2, 0] and "PRIVATE" not in json.dumps(result)
    assert "/nowhere" in result["findings"][1]["error"] and result["served"][0]["sha256"] == old.sha256
    assert result["served"][0]["whole"] and len(result["served"][0]["chain_pem"]) == 2


@pytest.mark.parametrize("version", ["", "3.13"])
def test_a_look_at_whole_chains_runs_packed(world: Any, made: Any, tmp_path: pathlib.Path, version: str) -> None:
    """The oldest Python asks openssl, one from 3.13 on needs none."""
    python = environment.find_python(version) if version else oldest()
    if not python:
        pytest.skip(f"no Python {version}")
    new = made()
    item = world.add("shop.example.com", new)
    world.start()
    args = {"endpoints": [{**item["endpoints"][0], "id": "a/0"}], "openssl": "/nowhere/openssl" if version else "openssl"}
    (seen,) = run("server_endpoint_info", tmp_path, args, python)["looks"]["a/0"]
    assert "".join(seen["chain_pem"]) == new.chain_pem and seen["sent"] == 2


def test_proofs_of_a_web_server_run_packed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    args = {"root": str(tmp_path / "www"), "files": {"token": "token.thumb"}}
    assert run("http_01_webroot", tmp_path, args)["outcomes"]["token"]["state"] == "done"
    assert not run("http_01_webroot", tmp_path, args)["changed"]
    assert run("http_01_webroot", tmp_path, {**args, "state": "absent"})["changed"] and not list((tmp_path / "www").rglob("token"))
