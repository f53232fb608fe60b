"""What every benchmark has in common: cells in processes of their own that take turns, medians, bounds, JSON.

A benchmark is a script with `QUESTION`, `groups(quick)` and, where something was promised, `bounds(found)`. What is
compared stands in one `Group`: its cells are prepared, then each does one turn after the other, so that what else
the machine does at that time meets all of them. Medians count: of the turns and, of ratios, of the turns' ratios.
A turn is as many rounds as fill a quarter of a second (quick: a tenth), or one.

A cell is a task of a client (work.py), or a program that speaks as work.py does. CPU is user + sys of that process
alone: neither the server's, nor this one's. A client that is not installed is left out, by name.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import facts
from shapes import Shape

ROOT = Path(__file__).parent.parent
PROGRAMS = ROOT / "build" / "benchmarks"
RESULTS = ROOT / "benchmarks" / "results"
TURNS = {True: 5, False: 7}  # quick, or not
SECONDS = {True: 0.1, False: 0.25}  # of a turn
EXTRA = (
    "p50_us",
    "p99_us",
    "stall_ms",
    "held_ms",
    "spins_s",
    "reply_bytes",
)  # what some works measure besides
PATIENCE = 180.0  # seconds that an answer may take


@dataclass
class Cell:
    """`work` is a client and a task; or ./program and its arguments, where {port} and {n} are filled in.

    A round makes `per_round` records (default: n). Among a task's options, n may be another than the group's.
    """

    name: str
    work: Sequence[str]
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    per_round: int = 0
    python: str = sys.executable


@dataclass
class Group:
    """What is compared with one another: the same records from the same server.

    `record_bytes` is what GB/s counts: a record's reply, unless it is said; 0 where nothing is sent.
    """

    name: str
    n: int
    cells: list[Cell]
    shape: Shape = field(default_factory=Shape)
    target: str = "canned"
    record_bytes: int = -1

    def __post_init__(self) -> None:
        if self.record_bytes < 0:
            self.record_bytes = self.shape.wire


@dataclass
class Bound:
    """A figure, and what it must be at most, or at least."""

    what: str
    value: float | None
    must: float | None = None
    aim: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def limits(self) -> tuple[str, str]:
        """`must` and `aim` as they are shown."""
        sign = ">= " if self.at_least else "<= "
        must, aim = (
            "" if limit is None else sign + number(limit, self.unit)
            for limit in (self.must, self.aim)
        )
        return must, aim

    @property
    def holds(self) -> bool | None:
        if self.value is None or self.must is None:
            return None
        return self.value >= self.must if self.at_least else self.value <= self.must


# ---- servers ----


@contextlib.contextmanager
def process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Ends with its input."""
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options
    )
    try:
        yield started
    finally:
        with contextlib.suppress(OSError):
            started.stdin.close()  # type: ignore[union-attr]
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        started.stdout.close()  # type: ignore[union-attr]


def line_of(started: subprocess.Popen[str]) -> str:
    """What it says next; empty when it has ended."""
    assert started.stdout is not None
    if not select.select([started.stdout], [], [], PATIENCE)[0]:
        started.kill()
        raise RuntimeError(f"{started.args!r} has said nothing for {PATIENCE:g} seconds")
    return started.stdout.readline()


@contextlib.contextmanager
def canned(shape: Shape) -> Iterator[tuple[str, int]]:
    """The canned server: where it listens."""
    program = PROGRAMS / "canned_server"
    if not program.exists():
        raise SystemExit(f"{program} is not built; run make bench-programs")
    with process([str(program), *shape.arguments()]) as server:
        yield "127.0.0.1", int(line_of(server))


@contextlib.contextmanager
def serve(group: Group) -> Iterator[tuple[str, int]]:
    """The group's server, holding keys 0 to n - 1 of the shape."""
    if group.target == "canned":
        with canned(group.shape) as at:
            yield at
        return
    with contextlib.ExitStack() as stack:
        if group.target == "embedded":
            node = stack.enter_context(process([sys.executable, "benchmarks/embedded.py"]))
            at = "127.0.0.1", int(line_of(node))
        else:
            host, _, port = os.environ["AEROSPIKE_HOST"].partition(":")
            at = host, int(port or 3000)
        with canned(group.shape) as (_, port_of_values):
            copy = ["benchmarks/embedded.py", "--fill", *map(str, (port_of_values, *at, group.n))]
            subprocess.run(
                [sys.executable, *copy, *group.shape.texts], check=True, cwd=ROOT, env=environment()
            )
        yield at


