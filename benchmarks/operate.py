"""Single records: operations, and filters."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main

QUESTION = "What do five operations on a record cost, and a filter?"

OURS = Cell("aerospike_np", ("ours", "operate_one"))
OFFICIAL = Cell("official", ("official", "operate_one"))
GET = Cell("get", ("ours", "get"))
FILTERED = Cell("get, with a filter", ("ours", "get"), {"filter": True})
OPERATE, FILTER = "operate, five operations", "get, the same filter each time"


def groups(quick: bool) -> Iterator[Group]:
    yield Group(OPERATE, 1000, [OURS, OFFICIAL], target="embedded")
    yield Group(FILTER, 1000, [GET, FILTERED])


def bounds(found: Found) -> list[Bound]:
    beside = found.ratio(OPERATE, OURS.name, OFFICIAL.name)
    filtered = found.ratio(FILTER, FILTERED.name, GET.name)
    return [
        Bound("operate with five operations: CPU beside the official client", beside, 0.8, 0.6),
        Bound("get: an expression that was built once: CPU beside none", filtered, 1.15, 1.05),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
