"""A result of five bins read again in place, where one record of a hundred has changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main
from shapes import Shape

QUESTION = "What does it cost to ask again only for what has changed?"

AVX2 = {"AEROSPIKE_NP_SIMD": "avx2"}
FRESH = Cell("read anew", ("ours", "refresh"), {"fresh": True})
AGAIN = Cell("refresh", ("ours", "refresh"))
FRESH_AVX2 = Cell("read anew, AVX2", ("ours", "refresh"), {"fresh": True}, env=AVX2)
AGAIN_AVX2 = Cell("refresh, AVX2", ("ours", "refresh"), env=AVX2)


def groups(quick: bool) -> Iterator[Group]:
    for n in (100_000,) if quick else (1000, 100_000, 1_000_000):
        cells = [FRESH, AGAIN, FRESH_AVX2, AGAIN_AVX2]
        yield Group(f"refresh, n = {n:,}", n, cells, Shape(changed=1))


def bounds(found: Found) -> list[Bound]:
    group = "refresh, n = 100,000"
    cpu = found.ratio(group, AGAIN.name, FRESH.name)
    slow = found.ratio(group, AGAIN_AVX2.name, FRESH_AVX2.name)
    size = found.ratio(group, AGAIN.name, FRESH.name, "reply_bytes")
    return [
        Bound(f"{group}, 1 % changed: bytes of replies beside a new read", size, 1 / 4, 1 / 5),
        Bound(f"{group}: CPU beside a new read", cpu, 1 / 2),
        Bound(f"{group}: the same with AVX2", slow, 1 / 2),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
