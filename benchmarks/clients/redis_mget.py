"""Redis with hiredis, as a feature store: a string of float32 an entity, MGET, frombuffer."""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import time
from typing import Any

import numpy as np
from shapes import digest
from task import Absent, Case, Latencies, Work, need

redis = need("redis")
need("hiredis")
SECONDS = 10  # that the server may take to begin


def serve() -> Any:
    """A server of our own, which keeps nothing; a client of it."""
    program = shutil.which("redis-server")
    if program is None:
        raise Absent("redis-server is not here: apt-get install redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    atexit.register(server.wait)
    atexit.register(server.terminate)
    client = redis.Redis(port=port)
    until = time.monotonic() + SECONDS
    while True:
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def read_features(case: Case) -> Work:
    """The entities' features into a matrix, from a string each."""
    client, k = serve(), case.get("features")
    values = np.array(
        [
            [(int.from_bytes(digest(i)[:4], "little") + j) / 2 for j in range(k)]
            for i in range(case.n)
        ],
        "f4",
    )
    client.mset({f"perf:{i}": row.tobytes() for i, row in enumerate(values)})
    keys = [f"perf:{i}" for i in range(case.n)]

    def run() -> Any:
        return np.frombuffer(b"".join(client.mget(keys)), "f4").reshape(-1, k)

    def check(matrix: Any) -> None:
        assert np.array_equal(matrix, values)

    times, calls = Latencies(), [run] * case.get("calls")
    return Work(times.of(calls), check, figures=times.figures)
