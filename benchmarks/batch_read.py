"""CPU per record of batch reads of five bins, beside aerospike-py, against one canned or real node.

    python benchmarks/batch_read.py --port 3105 [--n 1000 100000] [--peer]

The node must hold (or answer with) records of set "perf" with integer keys 0..n-1 and the bins f0, f1 (double),
i0, i1 (integer) and s0 (a string of 16 bytes). --peer also times aerospike-py, which must be installed; the two
take turns in one process. CPU is this process's user + sys; the median of five turns counts. Memory is measured in
a process of its own: peak beyond the result's bytes, with keys from an array.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import aerospike_np

DTYPE = np.dtype([("f0", "f8"), ("f1", "f8"), ("i0", "i8"), ("i1", "i8"), ("s0", "S16")])
BINS = list(DTYPE.names or ())


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def turn(read: Callable[[], Any], n: int) -> tuple[float, float]:
    """(CPU in microseconds, wall in microseconds) of one record."""
    repeats = max(1, 200_000 // n)
    started, wall = cpu(), time.perf_counter()
    for _ in range(repeats):
        read()
    return (cpu() - started) / repeats / n * 1e6, (time.perf_counter() - wall) / repeats / n * 1e6


def readers(options: argparse.Namespace, n: int) -> dict[str, Callable[[], Any]]:
    config = {"hosts": [(options.host, options.port)]}
    client = aerospike_np.client(config).connect()
    tuples = [("test", "perf", i) for i in range(n)]
    keys = aerospike_np.Keys("test", "perf", np.arange(n))
    found = {
        "tuples": lambda: client.batch_read(tuples, _dtype=DTYPE),
        "array keys": lambda: client.batch_read(keys, _dtype=DTYPE),
    }
    if options.peer:
        import aerospike_py

        peer = aerospike_py.client(config).connect()
        found["aerospike-py"] = lambda: peer.batch_read(tuples, BINS).to_numpy(DTYPE)
    return found


def peak() -> int:
    """Bytes that this process has had in memory at most (ru_maxrss would begin with its parent's)."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def memory(options: argparse.Namespace, n: int, queue: Any) -> None:
    client = aerospike_np.client({"hosts": [(options.host, options.port)]}).connect()
    keys = aerospike_np.Keys("test", "perf", np.arange(n))
    client.batch_read([("test", "perf", 1)], _dtype=DTYPE)
    before = peak()
    result = client.batch_read(keys, _dtype=DTYPE)
    after = peak()
    size = result.batch_records.nbytes + result.meta.nbytes + result.result_codes.nbytes
    queue.put((after - before - size) / 2**20)


def beyond_result(options: argparse.Namespace, n: int) -> float:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=memory, args=(options, n, queue))
    process.start()
    found = queue.get()
    process.join()
    return float(found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--n", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    for n in options.n:
        found = readers(options, n)
        turns: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
        for read in found.values():
            read()
        for _ in range(5):
            for name, read in found.items():
                turns[name].append(turn(read, n))
        row: dict[str, Any] = {"n": n, "MiB beyond the result": round(beyond_result(options, n), 1)}
        for name, times in turns.items():
            row[name] = {
                "us CPU a record": round(statistics.median(t[0] for t in times), 3),
                "records/s": round(1e6 / statistics.median(t[1] for t in times)),
            }
        if options.peer:
            peer = row["aerospike-py"]["us CPU a record"]
            row["ratio"] = round(peer / row["tuples"]["us CPU a record"], 1)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
