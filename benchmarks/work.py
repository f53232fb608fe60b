"""One cell of a benchmark, in a process of its own: a client that does one thing, again and again.

    python benchmarks/work.py CLIENT TASK OPTIONS        (harness.py starts it)

CLIENT is a module of clients/, TASK one of its functions, OPTIONS what it is given, in JSON. The function
connects and returns a `Work`. It is done once here, which is its warm-up; the answer is checked, and the memory
that it took is looked at. Then, for each number of rounds that comes in a line, one line goes out: CPU (user + sys
of this process) and wall seconds, and, where the work itself says so, more.
"""

from __future__ import annotations

import gc
import importlib
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shapes import Shape
from task import Absent, Case, Work


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def forget_peak() -> None:
    """The peak begins anew at what is in memory now."""
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")


def peak() -> int:
    """Bytes that this process has had in memory at most."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def with_callers(work: Work, callers: int) -> Work:
    """The same work in so many threads at once."""
    pool = ThreadPoolExecutor(callers)

    def run() -> list[Any]:
        return list(pool.map(lambda _: work.run(), range(callers)))

    def check(results: list[Any]) -> None:
        for result in results:
            work.check(result)

    return Work(run, check, figures=work.figures)


def begin(work: Work) -> dict[str, Any]:
    """Does it once; the memory that it needed, in all and beyond its result."""
    gc.collect()
    forget_peak()
    before = peak()
    result = work.run()
    grown = peak() - before
    work.check(result)
    size = work.size(result) if work.size is not None else 0
    if work.figures is not None:
        work.figures()
    return {"ready": True, "peak": grown, "beyond": grown - size}


def turn(work: Work, rounds: int) -> dict[str, Any]:
    cpu_before, before = cpu(), time.perf_counter()
    for _ in range(rounds):
        work.run()
    found = {"cpu": cpu() - cpu_before, "wall": time.perf_counter() - before}
    return {**found, **(work.figures() if work.figures is not None else {})}


def say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


def main() -> None:
    client, task, text = sys.argv[1:]
    options = json.loads(text)
    shape = Shape(tuple(options.pop("bins")), options.pop("missing"))
    case = Case(options.pop("host"), options.pop("port"), options.pop("n"), shape, options)
    try:
        work = getattr(importlib.import_module(f"clients.{client}"), task)(case)
    except Absent as absent:
        return say({"absent": str(absent)})
    if case.get("callers", 1) > 1:
        work = with_callers(work, case.get("callers"))
    say(begin(work))
    for line in sys.stdin:
        say(turn(work, int(line)))
    work.check(work.run())


if __name__ == "__main__":
    main()
