# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a batch of probes is next to a bare loop of handshakes by `ssl` with as many threads, in one run.

Usage: PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/probe.py [--endpoints 2000] [--threads 64]
Writes tests/benchmarks/results/probe.json. The server is a process of its own on 127.0.0.1; both sides shake hands with it.
"""

from __future__ import annotations

import argparse
import datetime
import ipaddress
import multiprocessing
import pathlib
import resource
import socket
import ssl
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, probe_many
from ansible_collections.certops.clm.tests.benchmarks import stamp

GOAL = 0.8


def make_certificate(folder: pathlib.Path) -> None:
    """A leaf and its CA, P-256 both, as a server would send them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("bench CA", "bench"))

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return builder.add_extension(x509.BasicConstraints(ca, None), True).add_extension(names, False).sign(ca_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    chain = build(name, key.public_key(), False).public_bytes(pem) + build(ca_name, ca_key.public_key(), True).public_bytes(pem)
    (folder / "chain.pem").write_bytes(chain)
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)


def serve(listener: socket.socket, folder: pathlib.Path, threads: int) -> None:
    """Shake hands and hang up, for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")

    def worker() -> None:
        while True:
            sock, _peer = listener.accept()
            try:
                with context.wrap_socket(sock, server_side=True) as tls:
                    tls.recv(1)
            except OSError:
                sock.close()

    for _number in range(threads):
        threading.Thread(target=worker).start()


def bare_loop(port: int, count: int, threads: int) -> None:
    """What the probe is compared with: connect, shake hands, take the leaf, hang up."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def one(_number: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 60) as sock, context.wrap_socket(sock) as tls:
            if not tls.getpeercert(True):
                raise RuntimeError("no certificate")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(count)))


def probes(port: int, count: int, threads: int) -> None:
    """The batch under test; every endpoint must have answered with a chain of two."""
    rows = probe_many([Endpoint("127.0.0.1", port)] * count, concurrency=threads, timeout=60)
    bad = [row for row in rows if len(row) != 1 or len(row[0].chain_der) != 2]
    if bad:
        raise RuntimeError(f"{len(bad)} of {count} did not answer: {bad[0]}")


def measure(function, port: int, count: int, threads: int) -> dict:
    """Wall and CPU seconds of this process (the server's are not in it)."""
    wall, cpu = time.perf_counter(), time.process_time()
    function(port, count, threads)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_seconds": round(wall, 3), "cpu_seconds": round(cpu, 3), "per_second": round(count / wall, 1)}


def run(count: int, threads: int, rounds: int) -> dict:
    """Rounds in turn, so that a busy machine hits both sides; the ratio is the median of the rounds'."""
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        folder = pathlib.Path(name)
        make_certificate(folder)
        server = multiprocessing.get_context("fork").Process(target=serve, args=(listener, folder, threads), daemon=True)
        server.start()
        port = listener.getsockname()[1]
        try:
            bare_loop(port, 100, threads)
            probes(port, 100, threads)
            sides = {"bare": bare_loop, "probe": probes}
            rows = [{side: measure(function, port, count, threads) for side, function in sides.items()} for _round in range(rounds)]
        finally:
            server.kill()
    ratio = statistics.median(row["probe"]["per_second"] / row["bare"]["per_second"] for row in rows)
    cpu = statistics.median(row["probe"]["cpu_seconds"] / row["bare"]["cpu_seconds"] for row in rows)
    return {"endpoints": count, "threads": threads, "rounds": rows, "rate_ratio": round(ratio, 3), "cpu_ratio": round(cpu, 3), "goal": GOAL}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoints", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    result = run(options.endpoints, options.threads, options.rounds)
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # of both sides, which share the process
    stamp.write("probe", {**result, "memory_mib": memory, "openssl_of_ssl": ssl.OPENSSL_VERSION})


if __name__ == "__main__":
    main()
