"""A program in C that reads, as another process, while this one waits: its load, and none of its work here."""

from __future__ import annotations

import subprocess
from pathlib import Path

from task import Case, Work

ENGINE = Path(__file__).parents[2] / "build/benchmarks/engine"


def read(case: Case) -> Work:
    """As many records, by the engine without Python."""
    program = subprocess.Popen(
        [ENGINE, str(case.port), str(case.n)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )  # it ends with its input, which ends with us
    assert program.stdin is not None and program.stdout is not None
    answers, orders = program.stdout, program.stdin
    assert "ready" in answers.readline()

    def run() -> str:
        orders.write("1\n")
        orders.flush()
        return answers.readline()

    def check(answer: str) -> None:
        assert "cpu" in answer

    return Work(run, check)