def targets(*wanted: str) -> list[str]:
    """Those that are here: "cluster" only where AEROSPIKE_HOST says where it is."""
    return [name for name in wanted if name != "cluster" or "AEROSPIKE_HOST" in os.environ]


# ---- cells ----


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """One thread for NumPy's own work; the scripts here, and this tree's package where nobody names another."""
    paths = f"{ROOT / 'benchmarks'}{os.pathsep}{os.environ.get('PYTHONPATH', ROOT)}"
    one = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP")}
    return {**os.environ, **one, "PYTHONPATH": paths, **(more or {})}


def command_of(cell: Cell, group: Group, at: tuple[str, int]) -> list[str]:
    host, port = at
    if cell.work[0].startswith("./"):
        program, *arguments = (part.format(port=port, n=group.n) for part in cell.work)
        return [str(PROGRAMS / program), *arguments]
    told = {
        "host": host, "port": port, "n": group.n, "target": group.target,
        "bins": group.shape.texts, "missing": group.shape.missing, **cell.options,
    }  # fmt: skip
    return [cell.python, "benchmarks/work.py", *cell.work, json.dumps(told)]


def ask(worker: subprocess.Popen[str], rounds: int | None = None) -> dict[str, Any]:
    """Has it do so many rounds; without a number, waits until it is ready."""
    if rounds is not None:
        assert worker.stdin is not None
        worker.stdin.write(f"{rounds}\n")
        worker.stdin.flush()
    line = line_of(worker)
    if not line:
        return {"failed": f"ended with status {worker.wait()}"}
    return dict(json.loads(line))


def rounds_of(worker: subprocess.Popen[str], seconds: float) -> int:
    """How many rounds make a turn."""
    once = ask(worker, 1)["wall"]
    if once < seconds / 5:
        few = max(1, int(seconds / 10 / max(once, 1e-6)))
        once = ask(worker, few)["wall"] / few
    return max(1, round(seconds / once))


