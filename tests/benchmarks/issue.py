# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What 10,000 certificates cost: one task of ours, a bare loop of cryptography, and community.crypto's three modules on 50.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/issue.py [--certificates 10000] [--peers 50] [--folder DIR]
All in one run, one after the other, CPU of the whole process tree (user and system). Writes results/issue.json.
Beside the bare loop stands what no tool is spared: the same loop that also verifies what it signed and keeps it in files, and an
Ansible task that takes as many items and returns them. As root the folder is a new ext4 file system in a file: what was deleted
from another one in the minute before would make every new file dearer (ext4 without a journal looks for inodes deleted lately).
Peers run from .cache/venvs/peers (Python 3.11 with the PyPI package ansible 12.3.0); without it what an earlier run measured of them
is kept, with the date and commit of that run, and it says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from ansible_collections.certops.clm.tests.benchmarks import stamp

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".cache" / "venvs" / "peers" / "bin"
GOAL_CPU, GOAL_PEERS, GOAL_ONE = 3, 1000, 0.7

BARE = """
import datetime, os, sys, time
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
ca = ec.generate_private_key(ec.SECP256R1())
issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench CA")])
authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
policies = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)])
usage = x509.KeyUsage(True, *[False] * 8)
extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
basic = x509.BasicConstraints(False, None)
now = datetime.datetime.now(datetime.timezone.utc)
kept, folder = [], sys.argv[2]

def keep(number, name, data):
    place = os.open(f"{folder}/h{number}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(place, data)
    os.close(place)

start, wall = time.process_time(), time.monotonic()
for number in range(int(sys.argv[1])):
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(f"h{number}.example.com")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, True).sign(key, hashes.SHA256())
    builder = x509.CertificateBuilder().subject_name(csr.subject).issuer_name(issuer).public_key(csr.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=90))
    builder = builder.add_extension(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, True)
    builder = builder.add_extension(basic, True).add_extension(usage, True).add_extension(extended, False)
    cert = builder.add_extension(authority, False).add_extension(policies, False).sign(ca, hashes.SHA256())
    kept.append((key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()),
                 csr.public_bytes(s.Encoding.PEM), cert.public_bytes(s.Encoding.PEM)))
    if folder:
        ca.public_key().verify(cert.signature, cert.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
        os.mkdir(f"{folder}/h{number}", 0o700)
        keep(number, "key.pem", kept[-1][0])
        keep(number, "chain.pem", kept[-1][2])
if folder:
    os.sync()
print(time.process_time() - start, time.monotonic() - wall)
"""


def measured(command: List[str], folder: Path, **environment: str) -> Dict[str, float]:
    """CPU and wall seconds of a command and all its children, and the most memory that one of them held; it must succeed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    own = {"ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0"}
    wall = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, env={**clean, **own, **environment}, stdout=output, stderr=output)
        _pid, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - wall
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed\n{output.read().decode(errors='replace')[-6000:]}")
    user, system = used.ru_utime, used.ru_stime
    return {"cpu": user + system, "user": user, "system": system, "wall": wall, "memory_mib": round(used.ru_maxrss / 1024)}


def playbook(folder: Path, name: str, tasks: List[Dict[str, Any]]) -> str:
    """A playbook of these tasks on this machine."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (folder / name).write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    return name


