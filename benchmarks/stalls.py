"""How long an event loop is kept from its turn while batches of 100,000 keys run.

A coroutine sleeps half a millisecond at a time beside ten batches, and notes how late it woke. The loop's thread
runs before those of other processes where that is allowed (as root): a busy machine is not taken for a stall.
`held_ms` is the most CPU that the loop's thread took between two such sleeps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "How long does a batch stall the event loop?"

KINDS = {"array": ("array keys", 2.0), "tuples": ("lists of tuples", 5.0)}  # name, bound in ms


def groups(quick: bool) -> Iterator[Group]:
    cells = [
        Cell(name, ("ours_async", "stall"), {"keys": kind, "calls": 10}, per_round=1_000_000)
        for kind, (name, _) in KINDS.items()
    ]
    cells.append(Cell("nothing beside", ("ours_async", "stall"), {"calls": 0}))
    yield Group("stalls", 100_000, cells, record_bytes=0)


def bounds(found: Found) -> list[Bound]:
    return [
        Bound(
            f"{name}: longest stall of the event loop in a turn of ten",
            found.figure("stalls", name, "stall_ms"),
            must,
            unit="ms",
        )
        for name, must in KINDS.values()
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
