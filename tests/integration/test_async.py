"""The asyncio client: calls, cancellation, time-outs, several event loops, and the other face."""

from __future__ import annotations

import asyncio
import gc
import pickle
import random
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import numbered
import numpy as np
import pytest
from event_loops import NewLoop, run, until
from numbered import DTYPE, is_right, value
from until import NO_TENDING, in_use, unread

from aerospike_np import AsyncClient, Client, exception
from aerospike_np.helpers.batch.records import BatchRecords, Read, Write
from aerospike_np.helpers.operations import operations
from aerospike_np.local import LocalCluster, LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 20_000


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


def read(client: Any, keys: Any = N, **more: Any) -> Any:
    return numbered.read(client, keys, **more)


# ---- one call ----


def test_client_connects_with_async_with_with_connect_or_with_the_first_call(
    node: LocalNode,
) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as one:
            assert one.is_connected()
        assert not one.is_connected()
        two = AsyncClient(node.config())
        assert not two.is_connected()
        assert is_right(await read(two))
        assert two.get_node_names() == [node.name]
        await two.close()
        await two.close()
        with pytest.raises(exception.ClientError, match="closed"):
            await two.get(("test", "s", 1))
        assert await two.connect() is two
        assert (await two.get(("test", "s", 1))).bins == {"a": 8}
        await two.close()

    run(main)


def test_nobody_there_is_a_cluster_error() -> None:
    async def main() -> None:
        client = AsyncClient({"hosts": [("127.0.0.1", 1)]})
        with pytest.raises(exception.ClusterError, match="127.0.0.1:1"):
            await client.connect()

    run(main)


def test_errors_of_server_arguments_and_keys_are_raised_where_it_is_awaited(
    node: LocalNode,
) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            with pytest.raises(exception.RecordNotFound) as caught:
                await client.get(("test", "s", -1))
            assert caught.value.code == 2
            with pytest.raises(exception.InvalidArgError, match="total_timout"):
                await client.get(("test", "s", 1), {"total_timout": 1})
            with pytest.raises(TypeError):
                await client.batch_read([("test", "s", object())], _dtype=DTYPE)
            keys = [("test", "s", i) for i in range(40_000)]
            keys[39_999] = ("test", "s", 1.5)  # type: ignore[assignment]
            with pytest.raises((TypeError, exception.InvalidArgError), match="39999"):
                await client.batch_read(keys, _dtype=DTYPE)
            assert is_right(await read(client))

    run(main)


