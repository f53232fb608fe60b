"""What a client's module and the process that runs it say to one another."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from shapes import Shape


class Absent(Exception):
    """What the work needs is not here; the text says what."""


@dataclass
class Work:
    """`run` is what is timed. `check` is given its result, and fails if that is wrong; `size` says how many
    bytes are the result's own. `figures` is asked after each turn for what else was measured in it."""

    run: Callable[[], Any]
    check: Callable[[Any], None]
    size: Callable[[Any], int] | None = None
    figures: Callable[[], dict[str, Any]] | None = None


@dataclass
class Case:
    """What a task is told."""

    host: str
    port: int
    n: int
    shape: Shape
    options: dict[str, Any]

    def tuples(self) -> list[tuple[str, str, int]]:
        return [("test", "perf", i) for i in range(self.n)]

    def get(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)


class Latencies:
    """Of single calls: makes a call many times a round, and gives p50 and p99."""

    def __init__(self, calls: Iterable[Callable[[], Any]]) -> None:
        self.calls = list(calls)
        self.times: list[int] = []

    def run(self) -> Any:
        clock, note = time.perf_counter_ns, self.times.append
        result = None
        for call in self.calls:
            before = clock()
            result = call()
            note(clock() - before)
        return result

    def figures(self) -> dict[str, float]:
        times = sorted(self.times)
        self.times.clear()
        return {
            "p50_us": times[len(times) // 2] / 1e3,
            "p99_us": times[len(times) * 99 // 100] / 1e3,
        }


def need(module: str, package: str | None = None) -> Any:
    """Imports what may not be there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Absent(f"{package or module} is not here: {error}") from None
