# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every secret store must hold to: a provider's test inherits `SecretStoreContract` and says how to make a store."""

from __future__ import annotations

import datetime
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Optional

import pytest

from ansible_collections.certops.clm.plugins.module_utils.contracts import Busy, KeyRef, Lease, SecretStore, StoredVersion
from ansible_collections.certops.clm.plugins.module_utils.errors import BusyError, ConfigError, MalformedError, NotFoundError
from ansible_collections.certops.clm.plugins.module_utils.masking import Secret
from ansible_collections.certops.clm.plugins.module_utils.secret_stores import _index
from ansible_collections.certops.clm.plugins.module_utils.secret_stores._powers import LeaseExtender
from ansible_collections.certops.clm.plugins.module_utils.x509 import key as keys

START = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.timezone.utc)
KEY = keys.generate("ecdsa-p256")
PEM, SPKI = keys.to_pem(KEY), keys.spki_sha256(KEY)
OTHER = keys.generate("ecdsa-p256")
CHAIN = "-----BEGIN CERTIFICATE-----\nTm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n"
SHA = "5c" * 32
TYPES = {"str", "int", "float", "bool", "list", "dict", "path", "raw"}


class Clock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now

    def go(self, **by: float) -> None:
        self.now += datetime.timedelta(**by)


def pending(lineage: str, version: str, **more: Any) -> StoredVersion:
    """A version as a flow saves it before anything is asked for."""
    fields: Dict[str, Any] = {"spki_sha256": SPKI, "key": PEM, "meta": {"request_id": "r1", "names": ["a.example"]}}
    return StoredVersion(lineage, version, "pending", **{**fields, **more})


def issued(lineage: str, version: str, **more: Any) -> StoredVersion:
    """The same version when its certificate came."""
    return StoredVersion(lineage, version, **{"state": "issued", "spki_sha256": SPKI, "sha256": SHA, "chain_pem": CHAIN, **more})


