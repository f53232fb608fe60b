"""One of three nodes is behind a network that fails: its rows are told truly, and the others' are all there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fault_proxy import FaultProxies
from truth import IDS, SET, Truth, outcome, sockets, table
from until import until

import aerospike_np as aerospike
from aerospike_np.local import LocalCluster

from .test_faults import (
    CHECKS,
    DEEP,
    FAULTS,
    HARMLESS,
    LATE,
    LIMIT,
    TEND,
    TIMEOUT,
    WRITES,
    check_batch_read,
    check_get,
    works,
)

pytestmark = pytest.mark.needs_embedded("the embedded cluster")

NODES = 3
SHORT = [
    "latency",
    "latency beyond the timeout",
    "pause",
    "half-open",
    "refused and reset",
    "reset after 100,000 bytes",
    "closed at once",
    "silent after 10 bytes",
]


class ClusterTruth(Truth):
    """Three nodes, a client past all proxies, and which node is the master of each row."""

    def __init__(self) -> None:
        self.cluster = LocalCluster(nodes=NODES)
        self.client = self.cluster.client({"tend_interval": 600_000}).connect()
        self.client.batch_write_numpy(table(0), "test", SET).raise_for_status()
        self.values()
        self.version = 0
        self.connections = self.count()
        owners = self.cluster.owners()
        digests = (aerospike.calc_digest("test", SET, int(i)) for i in IDS)
        self.master = np.array([owners[(d[0] | d[1] << 8) & 0xFFF][0] for d in digests])

    def count(self) -> int:
        return sum(node.stats()["connections"] for node in self.cluster.nodes)

    def settle(self) -> None:
        until(lambda: self.count() <= self.connections, "all connections to end")

    def stop(self) -> None:
        self.client.close()
        self.cluster.stop()


@pytest.fixture(scope="module")
def truth() -> Iterator[ClusterTruth]:
    truth = ClusterTruth()
    yield truth
    truth.stop()


@pytest.fixture
def world(truth: ClusterTruth) -> Iterator[tuple[FaultProxies, Any]]:
    """A proxy before each node, and a client that has been told of one of them."""
    before = sockets()
    addresses = [(node.host, node.port) for node in truth.cluster.nodes]
    with FaultProxies(addresses, seed=4) as proxies:
        config = {**TEND, "hosts": [proxies[0].address], "max_error_rate": 0}
        with aerospike.client(config) as client:
            until(lambda: len(client.get_node_names()) == NODES, "all nodes to be known")
            until(lambda: client.health_check().is_healthy, "partitions with owners")
            yield proxies, client
    truth.settle()
    until(lambda: sockets() <= before, "all sockets to be closed")


def test_client_behind_proxies_never_goes_past_them(
    truth: ClusterTruth, world: tuple[FaultProxies, Any]
) -> None:
    proxies, client = world
    before = [proxy.down.bytes for proxy in proxies.proxies]
    check_batch_read(client, truth, {"total_timeout": 10_000})
    counts = [proxy.down.bytes - was for proxy, was in zip(proxies.proxies, before, strict=True)]
    rows = np.bincount(truth.master, minlength=NODES)
    assert all(count > 20 * n for count, n in zip(counts, rows, strict=True)), (counts, rows)
    assert set(client.get_nodes()) == {proxy.address for proxy in proxies.proxies}


@pytest.mark.parametrize("operation", CHECKS)
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("fault", FAULTS if DEEP else SHORT)
def test_fault_at_one_of_three_nodes_is_told_truly_and_heals(
    truth: ClusterTruth, world: tuple[FaultProxies, Any], fault: str, way: str, operation: str
) -> None:
    proxies, client = world
    check = CHECKS[operation]
    check(client, truth, {"total_timeout": 10_000})
    FAULTS[fault](proxies[1], getattr(proxies[1], way))
    timeout = 10_000 if fault in HARMLESS else TIMEOUT
    start = time.monotonic()
    done = check(client, truth, {"total_timeout": timeout})
    assert time.monotonic() - start < timeout / 1000 + LATE
    proxies.heal()
    until(
        lambda: works(client) and len(client.get_node_names()) == NODES,
        "a client that works after the heal",
    )
    if operation in WRITES:
        done = done()[1:] == (0, 0)
    assert done or fault not in HARMLESS


@pytest.mark.parametrize("slow", range(NODES))
@pytest.mark.parametrize("fault", ["latency beyond the timeout", "half-open", "pause"])
def test_rows_of_the_other_nodes_do_not_wait_for_a_slow_one(
    truth: ClusterTruth, world: tuple[FaultProxies, Any], fault: str, slow: int
) -> None:
    proxies, client = world
    expected = truth.values()
    FAULTS[fault](proxies[slow], proxies[slow].down)
    others = truth.master != slow

    def in_time(call: Callable[[Any], Any]) -> Any:
        """A busy machine needs more time for the rows of the others; those of the slow node never come."""
        for timeout in (TIMEOUT, 20 * TIMEOUT):
            policy = {"total_timeout": timeout, "max_retries": 0}
            result, error = outcome(lambda policy=policy: call(policy))
            if (result.result_codes[others] == 0).all():
                break
        return result, error

    result, error = in_time(
        lambda policy: client.batch_read(
            IDS, _dtype=[("a", "i8")], policy=policy, namespace="test", set_name=SET
        )
    )
    assert isinstance(error, aerospike.exception.AerospikeTimeoutError), error
    assert ((result.result_codes == 0) == others).all()
    assert (result.batch_records["a"][others] == expected[others]).all()
    version = truth.next_version()
    written, _ = in_time(
        lambda policy: client.batch_write_numpy(table(version), "test", SET, policy=policy)
    )
    assert (written.result_codes[others] == 0).all() and not written.in_doubt[others].any()
    assert (written.result_codes[~others] != 0).all()
    # The next call is no slower for the rows of the others, and finds what they acknowledged.
    read, error = outcome(
        lambda: client.batch_read(IDS[others], _dtype=[("a", "i8")], namespace="test", set_name=SET)
    )
    assert error is None and (read.batch_records["a"] == table(version)["a"][others]).all()
    proxies.heal()
    until(lambda: works(client), "a client that works after the heal")


def test_reads_of_a_node_that_resets_come_from_its_replicas(
    truth: ClusterTruth, world: tuple[FaultProxies, Any]
) -> None:
    proxies, client = world
    proxies[2].refuse()
    proxies[2].reset()
    policy = {"total_timeout": int(LIMIT * 1000), "max_retries": 5}
    assert check_batch_read(client, truth, policy)
    for _ in range(50):
        assert check_get(client, truth, policy)


def test_partition_of_two_nodes_from_the_client_leaves_the_third(
    truth: ClusterTruth, world: tuple[FaultProxies, Any]
) -> None:
    proxies, client = world
    for lost in (0, 2):
        proxies[lost].half_open()
    for timeout in (TIMEOUT, 20 * TIMEOUT):  # a busy machine needs more
        policy = {"total_timeout": timeout, "max_retries": 0}
        result, _ = outcome(
            lambda policy=policy: client.batch_read(
                IDS, _dtype=[("a", "i8")], policy=policy, namespace="test", set_name=SET
            )
        )
        arrived = bool((result.result_codes[truth.master == 1] == 0).all())
        if arrived:
            break
    assert arrived
    proxies.heal()
    until(lambda: works(client), "a client that works after the heal")
    assert check_batch_read(client, truth, {"total_timeout": 10_000})


def test_seed_behind_a_dead_proxy_is_passed_over(truth: ClusterTruth) -> None:
    addresses = [(node.host, node.port) for node in truth.cluster.nodes]
    with FaultProxies(addresses) as proxies:
        proxies[0].half_open()
        proxies[1].refuse()
        config = {**proxies.config(), **TEND, "connect_timeout": 200}
        with aerospike.client(config) as client:
            until(lambda: client.get_node_names() == ["A3"], "the one that answers")
            proxies.heal()
            until(lambda: len(client.get_node_names()) == NODES, "all nodes to be known")
            assert check_batch_read(client, truth, {"total_timeout": 10_000})
