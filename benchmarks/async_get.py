"""Single records that are awaited, many at once and one at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "How many single records can be awaited at once, and how long does one take?"


def groups(quick: bool) -> Iterator[Group]:
    for in_flight in (32, 1):
        clients = {
            "aerospike_np": ("ours_async", "get"),
            "aerospike-py": ("aerospike_py", "get_async"),
        }
        cells = [Cell(name, work, {"in_flight": in_flight}) for name, work in clients.items()]
        yield Group(f"await get, {in_flight} in flight", 1000, cells)


def bounds(found: Found) -> list[Bound]:
    def beside(in_flight: int, what: str) -> float | None:
        group = f"await get, {in_flight} in flight"
        return found.ratio(group, "aerospike_np", "aerospike-py", what)

    return [
        Bound(
            "await get, 32 in flight: operations/s beside aerospike-py",
            beside(32, "records_s"),
            5,
            at_least=True,
        ),
        Bound("await get, one at a time: p50 beside aerospike-py", beside(1, "p50_us"), 1 / 2),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
