"""A thread of pure Python beside the reads: what it keeps, and what it takes from them.

It counts as fast as it can. What it can keep at all depends on how many cores there are for it, the reads and the
server; so it is held against the same thread beside a process in C that makes the same reads with the same engine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "What does competing Python work keep, and take, beside batch reads?"

SPINNER = {"beside": "spinner"}
OURS = Cell("aerospike_np, array keys", ("ours", "read"), {"keys": "array", **SPINNER})
TUPLES = Cell("aerospike_np", ("ours", "read"), SPINNER)
IN_C = Cell("C, another process", ("program", "read"), SPINNER)
ALONE = Cell("aerospike_np, array keys, nothing beside", ("ours", "read"), {"keys": "array"})
PEERS = [
    Cell("aerospike-py, NumPy", ("aerospike_py", "read"), SPINNER),
    Cell("official", ("official", "read"), SPINNER),
    Cell("aerospike-native", ("native", "read"), SPINNER),
]


def groups(quick: bool) -> Iterator[Group]:
    yield Group(
        "spinner, n = 100,000", 100_000, [OURS, TUPLES, IN_C, ALONE, *([] if quick else PEERS)]
    )
    if not quick:
        yield Group("spinner, n = 1,000", 1000, [OURS, TUPLES, IN_C, ALONE, *PEERS])


def bounds(found: Found) -> list[Bound]:
    kept = found.ratio("spinner, n = 100,000", OURS.name, IN_C.name, "spins_s")
    what = "a spinning thread beside 100,000-key reads, of beside C making the same load"
    return [Bound(what, kept, 0.9, at_least=True)]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
