"""Other people's clients on three nodes: each finds any other's records, where the map says, also when nodes go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aerospike_np.local import LocalCluster

from .clients import EVERYONE, connect, our_digest
from .go_client import Go

pytestmark = pytest.mark.timeout(900)  # the first of them compiles the Go client
CLIENTS = [*EVERYONE, Go.name]
N = 60
LIMIT = 60


def open_client(name: str, cluster: LocalCluster, index: int = 0) -> Any:
    node = cluster.nodes[index]
    return Go(node.host, node.port) if name == Go.name else connect(name, node.host, node.port)


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(nodes=3, replication_factor=2) as c:
        yield c


@pytest.fixture
def client_of(cluster: LocalCluster) -> Iterator[Callable[[str], Any]]:
    """A client by name, with the first node as its only seed."""
    open_clients: dict[str, Any] = {}

    def find(name: str) -> Any:
        if name not in open_clients:
            open_clients[name] = open_client(name, cluster)
        return open_clients[name]

    yield find
    for client in open_clients.values():
        client.close()


def bins_of(writer: str, i: int) -> dict[str, Any]:
    return {"i": i * 1001, "s": f"{writer} ä {i}", "f": i + 0.5, "l": [i, "x", [i]], "m": {"k": i}}


def keys_of(writer: str) -> list[tuple[str, str, Any]]:
    """Integers and strings: what every client hashes alike."""
    return [("test", "three", i * 17 if i % 2 else f"{writer}-{i}") for i in range(N)]


def master_of(cluster: LocalCluster, key: Any) -> int:
    digest = our_digest(key)
    return cluster.owners()[int.from_bytes(digest[:2], "little") & 4095][0]


def until(what: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + LIMIT
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.05)


def proxied(cluster: LocalCluster) -> int:
    return sum(node.stats()["proxied"] for node in cluster.nodes)


def works(client: Any, keys: list[Any], bins: list[Any]) -> bool:
    """Reads and writes all of it without an error, one by one and as a batch."""
    try:
        for key, want in zip(keys, bins, strict=True):
            client.put(key, want)
            if client.get(key) != want:
                return False
        return bool(client.batch_read(keys) == bins)
    except Exception:
        return False  # a node has just gone, and it does not know yet


@pytest.mark.parametrize("reader", CLIENTS)
@pytest.mark.parametrize("writer", CLIENTS)
def test_a_key_of_any_client_is_found_by_any_other(
    writer: str, reader: str, client_of: Callable[[str], Any]
) -> None:
    keys, bins = keys_of(writer), [bins_of(writer, i) for i in range(N)]
    for key, want in zip(keys, bins, strict=True):
        client_of(writer).put(key, want)
    for key, want in zip(keys, bins, strict=True):
        assert client_of(reader).get(key) == want
    assert client_of(reader).batch_read(keys) == bins
    client_of(reader).remove(keys[0])
    assert client_of(writer).get(keys[0]) is None


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_asks_the_node_that_the_map_names(
    name: str, cluster: LocalCluster, client_of: Callable[[str], Any]
) -> None:
    client = client_of(name)
    keys, bins = keys_of(name), [bins_of(name, i) for i in range(N)]
    before = proxied(cluster)
    assert works(client, keys, bins)
    assert proxied(cluster) == before, "a node was asked for what is another's"
    for index, node in enumerate(cluster.nodes):
        mine = [key for key in keys if master_of(cluster, key) == index]
        assert len(mine) > 5
        rows = node.stats()["batch_rows"]
        others = [n.stats()["batch_rows"] for n in cluster.nodes if n is not node]
        assert None not in client.batch_read(mine)
        if node.stats()["batch_rows"] > rows:  # some send a few rows as single reads
            assert node.stats()["batch_rows"] == rows + len(mine)
        assert [n.stats()["batch_rows"] for n in cluster.nodes if n is not node] == others


def test_the_go_clients_map_names_the_same_nodes(
    cluster: LocalCluster, client_of: Callable[[str], Any]
) -> None:
    client = client_of(Go.name)
    names = [node.name for node in cluster.nodes]
    for i in range(500):
        for user_key in (i, f"key-{i}"):
            key = ("test", "map", user_key)
            assert client.node_of(key) == names[master_of(cluster, key)]
    assert sorted(client.ask("nodes")) == names


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_goes_on_when_nodes_go_come_and_move(
    name: str, cluster: LocalCluster, client_of: Callable[[str], Any]
) -> None:
    client = client_of(name)
    keys, bins = keys_of(name), [bins_of(name, i) for i in range(N)]
    assert works(client, keys, bins)

    def settled() -> bool:
        """All is right, and no node is asked for what is another's."""
        before = proxied(cluster)
        return works(client, keys, bins) and proxied(cluster) == before

    cluster.kill(2)
    until(settled, "after a node was killed")
    cluster.restart(2)
    until(settled, "after it came back")
    cluster.move_partitions()
    until(settled, "after all partitions moved")
    index = cluster.add_node()
    added = cluster.nodes[index]
    until(
        lambda: settled() and added.stats()["batch_rows"] + added.stats()["requests"] > 20,
        "after one joined",
    )
    ours = open_client("aerospike_np", cluster, added.index)
    try:
        assert ours.batch_read(keys) == bins
    finally:
        ours.close()