def ours(folder: Path, count: int) -> Dict[str, Any]:
    """One task that issues and keeps `count` certificates, the same task again, and what an empty playbook costs."""
    (folder / "passphrase").write_text("horse battery staple\n")
    (folder / "passphrase").chmod(0o600)
    ca = {"path": str(folder / "ca"), "passphrase_file": str(folder / "passphrase")}
    items = [{"lineage": f"l{number}", "names": [f"h{number}.example.com"]} for number in range(count)]
    (folder / "items.json").write_text(json.dumps(items))
    arguments = {
        "issuer": {"type": "local_ca", **ca},
        "secret_store": {"type": "directory", "path": str(folder / "store"), "allow_ephemeral": True},
        "ledger": {"path": str(folder / "ledger"), "allow_ephemeral": True},
        "certificates": "{{ lookup('ansible.builtin.file', 'items.json') | from_json }}",
    }
    ansible = str(ROOT / ".venv" / "bin" / "ansible-playbook")
    here = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "dev")}
    measured([ansible, playbook(folder, "ca.yml", [{"certops.clm.local_ca": ca}])], folder, **here)
    empty = measured([ansible, playbook(folder, "empty.yml", [{"ansible.builtin.meta": "noop"}])], folder, **here)
    passed = playbook(folder, "passed.yml", [{"ansible.builtin.set_fact": {"passed": arguments["certificates"]}}])
    through = measured([ansible, passed], folder, **here)
    play = playbook(folder, "issue.yml", [{"certops.clm.certificate": arguments}])
    first, again = (measured([ansible, play], folder, **here) for _time in range(2))
    issued = (folder / "ca" / "issued.jsonl").read_bytes().count(b"\n")
    current = sum(1 for path in (folder / "store" / "lineages").iterdir() if (path / "current" / "chain.pem").exists())
    if not issued == current == count:
        sys.exit(f"{issued} certificates issued and {current} kept, not {count}")
    return {"empty_playbook": empty, "items_through_ansible": through, "first": first, "again": again}


def one(folder: Path) -> Dict[str, float]:
    """One certificate end to end, in a folder of its own each time: seconds of the task, the median of five."""
    took, memory = [], 0.0
    for number in range(5):
        place = folder / f"one{number}"
        place.mkdir()
        found = ours(place, 1)
        took.append({name: found["first"][name] - found["empty_playbook"][name] for name in ("cpu", "wall")})
        memory = max(memory, found["first"]["memory_mib"])
    middle = {name: round(statistics.median(row[name] for row in took), 3) for name in ("cpu", "wall")}
    return {**middle, "memory_mib": memory, "goal": GOAL_ONE}


def bare(count: int, folder: Path, keep: bool = False) -> Dict[str, float]:
    """The loop alone, without starting Python; with `keep` it also verifies and keeps."""
    place = folder / "bare"
    if keep:
        place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(count), str(place) if keep else ""], cwd=folder, capture_output=True, text=True, check=True
    )
    cpu, wall = (float(part) for part in done.stdout.split())
    return {"cpu": cpu, "wall": wall}


def peers(folder: Path, count: int) -> Dict[str, float]:
    """openssl_privatekey, openssl_csr and x509_certificate (ownca) in loops, as their documentation shows."""
    loop = {"loop": "{{ range(count | int) | list }}", "vars": {"count": count}}
    key, csr, cert = (str(folder / f"h{{{{ item }}}}.{kind}") for kind in ("key", "csr", "pem"))
    made = {"ownca_path": str(folder / "own.pem"), "ownca_privatekey_path": str(folder / "own.key")}
    curve = {"type": "ECC", "curve": "secp256r1"}
    ready: List[Dict[str, Any]] = [
        {"community.crypto.openssl_privatekey": {"path": made["ownca_privatekey_path"], **curve}},
        {"community.crypto.openssl_csr_pipe": {"privatekey_path": made["ownca_privatekey_path"], "common_name": "own",
                                               "basic_constraints": ["CA:TRUE"], "use_common_name_for_san": False}, "register": "own"},
        {"community.crypto.x509_certificate": {"path": made["ownca_path"], "privatekey_path": made["ownca_privatekey_path"],
                                               "csr_content": "{{ own.csr }}", "provider": "selfsigned"}},
    ]  # fmt: skip
    work: List[Dict[str, Any]] = [
        {"community.crypto.openssl_privatekey": {"path": key, **curve}, **loop},
        {"community.crypto.openssl_csr": {"path": csr, "privatekey_path": key, "subject_alt_name": "DNS:h{{ item }}.example.com"}, **loop},
        {"community.crypto.x509_certificate": {"path": cert, "csr_path": csr, "provider": "ownca", **made}, **loop},
    ]
    ansible = str(PEERS / "ansible-playbook")
    measured([ansible, playbook(folder, "own.yml", ready)], folder)
    empty = measured([ansible, playbook(folder, "nothing.yml", [{"ansible.builtin.meta": "noop"}])], folder)
    done = measured([ansible, playbook(folder, "peers.yml", work)], folder)
    return {name: (done[name] - empty[name]) / count for name in ("cpu", "wall")}


