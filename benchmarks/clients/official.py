"""The official client, in C."""

from __future__ import annotations

from typing import Any

import numpy as np
from task import Case, Work, need

aerospike = need("aerospike")


def connect(case: Case) -> Any:
    return aerospike.client({"hosts": [(case.host, case.port)]}).connect()


def read(case: Case) -> Work:
    """Its own records: tuples with a dict of the bins."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}

    def check(result: Any) -> None:
        rows = result.batch_records
        case.shape.check_dicts([r.record[2] if r.result == 0 else None for r in rows], case.n)

    return Work(lambda: client.batch_read(keys, policy=policy), check)


def read_rows(case: Case) -> Work:
    """Then filled into an array, as people do it."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names, dtype = case.shape.names, case.shape.dtype

    def run() -> Any:
        rows = client.batch_read(keys, policy=policy).batch_records
        blank = tuple(np.zeros((), dtype).item())
        return np.array(
            [tuple(map(r.record[2].get, names)) if r.result == 0 else blank for r in rows], dtype
        )

    def check(rows: Any) -> None:
        case.shape.check_rows(rows, rows["i0"] != 0, case.n)

    return Work(run, check)
