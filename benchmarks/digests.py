"""Digests of integer keys, by kind of SIMD lanes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from facts import simd
from harness import Bound, Cell, Found, Group, main

QUESTION = "What does a digest cost, by kind of SIMD lanes?"

KINDS = {"avx512": (45, 32), "avx2": (75, 54), "portable": (300, None)}  # ns a key: must, aim


def groups(quick: bool) -> Iterator[Group]:
    work = ("./floor", "digest", "0", "{n}")
    here = [kind for kind in KINDS if simd({"AEROSPIKE_NP_SIMD": kind}) == kind]
    cells = [Cell(kind, work, env={"AEROSPIKE_NP_SIMD": kind}) for kind in here]
    yield Group("digests", 100_000, cells, record_bytes=0)


def bounds(found: Found) -> list[Bound]:
    made = []
    for kind, (must, aim) in KINDS.items():
        us = found.figure("digests", kind)
        made.append(
            Bound(f"digest, {kind}", None if us is None else us * 1000, must, aim, unit="ns")
        )
    return made


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
