"""Connect, close, kill, freeze, thaw, restart, move, add, read and write in any order, against a model.

The model holds, for each key, every state that the record may be in. A write that is in doubt may have been
applied, or not, or will be when a frozen node goes on; so each possibility carries the writes that may yet come.
A call may fail only for a key that a frozen node owns, or owned while this client knew it; all others succeed.
AEROSPIKE_NP_STATEFUL_EXAMPLES asks for more examples, which are then random and longer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="pip install hypothesis")
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from until import until

import aerospike_np
from aerospike_np import exception
from aerospike_np.local import LocalCluster

pytestmark = pytest.mark.needs_embedded("a cluster that can be made to fail")

EXAMPLES = int(os.environ.get("AEROSPIKE_NP_STATEFUL_EXAMPLES", "0"))
MAX_NODES, MAX_LATE, MISSING = 4, 4, 2
KEYS = list(range(8))
DTYPE = np.dtype([("v", "i8"), ("n", "i8")])

# Enough for anything but a node that is frozen, and what a frozen one is given.
PATIENT = {
    "total_timeout": 30_000, "socket_timeout": 5_000, "max_retries": 200, "sleep_between_retries": 10
}  # fmt: skip
SHORT = {"total_timeout": 60, "socket_timeout": 60, "max_retries": 0}
TURNS = {"total_timeout": 30_000, "socket_timeout": 60, "max_retries": 50, "sleep_between_retries": 5}  # fmt: skip

# A record is None, or its bins (v, n), each of which may be None. A write is a function from record to record.
Bins = tuple[int | None, int | None]
Write = Callable[[Bins | None], Bins | None]
keys = st.sampled_from(KEYS)
values = st.integers(0, 99)
some_keys = st.lists(keys, min_size=1, max_size=8, unique=True)
nodes = st.integers(0, MAX_NODES - 1)


def putting(value: int) -> Write:
    return lambda record: (value, None if record is None else record[1])


def adding(by: int) -> Write:
    def add(record: Bins | None) -> Bins:
        v, n = record or (None, None)
        return v, (n or 0) + by

    return add


def removing(record: Bins | None) -> None:
    return None


def as_bins(record: Bins | None) -> dict[str, int] | None:
    if record is None:
        return None
    return {name: b for name, b in zip("vn", record, strict=True) if b is not None}


class Cell:
    """What one record may be: each possibility a record, and the numbers of the writes that may yet be applied."""

    def __init__(self) -> None:
        self.late: list[Write] = []
        self.may_be: set[tuple[Bins | None, frozenset[int]]] = {(None, frozenset())}

    def settle(self, found: set[tuple[Bins | None, frozenset[int]]]) -> None:
        """Takes these possibilities, and what late writes make of them."""
        todo = list(found)
        while todo:
            record, late = todo.pop()
            for i in late:
                after = (self.late[i](record), late - {i})
                if after not in found:
                    found.add(after)
                    todo.append(after)
        self.may_be = found

    def records(self) -> list[Any]:
        return sorted({str(as_bins(record)) for record, _ in self.may_be})

    def wrote(self, write: Write, needs: Callable[[Bins | None], bool] = lambda _: True) -> None:
        """The server said ok, which it says only to a record that `needs` holds for."""
        self.expect(needs)
        self.settle({(write(record), late) for record, late in self.may_be})

    def in_doubt(self, write: Write) -> None:
        self.late.append(write)
        i = len(self.late) - 1
        self.settle({(record, late | {i}) for record, late in self.may_be})

    def expect(self, holds: Callable[[Bins | None], bool], what: str = "the answer") -> None:
        right = {(record, late) for record, late in self.may_be if holds(record)}
        assert right, f"{what} fits none of what the record may be: {self.records()}"
        self.settle(right)

    def read(self, bins: dict[str, int] | None) -> None:
        self.expect(lambda record: as_bins(record) == bins, f"read {bins}")

    @property
    def is_full(self) -> bool:
        return max(len(late) for _, late in self.may_be) >= MAX_LATE


class ClusterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cluster = LocalCluster(nodes=3, replication_factor=2)
        self.cells = {key: Cell() for key in KEYS}
        self.client: Any = None
        self.connect()

    def teardown(self) -> None:
        if self.client is not None:
            self.client.close()
        self.cluster.stop()

    # ---- what is where ----

    def nodes_in(self, state: str) -> list[int]:
        return [node.index for node in self.cluster.nodes if node.state == state]

    def look(self) -> None:
        """Notes who owns what now, for all that this client may believe."""
        owners = self.cluster.owners()
        for key in KEYS:
            self.owned[key] |= set(owners[self.partition[key]])

    def may_fail(self, key: int) -> bool:
        return bool(self.owned[key] & set(self.nodes_in("frozen")))

    def must_be_read(self, key: int) -> bool:
        """One owner is frozen, the other isn't, and no others ever were owners: reads take turns."""
        return len(self.owned[key]) == 2 and len(self.nodes_in("frozen")) == 1

    def key(self, key: int) -> tuple[str, str, int]:
        return ("test", "stateful", key)

    # ---- the client ----

    @precondition(lambda self: self.client is None)
    @rule()
    def connect(self) -> None:
        config = {"tend_interval": 50, "connect_timeout": 100, "fail_if_not_connected": False}
        self.client = self.cluster.client(config).connect()
        until(self.client.is_connected)
        self.partition = {key: self.client.get_key_partition_id(*self.key(key)) for key in KEYS}
        self.owned: dict[int, set[int]] = {key: set() for key in KEYS}
        self.look()

    @precondition(lambda self: self.client is not None)
    @rule(key=keys)
    def close(self, key: int) -> None:
        self.client.close()
        for call in (self.client.get, self.client.remove):
            with pytest.raises(exception.ClientError):
                call(self.key(key))
        self.client = None

    # ---- faults ----

    @precondition(lambda self: len(self.nodes_in("running")) > 1)
    @rule(i=nodes)
    def kill(self, i: int) -> None:
        running = self.nodes_in("running")
        self.cluster.kill(running[i % len(running)])
        self.look()

    @precondition(lambda self: len(self.nodes_in("running")) > 1)
    @rule(i=nodes)
    def freeze(self, i: int) -> None:
        running = self.nodes_in("running")
        self.cluster.freeze(running[i % len(running)])

    @precondition(lambda self: self.client is not None and len(self.nodes_in("running")) > 1)
    @rule(key=keys, value=values)
    def freeze_a_master_and_write(self, key: int, value: int) -> None:
        master = self.cluster.owners()[self.partition[key]][0]
        if master in self.nodes_in("running"):
            self.cluster.freeze(master)
        self.put(key, value)

    @precondition(lambda self: self.nodes_in("frozen"))
    @rule(i=nodes)
    def kill_a_frozen_one(self, i: int) -> None:
        frozen = self.nodes_in("frozen")
        self.cluster.kill(frozen[i % len(frozen)])
        self.look()

    @precondition(lambda self: self.nodes_in("frozen"))
    @rule(i=nodes)
    def thaw(self, i: int) -> None:
        frozen = self.nodes_in("frozen")
        self.cluster.thaw(frozen[i % len(frozen)])

    @precondition(lambda self: self.nodes_in("killed"))
    @rule(i=nodes, elsewhere=st.booleans())
    def restart(self, i: int, elsewhere: bool) -> None:
        killed = self.nodes_in("killed")
        self.cluster.restart(killed[i % len(killed)], 0 if elsewhere else None)
        self.joined(killed[i % len(killed)])

    @precondition(lambda self: len(self.cluster.nodes) < MAX_NODES)
    @rule()
    def add_node(self) -> None:
        i = self.cluster.add_node()
        assert i == len(self.cluster.nodes) - 1
        self.joined(i)

    def joined(self, i: int) -> None:
        """The client finds it before others go: one whose known nodes are all gone has no way to find any."""
        self.look()
        node = self.cluster.nodes[i]
        if self.client is not None:
            address = (node.host, node.port)
            until(lambda: address in self.client.get_nodes(), f"the client to find {node.name}")

    @rule(n=st.sampled_from([None, 100, 2000]), i=nodes, seed=st.integers(0, 99))
    def move(self, n: int | None, i: int, seed: int) -> None:
        to = i if i in self.nodes_in("running") else None
        self.cluster.move_partitions(n, to, seed=seed)
        self.look()

    @rule()
    def all_nodes_come_back(self) -> None:
        for i in self.nodes_in("frozen"):
            self.cluster.thaw(i)
        for i in self.nodes_in("killed"):
            self.cluster.restart(i)
            self.joined(i)
        with self.cluster.client() as fresh:
            got = fresh.batch_read([self.key(key) for key in KEYS], None, PATIENT)
            for key, row in zip(KEYS, got.batch_records, strict=True):
                assert row.result in (0, MISSING)
                self.cells[key].read(None if row.record is None else row.record.bins)

    # ---- single records ----

    def write(self, key: int, write: Write, call: Callable[[Any, dict[str, int]], Any]) -> None:
        """A write that no state of the record refuses."""
        cell = self.cells[key]
        if cell.is_full:
            return
        may_fail = self.may_fail(key)
        try:
            call(self.key(key), SHORT if may_fail else PATIENT)
        except exception.AerospikeError as error:
            assert may_fail, f"no frozen node ever owned key {key}: {error!r}"
            if error.in_doubt:
                cell.in_doubt(write)
        else:
            cell.wrote(write)

    @precondition(lambda self: self.client is not None)
    @rule(key=keys, value=values)
    def put(self, key: int, value: int) -> None:
        self.write(key, putting(value), lambda k, p: self.client.put(k, {"v": value}, policy=p))

    @precondition(lambda self: self.client is not None)
    @rule(key=keys, by=st.integers(1, 9))
    def increment(self, key: int, by: int) -> None:
        self.write(key, adding(by), lambda k, p: self.client.increment(k, "n", by, policy=p))

    @precondition(lambda self: self.client is not None)
    @rule(key=keys)
    def remove(self, key: int) -> None:
        cell, may_fail = self.cells[key], self.may_fail(key)
        if cell.is_full:
            return
        try:
            self.client.remove(self.key(key), policy=SHORT if may_fail else PATIENT)
        except exception.RecordNotFound:
            cell.expect(lambda record: record is None)
        except exception.AerospikeError as error:
            assert may_fail, f"no frozen node ever owned key {key}: {error!r}"
            if error.in_doubt:
                cell.in_doubt(removing)
        else:
            cell.wrote(removing, lambda record: record is not None)

    @precondition(lambda self: self.client is not None)
    @rule(key=keys)
    def get(self, key: int) -> None:
        may_fail, must = self.may_fail(key), self.must_be_read(key)
        policy = PATIENT if not may_fail else TURNS if must else SHORT
        try:
            bins = self.client.get(self.key(key), policy).bins
        except exception.RecordNotFound:
            bins = None
        except exception.AerospikeError as error:
            assert may_fail and not must, f"an owner of key {key} could have answered: {error!r}"
            return
        self.cells[key].read(bins)

    # ---- batches ----

    def batch(self, some: list[int], call: Callable[[dict[str, int]], Any]) -> Any:
        may_fail = any(self.may_fail(key) for key in some)
        try:
            return call({**SHORT, "total_timeout": 150} if may_fail else PATIENT)
        except exception.AerospikeError as error:
            assert may_fail, f"no frozen node ever owned one of {some}: {error!r}"
            return error.partial

    def batch_written(self, some: list[int], writes: list[Write], got: Any) -> None:
        assert len(got) == len(some)
        may_fail = any(self.may_fail(key) for key in some)
        for i, key in enumerate(some):
            code = int(got.result_codes[i])
            if code == 0:
                assert not got.in_doubt[i]
                self.cells[key].wrote(writes[i])
            else:
                assert may_fail, f"key {key} was refused with code {code}"
                if got.in_doubt[i]:
                    self.cells[key].in_doubt(writes[i])

    @precondition(lambda self: self.client is not None)
    @rule(some=some_keys, value=values)
    def batch_write(self, some: list[int], value: int) -> None:
        some = [key for key in some if not self.cells[key].is_full]
        rows = [(self.key(key), {"v": value + key}) for key in some]
        got = self.batch(some, lambda policy: self.client.batch_write(rows, policy))
        self.batch_written(some, [putting(value + key) for key in some], got)

    @precondition(lambda self: self.client is not None)
    @rule(some=some_keys, value=values)
    def batch_write_numpy(self, some: list[int], value: int) -> None:
        some = [key for key in some if not self.cells[key].is_full]
        data = np.array([(key, value + key) for key in some], [("_key", "i8"), ("v", "i8")])
        got = self.batch(
            some,
            lambda policy: self.client.batch_write_numpy(data, "test", "stateful", policy=policy),
        )
        self.batch_written(some, [putting(value + key) for key in some], got)

    @precondition(lambda self: self.client is not None)
    @rule(some=st.lists(keys, max_size=12))
    def batch_read(self, some: list[int]) -> None:
        wanted = aerospike_np.Keys("test", "stateful", np.array(some, "i8"))
        got = self.batch(
            some, lambda policy: self.client.batch_read(wanted, None, policy, _dtype=DTYPE)
        )
        assert len(got) == len(some)
        may_fail = any(self.may_fail(key) for key in some)
        for i, key in enumerate(some):
            code = int(got.result_codes[i])
            if code == MISSING:
                self.cells[key].read(None)
            elif code == 0:
                row, mask = got.batch_records[i], got.mask[i]
                self.cells[key].read({b: int(row[b]) for b in "vn" if not mask[b]})
            else:
                assert may_fail, f"key {key} was refused with code {code}"

    @precondition(lambda self: self.client is not None and not self.nodes_in("frozen"))
    @rule()
    def truncate(self) -> None:
        deadline = time.monotonic() + 30
        while True:  # it goes to any one node, which may just have been killed
            try:
                self.client.truncate("test", "stateful", policy={"timeout": 30_000})
                break
            except exception.AerospikeConnectionError:
                assert self.nodes_in("killed") and time.monotonic() < deadline
        for cell in self.cells.values():
            cell.wrote(removing)


TestCluster = ClusterMachine.TestCase
TestCluster.settings = settings(
    max_examples=EXAMPLES or 80,
    stateful_step_count=50 if EXAMPLES else 25,
    derandomize=not EXAMPLES,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink what waits would take minutes
    print_blob=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
