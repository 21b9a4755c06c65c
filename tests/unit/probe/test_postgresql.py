# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS against a real PostgreSQL with a cluster of its own; skipped, and said so, where it is not installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from ansible_collections.certops.clm.plugins.module_utils.probe import Endpoint, judge, probe
from ansible_collections.certops.clm.plugins.module_utils.x509.bundle import Bundle
from ansible_collections.certops.clm.tests.support.environment import program
from ansible_collections.certops.clm.tests.unit.probe.tls import NOW, Pki

ADDRESS = "127.0.90.5"
PKI = Pki()
LEAF = PKI.leaf("db.example")


class Cluster:
    """A postmaster as user postgres (it refuses root), without password and without fsync."""

    def __init__(self, folder):
        self.folder, self.data = Path(folder), Path(folder, "data")
        self.initdb, self.pg_ctl = program("initdb"), program("pg_ctl")
        with socket.create_server((ADDRESS, 0)) as free:
            self.port = free.getsockname()[1]
        self.run(self.initdb, "--pgdata", self.data, "--auth", "trust", "--no-sync", "--username", "postgres")
        self.write("root.crt", PKI.root.pem)
        self.write("server.crt", LEAF.chain)
        self.write("server.key", LEAF.key_pem)

    def run(self, *command):
        before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*before, *map(str, command)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=self.folder)

    def write(self, name, data):
        (self.data / name).touch(0o600)
        (self.data / name).write_bytes(data)
        if os.geteuid() == 0:
            shutil.chown(self.data / name, "postgres", "postgres")

    def start(self, ssl):
        text = f"listen_addresses='{ADDRESS}'\nport={self.port}\nunix_socket_directories=''\nfsync=off\nssl={ssl}\n"
        self.write("postgresql.conf", text.encode())
        self.run(self.pg_ctl, "start", "--wait", "--pgdata", self.data, "--log", self.data / "log")

    def stop(self):
        self.run(self.pg_ctl, "stop", "--pgdata", self.data, "--mode", "immediate")


@pytest.fixture(scope="module")
def cluster():
    folder = tempfile.mkdtemp(prefix="clm-pg-")
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def started(cluster, request):
    cluster.start(request.param)
    yield cluster
    cluster.stop()


def look(cluster, starttls="postgresql"):
    (seen,) = probe(Endpoint(ADDRESS, cluster.port, "db.example", starttls), timeout=5)
    return seen


@pytest.mark.parametrize("started", ["on"], indirect=True)
def test_what_postgresql_serves_is_seen_and_proven(started):
    seen = look(started)
    answer = judge([seen], sha256=LEAF.sha256, name="db.example", anchors={"internal": Bundle.parse(PKI.root.pem)}, when=NOW)
    assert (answer.answer, answer.findings, seen.sent) == ("served", (), 2), seen.error


@pytest.mark.parametrize("started", ["on"], indirect=True)
def test_without_starttls_it_is_a_time_out_or_a_hang_up_and_never_a_certificate(started):
    began = time.monotonic()
    assert look(started, "none").answer == "could_not_look" and time.monotonic() - began < 8


@pytest.mark.parametrize("started", ["off"], indirect=True)
def test_tls_switched_off_is_said_in_words(started):
    assert "TLS switched off" in look(started).error
