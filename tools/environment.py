# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what the tests run in, from a machine that has Python 3.11 or newer and nothing else.

    tools/environment.py dev        .venv: core 2.19, the collection's requirements, test tools (what `make demo` needs)
    tools/environment.py cores      .cache/venvs/core-*: the other supported cores
    tools/environment.py gates      .cache/venvs/{gates,importer}: ansible-lint, antsibull, reuse, galaxy-importer
    tools/environment.py servers    by apt, when root on Debian: the lab's servers; Pebble, step-ca and zlint by `go install`
    tools/environment.py peers      .cache/venvs/{peers,certbot}: what the benchmarks are compared with, and the guides lead away from
    tools/environment.py all        all of these

A second run is quick: each venv keeps a stamp of what was asked for. What could not be had never stops it (except `dev`): it
is written to .cache/environment.json with the reason, and the tests say so at the end. Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
STATE = CACHE / "environment.json"
UV = ROOT / ".venv" / "bin" / "uv"

# ansible-core line -> (requirement, Python versions it runs on, best first), the only list of it: the floor that AAP gates on, what
# .venv and the gates work with (ansible-lint 26 knows no newer one), and the newest.
CORES = {
    "2.16": ("ansible-core>=2.16.14,<2.17", ("3.11", "3.10", "3.12")),
    "2.19": ("ansible-core>=2.19.14,<2.20", ("3.11", "3.12", "3.13")),
    "2.21": ("ansible-core>=2.21.5,<2.22", ("3.12", "3.13", "3.14")),
}
DEV_CORE = "2.19"
PEERS_PYTHONS = ("3.11", "3.12")
# What a server of the lab is looked up by -> the Debian package that brings it.
PACKAGES = {
    "sshd": "openssh-server", "ssh": "openssh-client", "nginx": "nginx", "haproxy": "haproxy", "psql": "postgresql",
    "openssl": "openssl", "faketime": "faketime", "nft": "nftables", "git": "git", "prometheus": "prometheus",
    "strace": "strace", "sudo": "sudo", "cc": "build-essential",
    "apache2": "apache2", "stunnel4": "stunnel4", "mariadbd": "mariadb-server", "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server", "mosquitto": "mosquitto", "postfix": "postfix", "dovecot": "dovecot-imapd", "caddy": "caddy",
    "/usr/share/tomcat10/bin/catalina.sh": "tomcat10", "/usr/share/tomcat10-admin/manager/index.jsp": "tomcat10-admin",
    "keytool": "default-jre-headless", "named": "bind9",
    "slapd": "slapd", "prosody": "prosody", "vsftpd": "vsftpd",
    "chromium": "chromium",
}
# What `go install` builds: the program -> the module at its version.
GO_PROGRAMS = {
    "zlint": "github.com/zmap/zlint/v3/cmd/zlint@v3.7.3",
    "pebble": "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1",
    "pebble-challtestsrv": "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1",
    "step-ca": "github.com/smallstep/certificates/cmd/step-ca@v0.30.2",
}
# Whose source the tests read: zlint's own certificates are a corpus of tests/hostile.
GO_SOURCES = {"zlint-source": "github.com/zmap/zlint/v3@v3.7.3"}
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/go/bin")


def say(text: str) -> None:
    """One line for the person who waits."""
    print(f"environment: {text}", flush=True)


