"""Two threads at once on Python 3.13t, without a GIL: reads of one client, and streams of CSV rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from harness import ROOT, Bound, Cell, Found, Group, main

QUESTION = "What do two threads cost and gain without a GIL?"

BUILT = ROOT / "build/free-threaded"
PYTHON = str(BUILT / "venv/bin/python")
ENV = {"PYTHONPATH": str(BUILT / "lib"), "PYTHON_GIL": "0"}
ROWS = 82_000


def groups(quick: bool) -> Iterator[Group]:
    reads, streams = [], []
    for threads, name in ((1, "one thread"), (2, "two threads")):
        read = {"keys": "array", "callers": threads}
        reads.append(Cell(name, ("ours", "read"), read, ENV, python=PYTHON))
        stream = {"threads": threads}
        streams.append(Cell(name, ("ours_streams", "write_csv"), stream, ENV, python=PYTHON))
    yield Group("3.13t, reads of 100,000", 100_000, reads)
    yield Group("3.13t, rows of CSV", ROWS, streams)


def bounds(found: Found) -> list[Bound]:
    def beside(group: str, what: str = "cpu_us") -> float | None:
        return found.ratio(group, "two threads", "one thread", what)

    reads, streams = found.groups
    return [
        Bound(f"{reads}: CPU a record of two threads beside one", beside(reads), 1.15),
        Bound(f"{streams}: CPU a row of two threads beside one", beside(streams), 1.15),
        Bound(f"{streams}: rows/s of two threads beside one", beside(streams, "records_s")),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
