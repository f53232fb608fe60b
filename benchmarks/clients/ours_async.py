"""aerospike_np's asynchronous face, on asyncio's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from functools import partial
from typing import Any

from task import Case, Latencies, Work

import aerospike_np
from clients.ours import checker, config, keys_of, size

TICK = 0.0005  # seconds that the ticker sleeps


def connect(case: Case) -> tuple[Any, asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    client = aerospike_np.AsyncClient(config(case))
    loop.run_until_complete(client.connect())
    return client, loop


def read(case: Case) -> Work:
    """As `read`, `calls` of them awaited one after the other in one coroutine."""
    client, loop = connect(case)
    keys, dtype = keys_of(case), case.shape.dtype

    async def some() -> Any:
        for _ in range(case.get("calls", 1)):
            result = await client.batch_read(keys, _dtype=dtype)
        return result

    return Work(lambda: loop.run_until_complete(some()), checker(case), size)


def get(case: Case) -> Work:
    """Single records, `in_flight` of them at once."""
    client, loop = connect(case)
    times, calls = Latencies(), [partial(client.get, key) for key in case.tuples()]

    def check(record: Any) -> None:
        assert len(record.bins) == len(case.shape.names)

    return Work(times.of_async(loop, calls, case.get("in_flight")), check, figures=times.figures)


def run_first() -> None:
    """This thread runs before those of other processes, where that is allowed: its waits are then ours alone."""
    with contextlib.suppress(PermissionError):
        flags = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, flags, os.sched_param(1))


def stall(case: Case) -> Work:
    """The longest time that a loop was kept from its turn while batches ran, or (`calls` 0) while nothing did."""
    client, loop = connect(case)
    keys, dtype, calls = keys_of(case), case.shape.dtype, case.get("calls")
    longest = {"stall_ms": 0.0, "held_ms": 0.0}

    async def tick() -> None:
        """Late is who waits longer than asked; the loop's own CPU meanwhile is what held it for sure."""
        run_first()
        while True:
            before, cpu_before = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            late = time.perf_counter() - before - TICK
            longest["stall_ms"] = max(longest["stall_ms"], late * 1e3)
            held = time.thread_time() - cpu_before
            longest["held_ms"] = max(longest["held_ms"], held * 1e3)

    async def some() -> Any:
        ticker = asyncio.create_task(tick())
        result = None
        for _ in range(calls):
            result = await client.batch_read(keys, _dtype=dtype)
        if calls == 0:
            await asyncio.sleep(0.3)
        ticker.cancel()
        return result

    def check(result: Any) -> None:
        if result is not None:
            checker(case)(result)

    def figures() -> dict[str, float]:
        found = dict(longest)
        longest.update(dict.fromkeys(longest, 0.0))
        return found

    return Work(lambda: loop.run_until_complete(some()), check, figures=figures)
