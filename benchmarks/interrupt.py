"""How soon Ctrl-C is heard in calls that a frozen node does not answer.

    PYTHONPATH=. python benchmarks/interrupt.py [--times 100] [--only get connect turn] [--json FILE]

For each kind of call, SIGINT comes at a random moment of the call, so many times; the figure is the time from the
signal to the KeyboardInterrupt. The status is 1 if the worst is above 200 ms.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aerospike_np import Client
from aerospike_np.local import LocalNode

BOUND_MS = 200.0
PATIENT = {"total_timeout": 3_600_000, "socket_timeout": 3_600_000}
DTYPE = [("a", "i8")]
KEYS = np.arange(1000)


def table() -> Any:
    rows = np.zeros(len(KEYS), [("_key", "i8"), ("a", "i8")])
    rows["_key"] = KEYS
    return rows


CALLS: dict[str, Callable[[Client], Any]] = {
    "get": lambda c: c.get(("test", "s", 1), PATIENT),
    "put": lambda c: c.put(("test", "s", 1), {"a": 1}, policy=PATIENT),
    "batch_read": lambda c: c.batch_read(
        KEYS, _dtype=DTYPE, namespace="test", set_name="s", policy=PATIENT
    ),
    "batch_write_numpy": lambda c: c.batch_write_numpy(table(), "test", "s", policy=PATIENT),
    "info": lambda c: c.info_all("build", {"total_timeout": 3_600_000}),
    "read_stream": lambda c: next(
        c.read_stream(KEYS, DTYPE, 100, namespace="test", set_name="s", policy=PATIENT)
    ),
    "write_stream": lambda c: next(c.write_stream([table()], "test", "s", policy=PATIENT)),
}


def heard_ms(call: Callable[[], Any]) -> float:
    """From the signal to the exception, ms."""
    sent = [0.0]

    def send() -> None:
        sent[0] = time.perf_counter()
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(0.02 + random.random() * 0.1, send)
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        ms = (time.perf_counter() - sent[0]) * 1e3
        timer.join()
        return ms
    raise RuntimeError("the call was not interrupted")


def measure(node: LocalNode, name: str, times: int) -> list[float]:
    """So many calls of a kind."""
    config = {**node.config(), "connect_timeout": 3_600_000}
    if name == "connect":
        node.freeze()
        try:
            return [heard_ms(Client(config).connect) for _ in range(times)]
        finally:
            node.thaw()
    if name == "turn":
        config |= {"max_concurrent_operations": 1, "operation_queue_timeout_ms": 3_600_000}
    with Client(config) as client:
        client.put(("test", "s", 1), {"a": 1})
        node.freeze()
        holder = threading.Thread(target=lambda: client.get(("test", "s", 1), PATIENT))
        try:
            if name == "turn":
                holder.start()
                time.sleep(0.1)
            call = CALLS["get" if name == "turn" else name]
            return [heard_ms(lambda: call(client)) for _ in range(times)]
        finally:
            node.thaw()
            if name == "turn":
                holder.join()


def main() -> int:
    names = [*CALLS, "connect", "turn"]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with LocalNode() as node:
        for name in options.only:
            got = measure(node, name, options.times)
            figures[name] = {"median_ms": statistics.median(got), "worst_ms": max(got)}
            sign = "" if max(got) <= BOUND_MS else f"  above {BOUND_MS:g} ms"
            print(
                f"{name:18} median {statistics.median(got):6.1f} ms   worst of {len(got)} {max(got):6.1f} ms{sign}"
            )
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return int(any(figure["worst_ms"] > BOUND_MS for figure in figures.values()))


if __name__ == "__main__":
    sys.exit(main())
