"""The ratios that were promised, each with its bound, and whether it holds: `make bench-quick`, three minutes.

    PYTHONPATH=. .venv-bench/bin/python benchmarks/quick.py [QUESTION ...]

The status is 1 where a bound does not hold. A bound is left out where a client that it needs is not here.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

import facts
from harness import measure, say_bounds

QUESTIONS = (
    "batch_read", "batch_write", "digests", "decode", "vectors", "single_get", "objects", "features",
)  # fmt: skip


def main() -> int:
    started, load = time.monotonic(), os.getloadavg()[0]
    bounds = []
    for name in sys.argv[1:] or QUESTIONS:
        bounds += measure(importlib.import_module(name), quick=True)["bounds"]
    about = facts.facts()
    versions = ", ".join(
        f"{name} {version}" for name, version in about["packages"].items() if version
    )
    say_bounds(bounds)
    print(
        f"\nDigests in {about['simd']} lanes; {about['cpu']}, {about['cpus']} CPUs, load {load:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after; Python {about['python']}, {versions}; {time.monotonic() - started:.0f} s"
    )
    return int(any(bound.holds is False for bound in bounds))


if __name__ == "__main__":
    sys.exit(main())
