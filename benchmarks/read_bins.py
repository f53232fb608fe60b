"""Batch reads by number of bins."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from batch_read import ARRAY, OURS, PEERS
from harness import Group, main
from shapes import Shape, numbers

QUESTION = "What does a batch read cost, by number of bins?"


def groups(quick: bool) -> Iterator[Group]:
    for k in (1, 100) if quick else (1, 5, 20, 100):
        yield Group(f"bins, {k}", 10_000, [OURS, ARRAY, *PEERS], Shape(numbers(k)))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
