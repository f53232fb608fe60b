"""What is awaited of arrays and cancelled in the middle: what is known stays known, and it goes on from there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from aerospike_np import Keys
from aerospike_np.local import LocalCluster

pytestmark = [
    pytest.mark.needs_embedded("a node that is frozen"),
    pytest.mark.only_sync("it awaits by itself"),
]

N = 30
KEYS = Keys("test", "cancels", np.arange(N))
DTYPE = np.dtype([("a", "i8")])
POLICY = {"total_timeout": 20_000, "socket_timeout": 20_000}


async def begun(cluster: LocalCluster, work: Awaitable[Any]) -> asyncio.Task[Any]:
    """A task whose request has gone to a node that does not answer."""
    cluster.freeze(0)
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0.05)  # whether it was sent by then makes no difference to what is promised
    assert not task.done()
    return task


async def cancelled(task: asyncio.Task[Any]) -> Any:
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value.partial  # type: ignore[attr-defined]


def with_client(run: Callable[[LocalCluster, Any], Awaitable[None]]) -> None:
    with LocalCluster(nodes=1) as cluster, cluster.client() as client:
        client.batch_write_numpy({"_key": np.arange(N), "a": np.arange(N)}, "test", "cancels")
        asyncio.run(run(cluster, client.aio))  # type: ignore[arg-type]


def test_a_cancelled_refresh_leaves_its_result_as_it_was() -> None:
    async def run(cluster: LocalCluster, client: Any) -> None:
        found = await client.batch_read(KEYS, _dtype=DTYPE, policy=POLICY)
        await client.put(KEYS[3], {"a": 33})
        task = await begun(cluster, found.refresh())
        assert await cancelled(task) is found
        assert found["a"].tolist() == list(range(N))
        cluster.thaw(0)
        assert np.flatnonzero(await found.refresh()).tolist() == [3]
        assert found["a"][3] == 33

    with_client(run)


def test_a_cancelled_transform_says_which_rows_are_in_doubt() -> None:
    async def run(cluster: LocalCluster, client: Any) -> None:
        tasks: list[asyncio.Task[Any]] = []

        def fn(rows: Any) -> Any:
            cluster.freeze(0)
            asyncio.get_running_loop().call_later(0.05, tasks[0].cancel)
            return {"a": rows["a"] + 1}

        work = client.batch_transform(KEYS, fn, DTYPE, policy=POLICY)
        tasks.append(asyncio.ensure_future(work))
        with pytest.raises(asyncio.CancelledError) as caught:
            await tasks[0]
        done = caught.value.partial  # type: ignore[attr-defined]
        cluster.thaw(0)
        after = (await client.batch_read(KEYS, _dtype=DTYPE))["a"]
        written = after == np.arange(N) + 1
        assert (done.result_codes != 0).all()
        assert (done.in_doubt | ~written).all()
        assert done.rounds.tolist() == [1] * N

    with_client(run)
