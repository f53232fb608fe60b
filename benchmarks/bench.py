"""All questions: `make bench`, whose page is RESULTS.md; or the ratios that were promised: `make bench-quick`.

    PYTHONPATH=. .venv-bench/bin/python benchmarks/bench.py [--quick] [QUESTION ...]

The status is 1 where a bound does not hold. A bound is left out where a client that it needs is not here.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time

import facts
import page
from harness import measure, say_bounds

PROMISED = (
    "batch_read", "batch_write", "digests", "decode", "vectors", "single_get", "objects", "features",
    "refresh", "operate",
)  # fmt: skip
OTHERS = (
    "read_bins", "read_types", "read_missing", "read_callers", "read_layouts",
    "async_read", "async_get", "stalls", "competing", "free_threads",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="all questions, or the ratios that were promised")
    parser.add_argument("--quick", action="store_true", help="what was promised, in three minutes")
    parser.add_argument(
        "questions", nargs="*", metavar="QUESTION", help=", ".join(PROMISED + OTHERS)
    )
    options = parser.parse_args()
    started, load = time.monotonic(), os.getloadavg()[0]
    bounds = []
    for name in options.questions or (PROMISED if options.quick else PROMISED + OTHERS):
        bounds += measure(importlib.import_module(name), options.quick)["bounds"]
    say_bounds(bounds)
    about = facts.facts()
    print(
        f"\nDigests in {about['simd']} lanes; {about['cpu']}, {about['cpus']} CPUs, load {load:.1f} before and "
        f"{os.getloadavg()[0]:.1f} after; {facts.versions(about)}; {time.monotonic() - started:.0f} s"
    )
    if not options.quick:
        page.render()
    return int(any(bound.holds is False for bound in bounds))


if __name__ == "__main__":
    sys.exit(main())
