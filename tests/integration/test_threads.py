"""Eight threads at once on one of each thing that threads share. With a GIL and without."""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numbered
import numpy as np
import pytest

from aerospike_np import Client, Keys, exception
from aerospike_np.local import LocalCluster, LocalNode

pytestmark = pytest.mark.needs_embedded("a node of its own")

THREADS = 8
ROUNDS = 20
N = 3000
DTYPE = [("a", "i8"), ("b", "S16")]


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


@pytest.fixture
def client(node: LocalNode) -> Iterator[Client]:
    rows = numbered.rows(N, ("b", "S16"))
    rows["b"] = rows["_key"].astype("S16")
    with node.client() as client:
        client.batch_write_numpy(rows, "test", "s")
        yield client


def together(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """What the work of each thread returns; they begin at one moment, and switch often."""
    gate = threading.Barrier(threads)

    def one(number: int) -> Any:
        gate.wait(60)
        return work(number)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return [future.result(120) for future in [pool.submit(one, i) for i in range(threads)]]
    finally:
        sys.setswitchinterval(interval)


def is_right(found: Any) -> bool:
    b = found.batch_records["b"]
    return numbered.is_right(found) and bool((b == np.arange(N).astype("S16")).all())


def test_the_gil_stays_off_where_there_is_none(client: Client) -> None:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("needs Python without a GIL: make test-free-threaded")
    assert is_right(client.batch_read(np.arange(N), _dtype=DTYPE, namespace="test", set_name="s"))
    asyncio.run(client.aio.get(("test", "s", 1)))
    assert not sys._is_gil_enabled()


def test_one_client_answers_each_thread_its_own(client: Client) -> None:
    def work(thread: int) -> int:
        for i in range(ROUNDS):
            key = ("test", "own", thread * ROUNDS + i)
            client.put(key, {"a": [thread, i], "b": {"t": thread}})
            assert client.get(key).bins == {"a": [thread, i], "b": {"t": thread}}
            assert client.exists(key).meta is not None
            keys = [("test", "own", thread * ROUNDS + k) for k in range(i + 1)]
            found = client.batch_read(keys)
            assert [r.record.bins["a"] for r in found.batch_records] == [
                [thread, k] for k in range(i + 1)
            ]
        return len(client.get_node_names())

    assert together(work) == [1] * THREADS


@pytest.mark.parametrize("kind", ["array", "packed", "tuples"])
def test_one_set_of_keys_is_read_by_all(client: Client, kind: str) -> None:
    keys: Any = {
        "array": lambda: Keys("test", "s", np.arange(N)),
        "packed": lambda: Keys("test", "s", list(range(N))),
        "tuples": lambda: [("test", "s", k) for k in range(N)],
    }[kind]()

    def work(_: int) -> bool:
        return all(is_right(client.batch_read(keys, _dtype=DTYPE)) for _ in range(ROUNDS))

    assert together(work) == [True] * THREADS


def test_one_result_is_asked_by_all(client: Client) -> None:
    for _ in range(ROUNDS):
        keys = [("test", "s", k) for k in range(200)]
        records, table = client.batch_read(keys), client.batch_read(keys, _dtype=DTYPE)

        def work(thread: int, records: Any = records, table: Any = table) -> Any:
            row = thread * 10
            assert records[row]["a"] == table.get(row)["a"] == row * 7 + 1
            assert records.to_numpy(DTYPE).batch_records.tolist() == table.batch_records.tolist()
            assert not table.mask["a"].any() and row in table and len(records) == 200
            return records.to_dict(), table.to_dict()

        first, *others = together(work)
        assert all(other == first for other in others)


def test_keys_and_policies_that_others_change_are_taken_whole_or_refused(client: Client) -> None:
    keys = [("test", "s", k) for k in range(N)]
    policy: dict[str, Any] = {"total_timeout": 60_000}
    bins: dict[str, Any] = {"a": 1, "m": {i: [i] for i in range(20)}, "raw": bytearray(b"x" * 100)}
    is_over = threading.Event()

    def change() -> None:
        i = 0
        while not is_over.is_set():
            i += 1
            keys.append(("test", "s", i % N))
            keys.pop()
            keys[i % N] = ("test", "s", i % N)
            policy["max_retries"] = i % 3
            policy.pop("max_retries")
            bins["m"][i % 40] = [i]
            bins["m"].pop((i + 20) % 40, None)
            bins["raw"] = bytearray(b"y" * (i % 100 + 1))

    def work(thread: int) -> int:
        refused = 0
        for i in range(ROUNDS):
            try:
                assert is_right(client.batch_read(keys[:N], _dtype=DTYPE, policy=policy))
                client.put(("test", "changed", thread), bins, policy=policy)
            except (RuntimeError, exception.InvalidArgError) as error:
                assert "change" in str(error) or "shorter" in str(error), (i, error)
                refused += 1
        return refused

    changer = threading.Thread(target=change)
    changer.start()
    try:
        together(work)
    finally:
        is_over.set()
        changer.join()


def test_connecting_and_closing_at_once_leaves_a_client_that_works(
    node: LocalNode, client: Client
) -> None:
    def work(thread: int) -> int:
        n = 0
        for _ in range(ROUNDS):
            try:
                if thread % 2:
                    client.connect()
                    n += client.get(("test", "s", 1)).bins["a"] == 8
                else:
                    client.close()
            except exception.ClientError:  # closed by another thread
                pass
        return n

    together(work)
    client.close()
    with pytest.raises(exception.ClientError, match="closed"):
        client.get(("test", "s", 1))
    client.connect()
    assert client.get(("test", "s", 1)).bins["a"] == 8


def test_threads_that_ask_for_the_other_face_get_one(client: Client) -> None:
    for _ in range(ROUNDS):
        fresh = Client(client._core.config)
        faces = together(lambda _, fresh=fresh: fresh.aio)
        assert all(face is faces[0] for face in faces) and faces[0].sync is fresh


def test_event_loops_of_eight_threads_share_one_client(client: Client) -> None:
    async def main(thread: int) -> bool:
        keys = np.arange(N)
        found = await asyncio.gather(
            *(
                client.aio.batch_read(keys, _dtype=DTYPE, namespace="test", set_name="s")
                for _ in range(4)
            )
        )
        await client.aio.put(("test", "loops", thread), {"a": thread})
        one = await client.aio.get(("test", "loops", thread))
        return all(map(is_right, found)) and one.bins == {"a": thread}

    for _ in range(3):
        assert together(lambda thread: asyncio.run(main(thread))) == [True] * THREADS


@pytest.mark.only_sync("a fork has no event loop")
def test_threads_of_a_fork_begin_anew_together(client: Client) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            answers = together(lambda _: client.get(("test", "s", 1)).bins["a"])
            os.write(writer, repr(answers).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        got = answers.read().decode()
    assert os.waitpid(child, 0)[1] == 0 and got == repr([8] * THREADS)
    assert client.get(("test", "s", 1)).bins["a"] == 8


def test_nodes_that_threads_add_at_once_bear_their_own_names() -> None:
    with LocalCluster(nodes=1) as cluster:
        added = together(lambda _: cluster.add_node())
        assert sorted(added) == list(range(1, THREADS + 1))
        assert [(node.index, node.name) for node in cluster.nodes] == [
            (i, f"A{i + 1:X}") for i in range(THREADS + 1)
        ]
