"""The official client in a process of its own."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable
from typing import Any


class Apart:
    """The official client in a process of its own: it frees pointers that it never set, and once in some ten
    thousand calls dies of it. Then another one takes its place.

    ``start`` is called there, and gives what answers plans with bytes.
    """

    def __init__(self, start: Callable[[], Callable[[Any], bytes]]) -> None:
        self.start = start
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=self.work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def work(self, pipe: Any) -> None:
        from aerospike.exception import AerospikeError

        warnings.simplefilter("ignore")
        answer = self.start()
        while True:
            plan = pipe.recv()
            try:
                pipe.send(answer(plan))
            except AerospikeError as error:
                pipe.send(repr(error))

    def bytes_of(self, plan: Any) -> bytes | str:
        """What is made of a plan, or why there is none."""
        for _ in range(3):
            try:
                self.pipe.send(plan)
                answer: bytes | str = self.pipe.recv()
                return answer
            except (EOFError, ConnectionError):
                self.stop()
                self.begin()
        raise AssertionError(f"the official client dies of {plan}")

    def stop(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()
