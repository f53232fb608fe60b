"""Batch reads by type of value."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from batch_read import ARRAY, OURS, PEERS
from harness import Group, main
from shapes import Shape, numbers

QUESTION = "What does a batch read cost, by type of value?"

SHAPES = {
    "five doubles": numbers(5),
    "five integers": tuple(f"b{i}:i" for i in range(5)),
    "five strings of 16": tuple(f"b{i}:s16" for i in range(5)),
    "a blob of 1 KiB": ("b0:b1024",),
    "a vector of 128 float32": ("b0:v128",),
    "a list of eight integers": ("b0:l8",),
}


def groups(quick: bool) -> Iterator[Group]:
    for name, bins in SHAPES.items():
        yield Group(f"types, {name}", 10_000, [OURS, ARRAY, *PEERS], Shape(bins))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
