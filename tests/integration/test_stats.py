"""get_stats, health_check and the private look at the partition map: one node, many, and none."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from until import until

import aerospike_np
from aerospike_np.exception import AerospikeError
from aerospike_np.local import LocalCluster, LocalNode
from aerospike_np.types import ClusterStats, ConnectionStats, Health

pytestmark = pytest.mark.needs_embedded("nodes of its own")
QUICK = {"tend_interval": 50}


def quick(cluster: LocalCluster, **more: Any) -> aerospike_np.Client:
    return cluster.client({**cluster.config(), **QUICK, **more})


def names(cluster: LocalCluster, *indexes: int) -> set[str]:
    return {cluster.nodes[i].name for i in indexes}


def owners(client: aerospike_np.Client, namespace: str = "test") -> list[tuple[str | None, ...]]:
    return client._core.partition_owners(namespace)


def test_a_client_that_is_not_connected_says_so_and_asks_nobody() -> None:
    client = aerospike_np.client({"hosts": [("127.0.0.1", 1)]})
    assert client.get_stats() == ClusterStats((), 0, 0, 0, 0.0, 0, 0)
    assert client.health_check() == Health(False, False, (), {}, ("the client is not connected",))


def test_connections_are_counted_where_they_are() -> None:
    with LocalNode() as node, aerospike_np.client(node.config()) as client:
        for i in range(10):
            client.put(("test", "demo", i), {"a": i})
        stats = client.get_stats()
        assert [(n.name, n.address, n.port) for n in stats.nodes] == [
            (client.get_node_names()[0], node.host, node.port)
        ]
        assert stats.nodes[0].conns == ConnectionStats(0, 1, 1, 0, 0)
        assert (stats.retry_count, stats.nodes_added, stats.nodes_removed) == (0, 1, 0)
        assert stats.tend_count >= 1
        assert stats.tend_failures == 0
        assert 0 < stats.last_tend_seconds < 60
        client.close()
        assert client.get_stats().nodes == ()
        assert client.health_check().messages == ("the client is not connected",)


def test_health_of_a_good_cluster_has_round_trips() -> None:
    with LocalCluster(nodes=3) as cluster, quick(cluster) as client:
        until(lambda: len(client.get_nodes()) == 3, "three nodes")
        assert set(client.get_nodes()) == {(n.host, n.port) for n in cluster.nodes}
        assert set(client.get_node_names()) == {n.name for n in cluster.nodes}
        until(lambda: all(n.round_trip for n in client.health_check().nodes), "round trips")
        health = client.health_check()
        assert health.is_healthy and health.is_connected
        assert health.partitions_without_owner == {}
        assert health.messages == ()
        for node in health.nodes:
            assert node.is_healthy and node.failures == 0
            assert node.round_trip is not None and 0 < node.round_trip < 60


def test_partition_owners_are_those_of_the_cluster() -> None:
    with LocalCluster(nodes=3, replication_factor=2) as cluster, quick(cluster) as client:
        expected = [tuple(cluster.nodes[i].name for i in row) for row in cluster.owners()]
        until(lambda: owners(client) == expected, "the cluster's own table")
        cluster.move_partitions(500, seed=1)
        moved = [tuple(cluster.nodes[i].name for i in row) for row in cluster.owners()]
        assert moved != expected
        until(lambda: [row[0] for row in owners(client)] == [row[0] for row in moved], "the move")
        with pytest.raises(aerospike_np.InvalidArgError, match="no namespace nowhere"):
            owners(client, "nowhere")
        with pytest.raises(TypeError):
            owners(client, 1)  # type: ignore[arg-type]


def test_a_killed_node_is_unhealthy_and_then_gone() -> None:
    with LocalCluster(nodes=3, replication_factor=2) as cluster, quick(cluster) as client:
        until(lambda: len(client.get_nodes()) == 3, "three nodes")
        cluster.kill(1)
        until(lambda: set(client.get_node_names()) == names(cluster, 0, 2), "two nodes")
        stats = client.get_stats()
        assert (stats.nodes_added, stats.nodes_removed) == (3, 1)
        until(lambda: client.get_stats().tend_failures >= 1, "the end of that round")
        until(lambda: client.health_check().is_healthy, "health")
        assert client.health_check().partitions_without_owner == {}
        cluster.restart(1)
        until(lambda: len(client.get_nodes()) == 3, "the third again")
        assert client.get_stats().nodes_added == 4


def test_a_frozen_node_is_unhealthy_until_it_thaws() -> None:
    with (
        LocalCluster(nodes=3, replication_factor=2) as cluster,
        quick(cluster, connect_timeout=100, fail_if_not_connected=False) as client,
    ):
        until(lambda: len(client.get_nodes()) == 3, "three nodes")
        until(lambda: client.health_check().is_healthy, "that all is well")
        cluster.freeze(0)

        def is_noticed() -> bool:
            """And of no other, but for a moment, where the machine stalls."""
            nonlocal health
            health = client.health_check()
            return {node.name for node in health.nodes if not node.is_healthy} == names(cluster, 0)

        health = client.health_check()
        until(is_noticed, "that it is noticed")
        assert not health.is_healthy
        assert [node.failures >= 1 for node in health.nodes if not node.is_healthy] == [True]
        assert any("has not answered well" in message for message in health.messages)
        cluster.thaw(0)
        until(lambda: client.health_check().is_healthy, "that all is well again")


def test_partitions_without_an_owner_are_counted_by_namespace() -> None:
    with (
        LocalCluster(nodes=3, replication_factor=1, namespaces=("test", "more")) as cluster,
        quick(cluster) as client,
    ):
        until(lambda: len(client.get_nodes()) == 3, "three nodes")
        lost = sum(row == (2,) for row in cluster.owners())
        assert lost > 0
        cluster.kill(2)
        until(lambda: client.health_check().partitions_without_owner, "the loss")
        until(lambda: len(client.get_nodes()) == 2, "two nodes")
        health = client.health_check()
        assert not health.is_healthy
        assert health.partitions_without_owner == {"test": lost, "more": lost}
        assert f"{lost} partitions of namespace test have no owner" in health.messages
        assert sum(row[0] is None for row in owners(client)) == lost


def test_retries_are_counted_once_a_command() -> None:
    with LocalCluster(nodes=3, replication_factor=2) as cluster, quick(cluster) as client:
        keys = [("test", "demo", i) for i in range(60)]
        for key in keys:
            client.put(key, {"a": 1})
        assert client.get_stats().retry_count == 0
        cluster.kill(1)
        for key in keys:
            assert client.get(key, {"total_timeout": 20_000, "max_retries": 20}).bins == {"a": 1}
        assert 1 <= client.get_stats().retry_count <= 60 * 20

        def without_retries() -> bool:
            before = client.get_stats().retry_count
            for key in keys:
                client.get(key, {"total_timeout": 20_000, "max_retries": 20})
            return client.get_stats().retry_count == before

        until(without_retries, "a map without the killed node")


def test_looking_is_safe_while_nodes_come_and_go() -> None:
    with LocalCluster(nodes=3, replication_factor=2) as cluster, quick(cluster) as client:
        stop = threading.Event()
        failures: list[BaseException] = []

        def look() -> None:
            try:
                while not stop.is_set():
                    client.get_stats()
                    client.health_check()
                    assert len(owners(client)) == 4096
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            cluster.kill(2)
            until(lambda: len(client.get_nodes()) == 2, "two nodes")
            cluster.restart(2)
            until(lambda: len(client.get_nodes()) == 3, "three nodes")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []


def test_without_a_node_connect_may_return_and_calls_work_once_there_is_one() -> None:
    with LocalCluster(nodes=1) as cluster:
        config = {**cluster.config(), **QUICK, "fail_if_not_connected": False}
        cluster.kill(0)
        client = aerospike_np.client(config).connect()
        assert not client.is_connected()
        health = client.health_check()
        assert (health.is_healthy, health.is_connected) == (False, False)
        assert health.messages == ("no node answers",)
        start = time.monotonic()
        with pytest.raises(AerospikeError):
            client.get(("test", "demo", 1), {"total_timeout": 200})
        assert time.monotonic() - start < 20
        cluster.restart(0)
        client.put(("test", "demo", 1), {"a": 1}, policy={"total_timeout": 20_000})
        assert client.is_connected()
        assert client.health_check().is_healthy
        client.close()


def test_the_preferred_rack_serves_the_reads() -> None:
    with LocalCluster(nodes=4, replication_factor=2, rack_ids=[1, 1, 2, 2]) as cluster:
        racked = {"rack_aware": True, "rack_ids": [2, 1]}
        policies = {"read": {"replica": aerospike_np.POLICY_REPLICA_PREFER_RACK}}
        with quick(cluster) as client:
            for i in range(50):
                client.put(("test", "demo", i), {"a": i})
        with quick(cluster, **racked, policies=policies) as client:
            until(lambda: len(client.get_nodes()) == 4, "four nodes")
            until(lambda: client.get_stats().tend_count > 2, "racks")
            for i in range(50):
                assert client.get(("test", "demo", i)).bins == {"a": i}
            opened = {n.name: n.conns.opened for n in client.get_stats().nodes}
            assert {name for name, n in opened.items() if n} == names(cluster, 2, 3)


@pytest.mark.parametrize("bad", [[], "12", 5, [1.5], ["a"], [-1], list(range(33))])
def test_rack_ids_that_cannot_be_are_refused(bad: Any) -> None:
    with pytest.raises(aerospike_np.InvalidArgError, match="rack_ids"):
        aerospike_np.client({"hosts": [("h", 1)], "rack_aware": True, "rack_ids": bad})


def test_the_least_number_of_connections_is_kept_and_the_interval_is_the_configured_one() -> None:
    with (
        LocalCluster(nodes=2) as cluster,
        quick(cluster, min_conns_per_node=3, max_conns_per_node=5) as client,
    ):
        until(lambda: [n.conns.in_pool for n in client.get_stats().nodes] == [3, 3], "three each")
        begin, start = client.get_stats().tend_count, time.monotonic()
        until(lambda: client.get_stats().tend_count >= begin + 10, "ten rounds")
        assert time.monotonic() - start >= 0.4
    with LocalCluster(nodes=1) as cluster, quick(cluster, tend_interval=100_000) as client:
        count = client.get_stats().tend_count
        time.sleep(0.3)
        assert client.get_stats().tend_count == count


def test_a_silent_host_costs_connect_timeout_and_no_more() -> None:
    with LocalCluster(nodes=1) as cluster:
        config = cluster.config()
        cluster.freeze(0)
        client = aerospike_np.client({**config, "connect_timeout": 200})
        start = time.monotonic()
        with pytest.raises(AerospikeError, match="no answer in time"):
            client.connect()
        assert 0.15 <= time.monotonic() - start < 20


def test_an_ipv6_host_is_found_by_its_literal() -> None:
    try:
        node = LocalNode(host="::1")
    except (OSError, AerospikeError) as error:
        pytest.skip(f"needs IPv6 on the loopback interface (sysctl net.ipv6.conf.lo): {error}")
    with node:
        for host in (("::1", node.port), f"[::1]:{node.port}"):
            with aerospike_np.client({"hosts": [host]}) as client:
                assert client.get_nodes() == [("::1", node.port)]
                client.put(("test", "demo", 1), {"a": 1})
                assert client.health_check().nodes[0].host == "::1"
                (name,) = client.get_node_names()
                assert client.info_single_node("node", ("::1", node.port)) == f"node\t{name}\n"


def test_errors_beyond_the_configured_rate_leave_a_node_alone() -> None:
    with (
        LocalCluster(nodes=1) as cluster,
        quick(cluster, max_error_rate=2, error_rate_window=60_000, tend_interval=100_000) as client,
    ):
        client.put(("test", "demo", 1), {"a": 1})
        cluster.freeze(0)
        seen: list[str] = []
        for _ in range(6):
            try:
                client.get(("test", "demo", 1), {"total_timeout": 50, "max_retries": 0})
            except AerospikeError as error:
                seen.append(type(error).__name__)
        assert seen[0] == "AerospikeTimeoutError"
        assert seen[-1] == "MaxErrorRateExceeded"
        stats = client.get_stats()
        assert stats.nodes[0].error_count == 3
        health = client.health_check()
        assert not health.is_healthy
        assert any("left alone after 3 errors" in message for message in health.messages)
        cluster.thaw(0)
