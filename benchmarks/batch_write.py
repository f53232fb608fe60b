"""Batch writes of five bins from rows, by number of keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main, targets

QUESTION = "What does a batch write of five bins cost, by number of keys?"

OURS = Cell("aerospike_np", ("ours", "write"))
OPERATE = Cell("aerospike_np, operations", ("ours", "operate"))
PEERS = [
    Cell("aerospike-py, NumPy", ("aerospike_py", "write")),
    Cell("official", ("official", "write")),
    Cell("aerospike-native", ("native", "write")),
]


def groups(quick: bool) -> Iterator[Group]:
    for n in (1000, 10_000) if quick else (100, 1000, 10_000, 100_000):
        yield Group(f"write, n = {n:,}", n, [OURS, OPERATE, *(PEERS[:2] if quick else PEERS)])
    if not quick:
        yield Group("write, n = 1,000,000", 1_000_000, [OURS])
        for target in targets("embedded", "cluster"):
            yield Group(f"write, n = 10,000, {target}", 10_000, [OURS, *PEERS], target=target)


def bounds(found: Found) -> list[Bound]:
    made = []
    for n in ("write, n = 1,000", "write, n = 10,000", "write, n = 100,000"):
        operate = found.ratio(n, OPERATE.name, OURS.name)
        if operate is not None:
            made.append(Bound(f"{n}: CPU of operations beside plain writes", operate, 1.3, 1.15))
        py, official = (found.ratio(n, OURS.name, peer.name) for peer in PEERS[:2])
        if py is not None or official is not None:
            made += [
                Bound(f"{n}: CPU beside aerospike-py", py, 1 / 50, 1 / 150),
                Bound(f"{n}: CPU beside the official client", official, 1 / 40, 1 / 150),
            ]
    return made


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