def test_many_at_once_are_all_right(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            got = await asyncio.gather(*(client.get(("test", "s", i)) for i in range(2000)))
            assert [r.bins["a"] for r in got] == [value(i) for i in range(2000)]
            batches = await asyncio.gather(*(read(client) for _ in range(8)))
            assert all(map(is_right, batches))
            keys = [("test", "s", i) for i in range(N)]
            assert is_right(await client.batch_read(keys, _dtype=DTYPE))

    run(main, new_loop)


def test_progress_counts_and_its_failure_ends_the_call(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            seen: list[tuple[int, int]] = []
            assert is_right(await read(client, progress=lambda a, b: seen.append((a, b))))
            assert seen[-1] == (N, N)

            def fail(done: int, total: int) -> None:
                raise KeyError("enough")

            with pytest.raises(KeyError) as caught:
                await read(client, progress=fail)
            assert len(caught.value.partial) == N  # type: ignore[attr-defined]
            assert is_right(await read(client))

    run(main, new_loop)


# ---- cancellation and time-outs ----


def test_cancelled_at_any_moment_leaves_nothing_behind(node: LocalNode, new_loop: NewLoop) -> None:
    """Values are a function of the key: a reply that went to the wrong call would be seen."""
    seed = random.randrange(2**32)
    rng = random.Random(seed)

    async def main() -> None:
        async with AsyncClient({**node.config(), "max_conns_per_node": 4}) as client:
            for _ in range(150):
                first = rng.randrange(N - 2000)
                keys = np.arange(first, first + 2000)
                what = rng.choice(["batch", "get", "list"])
                work: Coroutine[Any, Any, Any] = (
                    client.get(("test", "s", first))
                    if what == "get"
                    else read(client, keys)
                    if what == "batch"
                    else client.batch_read([("test", "s", int(k)) for k in keys], _dtype=DTYPE)
                )
                task = asyncio.ensure_future(work)
                await asyncio.sleep(rng.random() * 0.002)
                task.cancel()
                try:
                    got = await task
                except asyncio.CancelledError as error:
                    got = getattr(error, "partial", None)
                if what != "get" and got is not None:
                    found = got.result_codes == 0
                    assert set(got.result_codes.tolist()) <= {0, -5}
                    assert (got.batch_records["a"][found] == value(keys)[found]).all(), seed
                elif got is not None:
                    assert got.bins == {"a": value(first)}, seed
            assert is_right(await read(client))
            assert in_use(client) == 0

    run(main, new_loop)


def test_cancelled_write_says_row_by_row_what_it_did(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient({**node.config(), **NO_TENDING}) as client:
            node.freeze()
            rows = numbered.rows(12_000)
            rows["a"] = -1
            task = asyncio.ensure_future(
                client.batch_write_numpy(rows, "test", "w", policy={"total_timeout": 60_000})
            )
            await until(lambda: unread(node))
            task.cancel()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            result = caught.value.partial  # type: ignore[attr-defined]
            node.thaw()
            assert len(result.result_codes) == 12_000
            assert (result.result_codes != 0).all()
            assert result.in_doubt.any()
            refused = np.flatnonzero(~result.in_doubt)
            there = await client.batch_read(refused, _dtype=DTYPE, namespace="test", set_name="w")
            assert (there.result_codes == 2).all(), "a row that was refused was applied"

    run(main, new_loop)


def test_cancelled_batches_of_operations_say_row_by_row_what_they_did(
    node: LocalNode, new_loop: NewLoop
) -> None:
    keys = [("test", "w", i) for i in range(6)]
    ops = [operations.increment("a", 1), operations.read("a")]
    batch = BatchRecords([Write(key, ops) for key in keys[:3]] + [Read(keys[3], ops[1:])])
    policy = {"total_timeout": 60_000}
    calls: list[Callable[[AsyncClient], Any]] = [
        lambda c: c.batch_operate(keys, ops, policy),
        lambda c: c.batch_operate(keys, ops, policy, _dtype=[("a", "i8")]),
        lambda c: c.batch_operate(keys, ops[1:], policy),
        lambda c: c.batch_apply(keys, "m", "f", [], policy),
        lambda c: c.batch_write(batch, policy),
    ]

    async def main() -> None:
        async with AsyncClient({**node.config(), **NO_TENDING}) as client:
            node.freeze()
            try:
                for call in calls:
                    before = unread(node)
                    task = asyncio.ensure_future(call(client))
                    await until(lambda before=before: unread(node) > before)  # type: ignore[misc]
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError) as caught:
                        await task
                    partial = caught.value.partial  # type: ignore[attr-defined]
                    if partial is batch:
                        doubts = [row.in_doubt for row in batch.batch_records]
                        assert doubts == [True, True, True, False]
                        assert all(row.result < 0 for row in batch.batch_records)
                        continue
                    assert (partial.result_codes != 0).all() and len(partial) == 6
                    assert partial.in_doubt.tolist() == [call is not calls[2]] * 6
            finally:
                node.thaw()

    run(main, new_loop)


def test_cancelled_write_of_one_record_says_whether_it_is_in_doubt(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def main() -> None:
        config = {**node.config(), **NO_TENDING, "max_concurrent_operations": 1}
        async with AsyncClient(config) as client:
            await client.put(("test", "w", 1), {"a": 1})
            node.freeze()
            sent, waits, read = (
                asyncio.ensure_future(work)
                for work in (
                    client.put(("test", "w", 1), {"a": 2}, None, {"total_timeout": 60_000}),
                    client.put(("test", "w", 2), {"a": 2}),
                    client.get(("test", "w", 1)),
                )
            )
            await until(lambda: unread(node))
            errors = []
            for task in (waits, read, sent):
                task.cancel()
                with pytest.raises(asyncio.CancelledError) as caught:
                    await task
                errors.append(caught.value)
            assert [error.in_doubt for error in errors] == [False, False, True]  # type: ignore[attr-defined]
            node.thaw()
            assert (await client.exists(("test", "w", 2))).meta is None

    run(main, new_loop)


def test_time_out_of_asyncio_has_what_there_is_as_its_context(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def main() -> None:
        async with AsyncClient({**node.config(), **NO_TENDING}) as client:
            node.freeze()
            rows, policy = numbered.rows(N), {"total_timeout": 60_000}
            for wait in (asyncio.wait_for, timed):
                for seconds in (0.05, 0.5, 5, 50):  # until it has been sent before its time is over
                    with pytest.raises(TimeoutError) as caught:
                        await wait(
                            client.batch_write_numpy(rows, "test", "w", policy=policy), seconds
                        )
                    behind: Any = caught.value.__context__
                    if getattr(behind, "in_doubt", False):
                        break
                assert behind.in_doubt and behind.partial.in_doubt.any()
                assert len(behind.partial.result_codes) == N

    async def timed(work: Any, seconds: float) -> Any:
        async with asyncio.timeout(seconds):
            return await work

    run(main, new_loop)


def test_stream_that_is_cancelled_again_and_again_tells_of_the_chunk_that_was_next(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def write(client: Any, seen: list[Any]) -> None:
        policy = {"total_timeout": 60_000}
        async for result in client.write_stream(
            map(numbered.rows, (100, 200, 300, 400)), "test", "w", in_flight=3, policy=policy
        ):
            seen.append(result)

    async def main() -> None:
        async with AsyncClient({**node.config(), **NO_TENDING}) as client:
            await client.get(("test", "s", 1))
            node.freeze()
            seen: list[Any] = []
            before = asyncio.all_tasks()
            task = asyncio.ensure_future(write(client, seen))
            await until(lambda: unread(node))
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            node.thaw()
            assert not seen
            assert len(caught.value.partial.result_codes) == 100  # type: ignore[attr-defined]
            assert asyncio.all_tasks() == before

    run(main, new_loop)


def test_stream_that_is_cancelled_while_its_source_is_slow_loses_no_result(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def source() -> AsyncIterator[Any]:
        yield numbered.rows(100)
        await asyncio.sleep(60)

    async def main() -> None:
        async with AsyncClient(node.config()) as client:

            async def write() -> None:
                async for _ in client.write_stream(source(), "test", "w", in_flight=1):
                    raise AssertionError("the source has a chunk that was waited for")

            task = asyncio.ensure_future(write())
            await until(lambda: node.stats()["objects"] >= N + 100)
            await until(lambda: not in_use(client))  # the answer has been read
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert caught.value.partial.result_codes.tolist() == [0] * 100  # type: ignore[attr-defined]

    run(main, new_loop)


def test_asyncio_timeout_ends_a_call_of_a_frozen_node(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            node.freeze()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.get(("test", "s", 1), {"total_timeout": 60_000})
            with pytest.raises(exception.AerospikeTimeoutError):
                await client.get(("test", "s", 1), {"total_timeout": 50})
            node.thaw()
            assert (await client.get(("test", "s", 1))).bins == {"a": 8}

    run(main, new_loop)


# ---- event loops ----


def test_several_event_loops_use_one_client_at_once(node: LocalNode, new_loop: NewLoop) -> None:
    client = AsyncClient(node.config())
    failures: list[BaseException] = []

    async def main() -> None:
        for _ in range(5):
            assert is_right(await read(client))
            got = await asyncio.gather(*(client.get(("test", "s", i)) for i in range(50)))
            assert [r.bins["a"] for r in got] == [value(i) for i in range(50)]

    def work() -> None:
        try:
            run(main, new_loop)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not failures
    run(client.close, new_loop)


def test_event_loop_that_is_closed_with_work_under_way_harms_nobody(
    node: LocalNode, new_loop: NewLoop
) -> None:
    client = AsyncClient(node.config())
    loop = new_loop()
    loop.run_until_complete(client.connect())
    node.freeze()
    tasks = [loop.create_task(read(client)) for _ in range(3)]
    loop.run_until_complete(asyncio.sleep(0.02))
    loop.close()
    node.thaw()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asyncio's own, of tasks that were never ended
        tasks.clear()
        gc.collect()

    async def main() -> None:
        assert is_right(await read(client))
        await client.close()

    run(main, new_loop)


def test_event_loop_has_its_turn_while_a_long_list_is_walked(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            keys = [("test", "s", i % N) for i in range(200_000)]
            turns = 0

            async def tick() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            ticker = asyncio.ensure_future(tick())
            got = await client.batch_read(keys, _dtype=DTYPE)
            ticker.cancel()
            assert (got.result_codes == 0).all()
            assert turns > 12  # a slice of the list is 16,384 keys

    run(main, new_loop)


# ---- two faces ----


def test_both_faces_share_cluster_and_close(node: LocalNode) -> None:
    async def main() -> None:
        with node.client() as client:
            assert isinstance(client, Client)
            assert client.aio is client.aio
            assert client.aio.sync is client
            client.put(("test", "f", 1), {"a": 1})
            assert (await client.aio.get(("test", "f", 1))).bins == {"a": 1}
            opened = node.stats()["connections_opened"]
            for _ in range(10):
                await client.aio.get(("test", "f", 1))
                client.get(("test", "f", 1))
            assert node.stats()["connections_opened"] <= opened + 1
        with pytest.raises(exception.ClientError, match="closed"):
            await client.aio.get(("test", "f", 1))
        other = AsyncClient(node.config())
        assert other.sync.get(("test", "f", 1)).bins == {"a": 1}
        await other.close()
        assert not other.sync.is_connected()

    run(main)


def test_async_client_travels_as_its_configuration(node: LocalNode) -> None:
    client = AsyncClient(node.config())
    copy = pickle.loads(pickle.dumps(client))
    assert type(copy) is AsyncClient

    async def main() -> None:
        assert (await copy.get(("test", "s", 1))).bins == {"a": 8}
        await copy.close()

    run(main)


# ---- a node that dies ----


def test_node_that_dies_in_the_middle_costs_no_row() -> None:
    async def main() -> None:
        with LocalCluster(3) as cluster:
            async with AsyncClient({**cluster.config(), "tend_interval": 50}) as client:
                await client.batch_write_numpy(numbered.rows(N), "test", "s")
                reads = [asyncio.ensure_future(read(client)) for _ in range(10)]
                await until(lambda: any(r.done() for r in reads))
                await asyncio.to_thread(cluster.kill, 1)
                assert all([is_right(await r) for r in reads])

    run(main)