def run(argv: Sequence[str], **more: object) -> Tuple[int, str]:
    """Exit code and combined output; 127 when the program is not there."""
    try:
        done = subprocess.run(list(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)  # type: ignore[call-overload]
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout


def which(name: str) -> Optional[str]:
    """The program, looked for also where root's PATH would have it and in .cache/bin and ~/go/bin."""
    places = [str(CACHE / "bin"), *os.environ.get("PATH", "").split(os.pathsep), *SYSTEM_PATH, str(Path.home() / "go" / "bin")]
    return shutil.which(name, path=os.pathsep.join(places))


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter of that version may be; real ones first, because a pyenv shim of an inactive version answers 127."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        yield Path(getattr(sys, "_base_executable", "") or sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    yield from sorted((Path.home() / ".local/share/uv/python").glob(f"cpython-{version}.*/bin/python{version}"), reverse=True)
    for folder in (*SYSTEM_PATH, *os.environ.get("PATH", "").split(os.pathsep)):
        yield Path(folder) / f"python{version}"


def find_python(version: str) -> Optional[str]:
    """A real interpreter of that version (`3.12`) which starts and can make venvs, or None."""
    for path in candidates(version):
        if path.is_file():
            code, text = run([str(path), "-c", "import sys, ssl, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"])
            if code == 0 and text.split("\n")[0] == version:
                return text.split("\n")[1]
    return None


def groups() -> Dict[str, List[str]]:
    """The dependency groups of pyproject.toml."""
    import tomllib

    with (ROOT / "pyproject.toml").open("rb") as stream:
        return dict(tomllib.load(stream)["dependency-groups"])


def user_requirements() -> List[str]:
    """What requirements.txt asks for, without its comments."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def install(venv: Path, requirements: Sequence[str], oldest: bool = False) -> str:
    """Bring the packages into the venv by uv, or by pip where uv cannot; empty, or what went wrong. `oldest`: each at its floor."""
    python = str(venv / "bin" / "python")
    if UV.is_file():
        lowest = ["--resolution", "lowest-direct"] if oldest else []
        code, text = run([str(UV), "pip", "install", "--quiet", *lowest, "--python", python, *requirements])
        if code == 0 or oldest:
            return "" if code == 0 else text.strip()[-600:]
    run([python, "-m", "ensurepip", "--upgrade"])
    code, text = run([python, "-m", "pip", "install", "--quiet", *requirements])
    return "" if code == 0 else text.strip()[-600:]


def make_venv(venv: Path, python: str, requirements: Sequence[str], oldest: bool = False) -> str:
    """The venv with at least these packages, made or brought up to date; empty, or what went wrong."""
    wanted = hashlib.sha256(json.dumps([python, sorted(requirements)]).encode()).hexdigest()
    stamp = venv / ".clm-stamp"
    if stamp.is_file() and stamp.read_text() == wanted and (venv / "bin" / "python").exists():
        return ""
    began = time.monotonic()
    if not (venv / "bin" / "python").exists():
        problem = new_venv(venv, python)
        if problem:
            return problem
    problem = install(venv, requirements, oldest)
    if not problem:
        stamp.write_text(wanted)
        say(f"{venv.relative_to(ROOT)} with {python}: {time.monotonic() - began:.0f} s")
    return problem


def new_venv(venv: Path, python: str) -> str:
    """An empty venv; Debian keeps ensurepip in a package of its own, which is fetched where we may."""
    venv.parent.mkdir(parents=True, exist_ok=True)
    for attempt in (1, 2):
        code, text = run([python, "-m", "venv", str(venv)])
        if code == 0:
            return ""
        shutil.rmtree(venv, ignore_errors=True)
        if attempt == 1:
            apt_install(["python3-venv"])
    return f"{python} -m venv failed: {text.strip()[-300:]}"


def make_dev() -> Dict[str, str]:
    """.venv; nothing else works without it, so a failure ends the run."""
    versions = CORES[DEV_CORE][1]
    python = next(filter(None, map(find_python, versions)), None)
    if not python:
        sys.exit(f"environment: no Python of {', '.join(versions)} found; install one of them")
    venv = UV.parent.parent
    wanted = groups()["dev"]
    problem = "" if UV.is_file() else make_venv(venv, python, [one for one in wanted if one.startswith("uv")])
    problem = problem or make_venv(venv, python, [CORES[DEV_CORE][0], *wanted, *user_requirements()])
    if problem:
        sys.exit(f"environment: .venv could not be made: {problem}")
    return {}


def make_cores() -> Dict[str, str]:
    """A venv for each other core; a missing Python is tried for, then said."""
    problems = {}
    for core, (requirement, versions) in CORES.items():
        if core == DEV_CORE:
            continue
        python = next(filter(None, map(find_python, versions)), None) or fetch_python(versions)
        if not python:
            problems[f"core-{core}"] = f"ansible-core {core} needs Python {' or '.join(versions)}: none found, none could be installed"
            continue
        problem = make_venv(CACHE / "venvs" / f"core-{core}", python, [requirement, *user_requirements()])
        if problem:
            problems[f"core-{core}"] = problem
    return problems


def fetch_python(versions: Sequence[str]) -> Optional[str]:
    """One of the versions, by apt where Debian has it, else by uv; None when neither can."""
    for version in versions:
        if apt_candidate(f"python{version}-venv") and not apt_install([f"python{version}", f"python{version}-venv"]):
            return find_python(version)
    if UV.is_file():
        code, _text = run([str(UV), "python", "install", "--no-progress", versions[0]], timeout=240)
        if code == 0:
            return find_python(versions[0])
    return None


def make_gates() -> Dict[str, str]:
    """The venvs of lint, docs, licences and importer, and one in which every package is at its floor, each on the Python of .venv."""
    python = next(filter(None, map(find_python, CORES[DEV_CORE][1])), sys.executable)
    problems = {}
    for name in ("gates", "importer"):
        problem = make_venv(CACHE / "venvs" / name, python, [CORES[DEV_CORE][0], *groups()[name], *user_requirements()])
        if problem:
            problems[name] = problem
    floors = [CORES["2.16"][0], *(one for one in groups()["dev"] if one.startswith(("pytest", "hypothesis", "moto"))), *user_requirements()]
    problem = make_venv(CACHE / "venvs" / "floors", python, floors, oldest=True)
    return {**problems, **({"floors": problem} if problem else {})}


def root_on_debian() -> bool:
    """Whether apt-get may be used."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_candidate(package: str) -> bool:
    """Whether apt could install that package."""
    if not root_on_debian():
        return False
    code, text = run(["apt-cache", "policy", package])
    return code == 0 and "Candidate:" in text and "Candidate: (none)" not in text


@contextlib.contextmanager
def nothing_starts() -> Iterator[None]:
    """While packages are installed, none of their services is started: the lab starts its own."""
    policy = Path("/usr/sbin/policy-rc.d")
    mine = not policy.exists()
    if mine:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if mine:
            policy.unlink()


def apt_install(packages: Sequence[str]) -> str:
    """Install them; empty, or what went wrong."""
    if not root_on_debian():
        return "not root on a Debian: install it yourself"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=quiet)
    with nothing_starts():
        code, text = run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=quiet)
    return "" if code == 0 else text.strip()[-400:]


