"""aerospike-py: a Rust core behind the official client's shapes, with NumPy."""

from __future__ import annotations

from typing import Any

from task import Case, Work, need

peer = need("aerospike_py", "aerospike-py")


def connect(case: Case) -> Any:
    return peer.client({"hosts": [(case.host, case.port)]}).connect()


def read(case: Case) -> Work:
    """Into structured rows."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names, dtype = case.shape.names, case.shape.dtype

    def check(result: Any) -> None:
        case.shape.check_rows(result.batch_records, result.result_codes == 0, case.n)

    return Work(lambda: client.batch_read(keys, names, policy).to_numpy(dtype), check)


def read_dict(case: Case) -> Work:
    """Into a dict from user key to bins."""
    client, keys, policy = connect(case), case.tuples(), {"total_timeout": 60_000}
    names = case.shape.names

    def check(result: Any) -> None:
        case.shape.check_dicts([result.get(i) for i in range(case.n)], case.n)

    return Work(lambda: client.batch_read(keys, names, policy).to_dict(), check)
