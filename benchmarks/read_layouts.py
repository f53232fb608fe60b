"""Batch reads into rows, columns and a matrix."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Cell, Group, main
from shapes import Shape, numbers

QUESTION = "What does the layout of the result cost?"

ARRAY = {"keys": "array"}
CELLS = [
    Cell("rows", ("ours", "read"), ARRAY),
    Cell("columns", ("ours", "read"), {**ARRAY, "layout": "columns"}),
    Cell("a matrix", ("ours", "read_matrix"), ARRAY),
]


def groups(quick: bool) -> Iterator[Group]:
    for k in (5, 50):
        yield Group(f"layouts, {k} bins", 20_000, CELLS, Shape(numbers(k)))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