def result_of(count: int, loop: Dict[str, float], kept: Dict[str, float], our: Dict[str, Any], single: Dict[str, float]) -> Dict[str, Any]:
    """What is kept of our side and of the loops."""
    spared_nobody = kept["cpu"] + our["items_through_ansible"]["cpu"] - our["empty_playbook"]["cpu"]
    task = {name: our["first"][name] - our["empty_playbook"][name] for name in ("cpu", "wall")}
    ratio = {name: round(row["cpu"] / loop["cpu"], 2) for name, row in (("task", task), ("whole_playbook", our["first"]))}
    return {
        "certificates": count,
        "seconds": {"bare_loop": loop, "loop_that_keeps": kept, "task": task, **our},
        "cpu_ratio": {
            **ratio,
            "spared_nobody": round(spared_nobody / loop["cpu"], 2),
            "task_to_spared_nobody": round(task["cpu"] / spared_nobody, 2),
            "goal": GOAL_CPU,
        },
        "one_certificate": single,
        "nothing_due_ms_each": round((our["again"]["cpu"] - our["empty_playbook"]["cpu"]) / count * 1e3, 3),
        "per_certificate_ms": {
            "bare_loop": loop["cpu"] / count * 1e3,
            **{f"task_{name}": task[name] / count * 1e3 for name in ("cpu", "wall")},
        },
    }


def with_peers(result: Dict[str, Any], their: Dict[str, float], count: int) -> Dict[str, Any]:
    """The result with what the peers took."""
    times = {name: round(value * 1e3 / result["per_certificate_ms"][f"task_{name}"]) for name, value in their.items()}
    each = {name: value * 1e3 for name, value in their.items()}
    return {**result, "peers": {"certificates": count, "per_certificate_ms": each, "times": times, "goal": GOAL_PEERS}}


def with_earlier_peers(result: Dict[str, Any], before: Dict[str, Any]) -> Dict[str, Any]:
    """The result of a run without peers: what is kept of them already stays, as measured by the run that says so."""
    print("THE PEERS WERE NOT MEASURED: no .cache/venvs/peers (python3 tools/environment.py bench)")
    if "peers" not in before:
        return result
    run = {name: before[name] for name in ("date", "commit") if before.get(name)}
    return {**result, "peers": {**run, **before["peers"]}}


@contextmanager
def file_system(above: Path) -> Iterator[Path]:
    """A folder to measure in, on a file system of its own where this user may mount one; gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix="clm-bench-", dir=above))
    image, place = folder / "image", folder / "work"
    place.mkdir()
    if os.geteuid() == 0:
        with image.open("wb") as file:
            file.truncate(4 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(folder)


def main() -> None:
    """Measure, write and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificates", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"))
    given = parser.parse_args()
    count = given.certificates
    with file_system(given.folder) as folder:
        loop, our = bare(count, folder), ours(folder, count)
        loop = min((loop, bare(count, folder)), key=lambda row: row["cpu"])
        result = result_of(count, loop, bare(count, folder, keep=True), our, one(folder))
        if given.peers and (PEERS / "ansible-playbook").exists():
            result = with_peers(result, peers(folder, given.peers), given.peers)
        else:
            result = with_earlier_peers(result, stamp.earlier("issue"))
    stamp.write("issue", result)


if __name__ == "__main__":
    main()
