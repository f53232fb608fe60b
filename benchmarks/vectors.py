"""Vectors of 128 float32 into an array, beside a program that only receives them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main
from shapes import Shape

QUESTION = "How near do vectors come to the speed of receiving alone?"

OURS = Cell("aerospike_np, array keys", ("ours", "read"), {"keys": "array"})
OUT = Cell("aerospike_np, array keys, out=", ("ours", "read"), {"keys": "array", "out": True})
RECEIVE = Cell("receiving only", ("./floor", "receive", "{port}", "{n}"))
PY = Cell("aerospike-py, NumPy", ("aerospike_py", "read"))


def groups(quick: bool) -> Iterator[Group]:
    yield Group(
        "vectors", 50_000, [OURS, OUT, RECEIVE, *([] if quick else [PY])], Shape(("v0:v128",))
    )


def bounds(found: Found) -> list[Bound]:
    beside = found.ratio("vectors", OURS.name, RECEIVE.name, "records_s")
    return [
        Bound("vectors of 128 float32: bytes/s beside receiving only", beside, 0.70, 0.85, True)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
