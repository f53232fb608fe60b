"""What a client's module and the process that runs it say to one another."""

from __future__ import annotations

import importlib
from collections.abc import Callable
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


def need(module: str, package: str | None = None) -> Any:
    """Imports what may not be there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Absent(f"{package or module} is not here: {error}") from None