def has(program: str) -> bool:
    """Whether the server is there; PostgreSQL's own programs stand outside PATH on Debian."""
    if program == "psql":
        return bool(which("initdb") or sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")))
    if program.startswith("/"):
        return Path(program).exists()
    return which(program) is not None


def make_servers() -> Dict[str, str]:
    """The lab's servers and zlint; what is missing is named with the reason."""
    missing = [name for name in PACKAGES if not has(name)]
    problem = ""
    if missing:
        began = time.monotonic()
        problem = apt_install(sorted({PACKAGES[name] for name in missing}))
        say(f"apt: {', '.join(missing)}: {problem.splitlines()[-1] if problem else 'installed'} ({time.monotonic() - began:.0f} s)")
    problems = {name: f"{PACKAGES[name]} is not installed: {problem or 'apt did not bring it'}" for name in missing if not has(name)}
    for name, module in GO_PROGRAMS.items():
        reason = "" if which(name) else go_install(module)
        if reason:
            problems[name] = reason
    for name, module in GO_SOURCES.items():
        reason = go_download(module)
        if reason:
            problems[name] = reason
    return problems


def go_download(what: str) -> str:
    """The source of a Go module in Go's own cache, where its programs are built from too; empty, or what went wrong."""
    go = which("go")
    if not go:
        return "no go to bring it"
    code, text = run([go, "env", "GOMODCACHE"])
    if code == 0 and (Path(text.strip()) / what).is_dir():
        return ""
    code, text = run([go, "mod", "download", what], cwd="/", timeout=600)
    return "" if code == 0 else text.strip()[-400:]


def go_install(what: str) -> str:
    """Build a Go program into .cache/bin; empty, or what went wrong."""
    go = which("go")
    if not go:
        return "no go to build it with"
    began = time.monotonic()
    code, text = run([go, "install", what], env={**os.environ, "GOBIN": str(CACHE / "bin"), "CGO_ENABLED": "0"}, timeout=600)
    say(f"go install {what}: {'done' if code == 0 else 'failed'} ({time.monotonic() - began:.0f} s)")
    return "" if code == 0 else text.strip()[-400:]


def make_peers() -> Dict[str, str]:
    """certbot, and community.crypto as the PyPI package `ansible` brings it, each in a venv of its own."""
    python = next(filter(None, map(find_python, PEERS_PYTHONS)), None) or fetch_python(PEERS_PYTHONS)
    names = {"peers": [one for one in user_requirements() if one.startswith("cryptography")], "certbot": []}
    if not python:
        needed = f"needs Python {' or '.join(PEERS_PYTHONS)}: none found, none could be installed"
        return dict.fromkeys(names, needed)
    problems = {name: make_venv(CACHE / "venvs" / name, python, [*groups()[name], *more]) for name, more in names.items()}
    return {name: problem for name, problem in problems.items() if problem}


PARTS = {"dev": make_dev, "cores": make_cores, "gates": make_gates, "servers": make_servers, "peers": make_peers}
ALL = ("dev", "cores", "gates", "servers", "peers")  # what `make test` needs


def main(asked: Sequence[str]) -> None:
    """Make the asked parts in order and keep what could not be had."""
    parts = list(ALL) if "all" in asked or not asked else list(asked)
    unknown = set(parts) - set(PARTS)
    if unknown:
        sys.exit(f"environment: unknown part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}, all")
    if sys.version_info < (3, 11):
        python = next(filter(None, map(find_python, CORES[DEV_CORE][1])), None)
        if not python:
            sys.exit("environment: needs Python 3.11 or newer")
        os.execv(python, [python, __file__, *asked])
    CACHE.mkdir(exist_ok=True)
    before = json.loads(STATE.read_text()) if STATE.is_file() else {}
    state = {part: problems for part, problems in before.items() if part in PARTS}
    for part in parts:
        state[part] = PARTS[part]()
        for name, reason in state[part].items():
            say(f"NOT THERE: {name}: {reason}")
    STATE.write_text(json.dumps(state, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1:])
