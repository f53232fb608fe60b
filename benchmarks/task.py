"""What a client's module and the process that runs it say to one another."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Iterable, Iterator
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


def operations_on(case: Case, client: Any) -> list[tuple[tuple[str, str, int], list[Any]]]:
    """Five operations for each key, by the client's own builders; the list that they make stays short."""
    plain, lists = client.operations, client.list_operations
    return [
        (
            key,
            [
                plain.increment("i0", 1),
                plain.write("s0", "a string of some size"),
                plain.write("l", [1, 2.5, "three"]),
                lists.list_append("l", key[2]),
                plain.read("i0"),
            ],
        )
        for key in case.tuples()
    ]


class Latencies:
    """Of single calls: p50 and p99 of those that were made since the last look."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def of(self, calls: Iterable[Callable[[], Any]]) -> Callable[[], Any]:
        """What makes these calls, one after the other; the last answer is given."""
        all_calls = list(calls)

        def run() -> Any:
            clock, note = time.perf_counter_ns, self.times.append
            for call in all_calls:
                before = clock()
                answer = call()
                note(clock() - before)
            return answer

        return run

    def of_async(
        self, loop: asyncio.AbstractEventLoop, calls: Iterable[Callable[[], Any]], in_flight: int
    ) -> Callable[[], Any]:
        """What awaits these calls in a loop, so many at once; one of the last answers is given."""
        all_calls = list(calls)

        async def some(waiting: Iterator[Callable[[], Any]]) -> Any:
            clock, note = time.perf_counter_ns, self.times.append
            for call in waiting:
                before = clock()
                answer = await call()
                note(clock() - before)
            return answer

        async def everything() -> Any:
            waiting = iter(all_calls)
            return (await asyncio.gather(*(some(waiting) for _ in range(in_flight))))[0]

        return lambda: loop.run_until_complete(everything())

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
