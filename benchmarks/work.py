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
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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


class Spinner:
    """A thread of pure Python beside the work, for the time of a turn."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def spin(self) -> None:
        while self.is_spinning:
            self.count += 1

    def turn(self, rounds: int) -> dict[str, Any]:
        """CPU is that of the rest."""
        self.count, self.is_spinning = 0, True
        thread = threading.Thread(target=self.spin)
        thread.start()
        assert thread.ident is not None
        clock = time.pthread_getcpuclockid(thread.ident)
        count, its = self.count, time.clock_gettime(clock)
        found = turn(self.work, rounds)
        count, its = self.count - count, time.clock_gettime(clock) - its
        self.is_spinning = False
        thread.join()
        return {**found, "cpu": found["cpu"] - its, "spins_s": count / found["wall"]}


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
        if case.get("callers", 1) > 1:
            work = with_callers(work, case.get("callers"))
        ready = begin(work)
    except Absent as absent:
        return say({"absent": str(absent)})
    except Exception as error:
        return say({"absent": f"it can't: {type(error).__name__}: {str(error)[:200]}"})
    say(ready)
    one_turn = Spinner(work).turn if case.get("beside") == "spinner" else partial(turn, work)
    for line in sys.stdin:
        say(one_turn(int(line)))
    work.check(work.run())
    say({"done": True})  # some clients abort when Python ends


if __name__ == "__main__":
    main()
