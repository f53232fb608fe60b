"""Batch reads of five bins into rows, by number of keys.

PYTHONPATH=. .venv-bench/bin/python benchmarks/batch_read.py [--quick] [--turns N]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main, targets

QUESTION = "What does a batch read of five bins cost, by number of keys?"

AVX2 = {"AEROSPIKE_NP_SIMD": "avx2"}
OURS = Cell("aerospike_np", ("ours", "read"))
ARRAY = Cell("aerospike_np, array keys", ("ours", "read"), {"keys": "array"})
OUT = Cell("aerospike_np, array keys, out=", ("ours", "read"), {"keys": "array", "out": True})
READER = Cell("aerospike_np, reader", ("ours", "read_reader"))
WITH_AVX2 = Cell("aerospike_np, AVX2", ("ours", "read"), env=AVX2)
FLOOR = Cell("floor, array keys", ("floor", "read", "{port}", "{n}"))
PEERS = [
    Cell("aerospike-py, NumPy", ("aerospike_py", "read")),
    Cell("official", ("official", "read")),
    Cell("aerospike-native", ("native", "read")),
]
MORE_PEERS = [
    Cell("aerospike-py, dict", ("aerospike_py", "read_dict")),
    Cell("official, into NumPy", ("official", "read_rows")),
]


def groups(quick: bool) -> Iterator[Group]:
    more = [] if quick else MORE_PEERS
    ours = [OURS, WITH_AVX2, ARRAY, OUT, READER]
    for n in (100, 1000, 100_000) if quick else (100, 1000, 10_000, 100_000):
        yield Group(f"n = {n:,}", n, [*ours, FLOOR, *PEERS, *more])
    yield Group(
        "n = 1,000,000", 1_000_000, [ARRAY, FLOOR, *([] if quick else [OURS, OUT])], turns=5
    )
    yield Group("n = 10,000,000", 10_000_000, [ARRAY], turns=5)
    if not quick:
        for target in targets("embedded", "cluster"):
            for n in (1000, 100_000):
                cells = [OURS, ARRAY, *PEERS]
                yield Group(f"n = {n:,}, {target}", n, cells, target=target)


def bounds(found: Found) -> list[Bound]:
    made = []
    for n in ("n = 1,000", "n = 100,000"):

        def beside(one: str, other: str, what: str = "cpu_us", n: str = n) -> float | None:
            return found.ratio(n, one, other, what)

        ours, py = OURS.name, "aerospike-py, NumPy"
        made += [
            Bound(f"{n}: CPU, tuple keys, beside aerospike-py", beside(ours, py), 1 / 40, 1 / 60),
            Bound(f"{n}: the same with AVX2", beside(WITH_AVX2.name, py), 1 / 30, 1 / 50),
            Bound(f"{n}: beside the official client", beside(ours, "official"), 1 / 35, 1 / 60),
            Bound(
                f"{n}: beside aerospike-native", beside(ours, "aerospike-native"), 1 / 20, 1 / 35
            ),
            Bound(
                f"{n}: array keys and out= beside tuple keys", beside(OUT.name, ours), 0.85, 0.72
            ),
            Bound(
                f"{n}: records/s beside aerospike-py", beside(ours, py, "records_s"), 30, 60, True
            ),
        ]
    small, large, most = "n = 100", "n = 1,000,000", "n = 10,000,000"
    py = "aerospike-py, NumPy"

    def cpu(group: str) -> float | None:
        return found.figure(group, ARRAY.name)

    def over(one: float | None, other: float | None) -> float | None:
        return None if one is None or not other else one / other

    grown = [f["cells"][ARRAY.name]["beyond"] for f in found.groups if ARRAY.name in f["cells"]]
    return [
        *made,
        Bound("n = 100,000: CPU beside the floor", found.ratio("n = 100,000", ARRAY.name, FLOOR.name), 2, 1.4),
        Bound("n = 100: CPU beside aerospike-py", found.ratio(small, OURS.name, py), 1 / 15, 1 / 30),
        Bound("n = 100: with a reader", found.ratio(small, READER.name, py), 1 / 20, 1 / 30),
        Bound("array keys: CPU at 10,000,000 over 1,000,000", over(cpu(most), cpu(large)), 1.2, 1.05),
        Bound("array keys: CPU at 1,000 over 100,000", over(cpu("n = 1,000"), cpu("n = 100,000")), 1.4, 1.25),
        Bound("peak memory beyond the result, any n", max(grown) / 2**20 if grown else None, 32, 16, unit="MiB"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
