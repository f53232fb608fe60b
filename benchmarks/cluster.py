"""What a cluster costs a client, and what its nodes' faults cost. The nodes are in processes of their own.

    PYTHONPATH=. python benchmarks/cluster.py [--only spread death frozen refresh] [--quick] [--json FILE]

    spread    CPU of the client a record, 100,000 rows on 1, 3 and 10 nodes
    death     a node of three dies in the middle of a read: that read, and the next one
    frozen    how far calls with a total_timeout of 200 ms go beyond it while a node of three answers nothing
    refresh   reads while the map is fetched every 50 ms and changes, and while it stays; a profile of the former

What is compared takes turns in one run, and medians count. CPU is user + sys: of the process, or of the thread that
reads. Bounds are shown beside the figures; the status is 1 if one does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import aerospike_np
from aerospike_np import exception
from aerospike_np.local import LocalCluster

ROWS = 100_000
DTYPE = np.dtype([("f0", "f8"), ("f1", "f8"), ("i0", "i8"), ("i1", "i8"), ("s0", "S16")])
KEYS = aerospike_np.Keys("test", "perf", np.arange(ROWS))
TIMEOUT_MS, OVERRUN_MS = 200, 100
LOCKS = r"pthread_(mutex|rwlock|cond|spin)|lll_lock|futex"
ALLOCATION = (
    r"^(_*libc_)?(malloc|calloc|realloc|c?free|_int_(malloc|free|realloc)|sysmalloc|anp_mem.*)$"
)


# ---- the nodes' process ----


def serve(nodes: int) -> None:
    """A line of JSON in, [method, arguments]; a line out. Ends with its input."""
    with LocalCluster(nodes=nodes, replication_factor=2) as cluster:
        stop = threading.Event()

        def churn() -> None:
            seed = 0
            while not stop.wait(0.025):
                seed += 1
                cluster.move_partitions(1024, seed=seed)

        mover: threading.Thread | None = None
        print(json.dumps(cluster.config()["hosts"]), flush=True)
        for line in sys.stdin:
            method, *arguments = json.loads(line)
            answer = None
            if method == "churn" and arguments[0]:
                stop.clear()
                mover = threading.Thread(target=churn)
                mover.start()
            elif method == "churn" and mover is not None:
                stop.set()
                mover.join()
                mover = None
            elif method != "churn":
                answer = getattr(cluster, method)(*arguments)
            print(json.dumps(answer), flush=True)
        stop.set()


class Nodes:
    """A cluster in another process, told what to do."""

    def __init__(self, nodes: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(nodes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.hosts = [(host, port) for host, port in self.answer()]

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the nodes' process has ended")
        return json.loads(line)

    def tell(self, method: str, *arguments: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def client(self, **config: Any) -> Any:
        return aerospike_np.client({"hosts": self.hosts, **config}).connect()

    def filled(self, **config: Any) -> Any:
        """A client, after it has written the rows."""
        client = self.client(**config)
        data = np.zeros(ROWS, [("_key", "i8"), *((n, DTYPE[n]) for n in DTYPE.names or ())])
        data["_key"] = data["i0"] = data["i1"] = np.arange(ROWS)
        data["f0"] = data["f1"] = np.arange(ROWS) / 3
        data["s0"] = b"sixteen bytes..."
        client.batch_write_numpy(data, "test", "perf", bytes_as="str").raise_for_status()
        return client

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# ---- measuring ----


class Report:
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def add(self, what: str, value: float, unit: str, bound: float | None = None) -> None:
        holds = None if bound is None else bool(value <= bound)
        self.rows.append(
            {"what": what, "value": round(value, 3), "unit": unit, "bound": bound, "holds": holds}
        )
        said = (
            "" if bound is None else f"  bound {bound:g}: {'holds' if holds else 'DOES NOT HOLD'}"
        )
        print(f"{what:<66} {value:10.3f} {unit:<3}{said}", flush=True)

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(text, flush=True)


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read(client: Any, out: Any = None) -> int:
    """Rows that were not answered."""
    try:
        got = client.batch_read(KEYS, _dtype=DTYPE, out=out)
    except exception.AerospikeError as error:
        got = error.partial
    return int((got.result_codes != 0).sum())


def wall(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


# ---- spread: many nodes ----


def spread(report: Report, turns: int) -> None:
    """Into new arrays, which cost page faults where the allocator gave memory back, and into one that is there."""
    counts = (1, 3, 10)
    there = np.zeros(ROWS, DTYPE)
    outs = {"a new array": None, "out=": there}
    clusters = [Nodes(n) for n in counts]
    try:
        clients = [nodes.filled() for nodes in clusters]
        used: dict[tuple[str, int], list[float]] = {(w, n): [] for w in outs for n in counts}
        for client in clients:
            assert read(client) == 0
        for _ in range(turns):
            for n, client in zip(counts, clients, strict=True):
                for where, out in outs.items():
                    started = cpu()
                    for _ in range(3):
                        assert read(client, out) == 0
                    used[where, n].append((cpu() - started) / 3 / ROWS * 1e6)
        for where in outs:
            middle = {n: statistics.median(used[where, n]) for n in counts}
            for n in counts:
                report.add(f"spread: client CPU a record into {where}, nodes: {n}", middle[n], "us")
            report.add(f"spread: 3 nodes beside 1, into {where}", middle[3] / middle[1], "x", 1.2)
            report.add(f"spread: 10 nodes beside 1, into {where}", middle[10] / middle[1], "x", 1.4)
        for client in clients:
            client.close()
    finally:
        for nodes in clusters:
            nodes.__exit__()


# ---- death: a node dies in the middle of a read ----


def death(report: Report, turns: int) -> None:
    """The time to notice is until the client no longer counts the node among its own."""
    with Nodes(3) as nodes, nodes.filled(tend_interval=250) as client:
        at_death, allowed, after, noticed, lost = [], [], [], [], 0
        after_cpu, after_move = [], []
        while len(at_death) < turns:
            started = cpu()
            usual = statistics.median(wall(lambda: read(client)) for _ in range(5))
            usual_cpu = (cpu() - started) / 5
            killed_at = seen_at = 0.0

            def kill(delay: float) -> None:
                nonlocal killed_at, seen_at
                time.sleep(delay)
                nodes.tell("kill", 1)
                killed_at = time.perf_counter()
                while len(client.get_nodes()) == 3 and time.perf_counter() < killed_at + 20:
                    time.sleep(0.002)
                seen_at = time.perf_counter()

            killer = threading.Thread(target=kill, args=(usual * 0.4,))
            killer.start()
            started = time.perf_counter()
            lost_now = read(client)
            ended = time.perf_counter()
            killer.join()
            started_cpu = cpu()
            following = wall(lambda: read(client))
            following_cpu = cpu() - started_cpu
            if started < killed_at < started + usual * 0.9:  # it was in the middle
                notice = max(0.0, seen_at - killed_at)
                at_death.append((ended - started) / usual)
                allowed.append((ended - started) / (1.5 * usual + notice))
                after.append(following / usual)
                after_cpu.append(following_cpu / usual_cpu)
                noticed.append(notice)
                lost += lost_now
            nodes.tell("restart", 1)
            while len(client.get_nodes()) < 3 or read(client):
                time.sleep(0.01)
            usual = statistics.median(wall(lambda: read(client)) for _ in range(5))
            nodes.tell("move_partitions")
            read(client)
            after_move.append(wall(lambda: read(client)) / usual)
        report.add(
            "death: the read that saw it, beside the usual", statistics.median(at_death), "x"
        )
        report.add("death: until the client had noticed", statistics.median(noticed) * 1000, "ms")
        report.add(
            "death: that read beside 1.5 times the usual and the time to notice",
            statistics.median(allowed), "x", 1.0,
        )  # fmt: skip
        report.add("death: the next read, beside the usual", statistics.median(after), "x", 1.1)
        report.add(
            "death: CPU of the client in it, beside the usual",
            statistics.median(after_cpu),
            "x",
            1.1,
        )
        moved = statistics.median(after_move)
        report.add("death: for comparison, the second read after all partitions moved", moved, "x")
        report.add(
            f"death: rows without an answer, of {turns} reads, default policies", lost, "", 0
        )


# ---- frozen: calls end in time ----


def overrun(call: Callable[[int], Any], times: int) -> tuple[float, int]:
    """(most milliseconds beyond the deadline, calls that were not answered wholly)"""
    most, late = 0.0, 0
    for i in range(times):
        started = time.perf_counter()
        try:
            answered = call(i)
        except exception.AerospikeError:
            answered = False
        most = max(most, (time.perf_counter() - started) * 1000 - TIMEOUT_MS)
        late += not answered
    return most, late


def frozen(report: Report, turns: int) -> None:
    times = 20 * turns
    policy = {"total_timeout": TIMEOUT_MS}
    with Nodes(3) as nodes, nodes.filled() as client:
        few = aerospike_np.Keys("test", "perf", np.arange(10_000))
        data = np.zeros(10_000, [("_key", "i8"), ("i0", "i8")])
        data["_key"] = data["i0"] = np.arange(10_000)
        owners = nodes.tell("owners")
        partitions = [client.get_key_partition_id("test", "perf", i) for i in range(1000)]
        theirs = [i for i, p in enumerate(partitions) if owners[p][0] == 1]
        master = {**policy, "replica": aerospike_np.POLICY_REPLICA_MASTER}
        calls: dict[str, Callable[[int], Any]] = {
            "batch_read": lambda i: bool(
                client.batch_read(few, None, master, _dtype=DTYPE).ok.all()
            ),
            "batch_write_numpy": lambda i: bool(
                client.batch_write_numpy(data, "test", "perf", policy=policy).ok.all()
            ),
            "get": lambda i: client.get(("test", "perf", theirs[i % len(theirs)]), master),
        }
        nodes.tell("freeze", 1)
        for name, call in calls.items():
            most, late = overrun(call, times)
            report.add(
                f"frozen: {name}, most of {times} calls beyond the deadline", most, "ms", OVERRUN_MS
            )
            if late < times:
                report.note(f"frozen: {times - late} calls of {name} were answered in spite of it")


# ---- refresh: the map on the hot path ----


def refresh(report: Report, turns: int) -> None:
    with (
        Nodes(3) as nodes,
        nodes.filled(tend_interval=1000) as still,
        nodes.client(tend_interval=50) as busy,
    ):
        cases = {"still": (still, False), "changing": (busy, True)}
        thread: dict[str, list[float]] = {name: [] for name in cases}
        process: dict[str, list[float]] = {name: [] for name in cases}
        for client, _ in cases.values():
            read(client)
        for _ in range(turns):
            for name, (client, is_moving) in cases.items():
                nodes.tell("churn", is_moving)
                started, all_started = time.thread_time(), cpu()
                for _ in range(3):
                    read(client)
                thread[name].append((time.thread_time() - started) / 3 / ROWS * 1e6)
                process[name].append((cpu() - all_started) / 3 / ROWS * 1e6)
                nodes.tell("churn", False)
        middle = {name: statistics.median(times) for name, times in thread.items()}
        report.add("refresh: CPU of the reading thread a record, map still", middle["still"], "us")
        report.add("refresh: the same, map fetched each 50 ms", middle["changing"], "us")
        report.add("refresh: changing beside still", middle["changing"] / middle["still"], "x", 1.1)
        whole = {name: statistics.median(times) for name, times in process.items()}
        report.add(
            "refresh: the same of the whole process, with the thread that fetches",
            whole["changing"] / whole["still"], "x",
        )  # fmt: skip
        nodes.tell("churn", True)
        profile(report, busy)
        nodes.tell("churn", False)


def beside(command: list[str], work: Callable[[], None]) -> bool:
    """Runs work while the command looks on, which is then interrupted."""
    watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    work()
    if watcher.poll() is not None:
        return False
    watcher.send_signal(2)
    watcher.wait(20)
    return True


def profile(report: Report, client: Any) -> None:
    """Where the reading thread was, and how often it waited for a lock, while the map changed all the time."""
    thread = str(threading.get_native_id())

    def work() -> None:
        until = time.perf_counter() + 3
        while time.perf_counter() < until:
            read(client)

    with tempfile.TemporaryDirectory() as folder:
        data, counts = f"{folder}/perf.data", f"{folder}/counts"
        perf = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-o", data, "-t", thread]
        if shutil.which("perf") is None or not beside(perf, work):
            report.note(
                "refresh: no profile: perf is not here or may not look at us (apt-get install linux-perf)"
            )
        else:
            shares = perf_shares(data)
            report.note("refresh: where the reading thread was, % of its samples:")
            for symbol, share in sorted(shares.items(), key=lambda item: -item[1])[:8]:
                report.note(f"    {share:5.1f}  {symbol}")
            for what, names in (
                ("locks", LOCKS),
                ("allocation", ALLOCATION),
                ("the map's slot", r"anp_map_"),
            ):
                share = sum(s for symbol, s in shares.items() if re.search(names, symbol))
                report.add(f"refresh: share of its samples in {what}", share, "%", 1.0)
        strace = ["strace", "-c", "-o", counts, "-p", thread]
        reads = 0

        def counted() -> None:
            nonlocal reads
            for reads in range(1, 21):  # noqa: B007
                read(client)

        if shutil.which("strace") is None or not beside(strace, counted):
            report.note(
                "refresh: no counts: strace is not here or may not look at us (apt-get install strace)"
            )
            return
        found = re.findall(
            r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", Path(counts).read_text(), re.M
        )
        calls = {name: int(n) for n, name in found if name != "total"}
        names = ("futex", "brk", "mmap", "munmap", "recvfrom", "sendto", "sendmsg", "epoll_wait")
        said = ", ".join(f"{name} {calls[name]}" for name in names if name in calls)
        report.note(
            f"refresh: system calls of the reading thread in {reads} reads: {said}, all {sum(calls.values())}"
        )
        report.add(
            "refresh: its waits for a lock (futex) a read", calls.get("futex", 0) / reads, "", 1
        )


def perf_shares(data: str) -> dict[str, float]:
    said = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "--sort", "symbol", "-g", "none"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    return {
        symbol: float(share)
        for share, symbol in re.findall(r"^\s*([\d.]+)%\s+\[.\]\s+(\S+)|^$", said, re.M)
        if symbol
    }


# ---- main ----

PARTS: dict[str, Callable[[Report, int], None]] = {
    "spread": spread, "death": death, "frozen": frozen, "refresh": refresh,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    parser.add_argument("--turns", type=int, default=7, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="two turns, to see that it runs")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return 0
    report = Report()
    report.note(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {ROWS} rows, {DTYPE.itemsize} bytes a row"
    )
    for name in options.only:
        PARTS[name](report, 2 if options.quick else options.turns)
    if options.json:
        Path(options.json).write_text(
            json.dumps({"rows": report.rows, "notes": report.notes}, indent=1) + "\n"
        )
    return int(any(row["holds"] is False for row in report.rows))


if __name__ == "__main__":
    sys.exit(main())
