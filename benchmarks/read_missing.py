"""Batch reads of which every third record is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from batch_read import ARRAY, OURS, PEERS
from harness import Group, main
from shapes import Shape

QUESTION = "What does a batch read cost with 30 % of the records missing?"


def groups(quick: bool) -> Iterator[Group]:
    for missing in (0, 30):
        yield Group(f"missing, {missing} %", 10_000, [OURS, ARRAY, *PEERS], Shape(missing=missing))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
