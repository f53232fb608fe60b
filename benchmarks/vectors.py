"""Vectors of 128 float32 into an array, beside a program that only receives them; and lists of doubles."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main
from shapes import Shape

QUESTION = "How near do vectors, and lists of doubles, come to the speed of receiving alone?"

LISTS, SHAPE = "lists of 1,000 doubles", Shape(("d0:d1000",))
OURS = Cell("aerospike_np, array keys", ("ours", "read"), {"keys": "array"})
OUT = Cell("aerospike_np, array keys, out=", ("ours", "read"), {"keys": "array", "out": True})
RECEIVE = Cell("receiving only", ("./floor", "receive", "{port}", "{n}"))
PY = Cell("aerospike-py, NumPy", ("aerospike_py", "read"))


def groups(quick: bool) -> Iterator[Group]:
    yield Group(
        "vectors", 50_000, [OURS, OUT, RECEIVE, *([] if quick else [PY])], Shape(("v0:v128",))
    )
    yield Group(LISTS, 5000, [OURS, OUT, RECEIVE], SHAPE)


def bounds(found: Found) -> list[Bound]:
    beside = found.ratio("vectors", OURS.name, RECEIVE.name, "records_s")
    lists = found.figure(LISTS, OUT.name)
    rate = None if lists is None else SHAPE.wire / lists / 1e3
    return [
        Bound("vectors of 128 float32: bytes/s beside receiving only", beside, 0.70, 0.85, True),
        Bound(f"{LISTS} into f8: bytes of replies a second of CPU", rate, 1, 2, True, "GB"),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
