"""The official client, in C."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from task import Case, Latencies, Work, need, operations_on

aerospike = need("aerospike")
operations = need("aerospike_helpers.operations.operations")
list_operations = need("aerospike_helpers.operations.list_operations")
records = need("aerospike_helpers.batch.records")


def connect(case: Case) -> Any:
    return aerospike.client({"hosts": [(case.host, case.port)]}).connect()


def read(case: Case) -> Work:
    """Its own records: tuples with a dict of the bins."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}

    def check(result: Any) -> None:
        rows = result.batch_records
        case.shape.check_dicts([r.record[2] if r.result == 0 else None for r in rows], case.n)

    return Work(lambda: client.batch_read(keys, policy=policy), check)


def read_rows(case: Case) -> Work:
    """Then filled into an array, as people do it."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names, dtype = case.shape.names, case.shape.dtype

    def run() -> Any:
        rows = client.batch_read(keys, policy=policy).batch_records
        blank = tuple(np.zeros((), dtype).item())
        return np.array(
            [tuple(map(r.record[2].get, names)) if r.result == 0 else blank for r in rows], dtype
        )

    def check(rows: Any) -> None:
        case.shape.check_rows(rows, rows["i0"] != 0, case.n)

    return Work(run, check)


def read_touched(case: Case) -> Work:
    """Its own records, every one looked at."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}

    def run() -> list[Any]:
        rows = client.batch_read(keys, policy=policy).batch_records
        return [row.record[2] if row.result == 0 else None for row in rows]

    return Work(run, lambda records: case.shape.check_dicts(records, case.n))


def write(case: Case) -> Work:
    """From structured rows, as people do it: an operation a bin."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names, rows = case.shape.names, case.shape.rows(case.n)

    def run() -> Any:
        batch = records.BatchRecords(
            [
                records.Write(key, [operations.write(*bin) for bin in zip(names, row, strict=True)])
                for key, row in zip(keys, rows.tolist(), strict=True)
            ]
        )
        client.batch_write(batch, policy)
        return batch

    def check(batch: Any) -> None:
        assert all(row.result == 0 for row in batch.batch_records)

    return Work(run, check)


def get(case: Case) -> Work:
    """One record after the other."""
    client = connect(case)
    times, calls = Latencies(), [partial(client.get, key) for key in case.tuples()]

    def check(record: Any) -> None:
        assert record[2] == case.shape.plain(case.n - 1)

    return Work(times.of(calls), check, figures=times.figures)


def operate_one(case: Case) -> Work:
    """Five operations on one record, one record after the other."""
    client = connect(case)
    calls = [
        partial(client.operate, key, ops) for key, ops in operations_on(case, sys.modules[__name__])
    ]
    times = Latencies()

    def check(record: Any) -> None:
        assert set(record[2]) == {"i0", "l"}

    return Work(times.of(calls), check, figures=times.figures)
