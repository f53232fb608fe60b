"""Embedded clusters: what their nodes say, how they fail, and that nothing acknowledged is lost by it."""

from __future__ import annotations

import base64
import contextlib
import pickle
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numbered
import numpy as np
import pytest
from numbered import is_right
from until import until

import aerospike_np
from aerospike_np import exception
from aerospike_np.local import ClusterNode, LocalCluster, LocalNode

pytestmark = pytest.mark.needs_embedded("the embedded cluster")

N = 5000
PARTITIONS = 4096


# ---- asking a node without a client ----


def ask(node: Any, *commands: str) -> list[str]:
    """The answers to info commands, over a connection of its own."""
    with socket.create_connection((node.host, node.port), timeout=20) as s:
        return ask_on(s, *commands)


def ask_on(s: socket.socket, *commands: str) -> list[str]:
    body = "".join(f"{command}\n" for command in commands).encode()
    s.sendall(struct.pack(">Q", 2 << 56 | 1 << 48 | len(body)) + body)
    size = struct.unpack(">Q", receive(s, 8))[0] & (1 << 48) - 1
    lines = receive(s, size).decode().removesuffix("\n").split("\n")
    assert [line.partition("\t")[0] for line in lines] == list(commands)
    return [line.partition("\t")[2] for line in lines]


def receive(s: socket.socket, n: int) -> bytes:
    got = b""
    while len(got) < n:
        part = s.recv(n - len(got))
        if not part:
            raise EOFError("closed")
        got += part
    return got


def bits(text: str) -> set[int]:
    raw = base64.b64decode(text, validate=True)
    assert len(raw) == PARTITIONS // 8
    return {p for p in range(PARTITIONS) if raw[p >> 3] & 0x80 >> (p & 7)}


def claims(node: Any) -> list[set[int]]:
    """What a node says it owns: a set of partitions for each replica."""
    (answer,) = ask(node, "replicas")
    name, _, rest = answer.partition(":")
    regime, count, *bitmaps = rest.split(",")
    assert (name, regime, int(count)) == ("test", "0", len(bitmaps))
    return [bits(b) for b in bitmaps]


def peers(node: Any) -> tuple[int, dict[str, str]]:
    (answer,) = ask(node, "peers-clear-std")
    generation, port, rest = answer.split(",", 2)
    assert port == "3000"
    assert re.fullmatch(r"\[(\[\w+,,\[[^]]+\]\](,|(?=\])))*\]", rest), answer
    return int(generation), dict(re.findall(r"\[(\w+),,\[([^]]+)\]\]", rest))


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(nodes=3) as c:
        yield c


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[aerospike_np.Client]:
    with cluster.client({"tend_interval": 50}) as c:
        yield c


def read(client: aerospike_np.Client, n: int = N, **policy: Any) -> Any:
    return numbered.read(client, n, policy=policy or None)


# ---- what the nodes say ----


def test_nodes_claim_each_partition_once_as_master_and_once_as_replica(
    cluster: LocalCluster,
) -> None:
    said = [claims(node) for node in cluster.nodes]
    for k in range(2):
        assert sum(len(c[k]) for c in said) == PARTITIONS
        assert set().union(*(c[k] for c in said)) == set(range(PARTITIONS))
        assert all(1100 < len(c[k]) < 1650 for c in said)
    owners = cluster.owners()
    assert len(owners) == PARTITIONS
    for i, c in enumerate(said):
        assert c[0] == {p for p, o in enumerate(owners) if o[0] == i}
        assert c[1] == {p for p, o in enumerate(owners) if o[1] == i}


def test_nodes_tell_of_their_peers_and_not_of_themselves(cluster: LocalCluster) -> None:
    for node in cluster.nodes:
        others = {n.name: f"{n.host}:{n.port}" for n in cluster.nodes if n is not node}
        generation, told = peers(node)
        assert told == others
        assert ask(node, "peers-generation", "node", "service-clear-std") == [
            str(generation), node.name, f"{node.host}:{node.port}",
        ]  # fmt: skip
    assert peers(cluster.nodes[0])[0] == 2


