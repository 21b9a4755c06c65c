# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secret store `aws_secrets_manager` holds to the contract, against the lab's emulator (tier B)."""

from __future__ import annotations

import datetime
import os
import threading
from unittest import mock

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import KeyRef, Lease, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ClmError, ConfigError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import aws_secrets_manager
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._powers import Counting, LeaseExtender, VersionDropper
from ansible_collections.certops.clm.tests.lab.aws import REGION, emulator
from ansible_collections.certops.clm.tests.unit.contracts.secret_store import PEM, SPKI, Clock, SecretStoreContract, issued, pending


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with emulator(tmp_path_factory.mktemp("aws")) as lab:
        yield lab


class TestSecretsManager(SecretStoreContract):
    provider = aws_secrets_manager
    wrong = ({"prefix": "no slash"}, {"prefix": "a b/"}, {"recovery_days": 3}, {"lease_seconds": 1})

    @pytest.fixture(autouse=True)
    def _lab(self, server):
        server.reset()
        with mock.patch.dict(os.environ, server.environment):
            yield

    def options(self, folder):
        return {"region": REGION, "prefix": "lab/clm/"}


@pytest.fixture
def lab(server):
    server.reset()
    with mock.patch.dict(os.environ, server.environment):
        yield server


def opened(clock=None, **options):
    return aws_secrets_manager.create({"region": REGION, **options}, clock or Clock())


def kept(store, lineage="shop", versions=1, **more):
    """A lineage with so many versions, the last one current; its lease is given back."""
    lease = store.begin(lineage, store.current(lineage))
    assert isinstance(lease, Lease)
    for _number in range(versions):
        version = store.new_version(lineage)
        store.save(lease, issued(lineage, version, key=PEM, **more))
    store.promote(lease, version)
    store.end(lease)
    store.flush()
    return version


def test_of_many_that_begin_at_once_one_has_it_and_only_one_document_wins(lab):
    kept(opened())
    stores = [opened() for _number in range(6)]
    current, answers, start = stores[0].current("shop"), [], threading.Barrier(6)

    def begin(store):
        start.wait()
        answers.append(store.begin("shop", current))

    threads = [threading.Thread(target=begin, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Lease) for one in answers) == 1 and len(answers) == 6


def test_a_controller_with_a_wrong_clock_takes_a_lease_and_the_other_one_writes_nothing(lab):
    """Its clock is an hour ahead, so the lease looks expired to it; the first one's is right, and it asks nobody before it writes."""
    right, wrong = Clock(), Clock()
    wrong.go(hours=1)
    first, second = opened(right), opened(wrong)
    lease = first.begin("shop", None)
    version = first.new_version("shop")
    first.save(lease, issued("shop", version, key=PEM))
    assert isinstance(second.begin("shop", None), Lease)
    with pytest.raises(BusyError, match="shop"):
        first.flush()
    assert second.versions("shop") == [] and [one for one in first._wire.names() if "/" in one] == [], "nor is its key left there"


def test_an_answer_that_is_lost_is_no_second_writer(lab):
    store = opened()
    kept(store)
    client = store._wire.client
    move, failed = client.update_secret_version_stage, []

    def answered_twice(**arguments):
        move(**arguments)
        failed.append(1)
        return move(**arguments)  # as the SDK does when the first answer did not come

    with mock.patch.object(client, "update_secret_version_stage", answered_twice):
        assert isinstance(store.begin("shop", store.current("shop")), Lease)
    assert failed


def test_a_key_is_destroyed_after_the_days_that_were_asked_for_and_its_record_stays(lab):
    store = opened(recovery_days=30)
    assert all(isinstance(store, power) for power in (VersionDropper, LeaseExtender, Counting))
    old = kept(store)
    new = kept(store)
    lease = store.begin("shop", new)
    with pytest.raises(ConfigError, match="current"):
        store.drop(lease, StoredVersion("shop", new, "dropped"))
    assert store.holds_key("shop", old)
    for _again in range(2):
        store.drop(lease, StoredVersion("shop", old, "dropped", meta={"why": "superseded"}))
    store.end(lease)
    assert not store.holds_key("shop", old) and store.holds_key("shop", new)
    assert store.load("shop", old).state == "dropped" and store.load("shop", old).chain_pem
    with pytest.raises(ClmError):
        store.key(KeyRef(store.identity(), "shop", old, SPKI))
    waiting = lab.client("secretsmanager").describe_secret(SecretId=f"certops-clm/shop/{old}")["DeletedDate"]
    assert waiting - datetime.datetime.now(waiting.tzinfo) > datetime.timedelta(days=29)
    assert kept(opened(recovery_days=0), "api") and isinstance(opened().begin("api", opened().current("api")), Lease)


