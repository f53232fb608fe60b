"""aerospike-native: asynchronous, over the vendor's Rust core. Its keys are made outside of what is timed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from task import Case, Work, need

native = need("aerospike_native", "aerospike-native")
loop = asyncio.new_event_loop()


def run(start: Callable[[], Any]) -> Any:
    """Awaits what `start` begins, which must be begun where a loop runs."""

    async def main() -> Any:
        return await start()

    return loop.run_until_complete(main())


def connect(case: Case) -> Any:
    return run(lambda: native.new_client(native.ClientPolicy(), f"{case.host}:{case.port}"))


def policy() -> Any:
    made = native.BatchPolicy()
    made.total_timeout = 60_000
    return made


def read(case: Case) -> Work:
    client, keys, names = (
        connect(case),
        [native.Key(*key) for key in case.tuples()],
        case.shape.names,
    )
    batch = policy()

    def check(rows: Any) -> None:
        records = [dict(r.record.bins) if int(r.result_code) == 0 else None for r in rows]
        case.shape.check_dicts(records, case.n)

    return Work(lambda: run(lambda: client.batch_read(keys, names, batch_policy=batch)), check)


def write(case: Case) -> Work:
    """From structured rows, as people do it: a dict a row."""
    client, keys, names = (
        connect(case),
        [native.Key(*key) for key in case.tuples()],
        case.shape.names,
    )
    rows, batch = case.shape.rows(case.n), policy()

    def start() -> Any:
        bins = [dict(zip(names, row, strict=True)) for row in rows.tolist()]
        return client.batch_write(keys, bins, batch_policy=batch)

    def check(done: Any) -> None:
        assert all(int(row.result_code) == 0 for row in done)

    return Work(lambda: run(start), check)