def test_other_commands_know_how_many_nodes_there_are(cluster: LocalCluster) -> None:
    node = cluster.nodes[1]
    stable, wrong, space, statistics = ask(
        node, "cluster-stable:size=3", "cluster-stable:size=1", "namespace/test", "statistics"
    )
    assert re.fullmatch("[0-9A-F]{12}", stable)
    assert wrong.startswith("ERROR:7:")
    assert "ns_cluster_size=3;effective_replication_factor=2;" in space
    assert "cluster_size=3;" in statistics
    assert ask(cluster.nodes[2], "cluster-stable:") == [stable]
    assert ask(node, "replicas:max=1")[0].startswith("test:0,1,")
    assert ask(node, "replicas:max=1")[0].count(",") == 2
    others = [f"{n.host}:{n.port}" for n in cluster.nodes if n is not node]
    assert ask(node, "services", "peers-clear-alt") == [
        ";".join(others),
        f"{peers(node)[0]},3000,[]",
    ]
    assert ask(node, "replicas-master")[0] == "test:" + ask(node, "replicas")[0].split(",")[2]
    cluster.kill(0)
    assert ask(node, "cluster-stable:size=2") != [stable]


def test_each_node_counts_its_own_share_of_the_records(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    masters, objects, in_set = 0, 0, 0
    for node in cluster.nodes:
        space, sets = ask(node, "namespace/test", "sets/test/s")
        found = dict(pair.split("=") for pair in space.split(";"))
        masters += int(found["master_objects"])
        objects += int(found["objects"])
        assert int(found["objects"]) == int(found["master_objects"]) + int(found["prole_objects"])
        in_set += int(re.findall(r"objects=(\d+)", sets)[0])
    assert (masters, objects, in_set) == (N, 2 * N, 2 * N)


def test_a_lone_node_says_what_it_always_said() -> None:
    with LocalNode() as node:
        assert ask(node, "peers-clear-std", "peers-generation", "partition-generation", "rack-ids") == [
            "0,3000,[]", "0", "1", "ERROR:25:enterprise only",
        ]  # fmt: skip
        assert claims(node) == [set(range(PARTITIONS))]


def test_racks_are_told_and_replicas_are_apart() -> None:
    racks = [1, 1, 2, 2]
    with LocalCluster(4, 2, racks) as cluster:
        assert [node.rack_id for node in cluster.nodes] == racks
        assert [ask(node, "rack-ids")[0] for node in cluster.nodes] == [f"test:{r}" for r in racks]
        assert all(racks[a] != racks[b] for a, b in cluster.owners())
    with LocalCluster(1) as cluster:
        assert cluster.nodes[0].rack_id is None


# ---- what they serve ----


def test_the_client_asks_each_node_for_its_own(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    assert (client.batch_write_numpy(numbered.rows(N), "test", "s").result_codes == 0).all()
    assert is_right(read(client))
    stats = [node.stats() for node in cluster.nodes]
    assert [s["proxied"] for s in stats] == [0, 0, 0]
    assert sum(s["batch_rows"] for s in stats) == 2 * N
    assert all(s["batch_rows"] > N // 3 for s in stats)


def test_a_node_that_is_not_the_right_one_serves_all_the_same(cluster: LocalCluster) -> None:
    """A client that believes the first node to own everything."""
    with cluster.client() as client:
        client.batch_write_numpy(numbered.rows(N), "test", "s")
    cluster.kill(1)
    cluster.kill(2)
    with cluster.client({"tend_interval": 60_000}) as stale:
        assert is_right(read(stale))
        cluster.restart(1)
        cluster.restart(2)
        stale.put(("test", "s", 3), {"a": 22})
        assert is_right(read(stale))
        assert stale.increment(("test", "s", 3), "a", 1) is None
        stale.remove(("test", "s", 4))
        assert cluster.nodes[0].stats()["proxied"] > 0
        assert [cluster.nodes[i].stats()["requests"] for i in (1, 2)] == [0, 0]
    with cluster.client() as client:
        assert client.get(("test", "s", 3)).bins == {"a": 23}
        with pytest.raises(exception.RecordNotFound):
            client.get(("test", "s", 4))


# ---- how they fail ----


def test_killed_node_resets_and_its_replicas_take_over(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    victim = cluster.nodes[0]
    before = cluster.owners()
    with socket.create_connection((victim.host, victim.port), timeout=20) as s:
        ask_on(s, "node")
        cluster.kill(0)
        with pytest.raises(ConnectionResetError):
            s.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((victim.host, victim.port), timeout=20)
    assert victim.state == "killed"
    for old, new in zip(before, cluster.owners(), strict=True):
        assert 0 not in new
        assert len(new) == 2
        assert new[0] == (old[0] if old[0] != 0 else old[1])
    assert set(peers(cluster.nodes[1])[1]) == {"A3"}
    assert is_right(read(client))
    until(lambda: len(client.get_node_names()) == 2)
    assert (client.batch_write_numpy(numbered.rows(N), "test", "s").result_codes == 0).all()
    assert cluster.config() == {"hosts": [(n.host, n.port) for n in cluster.nodes[1:]]}


def test_without_replicas_a_killed_node_takes_its_records_along() -> None:
    with (
        LocalCluster(2, replication_factor=1) as cluster,
        cluster.client({"tend_interval": 50}) as client,
    ):
        client.batch_write_numpy(numbered.rows(N), "test", "s")
        cluster.kill(0)
        gone = {p for p, o in enumerate(cluster.owners()) if not o}
        assert 1500 < len(gone) < 2600
        assert claims(cluster.nodes[1]) == [set(range(PARTITIONS)) - gone]
        until(lambda: len(client.get_node_names()) == 1)
        with pytest.raises(exception.AerospikeError) as caught:
            read(client, total_timeout=60_000)
        codes = caught.value.partial.result_codes
        n_lost = int((codes != 0).sum())
        assert N // 3 < n_lost < N * 2 // 3
        assert set(codes[codes != 0].tolist()) == {-8}
        cluster.restart(0)
        until(lambda: len(client.get_node_names()) == 2)
        until(lambda: set(read(client).result_codes.tolist()) == {0, 2})
        assert int((read(client).result_codes == 2).sum()) == n_lost
        assert (client.batch_write_numpy(numbered.rows(N), "test", "s").result_codes == 0).all()
        assert is_right(read(client))


def test_frozen_node_takes_connections_and_answers_nothing(cluster: LocalCluster) -> None:
    node = cluster.nodes[2]
    with socket.create_connection((node.host, node.port), timeout=20) as old:
        ask_on(old, "node")
        cluster.freeze(2)
        served = node.stats()["requests"]
        with socket.create_connection((node.host, node.port), timeout=20) as new:
            request = struct.pack(">Q", 2 << 56 | 1 << 48 | 5) + b"node\n"
            for s in (old, new):
                s.sendall(request)
                s.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    s.recv(1)
            assert node.state == "frozen"
            assert node.stats()["requests"] == served
            assert "A3" in peers(cluster.nodes[0])[1]
            assert any(o[0] == 2 for o in cluster.owners())
            cluster.thaw(2)
            for s in (old, new):
                s.settimeout(20)
                assert receive(s, 16)[8:] == b"node\tA3\n"


def test_rows_of_a_frozen_node_come_from_the_replicas_in_time(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    cluster.freeze(1)
    patient = {"total_timeout": 60_000, "socket_timeout": 100, "max_retries": 100}
    assert is_right(read(client, **patient))
    key = next(k for k in range(N) if all_right_after_freeze(cluster, client, k))
    assert client.get(("test", "s", key), patient).bins == {"a": key * 7 + 1}
    for ms in (200, 2000, 20_000):
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            client.put(("test", "s", key), {"a": 0}, policy={"total_timeout": ms})
        if caught.value.in_doubt:  # it was sent before its time was over
            break
    assert caught.value.in_doubt
    cluster.thaw(1)
    assert (client.batch_write_numpy(numbered.rows(N), "test", "s").result_codes == 0).all()


def all_right_after_freeze(cluster: LocalCluster, client: aerospike_np.Client, key: int) -> bool:
    """Is the key's master the second node?"""
    digest = aerospike_np.calc_digest("test", "s", key)
    return cluster.owners()[int.from_bytes(digest[:2], "little") & 4095][0] == 1


def test_what_is_proxied_to_a_frozen_node_waits_for_it(cluster: LocalCluster) -> None:
    """A client that sees one node only; the other one is frozen when its partitions are asked for."""
    cluster.kill(2)
    cluster.kill(1)
    patient = {"total_timeout": 60_000}
    with cluster.client({"tend_interval": 60_000}) as stale, ThreadPoolExecutor(1) as pool:
        rows = numbered.rows(N)
        stale.batch_write_numpy(rows, "test", "s")
        cluster.restart(1)
        cluster.move_partitions(to=1)
        cluster.freeze(1)
        # Reads are any replica's; writes are the master's: time-out, and in doubt.
        assert is_right(read(stale))
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            stale.put(("test", "s", 0), {"a": 5}, policy=patient)
        assert caught.value.code == 9
        assert caught.value.in_doubt
        assert caught.value.node == "A1"
        written = stale.batch_write_numpy(rows[:300], "test", "s", policy=patient)
        assert set(written.result_codes.tolist()) == {9}
        assert written.in_doubt.all()

        for _ in range(10):  # it waits for a second: enough, unless the machine stalls
            before = cluster.nodes[0].stats()["requests"]
            write = pool.submit(stale.batch_write_numpy, rows[:300], "test", "s", policy=patient)
            until(lambda before=before: cluster.nodes[0].stats()["requests"] > before)
            cluster.thaw(1)
            if (write.result(60).result_codes == 0).all():
                break
            cluster.freeze(1)
        assert (write.result().result_codes == 0).all()
        assert is_right(read(stale))


def test_peer_that_hangs_up_while_it_waits_is_forgotten(cluster: LocalCluster) -> None:
    cluster.kill(2)
    cluster.kill(1)
    with cluster.client({"tend_interval": 60_000}) as stale:
        stale.put(("test", "s", 0), {"a": 1})
        cluster.restart(1)
        cluster.move_partitions(to=1)
        cluster.freeze(1)
        with pytest.raises(exception.AerospikeTimeoutError):
            stale.put(("test", "s", 0), {"a": 2}, policy={"total_timeout": 50})
    node = cluster.nodes[0]
    until(lambda: node.stats()["connections"] == 0)


def test_moved_partitions_are_followed(cluster: LocalCluster, client: aerospike_np.Client) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    before = cluster.owners()
    assert cluster.move_partitions(100, seed=7) == 100
    changed = [p for p in range(PARTITIONS) if before[p] != cluster.owners()[p]]
    assert len(changed) == 100
    assert cluster.move_partitions(changed, to=0) == sum(
        cluster_owner != 0
        for cluster_owner in (before[p][0] + 1 for p in changed)
        if cluster_owner % 3
    )
    assert all(cluster.owners()[p][0] == 0 for p in changed)
    assert cluster.move_partitions() == PARTITIONS
    assert is_right(read(client))

    def is_followed() -> bool:
        proxied = sum(node.stats()["proxied"] for node in cluster.nodes)
        assert (client.batch_write_numpy(numbered.rows(N), "test", "s").result_codes == 0).all()
        return sum(node.stats()["proxied"] for node in cluster.nodes) == proxied

    until(is_followed)
    assert is_right(read(client))


def test_nodes_come_back_and_join(cluster: LocalCluster, client: aerospike_np.Client) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    port = cluster.nodes[1].port
    before = cluster.owners()
    cluster.kill(1)
    until(lambda: sorted(client.get_node_names()) == ["A1", "A3"])
    cluster.restart(1)
    assert cluster.nodes[1].port == port
    assert cluster.owners() == before
    until(lambda: sorted(client.get_node_names()) == ["A1", "A2", "A3"])
    assert is_right(read(client))
    assert cluster.add_node() == 3
    assert [n.name for n in cluster.nodes] == ["A1", "A2", "A3", "A4"]
    until(lambda: len(client.get_node_names()) == 4)
    until(lambda: read(client) is not None and cluster.nodes[3].stats()["batch_rows"] > 0)
    assert is_right(read(client))


def test_port_of_a_killed_node_is_kept_for_it(cluster: LocalCluster) -> None:
    port = cluster.nodes[1].port
    for _ in range(2):
        cluster.kill(1)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=20)
        cluster.restart(1)
        assert ask(cluster.nodes[1], "node") == ["A2"]


def test_node_comes_back_at_another_port(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    old = cluster.nodes[0].port
    with socket.create_server(("127.0.0.1", 0)):
        cluster.kill(0)
        cluster.restart(0, port=0)
        assert (cluster.nodes[0].port, cluster.nodes[0].state) != (old, "killed")
        until(lambda: read(client) is not None and cluster.nodes[0].stats()["batch_rows"] > 0)
        assert is_right(read(client))
    new = cluster.nodes[0]
    assert peers(cluster.nodes[1])[1]["A1"] == f"{new.host}:{new.port}"


def test_one_survivor_has_everything(cluster: LocalCluster, client: aerospike_np.Client) -> None:
    client.batch_write_numpy(numbered.rows(N), "test", "s")
    cluster.kill(0)
    cluster.kill(2)
    assert claims(cluster.nodes[1]) == [set(range(PARTITIONS))]
    until(lambda: client.get_node_names() == ["A2"])
    assert is_right(read(client))


def test_kill_in_the_middle_of_reading_costs_no_row(
    cluster: LocalCluster, client: aerospike_np.Client
) -> None:
    n = 60_000
    client.batch_write_numpy(numbered.rows(n), "test", "s")
    before = sum(node.stats()["batch_rows"] for node in cluster.nodes)

    def kill() -> None:
        until(lambda: sum(x.stats()["batch_rows"] for x in cluster.nodes) > before + n // 3)
        cluster.kill(1)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        assert is_right(read(client, n))
    finally:
        thread.join()
    assert is_right(read(client, n))


def test_info_for_any_node_passes_over_a_dead_one(cluster: LocalCluster) -> None:
    with cluster.client({"tend_interval": 60_000}) as client:
        cluster.kill(1)
        for _ in range(30):
            assert client.ping()
            assert client.info_random_node("status") == "status\tok\n"
        client.truncate("test", "s")
        cluster.kill(0)
        cluster.kill(2)
        assert not client.ping()
        with pytest.raises(exception.AerospikeError, match="connect|no node"):
            client.truncate("test", "s")


# ---- the objects ----


def test_wrong_requests_are_refused_by_name(cluster: LocalCluster) -> None:
    for call, text in [
        (lambda: cluster.kill(3), "no node 3: the cluster has nodes 0 to 2"),
        (lambda: cluster.kill(-1), "no node -1"),
        (lambda: cluster.thaw(0), r"node 0 \(A1\) is running"),
        (lambda: cluster.restart(1), r"node 1 \(A2\) is running"),
        (lambda: cluster.move_partitions([4096]), "from 0 to 4095"),
        (lambda: cluster.move_partitions(5000), "from 0 to 4096"),
        (lambda: cluster.move_partitions(to=9), "no node 9"),
        (lambda: LocalCluster(0), "nodes must be an integer from 1 to 64"),
        (lambda: LocalCluster(2, 9), "replication_factor must be an integer from 1 to 8"),
        (lambda: LocalCluster(3, rack_ids=[1]), "1 racks for 3 nodes"),
        (lambda: LocalCluster(1, rack_ids=[-1]), "rack_id must be an integer from 0"),
    ]:
        with pytest.raises(exception.InvalidArgError, match=text):
            call()
    cluster.kill(0)
    with pytest.raises(exception.InvalidArgError, match="is killed"):
        cluster.freeze(0)
    with pytest.raises(exception.InvalidArgError, match="is killed"):
        cluster.move_partitions(to=0)


def test_frozen_nodes_can_be_killed_and_stopped() -> None:
    with LocalCluster(2) as cluster:
        cluster.freeze(0)
        cluster.kill(0)
        cluster.restart(0)
        assert cluster.nodes[0].state == "running"
        assert ask(cluster.nodes[0], "node") == ["A1"]
        cluster.freeze(1)
    cluster.stop()
    assert repr(cluster) == "<LocalCluster, stopped>"
    with pytest.raises(exception.AerospikeError, match="stopped"):
        cluster.kill(0)
    with pytest.raises(exception.AerospikeError, match="stopped"):
        cluster.nodes[0].stats()


def test_a_lone_node_can_be_frozen() -> None:
    with LocalNode() as node, node.client() as client:
        client.put(("test", "s", 1), {"a": 1})
        node.freeze()
        with pytest.raises(exception.AerospikeTimeoutError):
            client.get(("test", "s", 1), {"total_timeout": 100})
        node.thaw()
        assert client.get(("test", "s", 1)).bins == {"a": 1}


def test_clusters_do_not_travel(cluster: LocalCluster) -> None:
    for thing in (cluster, cluster.nodes[0]):
        with pytest.raises(TypeError, match="config"):
            pickle.dumps(thing)
    node = cluster.nodes[1]
    assert isinstance(node, ClusterNode)
    assert node.config() == {"hosts": [(node.host, node.port)]}
    assert repr(node) == f"<ClusterNode 1: A2 on 127.0.0.1:{node.port}, running>"


def test_freezing_and_killing_from_many_threads_is_safe() -> None:
    with LocalCluster(4) as cluster:
        stop = time.monotonic() + 1

        def play(i: int) -> None:
            rng = np.random.default_rng(i)
            while time.monotonic() < stop:
                name = rng.choice(["kill", "restart", "freeze", "thaw"])
                with contextlib.suppress(exception.InvalidArgError):  # another thread was first
                    getattr(cluster, name)(int(rng.integers(4)))
                cluster.move_partitions(50, seed=int(rng.integers(1000)))
                repr(cluster)

        threads = [threading.Thread(target=play, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
            assert not t.is_alive()


def test_serve_takes_several_nodes() -> None:
    command = [sys.executable, "-m", "aerospike_np", "serve", "--port", "0", "--nodes", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            hosts = re.findall(r"([\d.]+):(\d+)", process.stdout.readline())
            assert len(hosts) == 3
            with aerospike_np.client({"hosts": [(hosts[0][0], int(hosts[0][1]))]}) as client:
                assert sorted(client.get_node_names()) == ["A1", "A2", "A3"]
                client.batch_write_numpy(numbered.rows(N), "test", "s")
                assert is_right(read(client))
        finally:
            process.terminate()
            assert process.wait(60) == 0
