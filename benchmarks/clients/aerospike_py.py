"""aerospike-py: a Rust core behind the official client's shapes, with NumPy."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import numpy as np
from task import Case, Latencies, Work, need

peer = need("aerospike_py", "aerospike-py")


def connect(case: Case) -> Any:
    return peer.client({"hosts": [(case.host, case.port)]}).connect()


def read(case: Case) -> Work:
    """Into structured rows."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names, dtype = case.shape.names, case.shape.dtype

    def check(result: Any) -> None:
        case.shape.check_rows(result.batch_records, result.result_codes == 0, case.n)

    return Work(lambda: client.batch_read(keys, names, policy).to_numpy(dtype), check)


def read_dict(case: Case) -> Work:
    """Into a dict from user key to bins."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names = case.shape.names

    def check(result: Any) -> None:
        case.shape.check_dicts([result.get(i) for i in range(case.n)], case.n)

    return Work(lambda: client.batch_read(keys, names, policy).to_dict(), check)


def read_features(case: Case) -> Work:
    """The features of some entities into a matrix of float32."""
    client, keys, names = connect(case), case.tuples(), case.shape.names
    dtype = np.dtype([(name, "f4") for name in names])
    wanted = np.stack([case.shape.rows(case.n)[name] for name in names], 1).astype("f4")

    def run() -> Any:
        rows = client.batch_read(keys, names).to_numpy(dtype).batch_records
        return np.asarray(rows).view("f4").reshape(-1, len(names))

    def check(matrix: Any) -> None:
        assert np.array_equal(matrix, wanted)

    times, calls = Latencies(), [run] * case.get("calls")
    return Work(times.of(calls), check, figures=times.figures)


def write(case: Case) -> Work:
    """From structured rows."""
    client, policy = connect(case), {"total_timeout": 60_000}
    rows = case.shape.rows(case.n)
    data = np.empty(case.n, [("_key", "i8"), *rows.dtype.descr])
    data["_key"] = np.arange(case.n)
    for name in case.shape.names:
        data[name] = rows[name]

    def check(result: Any) -> None:
        assert all(row.result == 0 for row in result.batch_records)

    return Work(
        lambda: client.batch_write_numpy(data, "test", "perf", data.dtype, policy=policy), check
    )


def get(case: Case) -> Work:
    """One record after the other."""
    client = connect(case)
    times, calls = Latencies(), [partial(client.get, key) for key in case.tuples()]

    def check(record: Any) -> None:
        assert record.bins == case.shape.plain(case.n - 1)

    return Work(times.of(calls), check, figures=times.figures)


def get_async(case: Case) -> Work:
    """Single records, `in_flight` of them at once, on asyncio's own loop."""
    loop = asyncio.new_event_loop()
    client = peer.AsyncClient({"hosts": [(case.host, case.port)]})
    loop.run_until_complete(client.connect())
    times, calls = Latencies(), [partial(client.get, key) for key in case.tuples()]

    def check(record: Any) -> None:
        assert len(record.bins) == len(case.shape.names)

    return Work(times.of_async(loop, calls, case.get("in_flight")), check, figures=times.figures)