class SecretStoreContract:
    """Give `provider` and `options`; get the tests. `create` may be asked for many objects on one place."""

    provider: ModuleType
    wrong: tuple = ()  # options that can never be right

    def options(self, folder: Path) -> Dict[str, Any]:
        """Options of a store that is empty, and lies below `folder` where it is one on a disk."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: Clock) -> SecretStore:
        return self.again(tmp_path, clock)

    def again(self, folder: Path, clock: Clock) -> SecretStore:
        """The store as another process would open it."""
        made: SecretStore = self.provider.create(self.options(folder), clock)
        assert isinstance(made, SecretStore)
        return made

    def lease(self, store: SecretStore, lineage: str = "shop", current: Optional[str] = None) -> Lease:
        taken = store.begin(lineage, current)
        assert isinstance(taken, Lease), taken
        return taken

    def kept(self, store: SecretStore, lineage: str = "shop", current: Optional[str] = None) -> str:
        """A lineage with one more version, current and flushed; its id."""
        lease = self.lease(store, lineage, current)
        version = store.new_version(lineage)
        store.save(lease, pending(lineage, version))
        store.flush()
        store.save(lease, issued(lineage, version))
        store.promote(lease, version)
        store.flush()
        store.end(lease)
        return version

    # --- what was saved is there ---

    def test_an_empty_store_has_nothing_and_says_so(self, store: SecretStore) -> None:
        assert list(store.lineages()) == [] and store.versions("shop") == []
        assert store.current("shop") is None and store.load("shop") is None and store.load("shop", "000001-00000000") is None

    def test_what_was_flushed_is_there_for_another_process(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        version = self.kept(store)
        other = self.again(tmp_path, clock)
        assert other.current("shop") == version and list(other.lineages()) == ["shop"]
        found = other.load("shop")
        assert found == issued("shop", version, meta={}) and found.key is None
        assert [one.version for one in other.versions("shop")] == [version]

    def test_what_was_saved_is_read_back_before_the_flush(self, store: SecretStore) -> None:
        lease = self.lease(store)
        version = store.new_version("shop")
        store.save(lease, pending("shop", version))
        assert store.load("shop", version) == pending("shop", version, key=None)
        assert store.key(KeyRef(store.identity(), "shop", version, SPKI)) == PEM

    def test_a_key_comes_back_as_it_was(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        version = self.kept(store)
        assert self.again(tmp_path, clock).key(KeyRef(store.identity(), "shop", version, SPKI)) == PEM

    def test_a_key_that_is_not_the_one_asked_for_is_refused(self, store: SecretStore) -> None:
        version = self.kept(store)
        with pytest.raises(MalformedError):
            store.key(KeyRef(store.identity(), "shop", version, "00" * 32))
        for lineage, wanted in (("shop", "000009-00000000"), ("shop", "../x"), ("other", version)):
            with pytest.raises(NotFoundError):
                store.key(KeyRef(store.identity(), lineage, wanted, SPKI))

    def test_a_key_once_saved_stays(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        version = self.kept(store)
        lease = self.lease(store, current=version)
        with pytest.raises(ConfigError):
            store.save(lease, issued("shop", version, spki_sha256=keys.spki_sha256(OTHER), key=keys.to_pem(OTHER)))
        store.save(lease, StoredVersion("shop", version, "rejected", meta={"evidence": "not served"}))
        store.flush()
        other = self.again(tmp_path, clock)
        assert other.key(KeyRef(store.identity(), "shop", version, SPKI)) == PEM
        found = other.load("shop", version)
        assert found is not None and (found.state, found.chain_pem, found.sha256) == ("rejected", CHAIN, SHA)
        assert found.meta == {"evidence": "not served"}

    def test_a_pending_version_waits_for_days(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        lease = self.lease(store)
        version = store.new_version("shop")
        store.save(lease, pending("shop", version, csr_pem="a request"))
        store.flush()
        store.save(lease, pending("shop", version, key=None, meta={"ref": "ticket 7"}))
        store.flush()
        store.end(lease)
        clock.go(days=5)
        other = self.again(tmp_path, clock)
        (found,) = other.versions("shop")
        assert (found.state, found.csr_pem, found.meta) == ("pending", "a request", {"ref": "ticket 7"})
        assert other.current("shop") is None and other.key(KeyRef(other.identity(), "shop", version, SPKI)) == PEM

    def test_ids_sort_in_the_order_in_which_they_were_made(self, store: SecretStore) -> None:
        first = self.kept(store)
        second = self.kept(store, current=first)
        third = store.new_version("shop")
        assert [one.version for one in store.versions("shop")] == [first, second] and first < second < third
        assert store.current("shop") == second

    def test_the_previous_version_comes_back(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        first = self.kept(store)
        second = self.kept(store, current=first)
        other = self.again(tmp_path, clock)
        lease = self.lease(other, current=second)
        other.promote(lease, first)
        other.end(lease)
        other.flush()
        assert self.again(tmp_path, clock).current("shop") == first

    def test_many_lineages_share_one_flush(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        names = [f"shop-{number}" for number in range(40)]
        leases = [self.lease(store, name) for name in names]
        versions = [store.new_version(name) for name in names]
        for lease, version in zip(leases, versions):
            store.save(lease, issued(lease.lineage, version, key=PEM))
            store.promote(lease, version)
            store.end(lease)
        store.flush()
        other = self.again(tmp_path, clock)
        assert list(other.lineages()) == sorted(names) and [other.current(name) for name in names] == versions
        assert all(isinstance(other.begin(name, version), Lease) for name, version in zip(names, versions))

    # --- who may write ---

    def test_two_cannot_have_a_lineage(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        lease = self.lease(store)
        answer = self.again(tmp_path, clock).begin("shop", None)
        assert isinstance(answer, Busy) and answer.owner == lease.owner and answer.message
        store.end(lease)
        assert self.lease(self.again(tmp_path, clock)).fence > lease.fence

    def test_an_expired_lease_is_taken_over_and_the_older_fence_refused(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        first = self.kept(store)
        old = self.lease(store, current=first)
        clock.go(hours=2)
        other = self.again(tmp_path, clock)
        new = self.lease(other, current=first)
        assert new.fence > old.fence
        with pytest.raises(BusyError):
            store.save(old, pending("shop", store.new_version("shop")))
        with pytest.raises(BusyError):
            store.promote(old, first)
        store.end(old)
        assert isinstance(store.begin("shop", first), Busy)
        other.end(new)

    def test_what_an_older_fence_saved_before_it_was_lost_is_not_written(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        first = self.kept(store)
        old, neighbour = self.lease(store, current=first), self.lease(store, "other")
        late, good = store.new_version("shop"), store.new_version("other")
        store.save(old, issued("shop", late, key=PEM))
        store.promote(old, late)
        store.save(neighbour, issued("other", good, key=PEM))
        clock.go(hours=2)
        other = self.again(tmp_path, clock)
        self.lease(other, current=first)
        with pytest.raises(BusyError, match="shop"):
            store.flush()
        assert other.current("shop") == first and [one.version for one in other.versions("shop")] == [first]
        assert store.current("shop") == first and other.load("other", good) is not None

    def test_a_lease_ends_by_time_and_says_when(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        lease = self.lease(store)
        other = self.again(tmp_path, clock)
        clock.now = lease.expires - datetime.timedelta(seconds=1)
        answer = other.begin("shop", None)
        assert isinstance(answer, Busy) and answer.until == lease.expires and f"{lease.expires:%H:%M:%S}" in answer.message
        clock.now = lease.expires
        assert self.lease(other).fence > lease.fence

    def test_an_extended_lease_is_held_for_as_long_again(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        if not isinstance(store, LeaseExtender):
            pytest.skip("its leases cannot be extended")
        lease = self.lease(store)
        other, length = self.again(tmp_path, clock), lease.expires - clock.now
        for _time in range(3):
            clock.now += length * 0.7
            longer = store.extend(lease)
            assert longer.fence == lease.fence and longer.expires == clock.now + length
            assert isinstance(other.begin("shop", None), Busy)
        store.save(lease, issued("shop", store.new_version("shop"), key=PEM))
        store.flush()
        clock.now += length
        taken = self.lease(other)
        with pytest.raises(BusyError, match="shop"):
            store.extend(lease)
        assert isinstance(self.again(tmp_path, clock).begin("shop", None), Busy), "the older one took nothing back"
        other.save(taken, issued("shop", other.new_version("shop"), key=PEM))
        other.flush()
        other.end(taken)
        with pytest.raises(BusyError):
            store.extend(lease)
        assert isinstance(self.again(tmp_path, clock).begin("shop", None), Lease), "what was given back stays free"

    def test_a_slow_owner_changes_nothing_of_what_its_follower_made(self, store: SecretStore, tmp_path: Path, clock: Clock) -> None:
        slow = self.lease(store)
        version = store.new_version("shop")
        store.save(slow, pending("shop", version))
        store.flush()
        clock.now = slow.expires
        other = self.again(tmp_path, clock)
        lease = self.lease(other)
        other.save(lease, issued("shop", version))
        other.promote(lease, version)
        other.flush()
        with pytest.raises(BusyError):
            store.save(slow, issued("shop", version, chain_pem=CHAIN + CHAIN, sha256="00" * 32))
        store.end(slow)
        store.flush()
        found = self.again(tmp_path, clock).load("shop")
        assert found is not None and (found.version, found.chain_pem, found.sha256) == (version, CHAIN, SHA)
        assert isinstance(self.again(tmp_path, clock).begin("shop", version), Busy), "its end was not the follower's"

    def test_a_lineage_that_moved_on_is_busy_and_free_for_others(self, store: SecretStore) -> None:
        version = self.kept(store)
        for expected in (None, "000001-00000000"):
            answer = store.begin("shop", expected)
            assert isinstance(answer, Busy) and version in answer.message
        store.end(self.lease(store, current=version))

    def test_a_version_without_certificate_is_never_current(self, store: SecretStore) -> None:
        lease = self.lease(store)
        version = store.new_version("shop")
        store.save(lease, pending("shop", version))
        for wanted in (version, "000009-00000000"):
            with pytest.raises(NotFoundError):
                store.promote(lease, wanted)

    # --- what is refused, what is not shown ---

    @pytest.mark.parametrize("name", ["../x", "a/b", "A", "", ".x", "a..b", "x" * 121, "a\n", "a\0b"])
    def test_a_name_that_leads_elsewhere_is_refused(self, store: SecretStore, name: str) -> None:
        for act in (lambda: store.begin(name, None), lambda: store.load(name), lambda: store.versions(name), lambda: store.current(name)):
            with pytest.raises(ConfigError):
                act()

    def test_wrong_versions_are_refused(self, store: SecretStore) -> None:
        lease = self.lease(store)
        version = store.new_version("shop")
        secret = PEM.reveal().decode()
        for wrong in (
            pending("other", version),
            pending("shop", "../../x"),
            pending("shop", version, meta={"at": START}),
            pending("shop", version, meta={"oops": secret}),
            pending("shop", version, key=Secret(b"no key")),
        ):
            with pytest.raises(ConfigError) as caught:
                store.save(lease, wrong)
            assert secret[40:80] not in str(caught.value)
        store.flush()
        assert store.versions("shop") == []

    def test_no_record_holds_a_key(self, store: SecretStore) -> None:
        self.kept(store)
        for version in store.versions("shop"):
            assert version.key is None and b"PRIVATE KEY" not in pickle.dumps(version)

    def test_wrong_options_are_refused_by_name(self, clock: Clock) -> None:
        for options in self.wrong:
            with pytest.raises(ConfigError) as caught:
                self.provider.create(options, clock)
            assert caught.value.field

    def test_its_options_are_an_argument_spec_and_the_index_has_it(self) -> None:
        spec: Dict[str, Dict[str, Any]] = self.provider.OPTIONS
        assert all(option["type"] in TYPES for option in spec.values())
        assert self.provider.NAME in _index.NAMES and _index.options_of(self.provider.NAME) == spec
