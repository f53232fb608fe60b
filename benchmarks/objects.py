"""Batch reads without a dtype, every record looked at."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "What does a batch read into Python's own objects cost?"

OURS = Cell("aerospike_np", ("ours", "read_objects"))
OFFICIAL = Cell("official", ("official", "read_touched"))
PY = Cell("aerospike-py, dict", ("aerospike_py", "read_dict"))


def groups(quick: bool) -> Iterator[Group]:
    for n in (10_000,) if quick else (1000, 10_000, 100_000):
        yield Group(f"objects, n = {n:,}", n, [OURS, OFFICIAL, PY])


def bounds(found: Found) -> list[Bound]:
    beside = found.ratio("objects, n = 10,000", OURS.name, OFFICIAL.name)
    what = "batch_read without a dtype, all touched: CPU beside the official client"
    return [Bound(what, beside, 0.7, 0.5)]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
