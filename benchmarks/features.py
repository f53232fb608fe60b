"""A feature store as models ask it: 100 entities x 50 features into a matrix of float32."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import Bound, Cell, Found, Group, main
from shapes import Shape, numbers

QUESTION = "What does a read of 100 entities x 50 features cost, beside Redis?"

CALLS = 100
OPTIONS = {"calls": CALLS, "features": 50}
OURS = Cell("aerospike_np", ("ours", "read_features"), OPTIONS, per_round=100 * CALLS)
READER = Cell("aerospike_np, reader", OURS.work, {**OPTIONS, "reader": True}, per_round=100 * CALLS)
REDIS = Cell(
    "redis, MGET and frombuffer", ("redis_mget", "read_features"), OPTIONS, per_round=100 * CALLS
)
PY = Cell("aerospike-py, NumPy", ("aerospike_py", "read_features"), OPTIONS, per_round=100 * CALLS)


def groups(quick: bool) -> Iterator[Group]:
    yield Group("features, a bin each", 100, [OURS, READER, REDIS, PY], Shape(numbers(50)))
    yield Group("features, a blob an entity", 100, [OURS, READER, REDIS], Shape(("v0:v50",)))


def bounds(found: Found) -> list[Bound]:
    return [
        Bound(
            f"{group}, {ours.name}: CPU beside redis",
            found.ratio(group, ours.name, REDIS.name),
            aim=2,
        )
        for group in found.groups
        for ours in (OURS, READER)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
