"""The asyncio client: cancellation, time-outs, several event loops, turns, closing, and the other face."""

from __future__ import annotations

import asyncio
import gc
import pickle
import random
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

from aerospike_np import AsyncClient, Client, exception
from aerospike_np.local import LocalCluster, LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 20_000
DTYPE = [("a", "i8")]


def value(key: Any) -> Any:
    return key * 7 + 1


def data(n: int = N) -> np.ndarray[Any, Any]:
    rows = np.zeros(n, [("_key", "i8"), ("a", "i8")])
    rows["_key"] = np.arange(n)
    rows["a"] = value(rows["_key"])
    return rows


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode() as node, node.client() as client:
        client.batch_write_numpy(data(), "test", "s")
        client.close()
        yield node


def read(client: Any, keys: Any = None, **more: Any) -> Any:
    keys = np.arange(N) if keys is None else keys
    return client.batch_read(keys, _dtype=DTYPE, namespace="test", set_name="s", **more)


def is_right(got: Any) -> bool:
    return bool(
        (got.result_codes == 0).all()
        and (got.batch_records["a"] == value(np.arange(len(got)))).all()
    )


NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """Makes event loops of both kinds: for what is between a client and its loop."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    module = pytest.importorskip("uvloop", reason="uvloop is not installed: pip install uvloop")
    factory: NewLoop = module.new_event_loop
    return factory


def run(
    main: Callable[[], Coroutine[Any, Any, Any]], new_loop: NewLoop = asyncio.new_event_loop
) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(asyncio.wait_for(main(), 120))


async def until(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.002)


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
            stats = client.get_stats()
            assert sum(n.conns.in_use for n in stats.nodes) == 0

    run(main, new_loop)


def test_cancelled_write_says_row_by_row_what_it_did(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            node.freeze()
            rows = data(12_000)
            rows["a"] = -1
            task = asyncio.ensure_future(
                client.batch_write_numpy(rows, "test", "w", policy={"total_timeout": 60_000})
            )
            await asyncio.sleep(0.05)
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


def test_cancelled_write_of_one_record_says_whether_it_is_in_doubt(
    node: LocalNode, new_loop: NewLoop
) -> None:
    async def main() -> None:
        async with AsyncClient({**node.config(), "max_concurrent_operations": 1}) as client:
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
            await asyncio.sleep(0.05)
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
        async with AsyncClient(node.config()) as client:
            node.freeze()
            rows, policy = data(), {"total_timeout": 60_000}
            for wait in (asyncio.wait_for, timed):
                with pytest.raises(TimeoutError) as caught:
                    await wait(client.batch_write_numpy(rows, "test", "w", policy=policy), 0.05)
                behind: Any = caught.value.__context__
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
            map(data, (100, 200, 300, 400)), "test", "w", in_flight=3, policy=policy
        ):
            seen.append(result)

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            await client.get(("test", "s", 1))
            node.freeze()
            seen: list[Any] = []
            before = asyncio.all_tasks()
            task = asyncio.ensure_future(write(client, seen))
            await asyncio.sleep(0.05)
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
        yield data(100)
        await asyncio.sleep(60)

    async def main() -> None:
        async with AsyncClient(node.config()) as client:

            async def write() -> None:
                async for _ in client.write_stream(source(), "test", "w", in_flight=1):
                    raise AssertionError("the source has a chunk that was waited for")

            task = asyncio.ensure_future(write())
            await until(lambda: node.stats()["objects"] >= N + 100)
            await asyncio.sleep(0.05)
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


def test_dropped_without_close_warns_once(node: LocalNode) -> None:
    async def main() -> None:
        client = AsyncClient(node.config())
        await client.get(("test", "s", 1))
        assert client.sync.is_connected()

    with pytest.warns(ResourceWarning, match="AsyncClient .* dropped without close") as seen:
        run(main)
        gc.collect()
    assert len([w for w in seen if w.category is ResourceWarning]) == 1


def test_async_client_travels_as_its_configuration(node: LocalNode) -> None:
    client = AsyncClient(node.config())
    copy = pickle.loads(pickle.dumps(client))
    assert type(copy) is AsyncClient

    async def main() -> None:
        assert (await copy.get(("test", "s", 1))).bins == {"a": 8}
        await copy.close()

    run(main)


# ---- turns ----


def test_no_more_operations_are_under_way_than_allowed_and_the_first_comes_first(
    node: LocalNode,
) -> None:
    async def main() -> None:
        async with AsyncClient({**node.config(), "max_concurrent_operations": 3}) as client:
            order: list[int] = []

            async def one(i: int) -> None:
                await client.put(("test", "t", i), {"a": i}, policy={"total_timeout": 60_000})
                order.append(i)

            def in_use() -> int:
                return sum(n.conns.in_use for n in client.get_stats().nodes)

            await client.get(("test", "s", 1))
            node.freeze()
            tasks = [asyncio.ensure_future(one(i)) for i in range(30)]
            while in_use() < 3:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert in_use() == 3
            node.thaw()
            await asyncio.gather(*tasks)
            assert sorted(order) == list(range(30))
            # Whoever ends before an earlier one passes those under way, two at most, and one that each of the
            # two I/O threads has let go and not told of yet. How late a stalled one ends, nobody can say.
            assert all(i - place <= 4 for place, i in enumerate(order)), order

    run(main)


def test_waiting_too_long_for_a_turn_is_backpressure(node: LocalNode) -> None:
    config = {**node.config(), "max_concurrent_operations": 2, "operation_queue_timeout_ms": 50}

    async def main() -> None:
        async with AsyncClient(config) as client:
            await client.get(("test", "s", 1))
            node.freeze()
            policy = {"total_timeout": 2000}
            got = await asyncio.gather(
                *(client.get(("test", "s", i), policy) for i in range(6)), return_exceptions=True
            )
            kinds = [type(g) for g in got]
            assert kinds.count(exception.BackpressureError) == 4
            assert kinds.count(exception.AerospikeTimeoutError) == 2
            refused = asyncio.ensure_future(client.get(("test", "s", 1), policy))
            await asyncio.sleep(0.01)
            with pytest.raises(exception.AerospikeError):
                await asyncio.gather(*(client.get(("test", "s", 1), policy) for _ in range(3)))
            await asyncio.gather(refused, return_exceptions=True)
            with pytest.raises(exception.AerospikeError):
                await asyncio.gather(*(read(client, policy=policy) for _ in range(3)))
            node.thaw()
            assert (await client.get(("test", "s", 1))).bins == {"a": 8}
            assert is_right(await read(client))

    run(main)


def test_threads_wait_for_their_turn_too(node: LocalNode) -> None:
    config = {"max_concurrent_operations": 1, "operation_queue_timeout_ms": 100}
    with node.client(config) as client:
        client.get(("test", "s", 1))
        node.freeze()
        ends: list[type] = []

        def one() -> None:
            try:
                client.get(("test", "s", 1), {"total_timeout": 1500})
            except exception.AerospikeError as error:
                ends.append(type(error))

        threads = [threading.Thread(target=one) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        node.thaw()
        assert ends.count(exception.BackpressureError) == 3
        assert ends.count(exception.AerospikeTimeoutError) == 1
        assert client.get(("test", "s", 1)).bins == {"a": 8}


def test_close_with_drain_lets_what_is_under_way_end(node: LocalNode) -> None:
    async def main() -> None:
        client = AsyncClient(node.config())
        await client.get(("test", "s", 1))
        node.freeze()
        tasks = [
            asyncio.ensure_future(client.get(("test", "s", i), {"total_timeout": 60_000}))
            for i in range(5)
        ]
        await asyncio.sleep(0.05)
        closing = asyncio.ensure_future(client.close(drain=60))
        await asyncio.sleep(0.05)
        with pytest.raises(exception.ClientError, match="closed"):
            await client.get(("test", "s", 1))
        assert not closing.done()
        node.thaw()
        await closing
        assert [(await t).bins["a"] for t in tasks] == [value(i) for i in range(5)]

    run(main)


def test_event_loop_goes_on_while_a_client_connects_and_closes(node: LocalNode) -> None:
    """With a node that never answers."""

    async def goes_on(call: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(call)
        for _ in range(20):  # each one a turn of the loop, and the call is not over yet
            await asyncio.sleep(0.005)
            assert not task.done()
        await asyncio.gather(task, return_exceptions=True)

    async def main() -> None:
        client = AsyncClient(node.config())
        await client.get(("test", "s", 1))
        node.freeze()
        await goes_on(AsyncClient({**node.config(), "connect_timeout": 1000}).connect())
        waits = asyncio.ensure_future(client.get(("test", "s", 1), {"total_timeout": 60_000}))
        await until(lambda: sum(n.conns.in_use for n in client.get_stats().nodes))
        await goes_on(client.close(drain=1))
        with pytest.raises(exception.AerospikeError):
            await waits
        node.thaw()

    run(main)


def test_close_without_drain_ends_what_is_under_way(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        client = AsyncClient(node.config())
        await client.get(("test", "s", 1))
        node.freeze()
        tasks = [
            asyncio.ensure_future(client.get(("test", "s", i), {"total_timeout": 60_000}))
            for i in range(5)
        ] + [asyncio.ensure_future(read(client))]
        await asyncio.sleep(0.05)
        await client.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(e, exception.AerospikeError) for e in ends)
        node.thaw()

    run(main, new_loop)


# ---- streams ----


def test_stream_reads_in_order_whatever_the_keys_are(node: LocalNode) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            where = {"namespace": "test", "set_name": "s"}
            tuples = [("test", "s", i) for i in range(N)]
            for keys, more in [
                (np.arange(N), where), (tuples, {}), (iter(tuples), {}), (range(N), where), (iter(range(N)), where),
            ]:  # fmt: skip
                got = [
                    part.batch_records["a"]
                    async for part in client.read_stream(keys, DTYPE, chunk=3000, **more)
                ]
                assert [len(g) for g in got] == [3000] * 6 + [2000]
                assert (np.concatenate(got) == value(np.arange(N))).all()
            parts = client.sync.read_stream(np.arange(N), DTYPE, 3000, 3, **where)
            assert (
                np.concatenate([p.batch_records["a"] for p in parts]) == value(np.arange(N))
            ).all()

    run(main)


def test_stream_walks_its_source_no_further_than_it_must(node: LocalNode) -> None:
    walked = 0

    def keys() -> Iterator[tuple[str, str, int]]:
        nonlocal walked
        for i in range(10**9):
            walked += 1
            yield ("test", "s", i % N)

    with node.client() as client:
        for k, part in enumerate(client.read_stream(keys(), DTYPE, chunk=100, in_flight=3)):
            assert (part.result_codes == 0).all()
            assert walked <= (k + 1 + 3) * 100
            if k == 5:
                break

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            async for _ in client.read_stream(keys(), DTYPE, chunk=100, in_flight=3):
                break
            assert (await client.get(("test", "s", 1))).bins == {"a": 8}

    run(main)


def test_stream_writes_arrays_rows_and_mappings(node: LocalNode) -> None:
    async def later() -> AsyncIterator[Any]:
        for begin in range(0, N, 5000):
            await asyncio.sleep(0)
            yield data()[begin : begin + 5000]

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            done = [len(r.result_codes) async for r in client.write_stream(later(), "test", "w1")]
            assert done == [5000] * 4
            rows = ((("test", "w2", i), {"a": value(i)}) for i in range(2500))
            done = [len(r.result_codes) async for r in client.write_stream(rows, chunk=1000)]
            assert done == [1000, 1000, 500]
            lines = ({"id": i, "a": value(i)} for i in range(2500))
            sync = client.sync.write_stream(lines, "test", "w3", key_field="id", chunk=1000)
            assert [len(r.result_codes) for r in sync] == [1000, 1000, 500]
            for name, n in (("w1", N), ("w2", 2500), ("w3", 2500)):
                got = await client.batch_read(
                    np.arange(n), _dtype=DTYPE, namespace="test", set_name=name
                )
                assert is_right(got)

    run(main)


def test_stream_ends_with_the_error_of_its_source_or_its_server(node: LocalNode) -> None:
    def broken() -> Iterator[Any]:
        yield data(10)
        raise LookupError("no more")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            for stream in (client.write_stream(broken(), "test", "b"),):
                with pytest.raises(LookupError):
                    async for _ in stream:
                        pass
            with pytest.raises(LookupError):
                list(client.sync.write_stream(broken(), "test", "b"))
            node.freeze()
            with pytest.raises(exception.AerospikeTimeoutError):
                async for _ in client.read_stream(
                    np.arange(N),
                    DTYPE,
                    1000,
                    namespace="test",
                    set_name="s",
                    policy={"total_timeout": 50},
                ):
                    pass
            node.thaw()
            assert is_right(await read(client))

    run(main)


@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_error_of_a_source_comes_after_the_chunks_before_it(
    node: LocalNode, in_flight: int
) -> None:
    def broken() -> Iterator[Any]:
        yield data(10)
        yield data(20)
        raise LookupError("no more")

    async def broken_async() -> AsyncIterator[Any]:
        for chunk in (data(10), data(20)):
            yield chunk
        raise LookupError("no more")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            for source in (broken, broken_async):
                seen = []
                with pytest.raises(LookupError):
                    async for got in client.write_stream(
                        source(), "test", "b", in_flight=in_flight
                    ):
                        seen.append(len(got.result_codes))
                assert seen == [10, 20]
            seen = []
            with pytest.raises(LookupError):
                for got in client.sync.write_stream(broken(), "test", "b", in_flight=in_flight):
                    seen.append(len(got.result_codes))
            assert seen == [10, 20]

    run(main)


def test_stream_whose_progress_raises_has_the_chunk_in_the_error(node: LocalNode) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyError("enough")

    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            keys: Any = {"namespace": "test", "set_name": "s", "progress": fail}
            with pytest.raises(KeyError) as caught:
                async for _ in client.read_stream(np.arange(N), DTYPE, 1000, **keys):
                    pass
            assert is_right(caught.value.partial)  # type: ignore[attr-defined]
            with pytest.raises(KeyError) as caught:
                list(client.sync.read_stream(np.arange(N), DTYPE, 1000, **keys))
            assert is_right(caught.value.partial)  # type: ignore[attr-defined]

    run(main)


def test_stream_refuses_what_it_cannot_be_given(node: LocalNode) -> None:
    with node.client() as client:
        for stream, error, text in [
            (lambda: client.read_stream(5, DTYPE), TypeError, "iterable"),
            (lambda: client.read_stream("abc", DTYPE), TypeError, "iterable"),
            (lambda: client.read_stream([], DTYPE, 0), exception.InvalidArgError, "chunk"),
            (lambda: client.read_stream([], DTYPE, in_flight=65), exception.InvalidArgError, "in_flight"),
            (lambda: client.write_stream(data(3), "test", "s"), TypeError, "batch_write_numpy"),
            (lambda: client.write_stream([{"a": 1}], "test", "s"), exception.InvalidArgError, "row 0 has no"),
            (lambda: client.write_stream([{"_key": 1}]), exception.InvalidArgError, "namespace="),
        ]:  # fmt: skip
            with pytest.raises(error, match=text):
                list(stream())


def test_cancelled_stream_ends_what_is_under_way(node: LocalNode, new_loop: NewLoop) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            policy = {"total_timeout": 60_000}

            async def all_of_it() -> None:
                async for _ in client.read_stream(
                    np.arange(N), DTYPE, 1000, 4, namespace="test", set_name="s", policy=policy
                ):
                    raise AssertionError("a frozen node answers nothing")

            def in_use() -> int:
                return sum(n.conns.in_use for n in client.get_stats().nodes)

            node.freeze()
            task = asyncio.ensure_future(all_of_it())
            await until(lambda: in_use() > 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert in_use() == 0
            node.thaw()

    run(main, new_loop)


# ---- a node that dies ----


def test_node_that_dies_in_the_middle_costs_no_row() -> None:
    async def main() -> None:
        with LocalCluster(3) as cluster:
            async with AsyncClient({**cluster.config(), "tend_interval": 50}) as client:
                await client.batch_write_numpy(data(), "test", "s")
                reads = [asyncio.ensure_future(read(client)) for _ in range(10)]
                await until(lambda: any(r.done() for r in reads))
                await asyncio.to_thread(cluster.kill, 1)
                assert all([is_right(await r) for r in reads])

    run(main)


def test_every_blocking_method_lets_other_threads_run(node: LocalNode) -> None:
    """With a node that never answers."""
    with node.client() as client:
        client.get(("test", "s", 1))
        node.freeze()
        ticks = 0
        stop = threading.Event()

        def tick() -> None:
            nonlocal ticks
            while not stop.wait(0.001):
                ticks += 1

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            policy = {"total_timeout": 150}
            key = ("test", "s", 1)
            rows = data(10)
            for name, call in {
                "get": lambda: client.get(key, policy),
                "put": lambda: client.put(key, {"a": 1}, policy=policy),
                "exists": lambda: client.exists(key, policy),
                "remove": lambda: client.remove(key, policy=policy),
                "batch_read": lambda: read(client, policy=policy),
                "batch_write": lambda: client.batch_write([(key, {"a": 1})], policy),
                "batch_write_numpy": lambda: client.batch_write_numpy(
                    rows, "test", "s", policy=policy
                ),
                "batch_remove": lambda: client.batch_remove([key], policy),
                "info_all": lambda: client.info_all("build", policy),
                "truncate": lambda: client.truncate("test", "x", policy=policy),
                "stream": lambda: list(client.read_stream([key], DTYPE, policy=policy)),
                "connect": lambda: Client({**node.config(), "connect_timeout": 150}).connect(),
            }.items():
                before, begin = ticks, time.monotonic()
                try:
                    call()
                except exception.AerospikeError:
                    pass
                assert time.monotonic() - begin > 0.1, f"{name} did not wait"
                assert ticks - before > 2, f"{name} held the others back"
        finally:
            stop.set()
            thread.join()
            node.thaw()
