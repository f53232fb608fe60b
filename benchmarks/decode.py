"""Decoding alone, of bytes that are in the cache; beside what others need from bytes or memory to arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "What does it cost to decode a cell?"

FIELDS, ROWS, MANY = 8, 1000, 100_000
KINDS = {"i": "integers", "f": "doubles", "s": "strings of 16"}


def groups(quick: bool) -> Iterator[Group]:
    for kind, name in KINDS.items():
        told = {"kind": kind, "fields": FIELDS, "rows": MANY}
        others = {
            "duckdb, fetchnumpy": ("duckdb_fetch", "fetch"),
            "cassandra-driver, NumPy": ("cassandra_numpy", "decode"),
        }
        ours = ("./decode", kind, str(FIELDS), str(ROWS))
        cells = [Cell("aerospike_np", ours, per_round=FIELDS * ROWS)]
        cells += [
            Cell(other, work, told, per_round=FIELDS * MANY) for other, work in others.items()
        ]
        yield Group(f"decode, {name}", 0, cells, record_bytes=0)


def bounds(found: Found) -> list[Bound]:
    made = []
    for name in ("integers", "doubles"):
        us = found.figure(f"decode, {name}", "aerospike_np")
        ns = None if us is None else us * 1000
        made.append(Bound(f"decode, a cell of {name}", ns, 10, 3, unit="ns"))
    strings = found.ratio("decode, strings of 16", "aerospike_np", "duckdb, fetchnumpy")
    made.append(Bound("decode, a string of 16 beside DuckDB's fetchnumpy", strings, 1.5))
    return made


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
