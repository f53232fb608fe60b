"""Turns: how many operations may be under way, and what waits while a client connects or closes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numbered
import pytest
from event_loops import NewLoop, run, until
from numbered import is_right, value
from until import in_use

from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that it can freeze")

N = 20_000


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


def read(client: Any, keys: Any = N, **more: Any) -> Any:
    return numbered.read(client, keys, **more)


def test_no_more_operations_are_under_way_than_allowed_and_the_first_comes_first(
    node: LocalNode,
) -> None:
    async def main() -> None:
        async with AsyncClient({**node.config(), "max_concurrent_operations": 3}) as client:
            order: list[int] = []

            async def one(i: int) -> None:
                await client.put(("test", "t", i), {"a": i}, policy={"total_timeout": 60_000})
                order.append(i)

            await client.get(("test", "s", 1))
            node.freeze()
            tasks = [asyncio.ensure_future(one(i)) for i in range(30)]
            await until(lambda: in_use(client) >= 3)
            await asyncio.sleep(0.05)  # a fourth has time to show
            assert in_use(client) == 3
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
            policy = {"total_timeout": 60_000}
            first = [asyncio.ensure_future(client.get(("test", "s", i), policy)) for i in range(2)]
            await until(lambda: in_use(client) == 2)
            calls = [client.get(("test", "s", i), policy) for i in range(4)] + [read(client)]
            got = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(g) for g in got] == [exception.BackpressureError] * 5
            node.thaw()
            assert [(await task).bins["a"] for task in first] == [value(0), value(1)]
            assert is_right(await read(client))

    run(main)


def test_threads_wait_for_their_turn_too(node: LocalNode) -> None:
    config = {"max_concurrent_operations": 1, "operation_queue_timeout_ms": 100}
    with node.client(config) as client, ThreadPoolExecutor(4) as pool:
        client.get(("test", "s", 1))
        node.freeze()
        try:
            calls = [
                pool.submit(client.get, ("test", "s", 1), {"total_timeout": 60_000})
                for _ in range(4)
            ]
            ended = [call.exception(60) for call in itertools.islice(as_completed(calls), 3)]
            assert [type(error) for error in ended] == [exception.BackpressureError] * 3
        finally:
            node.thaw()
        (last,) = [call for call in calls if call.exception(60) is None]
        assert last.result().bins == client.get(("test", "s", 1)).bins == {"a": 8}


def test_close_with_drain_lets_what_is_under_way_end(node: LocalNode) -> None:
    async def main() -> None:
        client = AsyncClient(node.config())
        await client.get(("test", "s", 1))
        node.freeze()
        tasks = [
            asyncio.ensure_future(client.get(("test", "s", i), {"total_timeout": 60_000}))
            for i in range(5)
        ]
        await until(lambda: in_use(client) == 5)
        closing = asyncio.ensure_future(client.close(drain=60))
        await until(lambda: not client.is_connected())
        with pytest.raises(exception.ClientError, match="closed"):
            await client.get(("test", "s", 1))
        assert not closing.done()
        node.thaw()
        await closing
        assert [(await t).bins["a"] for t in tasks] == [value(i) for i in range(5)]

    run(main)


def test_event_loop_goes_on_while_a_client_connects_and_closes(node: LocalNode) -> None:
    """With a node that does not answer before the loop has gone on."""

    async def goes_on(call: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(call)
        for _ in range(20):  # each one a turn of the loop, and the call is not over yet
            await asyncio.sleep(0.005)
            assert not task.done()
        node.thaw()
        await task

    async def main() -> None:
        client = AsyncClient({**node.config(), "connect_timeout": 60_000})
        node.freeze()
        await goes_on(client.connect())
        node.freeze()
        waits = asyncio.ensure_future(client.get(("test", "s", 1), {"total_timeout": 60_000}))
        await until(lambda: in_use(client))
        await goes_on(client.close(drain=60))
        assert (await waits).bins == {"a": 8}

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
        await until(lambda: in_use(client) > 5)
        await client.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(e, exception.AerospikeError) for e in ends)
        node.thaw()

    run(main, new_loop)
