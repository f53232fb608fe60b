"""Batch reads that are awaited, beside the same that block."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "What does it cost to await a batch read?"

SIZES = {1000: (20, 1.25), 100_000: (1, 1.10)}  # n: calls a round, bound


def groups(quick: bool) -> Iterator[Group]:
    for n, (calls, _) in SIZES.items():
        options = {"keys": "array", "calls": calls}
        cells = [
            Cell("awaited", ("ours_async", "read"), options, per_round=n * calls),
            Cell("blocking", ("ours", "read"), options),
        ]
        yield Group(f"await, n = {n:,}", n, cells)


def bounds(found: Found) -> list[Bound]:
    made = []
    for n, (_, must) in SIZES.items():
        group = f"await, n = {n:,}"
        beside = found.ratio(group, "awaited", "blocking")
        made.append(Bound(f"{group}: CPU awaited beside blocking", beside, must))
    return made


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
