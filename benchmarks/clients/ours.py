"""aerospike_np."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from functools import partial
from typing import Any

import numpy as np
from task import Case, Latencies, Work, operations_on

import aerospike_np
from aerospike_np import Field, exp
from aerospike_np.helpers.operations import list_operations, operations  # noqa: F401  (operations_on)


def config(case: Case) -> dict[str, Any]:
    """With time enough for a busy machine, as the other clients have it."""
    return {"hosts": [(case.host, case.port)], "policies": {"total_timeout": 60_000}}


def connect(case: Case) -> Any:
    return aerospike_np.client(config(case)).connect()


def keys_of(case: Case) -> Any:
    if case.get("keys", "tuples") == "tuples":
        return case.tuples()
    return aerospike_np.Keys("test", "perf", np.arange(case.n))


def checker(case: Case) -> Any:
    def check(result: Any) -> None:
        assert np.isin(result.result_codes, [0, 2]).all()
        case.shape.check_rows(result.batch_records, result.result_codes == 0, case.n)

    return check


def size(result: Any) -> int:
    """All arrays of a result."""
    data = result.batch_records
    columns = data.values() if isinstance(data, dict) else [data]
    arrays = [*columns, result.meta, result.result_codes, result._missing]
    if getattr(result._keys, "_array", None) is not None:
        arrays.append(result._keys._array)  # a copy: the caller's own may change
    return sum(np.asarray(array).nbytes for array in arrays)


def read(case: Case) -> Work:
    """Into structured rows; `keys` says of what kind, and with `out` the array is used again."""
    client, keys, dtype = connect(case), keys_of(case), case.shape.dtype
    options: dict[str, Any] = {"layout": case.get("layout", "rows")}
    if case.get("out"):
        options["out"] = np.empty(case.n, dtype)
    else:
        options["_dtype"] = dtype
    client.batch_read(keys[:1] if isinstance(keys, list) else [("test", "perf", 0)], _dtype=dtype)
    return Work(lambda: client.batch_read(keys, **options), checker(case), size)


def read_matrix(case: Case) -> Work:
    """Into a matrix of one column a bin."""
    client, keys, names = connect(case), keys_of(case), case.shape.names
    kind = case.get("dtype", "f8")

    def check(result: Any) -> None:
        matrix = result.batch_records
        rows = {name: matrix[:, i] for i, name in enumerate(names)}
        if kind == "f8":
            case.shape.check_rows(rows, result.result_codes == 0, case.n)

    return Work(lambda: client.batch_read(keys, names, _dtype=kind), check, size)


def read_features(case: Case) -> Work:
    """The features of some entities into a matrix of float32; from one blob each where that is what they have."""
    client, names = connect(case), case.shape.names
    wanted = case.shape.rows(case.n)
    is_blob = len(names) == 1
    if is_blob:
        dtype, bins = case.shape.dtype, None
        wanted = wanted[names[0]]
    else:
        dtype, bins = "f4", names
        wanted = np.stack([wanted[name] for name in names], 1).astype("f4")
    if case.get("reader"):
        read = partial(client.reader(dtype, "test", "perf", bins).read, list(range(case.n)))
    else:
        read = partial(client.batch_read, case.tuples(), bins, _dtype=dtype)

    def run() -> Any:
        found = read().batch_records
        return found[names[0]] if is_blob else found

    def check(matrix: Any) -> None:
        assert matrix.dtype == np.float32 and np.array_equal(matrix, wanted)

    times, calls = Latencies(), [run] * case.get("calls")
    return Work(times.of(calls), check, figures=times.figures)


def read_reader(case: Case) -> Work:
    """With the plan and the request's head made once; keys from a list, or an array."""
    reader = connect(case).reader(case.shape.dtype, "test", "perf")
    keys = np.arange(case.n) if case.get("keys") == "array" else list(range(case.n))
    return Work(lambda: reader.read(keys), checker(case), size)


def data_of(case: Case) -> Any:
    """The rows that are written, with their keys."""
    data = np.empty(case.n, [("_key", "i8"), *case.shape.dtype.descr])
    data["_key"] = np.arange(case.n)
    rows = case.shape.rows(case.n)
    for name in case.shape.names:
        data[name] = rows[name]
    return data


def check_written(case: Case) -> None:
    """Where a node keeps what is written: reads it."""
    if case.get("target") != "canned":
        with connect(case) as client:
            read = client.batch_read(case.tuples(), _dtype=case.shape.dtype)
        case.shape.check_rows(read.batch_records, read.result_codes == 0, case.n)


def write(case: Case) -> Work:
    """From structured rows."""
    client, data = connect(case), data_of(case)

    def check(result: Any) -> None:
        result.raise_for_status()
        check_written(case)

    return Work(lambda: client.batch_write_numpy(data, "test", "perf", bytes_as="str"), check)


def operate(case: Case) -> Work:
    """Operations with the same rows' values: numbers are added, the rest is appended."""
    client, data = connect(case), data_of(case)
    ops = [
        (operations.increment if bin.kind in "if" else operations.append)(bin.name, Field(bin.name))
        for bin in case.shape.bins
    ]

    def check(result: Any) -> None:
        result.raise_for_status()

    return Work(
        lambda: client.batch_operate_numpy(data, "test", "perf", ops, bytes_as="str"), check
    )


def refresh(case: Case) -> Work:
    """A result read again in place; with `fresh` it is a new one. Counts the bytes that come."""
    client, keys, dtype = connect(case), np.arange(case.n), case.shape.dtype

    def read() -> Any:
        return client.batch_read(keys, _dtype=dtype, namespace="test", set_name="perf")

    found, counts = read(), {"records": 0, "bytes": received()}

    def run() -> Any:
        counts["records"] += case.n
        if case.get("fresh"):
            return read()
        found.refresh()
        return found

    def figures() -> dict[str, float]:
        before, counts["bytes"] = counts["bytes"], received()
        records, counts["records"] = counts["records"], 0
        return {"reply_bytes": (counts["bytes"] - before) / records}

    return Work(run, checker(case), figures=figures)


def received() -> int:
    """Bytes that the connections of this process have received, as the kernel counts them."""
    total = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as one:
                    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
                total += int.from_bytes(info[128:136], "little")
    return total


def get(case: Case) -> Work:
    """One record after the other."""
    client = connect(case)
    policy = {"expressions": grown()} if case.get("filter") else None
    times, calls = Latencies(), [partial(client.get, key, policy) for key in case.tuples()]

    def check(record: Any) -> None:
        assert record.bins == case.shape.plain(case.n - 1)

    return Work(times.of(calls), check, figures=times.figures)


def grown() -> Any:
    """A filter that holds for all records."""
    return ((exp.int_bin("i0") >= 0) & (exp.float_bin("f0") >= 0.0)) | (exp.ttl() > 100)


def operate_one(case: Case) -> Work:
    """Five operations on one record, one record after the other."""
    client = connect(case)
    calls = [
        partial(client.operate, key, ops) for key, ops in operations_on(case, sys.modules[__name__])
    ]
    times = Latencies()

    def check(record: Any) -> None:
        assert set(record.bins) == {"i0", "l"}

    return Work(times.of(calls), check, figures=times.figures)


def read_objects(case: Case) -> Work:
    """Without a dtype, every record looked at."""
    client, keys = connect(case), keys_of(case)

    def run() -> list[Any]:
        rows = client.batch_read(keys).batch_records
        return [row.record.bins if row.result == 0 else None for row in rows]

    return Work(run, lambda records: case.shape.check_dicts(records, case.n))
