"""cassandra-driver's decoder into NumPy, on the bytes of a reply; without a server."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from task import Absent, Case, Work, need

protocol = need("cassandra.protocol", "cassandra-driver")
TYPES = {"i": 2, "f": 7, "s": 13}  # bigint, double, varchar
RESULT, ROWS, GLOBAL_TABLE, VERSION = 8, 2, 1, 4


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def reply(kind: str, k: int, n: int) -> bytes:
    """The body of a result: its columns, then the rows' values."""
    made = [struct.pack(">iii", ROWS, GLOBAL_TABLE, k), text("ks"), text("t")]
    made += [text(f"b{i}") + struct.pack(">H", TYPES[kind]) for i in range(k)]
    made.append(struct.pack(">i", n))
    for row in range(n):
        for i in range(k):
            match kind:
                case "i":
                    made.append(struct.pack(">iq", 8, row + i))
                case "f":
                    made.append(struct.pack(">id", 8, row + i / 2))
                case _:
                    made.append(struct.pack(">i", 16) + f"{row + i:016x}".encode())
    return b"".join(made)


def decode(case: Case) -> Work:
    """`kind` says of what: i, f or s (strings of 16)."""
    # It calls a method that NumPy 2 has taken away.
    swapped = property(lambda array: lambda: array.view(array.dtype.newbyteorder()))
    np.ma.MaskedArray.newbyteorder = swapped  # type: ignore[attr-defined]
    handler = protocol.NumpyProtocolHandler
    if handler is None:
        raise Absent("cassandra-driver was built without its NumPy decoder")
    kind, k, n = case.get("kind"), case.get("fields"), case.get("rows")
    body = reply(kind, k, n)

    def run() -> Any:
        return handler.decode_message(VERSION, {}, 0, 0, RESULT, body, None, None).parsed_rows

    def check(arrays: Any) -> None:
        assert len(arrays["b0"]) == n
        assert str(arrays["b0"][-1]) == {
            "i": f"{n - 1}", "f": f"{n - 1:.1f}", "s": f"{n - 1:016x}",
        }[kind]  # fmt: skip

    return Work(run, check)
