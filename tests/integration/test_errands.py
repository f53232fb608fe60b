"""What AsyncClient waits for that is no request: its cluster. No thread of asyncio's is asked to wait."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from event_loops import NewLoop, run, until

from aerospike_np import AsyncClient, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node that nobody else talks to")
SOON = 20.0  # seconds, on a machine that does much else


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Where connections are taken, and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


class Refusing(ThreadPoolExecutor):
    def submit(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the event loop's executor was asked")


def slow(silent: socket.socket, **more: Any) -> AsyncClient:
    return AsyncClient({"hosts": [silent.getsockname()], "connect_timeout": 60_000, **more})


async def ticks(n: int) -> None:
    for _ in range(n):
        await asyncio.sleep(0.001)


def test_no_thread_of_the_event_loop_s_waits(new_loop: NewLoop) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(Refusing())
        with LocalNode() as node:
            async with AsyncClient(node.config()) as client:
                await client.put(("test", "errands", 1), {"a": 1})
                await client.close(drain=1)
                await client.connect()
                assert (await client.get(("test", "errands", 1))).bins == {"a": 1}

    run(main, new_loop)


def test_loop_goes_on_while_a_connect_waits_and_can_cancel_it(silent: socket.socket) -> None:
    async def main() -> None:
        client = slow(silent)
        task = asyncio.create_task(client.connect())
        await ticks(20)
        assert not task.done()
        before = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - before < SOON
        assert not client.is_connected()
        await client.close()

    run(main)


def test_close_ends_a_connect_of_another_task(silent: socket.socket) -> None:
    async def main() -> None:
        client = slow(silent)
        task = asyncio.create_task(client.connect())
        await until(lambda: select.select([silent], [], [], 0)[0])  # it has begun
        await client.close()
        with pytest.raises(exception.ClientError, match="closed while it was connecting"):
            async with asyncio.timeout(SOON):
                await task

    run(main)


def test_two_connects_at_once_make_one_cluster(new_loop: NewLoop) -> None:
    async def main() -> None:
        with LocalNode() as node:
            client = AsyncClient(node.config())
            assert await asyncio.gather(*(client.connect() for _ in range(8))) == [client] * 8
            await client.put(("test", "errands", 1), {"a": 1})
            assert len(client.get_stats().nodes) == 1
            await asyncio.gather(*(client.close() for _ in range(8)))
            assert not client.is_connected()

    run(main, new_loop)


def test_call_waits_for_its_cluster_as_long_as_it_may(silent: socket.socket) -> None:
    async def main() -> None:
        client = slow(silent, connect_timeout=50, tend_interval=50, fail_if_not_connected=False)
        await client.connect()
        call = client.get(("test", "errands", 1), {"total_timeout": 300})
        task = asyncio.ensure_future(call)
        await ticks(20)
        with pytest.raises(exception.AerospikeError):
            async with asyncio.timeout(SOON):
                await task
        await client.close()

    run(main)


def test_call_goes_on_when_its_cluster_is_found(new_loop: NewLoop) -> None:
    async def main() -> None:
        with LocalNode() as node:
            node.freeze()
            more = {"fail_if_not_connected": False, "connect_timeout": 50, "tend_interval": 50}
            client = AsyncClient({**node.config(), **more})
            await client.connect()
            put = client.put(("test", "errands", 1), {"a": 1}, policy={"total_timeout": 60_000})
            task = asyncio.ensure_future(put)
            await ticks(20)
            assert not task.done()
            node.thaw()
            async with asyncio.timeout(6 * SOON):
                await task
            await client.close()

    run(main, new_loop)
