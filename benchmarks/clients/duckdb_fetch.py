"""DuckDB: a table in memory, fetched into NumPy's arrays."""

from __future__ import annotations

from typing import Any

from task import Case, Work, need

duckdb = need("duckdb")
VALUES = {"i": "row + {i}", "f": "row + {i} / 2.0::DOUBLE", "s": "printf('%016x', row + {i})"}


def fetch(case: Case) -> Work:
    """`kind` says of what: i, f or s (strings of 16)."""
    kind, k, n = case.get("kind"), case.get("fields"), case.get("rows")
    columns = ", ".join(f"{VALUES[kind].format(i=i)} AS b{i}" for i in range(k))
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(f"CREATE TABLE t AS SELECT {columns} FROM range({n}) AS r(row)")
    last = {"i": n - 1, "f": float(n - 1), "s": f"{n - 1:016x}"}[kind]

    def check(arrays: Any) -> None:
        assert len(arrays) == k and len(arrays["b0"]) == n and arrays["b0"][-1] == last

    return Work(lambda: connection.execute("SELECT * FROM t").fetchnumpy(), check)