def test_a_key_that_a_killed_run_left_is_removed_by_whoever_takes_over(lab):
    clock = Clock()
    dead = opened(clock)
    lease = dead.begin("shop", None)
    dead._wire.save_key("shop", "000001-00000000", PEM)
    clock.go(hours=1)
    store = opened(clock)
    assert isinstance(store.begin("shop", None), Lease) and lease.fence == 1
    with pytest.raises(NotFoundError):
        store.key(KeyRef(store.identity(), "shop", "000001-00000000", ""))


def test_a_list_of_many_costs_pages_and_not_a_call_for_each(lab):
    store = opened()
    names = [f"shop-{number:03d}" for number in range(45)]
    leases = [store.begin(name, None) for name in names]
    for lease in leases:
        version = store.new_version(lease.lineage)
        store.save(lease, issued(lease.lineage, version))
        store.promote(lease, version)
        store.end(lease)
    store.flush()
    lab.forget_calls()
    other = opened()
    assert [other.load(name).sha256 == other.versions(name)[0].sha256 for name in other.lineages()] == [True] * 45
    calls = {name: count for name, count in lab.calls().items() if name.startswith("secretsmanager:")}
    assert calls == {"secretsmanager:ListSecrets": 1, "secretsmanager:BatchGetSecretValue": 3}


def test_a_renewal_costs_twelve_calls_and_a_third_of_them_may_be_throttled(lab):
    store = opened()
    first = kept(store)
    lab.forget_calls()
    lab.faults({"match": "secretsmanager:*", "share": 0.3, "code": "ThrottlingException"})
    lease = store.begin("shop", first)
    version = store.new_version("shop")
    store.save(lease, pending("shop", version))
    store.flush()
    store.save(lease, issued("shop", version))
    store.promote(lease, version)
    store.end(lease)
    store.flush()
    lab.faults()
    assert opened().current("shop") == version
    lab.forget_calls()
    kept(store)
    assert sum(lab.calls().values()) <= 12, lab.calls()


def test_more_than_64_kib_leaves_out_chains_of_versions_whose_keys_are_gone_then_is_refused(lab):
    store = opened()
    random = [os.urandom(9000).hex() for _number in range(8)]
    lease = store.begin("shop", None)
    versions = []
    for text in random[:6]:
        versions.append(store.new_version("shop"))
        store.save(lease, issued("shop", versions[-1], chain_pem=text))
    store.promote(lease, versions[-1])
    store.flush()
    store.save(lease, issued("shop", store.new_version("shop"), chain_pem=random[6]))
    store.save(lease, issued("shop", store.new_version("shop"), chain_pem=random[7]))
    with pytest.raises(ConfigError, match="65536") as caught:
        store.flush()
    assert "cleanup" in caught.value.hint and len(opened().versions("shop")) == 6
    other = opened(lambda: Clock()() + datetime.timedelta(hours=1))
    lease = other.begin("shop", versions[-1])
    for version in versions[:3]:
        other.drop(lease, StoredVersion("shop", version, "dropped"))
    for text in random[6:]:
        other.save(lease, issued("shop", other.new_version("shop"), chain_pem=text))
    other.flush()
    found = opened().versions("shop")
    assert len(found) == 8 and found[0].chain_pem == "" and found[0].sha256 and found[5].chain_pem and found[7].chain_pem


def test_what_somebody_else_wrote_there_is_malformed_and_breaks_no_neighbour(lab):
    store = opened()
    kept(store, "api")
    lab.client("secretsmanager").create_secret(Name="certops-clm/shop", SecretString="mine")
    lab.client("secretsmanager").create_secret(Name="certops-clm/Not a lineage!".replace(" ", ""), SecretString="mine")
    assert list(store.lineages()) == ["api", "shop"] and store.load("api") is not None
    for act in (lambda: store.load("shop"), lambda: store.begin("shop", None)):
        with pytest.raises(ClmError, match="no document of certops"):
            act()
    lab.faults({"match": "secretsmanager:GetSecretValue", "share": 1, "code": "AccessDeniedException"})
    with pytest.raises(ClmError) as caught:
        store.begin("api", None)
    assert "secretsmanager:GetSecretValue" in caught.value.hint
