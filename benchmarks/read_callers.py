"""Batch reads by several threads at once on one client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

from batch_read import ARRAY, OURS, PEERS
from harness import Cell, Group, main

QUESTION = "What do batch reads of several threads on one client gain?"


def by(cell: Cell, callers: int) -> Cell:
    return replace(cell, options={**cell.options, "callers": callers})


def groups(quick: bool) -> Iterator[Group]:
    cells = [OURS, ARRAY, *PEERS[:2]]  # aerospike-native has a loop, not threads
    for callers in (1, 4) if quick else (1, 2, 3, 4):
        yield Group(f"callers, {callers}", 10_000, [by(cell, callers) for cell in cells])


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
