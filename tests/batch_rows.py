"""The rows of a batch request, taken apart: what each asks for, however it is written."""

from __future__ import annotations

import struct
from typing import Any

from fake_server import END, frame, row

FILTER, BATCH = 43, 41
REPEAT, INFO, GENERATION, TTL = 1, 2, 4, 8


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> Any:
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values

    def bytes(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def fields(self, n: int) -> dict[int, bytes]:
        found = {}
        for _ in range(n):
            size, kind = self.take(">IB")
            found[kind] = self.bytes(size - 1)
        return found


def taken_apart(body: bytes) -> list[dict[str, Any]]:
    """The rows in the order of their indexes; the batch's filter stands in each that has none of its own."""
    outer = Reader(body[18:])
    n_fields, _ = outer.take(">HH")
    fields = outer.fields(n_fields)
    r = Reader(fields[BATCH])
    count, _ = r.take(">IB")
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        index, digest, flags = r.take(">I20sB")
        if flags & REPEAT:
            rows.append({**rows[-1], "index": index, "digest": digest.hex()})
            continue
        info1 = r.take(">B")
        info2, info3 = r.take(">BB") if flags & INFO else (0, 0)
        generation = r.take(">H") if flags & GENERATION else 0
        ttl = r.take(">I") if flags & TTL else 0
        n_fields, n_ops = r.take(">HH")
        found = r.fields(n_fields)
        if FILTER in fields:
            found.setdefault(FILTER, fields[FILTER])
        ops = b""
        for _ in range(n_ops):
            size = r.take(">I")
            ops += r.bytes(size)
        rows.append(
            {
                "index": index,
                "digest": digest.hex(),
                "info": f"{info1:02x}{info2:02x}{info3:02x}",
                "generation": generation,
                "ttl": ttl,
                "fields": {kind: data.hex() for kind, data in sorted(found.items())},
                "ops": ops.hex(),
            }
        )
    assert r.at == len(r.data)
    return sorted(rows, key=lambda row: int(row["index"]))


def all_ok(body: bytes) -> bytes:
    """The answer of a server to which each row is right."""
    rows = taken_apart(body)
    return frame(*(row(b"", n_ops=0, index=one["index"]) for one in rows)) + END
