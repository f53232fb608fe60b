"""Single records, one after the other: latency and CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main, targets

QUESTION = "How long does a single get take, and what does it cost?"

OURS = Cell("aerospike_np", ("ours", "get"))
OFFICIAL = Cell("official", ("official", "get"))
PY = Cell("aerospike-py", ("aerospike_py", "get"))


def groups(quick: bool) -> Iterator[Group]:
    yield Group("get", 2000, [OURS, OFFICIAL, PY])
    if not quick:
        for target in targets("embedded", "cluster"):
            yield Group(f"get, {target}", 2000, [OURS, OFFICIAL, PY], target=target)


def bounds(found: Found) -> list[Bound]:
    def beside(what: str) -> float | None:
        return found.ratio("get", OURS.name, OFFICIAL.name, what)

    return [
        Bound("get: p50 beside the official client", beside("p50_us"), 1.0),
        Bound("get: CPU beside the official client", beside("cpu_us"), 0.8),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