def figures(records: int, wire: int, ready: Any, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one cell: medians, and the turns they come from."""
    for turn in turns:
        turn["cpu_us"] = turn["cpu"] / turn["rounds"] / records * 1e6
        turn["records_s"] = records * turn["rounds"] / turn["wall"]
        turn["gb_s"] = turn["records_s"] * wire / 1e9
    measured = [key for key in ("cpu_us", "records_s", "gb_s", *EXTRA) if key in turns[0]]
    return {
        "records_a_round": records,
        **{key: statistics.median(turn[key] for turn in turns) for key in measured},
        **{key: ready[key] for key in ("peak", "beyond", "simd") if key in ready},
        "turns": turns,
    }


def run(group: Group, quick: bool, turns: int | None = None) -> dict[str, Any]:
    """Measures a group: its cells' figures by name, and what was left out."""
    found: dict[str, Any] = {
        "group": group.name, "n": group.n, "target": group.target, "cells": {}, "left_out": {},
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(serve(group))
        workers: dict[str, tuple[Cell, Any, Any, int]] = {}
        for cell in group.cells:
            command = command_of(cell, group, at)
            if not Path(command[0]).exists():
                found["left_out"][cell.name] = f"{command[0]} is not here"
                continue
            worker = stack.enter_context(process(command, env=environment(cell.env)))
            ready = ask(worker)
            if ready.get("ready"):
                rounds = rounds_of(worker, SECONDS[quick])
                workers[cell.name] = cell, worker, ready, rounds
            else:
                found["left_out"][cell.name] = ready.get("absent", ready.get("failed"))
        done: dict[str, list[Any]] = {name: [] for name in workers}
        for _ in range(turns or TURNS[quick]):
            for name, (_, worker, _, rounds) in workers.items():
                done[name].append({"rounds": rounds, **ask(worker, rounds)})
        for name, (cell, worker, ready, _) in workers.items():
            worker.stdin.close()
            if (
                not line_of(worker) and worker.wait(PATIENCE) != 0
            ):  # it looks at its answer once more
                found["left_out"][name] = f"ended with status {worker.returncode}"
                continue
            n = cell.options.get("n", group.n)
            records = cell.per_round or n * cell.options.get("callers", 1)
            found["cells"][name] = figures(records, group.record_bytes, ready, done[name])
    return found


# ---- what was found ----


class Found:
    """The figures of a question's groups. None where a cell was left out."""

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        self.groups = {group["group"]: group for group in groups}

    def figure(self, group: str, cell: str, what: str = "cpu_us") -> float | None:
        cells = self.groups[group]["cells"] if group in self.groups else {}
        return float(cells[cell][what]) if cell in cells else None

    def figures(self, group: str, what: str) -> list[float]:
        """Of all cells of a group."""
        return [cell[what] for cell in self.groups[group]["cells"].values() if what in cell]

    def ratio(self, group: str, one: str, other: str, what: str = "cpu_us") -> float | None:
        """One beside the other: the median of the ratios of turns, which were made about at the same time."""
        cells = self.groups[group]["cells"] if group in self.groups else {}
        if one not in cells or other not in cells:
            return None
        pairs = zip(cells[one]["turns"], cells[other]["turns"], strict=True)
        return statistics.median(above[what] / below[what] for above, below in pairs)


def say_group(found: dict[str, Any]) -> None:
    print(f"\n{found['group']}")
    print(f"    {'':34} {'us CPU':>10} {'records/s':>12} {'GB/s':>7} {'peak MiB':>9}")
    for name, cell in found["cells"].items():
        peak = f"{cell['peak'] / 2**20:9.1f}" if "peak" in cell else " " * 9
        rate = f"{cell['gb_s']:.3f}" if cell["gb_s"] else ""
        more = "".join(f"  {key} {cell[key]:,.4g}" for key in EXTRA if key in cell)
        print(
            f"    {name:34} {cell['cpu_us']:10.4g} {cell['records_s']:12,.0f} "
            f"{rate:>7} {peak} {more}",
            flush=True,
        )
    for name, why in found["left_out"].items():
        print(f"    {name:34} left out: {why}")


def number(value: float | None, unit: str = "") -> str:
    if value is None:
        return "-"
    if not unit and 0 < value < 0.5:
        return f"1/{1 / value:.3g}"
    return f"{value:.3g}{' ' * bool(unit)}{unit}"


def say_bounds(bounds: Sequence[Bound]) -> None:
    print(f"\n{'':72} {'is':>10} {'must':>10} {'aim':>10}")
    for bound in bounds:
        says = {True: "holds", False: "DOES NOT HOLD", None: ""}[bound.holds]
        if bound.value is None:
            says = "left out"
        must, aim = bound.limits
        print(f"{bound.what:72} {number(bound.value, bound.unit):>10} {must:>10} {aim:>10}  {says}")


def measure(question: Any, quick: bool, turns: int | None = None) -> dict[str, Any]:
    """Asks a question: all its groups, then its bounds. The result is kept in results/."""
    before = os.getloadavg()[0]
    groups = []
    for group in question.groups(quick):
        groups.append(run(group, quick, turns))
        say_group(groups[-1])
    bounds = question.bounds(Found(groups)) if hasattr(question, "bounds") else []
    name = Path(question.__file__).stem
    result = {
        "question": question.QUESTION,
        "facts": {**facts.facts(), "load": [before, os.getloadavg()[0]], "quick": quick},
        "groups": groups,
        "bounds": [{**vars(bound), "holds": bound.holds} for bound in bounds],
    }
    if not quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    return {**result, "bounds": bounds}


def main(question: Any) -> int:
    """A question's own command line."""
    parser = argparse.ArgumentParser(description=question.QUESTION)
    parser.add_argument("--quick", action="store_true", help="less of it; nothing is kept")
    parser.add_argument(
        "--turns", type=int, help=f"of each cell (default: {TURNS[False]}; quick: {TURNS[True]})"
    )
    options = parser.parse_args()
    result = measure(question, options.quick, options.turns)
    say_bounds(result["bounds"])
    return int(any(bound.holds is False for bound in result["bounds"]))
