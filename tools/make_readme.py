# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes README's tables from what is there and what was measured: providers, the lab's servers, benchmarks.

Usage: python3 tools/make_readme.py [--check] [--record]. With --check nothing is written and the exit code is 1 when a table
is stale. --record asks the servers of this machine for their versions first (tests/lab/versions.json).
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import environment
from readme_faults import faults

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
UTILS = ROOT / "plugins" / "module_utils"
VERSIONS = ROOT / "tests" / "lab" / "versions.json"
RESULTS = ROOT / "tests" / "benchmarks" / "results"
PLACES = "/usr/sbin:/usr/bin:/usr/local/bin:/usr/lib/postgresql/15/bin:/usr/lib/postgresql/16/bin:/usr/lib/postgresql/17/bin"
AWS = "B: moto 5.2.5, mended by the lab"
ASKED = {  # and what the servers of the lab say in VERSION, each in its own file
    "nginx": ["nginx", "-v"],
    "haproxy": ["haproxy", "-v"],
    "PostgreSQL": ["postgres", "--version"],
    "OpenSSH": ["ssh", "-V"],
    "Prometheus": ["prometheus", "--version"],
}


def record() -> None:
    """Keep the versions of the real servers that the lab runs here."""
    found = {}
    for name, command in {**ASKED, **asked_by_the_lab()}.items():
        program = shutil.which(command[0], path=PLACES)
        if program:
            done = subprocess.run([program, *command[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            number = re.search(r"\d+\.\d+(\.\d+)?", done.stdout)
            found[name] = number.group() if number else "?"
    built = {name: module.rpartition("@v")[2] for name, module in environment.GO_PROGRAMS.items()}  # such a program calls itself "dev"
    found.update({"Pebble": built["pebble"], "step-ca": built["step-ca"]})
    VERSIONS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def asked_by_the_lab() -> Dict[str, List[str]]:
    """VERSION of the lab's servers: a name, and the command that tells its version."""
    found: Dict[str, List[str]] = {}
    for path in sorted(VERSIONS.parent.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "VERSION":
                name, *command = ast.literal_eval(node.value)
                found[name] = command
    return found


def names_in(folder: str) -> List[str]:
    """NAME of every provider file of a folder."""
    names = []
    for path in sorted((UTILS / folder).glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "NAME" for one in node.targets):
                names.append(str(ast.literal_eval(node.value)))
    return sorted(names)


def gate_kinds() -> List[str]:
    """KINDS of the gates."""
    tree = ast.parse((ROOT / "plugins" / "plugin_utils" / "wave" / "gates.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "KINDS"]
    return list(ast.literal_eval(values[0]))


def providers() -> str:
    """The providers that are there, and what the lab runs them against."""
    versions: Dict[str, str] = json.loads(VERSIONS.read_text())
    prometheus, pebble, bind, step = (versions.pop(name, "not recorded") for name in ("Prometheus", "Pebble", "bind", "step-ca"))
    servers = ", ".join(f"{name} {version}" for name, version in versions.items())
    rows = [
        ("Issuers", names_in("issuers"), f"A: own software, zlint; `acme` on Pebble {pebble} and step-ca {step}; those of AWS {AWS}"),
        ("Challenges of ACME", names_in("challenges"), f"A: Pebble asks; bind {bind}, nginx of managed hosts; `dns_01_route53` {AWS}"),
        ("Secret stores", names_in("secret_stores"), f"A: a local file system, killed and filled up; `aws_secrets_manager` {AWS}"),
        ("Managed servers", names_in("server_kinds"), f"A: {servers}"),
        ("Targets behind an API", [name for name in names_in("targets") if name != "server"], "B: moto 5.2.5, mended, with a TLS front"),
        ("Trust stores, and what verifies clients by them", names_in("trust_stores") + names_in("verifiers"), AWS),
        ("Keys of a CA outside of files", names_in("ca_keys"), AWS),
        ("Discovery sources", names_in("sources"), f"A: the servers above; `aws_certificates` {AWS}"),
        ("Gates", gate_kinds(), f"A: programs, and Prometheus {prometheus}"),
    ]
    lines = ["| what | which | tier and what it is tested on |", "|---|---|---|"]
    lines += [f"| {what} | {', '.join(f'`{name}`' for name in names)} | {tier} |" for what, names, tier in rows]
    tiers = "Tier A is real software, tier B an emulator: nothing was tested on AWS itself. No tier C (fake) is in use yet."
    return "\n".join(lines) + "\n\n" + tiers


Row = Tuple[Any, ...]  # benchmark, measured, goal (empty where there is none), and MiB where memory was measured


def issue_rows(found: Dict[str, Any]) -> List[Row]:
    """What issuing costs."""
    ratio, count, seconds = found["cpu_ratio"], found["certificates"], found["seconds"]
    what = f"{count:,} P-256 certificates issued and kept by one task: CPU, bare `cryptography` loop = 1"
    again = "the same task again, nothing due: the same measure"
    bare = found["per_certificate_ms"]["bare_loop"]
    rows: List[Row] = [
        (what, str(ratio["task"]), f"<= {ratio['goal']}", seconds["first"]["memory_mib"]),
        (again, f"{found['nothing_due_ms_each'] / bare:.2f}", "", seconds["again"]["memory_mib"]),
    ]
    if "spared_nobody" in ratio:
        what = (
            f"the same loop that also verifies, keeps key and chain in files, and {count:,} items through an empty task: the same measure"
        )
        rows[1:1] = [
            (what, str(ratio["spared_nobody"]), "", None),
            ("the first row, in units of the one before this", str(ratio["task_to_spared_nobody"]), "", None),
        ]
    single = found["one_certificate"]
    what = "one certificate by one task, from the request to the ledger: seconds"
    rows.append((what, str(single["wall"]), f"<= {single['goal']}", single.get("memory_mib")))
    if "peers" in found:
        peers = found["peers"]
        what = f"the same, each: how many times less CPU than community.crypto's three modules (on {peers['certificates']})"
        if "date" in peers:  # of a run before this one, which had no peers
            what += f", measured {', '.join(filter(None, (peers['date'][:10], peers.get('commit'))))}"
        rows.append((what, f"{peers['times']['cpu']:,}", f">= {peers['goal']:,}", None))
    return rows


def probe_rows(found: Dict[str, Any]) -> List[Row]:
    """What looking costs."""
    what = f"{found['endpoints']:,} endpoints looked at: rate, raw handshake loop = 1"
    return [(what, str(found["rate_ratio"]), f">= {found['goal']}", found.get("memory_mib"))]


def rotation_rows(found: Dict[str, Any]) -> List[Row]:
    """What a rotation costs beside its work."""
    count, seconds = f"{found['deployments']:,} deployments", found["seconds"]
    what = f"{count} rotated, work included: CPU of the controller, bare playbook with as many batch tasks = 1"
    again = f"{count} looked at and nothing due: the same measure"
    rows: List[Row] = [
        (what, str(found["cpu_ratio"]), f"<= {found['goal']}", found.get("memory_mib")),
        (again, f"{seconds['nothing_due']['cpu'] / seconds['bare']['cpu']:.2f}", "", None),
    ]
    if "overhead_ratio" in found:  # what no tool is spared is taken off: see tests/benchmarks/rotation.py
        alone = f"the rotation's overhead alone, without {found['cpu_ms_each']['work']} ms of work for each: the same measure"
        floor = "Ansible alone in that shape, every task doing nothing, a ping where a module runs on a server: the same measure"
        rows[1:1] = [(alone, str(found["overhead_ratio"]), f"<= {found['goal']}", None), (floor, str(found["floor_ratio"]), "", None)]
    return rows


def inventory_rows(found: Dict[str, Any]) -> List[Row]:
    """What the inventory costs."""
    core = f" on ansible-core {found['core']}" if "core" in found else ""
    each = found["cpu_seconds"]["certificates"] / found["deployments"] * 1e3
    what = f"inventory of {found['deployments']:,} deployments{core} ({each:.1f} ms each): CPU, static inventory that says the same = 1"
    return [(what, str(found["cpu_ratio"]), f"<= {found['goal']}", found.get("memory_mib", {}).get("certificates"))]


def judged(measured: str, goal: str) -> str:
    """The goal, and whether it was met."""
    if not goal:
        return ""
    sign, limit = goal.split()
    number, wanted = float(measured.replace(",", "")), float(limit.replace(",", ""))
    return f"{goal}, {'met' if (number <= wanted if sign == '<=' else number >= wanted) else '**missed**'}"


def traffic_rows(found: Dict[str, Any]) -> List[Tuple[str, str, str]]:
    """What clients saw while all servers of the lab were rotated again and again."""
    held, asked = found["held"].values(), sum(one["asked_again"] for one in found["held"].values())
    what = f"{found['rotations']} rotations of {found['servers']} servers: errors among {found['new_connections']:,} new connections and "
    what += f"{sum(one['requests'] for one in held):,} requests on connections that are held"
    if asked:
        what += f" ({asked} of them asked once more, since the server ended the connection before it answered: RFC 9112, 9.3.1)"
    return [(what, str(found["errors"]), "<= 0")]


def benchmarks() -> str:
    """What tests/benchmarks measured, each figure as its run wrote it; a goal that was missed is said."""
    lines = ["| benchmark | measured | goal | memory, MiB | on |", "|---|---|---|---|---|"]
    machines: Dict[str, None] = {}
    for name, rows in MEASURED:
        found = json.loads((RESULTS / name).read_text())
        where = found.get("machine", {})  # what was measured before results kept all of it has no row of its own to say so
        if where.get("cpu"):
            machines[f"{where['cpu']} with {where['cores']} cores, Linux {where['kernel']}, Python {where['python']}"] = None
        on = ", ".join(filter(None, (found.get("date", "date not kept")[:13].partition("T")[0], found.get("commit"))))
        for what, measured, goal, *memory in rows(found):
            lines.append(f"| {what} | {measured} | {judged(measured, goal)} | {memory[0] if memory and memory[0] else ''} | {on} |")
    said = f"Measured on {'; '.join(machines)}. Both sides of a figure ran in one run; `tests/benchmarks/results` has load and seconds."
    return "\n".join(lines) + f"\n\n{said}"


def order_rows(found: Dict[str, Any]) -> List[Tuple[str, str, str]]:
    """What orders cost."""
    what = f"{found['orders']:,} orders at Pebble by one task, each: how many times less"
    peer = f"than certbot (on {found['certbot_orders']})"
    kinds = (("wall", "time"), ("cpu", "CPU"))
    return [(f"{what} {word} {peer}", str(found["times"][kind]), f">= {found['goal']}") for kind, word in kinds]


def listener_rows(found: Dict[str, Any]) -> List[Row]:
    """What a rotation of listeners asks of AWS."""
    what = f"{found['listeners']} listeners of AWS (tier B) rotated in waves in {found['first']['seconds']} s, {found['lineages']} lineages"
    seconds = {name: found[name]["seconds"] for name in ("one_never_changes", "throttled", "credentials_end", "with_new_credentials")}
    done = {name: found[name]["states"]["done"] for name in seconds}
    half = f"the same with credentials that end half way: {seconds['credentials_end']} s, how many were done before"
    rest = f"and with new credentials: {seconds['with_new_credentials']} s, how many were done then"
    back = f"the same with one that never changes: {seconds['one_never_changes']} s, how many were bound back"
    return [
        (f"{what}: calls of AWS for each", str(found["calls_each"]), f"<= {found['goal']}", None),
        (back, str(found["one_never_changes"]["states"]["rolled_back"]), "", None),
        (f"the same with 30 % of all calls throttled: {seconds['throttled']} s, how many were done", str(done["throttled"]), "", None),
        (f"{half}, {rest}", f"{done['credentials_end']}, {done['with_new_credentials']}", "", None),
    ]


def discovery_rows(found: Dict[str, Any]) -> List[Row]:
    """What a listing of ACM asks of AWS, beside the module that is there for it."""
    seconds = {name: found[name]["seconds"] for name in ("certops.clm", "community.aws")}
    what = f"{found['certificates']:,} certificates of ACM (tier B) listed with their chains in {seconds['certops.clm']} s, by "
    what += f"community.aws.acm_certificate_info in {seconds['community.aws']} s: how many times fewer calls of AWS"
    again = found["certops.clm again"]
    more = f"the same once more with its cache file, in {again['seconds']} s and {again['all_calls']} calls: how many times fewer"
    times = (found["times"]["all_calls"], found["times_again"]["all_calls"])
    return [(name, str(number), f">= {found['goal']}", None) for name, number in zip((what, more), times)]


MEASURED = (
    ("issue.json", issue_rows),
    ("orders.json", order_rows),
    ("inventory.json", inventory_rows),
    ("inventory_2_16.json", inventory_rows),
    ("probe.json", probe_rows),
    ("rotation.json", rotation_rows),
    ("traffic.json", traffic_rows),
    ("listeners.json", listener_rows),
    ("discovery.json", discovery_rows),
)


def corpora() -> str:
    """What tests/hostile held the code to."""
    found = json.loads((ROOT / "tests" / "hostile" / "results" / "corpus.json").read_text())["corpora"]
    lines = ["| corpus | cases | records | refused | accepted by mistake | slowest, CPU |", "|---|---|---|---|---|---|"]
    names = ("cases", "records", "refused", "accepted_by_mistake")
    for one in found:
        lines.append(f"| {one['corpus']} | " + " | ".join(f"{one[name]:,}" for name in names) + f" | < {one['slowest_ms_below']:,} ms |")
    return "\n".join(lines) + "\n\n" + limbo()


def limbo() -> str:
    """What is accepted although x509-limbo marks it as a failure, each with its reason: ACCEPTED of its test, read and not run."""
    known: Dict[str, str] = {}
    accepted: Dict[str, List[str]] = {}
    for node in ast.parse((ROOT / "tests" / "unit" / "x509" / "test_limbo.py").read_text()).body:
        name = getattr(node.targets[0], "id", "") if isinstance(node, ast.Assign) else ""
        if name and isinstance(node.value, ast.Constant):
            known[name] = str(node.value.value)
        elif name == "ACCEPTED":
            for case, why in zip(node.value.keys, node.value.values):
                accepted.setdefault(known[why.id] if isinstance(why, ast.Name) else why.value, []).append(f"`{case.value}`")
    parts = [f"{', '.join(cases)} ({why})" for why, cases in accepted.items()]
    return "Chains that x509-limbo calls pedantic failures or failures of revocation, and that are accepted: " + "; ".join(parts) + "."


WORSE = "modules that fail or run in the background"


def leaks() -> str:
    """What tests/integration/test_every_module.py and test_every_plugin.py searched for secrets, by mode."""
    found = json.loads((ROOT / "tests" / "integration" / "results" / "leaks.json").read_text())
    lines = ["| mode | of | searched | of those failed on purpose | the mode does not reach them |", "|---|---|---|---|---|"]
    plugins = "playbooks, roles, inventory, lookup, filters and tests"
    for part, what in (("modules", "modules and actions"), (WORSE, "modules and actions"), ("plugins", plugins)):
        for mode in next(iter(found[part].values())):
            cells = [row[mode] for row in found[part].values()]
            none, failed = cells.count("not supported"), cells.count("failed, and searched")
            lines.append(f"| {mode} | {what} | {len(cells) - none} | {failed} | {none} |")
    return "\n".join(lines)


def races() -> str:
    """What tests/races counted."""
    found = json.loads((ROOT / "tests" / "races" / "results.json").read_text())
    lines = ["| races | killed in one | certificates wanted | issued | twice | missing | failed |", "|---" * 7 + "|"]
    counted = ("runs", "killed", "wanted", "issued", "double", "missing", "failed")
    lines.append("| " + " | ".join(f"{found[one]:,}" for one in counted) + " |")
    times = ", ".join(f"{word} {value:g} ms" for word, value in found["lease_cpu_ms"].items())
    text = f"CPU of the lease path for {found['lineages']:,} lineages: {times}. {found['date']}, {found['machine']}."
    return "\n".join(lines) + f"\n\n{text}"


def filled(text: str) -> str:
    """README with its generated parts as they should be."""
    parts = (
        ("providers", providers), ("faults", faults), ("leaks", leaks), ("corpora", corpora), ("races", races), ("benchmarks", benchmarks),
    )  # fmt: skip
    for name, make in parts:
        start, end = f"<!-- generated: {name} -->\n", "<!-- end: " + name + " -->"
        before, rest = text.split(start)
        text = before + start + make() + "\n" + end + rest.split(end, 1)[1]
    return text


def main() -> int:
    """Exit code 1 when --check finds a stale table."""
    if "--record" in sys.argv:
        record()
    text = README.read_text()
    wanted = filled(text)
    if "--check" in sys.argv:
        if wanted != text:
            print("README.md: its tables are stale; run make index")
        return int(wanted != text)
    README.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
