"""Batch reads of five bins into rows, by number of keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from harness import Bound, Cell, Found, Group, main, targets

QUESTION = "What does a batch read of five bins cost, by number of keys?"

MILLION = 1_000_000
AVX2 = {"AEROSPIKE_NP_SIMD": "avx2"}
OURS = Cell("aerospike_np", ("ours", "read"))
ARRAY = Cell("aerospike_np, array keys", ("ours", "read"), {"keys": "array"})
OUT = Cell("aerospike_np, array keys, out=", ("ours", "read"), {"keys": "array", "out": True})
READER = Cell("aerospike_np, reader", ("ours", "read_reader"))
WITH_AVX2 = Cell("aerospike_np, AVX2", ("ours", "read"), env=AVX2)
IN_C = Cell("aerospike_np in C, array keys", ("./engine", "{port}", "{n}"))
FLOOR = Cell("floor, array keys", ("./floor", "read", "{port}", "{n}"))
PEERS = [
    Cell("aerospike-py, NumPy", ("aerospike_py", "read")),
    Cell("official", ("official", "read")),
    Cell("aerospike-native", ("native", "read")),
]
MORE = [
    IN_C,
    Cell("aerospike-py, dict", ("aerospike_py", "read_dict")),
    Cell("official, into NumPy", ("official", "read_rows")),
]


def at_size(name: str, cell: Cell, n: int) -> Cell:
    return replace(cell, name=f"{n:,} {name}", options={**cell.options, "n": n})


def groups(quick: bool) -> Iterator[Group]:
    more = [] if quick else MORE
    ours = [OURS, WITH_AVX2, ARRAY, OUT, READER]
    for n in (100, 1000, 100_000) if quick else (100, 1000, 10_000, 100_000):
        yield Group(f"read, n = {n:,}", n, [*ours, FLOOR, *PEERS, *more])
    if not quick:
        yield Group("read, n = 1,000,000", 1_000_000, [OURS, ARRAY, OUT, FLOOR])
    cells = [at_size("array keys", ARRAY, n) for n in (1000, 100_000, MILLION, 10 * MILLION)]
    for n in (MILLION, 10 * MILLION):
        cells.append(at_size("array keys, out=", OUT, n))
        cells.append(Cell(f"{n:,} floor", ("./floor", "read", "{port}", str(n)), per_round=n))
    yield Group("read, array keys", 0, cells)
    if not quick:
        for target in targets("embedded", "cluster"):
            for n in (1000, 100_000):
                cells = [OURS, ARRAY, *PEERS]
                yield Group(f"read, n = {n:,}, {target}", n, cells, target=target)


def bounds(found: Found) -> list[Bound]:
    made, py = [], PEERS[0].name
    for n in ("read, n = 1,000", "read, n = 100,000"):

        def beside(one: str, other: str, what: str = "cpu_us", n: str = n) -> float | None:
            return found.ratio(n, one, other, what)

        ours = OURS.name
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

    def grown(n: str, less: str, name: str = "array keys") -> float | None:
        return found.ratio("read, array keys", f"{n} {name}", f"{less} {name}")

    small, large = "read, n = 100", "read, n = 100,000"
    beside_floor = found.ratio(large, ARRAY.name, FLOOR.name)
    beyond = found.figures("read, array keys", "beyond")
    for n in (small, "read, n = 1,000", large):  # what any program could reach here
        made.append(Bound(f"{n}: the floor beside aerospike-py", found.ratio(n, FLOOR.name, py)))
    return [
        *made,
        Bound(f"{large}: array keys: CPU beside the floor", beside_floor, 2, 1.4),
        Bound(
            f"{small}: CPU beside aerospike-py", found.ratio(small, OURS.name, py), 1 / 15, 1 / 30
        ),
        Bound(f"{small}: with a reader", found.ratio(small, READER.name, py), 1 / 20, 1 / 30),
        Bound(
            "array keys: CPU at 10,000,000 over 1,000,000",
            grown("10,000,000", "1,000,000"),
            1.2,
            1.05,
        ),
        Bound(
            "the same with out=: no fresh memory",
            grown("10,000,000", "1,000,000", "array keys, out="),
        ),
        Bound(
            "the same of the floor, with fresh memory", grown("10,000,000", "1,000,000", "floor")
        ),
        Bound("array keys: CPU at 1,000 over 100,000", grown("1,000", "100,000"), 1.4, 1.25),
        Bound("array keys: most memory beyond the result", max(beyond) / 2**20, 32, 16, unit="MiB"),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
