# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of ACM listed by one task, beside community.aws.acm_certificate_info on the same emulator: seconds and calls. Tier B.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/discovery.py [--certificates 10000]
Writes tests/benchmarks/results/discovery.json. Ours runs twice, for its cache file spares the second look every read of a chain. Both
run by ansible-playbook with the same interpreter for their module. The keys are RSA of 2048 bits, which is all that theirs lists. Theirs
comes from .cache/venvs/peers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List

import stamp
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.certops.clm.tests.lab.aws import REGION, Aws, emulator
from ansible_collections.certops.clm.tests.lab.playbook import Ansible
from ansible_collections.certops.clm.tests.support import collection
from ansible_collections.certops.clm.tests.support.environment import DEV_CORE, venv

GOAL = 2.0  # times fewer calls than theirs
OURS, AGAIN = "certops.clm", "certops.clm again"


def fill(aws: Aws, count: int) -> None:
    """So many certificates of one key."""
    key, acm = rsa.generate_private_key(public_exponent=65537, key_size=2048), aws.client("acm")

    def one(number: int) -> None:
        issued = aws.ca.issue([f"n{number}.example.com"], key=key)
        leaf, end, chain = issued.fullchain.partition("-----END CERTIFICATE-----\n")
        acm.import_certificate(Certificate=leaf + end, PrivateKey=issued.key_pem, CertificateChain=chain)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(one, range(count)))


def measured(aws: Aws, play: Path, program: List[str], environment: Dict[str, str], found: Path) -> Dict[str, Any]:
    """One playbook: seconds, calls, and how many certificates it returned."""
    aws.forget_calls()
    begun = time.monotonic()
    done = subprocess.run([*program, str(play)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode:
        sys.exit(done.stdout[-3000:])
    calls = aws.calls()
    return {"seconds": round(seconds, 1), "calls": calls, "all_calls": sum(calls.values()), "found": int(found.read_text())}


def main() -> None:
    """Both, one after the other, on the same certificates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificates", type=int, default=10000)
    count = parser.parse_args().certificates
    with tempfile.TemporaryDirectory(prefix="clm-aws-", dir="/var/tmp") as folder, emulator(Path(folder)) as aws:
        place = Path(folder)
        fill(aws, count)
        (place / "root.pem").write_text(aws.ca.root_pem)
        ours = {"regions": [REGION], "anchors": [str(place / "root.pem")], "cache_file": str(place / "aws.json")}
        tasks = {
            OURS: {"certops.clm.aws_certificates_info": ours},
            AGAIN: {"certops.clm.aws_certificates_info": ours},
            "community.aws": {"community.aws.acm_certificate_info": {"region": REGION}},
        }
        ansible = Ansible(DEV_CORE, collection.installed()[0], place)
        result: Dict[str, Any] = {"certificates": count, "goal": GOAL}
        for name, task in tasks.items():
            said = place / f"{name}.count"
            keep = {"ansible.builtin.copy": {"content": "{{ found.certificates | length }}", "dest": str(said)}}
            variables = {"ansible_python_interpreter": sys.executable}
            play = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": [{**task, "register": "found"}, keep]}]
            (place / f"{name}.json").write_text(json.dumps(play))
            environment = ansible.environment(**aws.environment)
            environment.pop("CLM_EVENTS", None)
            program = str(ansible.bin / "ansible-playbook")
            if name not in (OURS, AGAIN):
                program = str(venv("peers") / "ansible-playbook")
                environment = {key: value for key, value in environment.items() if not key.startswith(("ANSIBLE_COLL", "ANSIBLE_CALL"))}
            result[name] = measured(aws, place / f"{name}.json", [program], environment, said)
    theirs = result["community.aws"]
    for name, key in ((OURS, "times"), (AGAIN, "times_again")):
        result[key] = {what: round(theirs[what] / result[name][what], 1) for what in ("all_calls", "seconds")}
    stamp.write("discovery", result)


if __name__ == "__main__":
    main()
