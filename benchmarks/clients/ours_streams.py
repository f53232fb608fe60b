"""aerospike_np's streams."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from task import Case, Work

from clients.ours import connect


def write_csv(case: Case) -> Work:
    """Rows of CSV text, parsed and written in one stream a thread; `threads` share the rows."""
    client, callers = connect(case), case.get("threads")
    wanted = case.shape.rows(case.n)
    names = case.shape.names
    lines = [
        ",".join([str(i), *(str(v.decode() if isinstance(v, bytes) else v) for v in row)])
        for i, row in enumerate(wanted.tolist())
    ]
    texts = ["\n".join([",".join(["key", *names]), *lines[i::callers]]) for i in range(callers)]
    kinds = [{"f": float, "i": int}.get(bin.kind, str) for bin in case.shape.bins]

    def rows(text: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        lines = csv.reader(io.StringIO(text))
        names = next(lines)[1:]
        for key, *values in lines:
            bins = {n: kind(v) for n, kind, v in zip(names, kinds, values, strict=True)}
            yield ("test", "perf", int(key)), bins

    def write(text: str) -> int:
        return sum(int(done.ok.sum()) for done in client.write_stream(rows(text), chunk=10_000))

    pool = ThreadPoolExecutor(callers)

    def check(written: int) -> None:
        assert written == case.n

    return Work(lambda: sum(pool.map(write, texts)), check)
