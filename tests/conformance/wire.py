"""The wire, read and written with ``struct`` alone: none of the project's own code takes part.

A frame is version 2, a type, a 48-bit length and a body. A message is 22 bytes of head, fields
(u32 size, u8 id, data) and operations (u32 size, u8 op, u8 particle, u8 0, u8 name size, name, value).
"""

from __future__ import annotations

import hashlib
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

INFO, ADMIN, MESSAGE, COMPRESSED = 1, 2, 3, 4
READ, GET_ALL, BATCH, NO_BINS = 0x01, 0x02, 0x08, 0x20  # info1
WRITE, DELETE = 0x01, 0x02  # info2
LAST, PARTITION_DONE = 0x01, 0x04  # info3
NAMESPACE, SET, KEY, DIGEST, TASK, BATCH_ROWS, BATCH_WITH_SET, FILTER = 0, 1, 2, 4, 7, 41, 42, 43
OP_READ, OP_WRITE, OP_INCR, OP_TOUCH = 1, 2, 5, 11
PARTICLE_INTEGER, PARTICLE_GEOJSON = 1, 23

HEAD = struct.Struct(">BBBBBBIIIHH")
FIELD = struct.Struct(">IB")
OP = struct.Struct(">IBBBB")


class Op(NamedTuple):
    """One operation of a message."""

    kind: int
    particle: int
    name: bytes
    value: bytes


def plain(op: Op) -> bytes:
    """The value; of GeoJSON the text alone, without its flags (one byte) and cells (a count, 8 bytes each)."""
    if op.particle != PARTICLE_GEOJSON:
        return op.value
    return op.value[3 + 8 * int.from_bytes(op.value[1:3], "big") :]


class Message(NamedTuple):
    """One message: a request, a reply, or a row of a batch."""

    info: tuple[int, int, int, int]
    code: int
    generation: int
    ttl: int
    index: int
    fields: tuple[tuple[int, bytes], ...]
    ops: tuple[Op, ...]

    @property
    def last(self) -> bool:
        return bool(self.info[2] & LAST)

    def field(self, number: int) -> bytes | None:
        return next((data for kind, data in self.fields if kind == number), None)


class Row(NamedTuple):
    """One row of a batch request; what a repeated row leaves out is the row's before it."""

    index: int
    info: tuple[int, int, int]
    fields: tuple[tuple[int, bytes], ...]
    ops: tuple[Op, ...]


class Bytes:
    """Bytes that are taken from the front; asking for more than there are is an error."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError(f"{size} bytes wanted at {self.at}, {len(piece)} left")
        self.at += size
        return piece

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def fields(self, count: int) -> tuple[tuple[int, bytes], ...]:
        found = []
        for _ in range(count):
            size, kind = self.unpack(FIELD)
            # One client counts a batch's filter into the length of its rows: a server reads what there is.
            whole = self.left if kind in (BATCH_ROWS, BATCH_WITH_SET) else size - 1
            found.append((kind, self.take(min(size - 1, whole))))
        return tuple(found)

    def ops(self, count: int) -> tuple[Op, ...]:
        found = []
        for _ in range(count):
            size, kind, particle, _, name_size = self.unpack(OP)
            name = self.take(name_size)
            found.append(Op(kind, particle, name, self.take(size - 4 - name_size)))
        return tuple(found)

    @property
    def left(self) -> int:
        return len(self.data) - self.at


def messages(body: bytes) -> Iterator[Message]:
    """The messages of a body of type 3; bytes that make no message are an error."""
    source = Bytes(body)
    while source.left:
        size, *info, code, generation, ttl, index, n_fields, n_ops = source.unpack(HEAD)
        if size != HEAD.size:
            raise ValueError(f"a head of {size} bytes")
        first, second, third, fourth = info
        yield Message(
            (first, second, third, fourth), code, generation, ttl, index,
            source.fields(n_fields), source.ops(n_ops),
        )  # fmt: skip


def rows(data: bytes) -> Iterator[Row]:
    """The rows of a batch field."""
    source = Bytes(data)
    count = source.number(4)
    source.take(1)
    before: Row | None = None
    for _ in range(count):
        index = source.number(4)
        source.take(20)
        flags = source.number(1)
        if flags & 0x01:
            if before is None:
                raise ValueError("the first row repeats a row")
            yield before._replace(index=index)
            continue
        info = [source.number(1), 0, 0]
        if flags & 0x02:
            info[1:] = source.take(2)
        source.take((flags & 0x10) // 0x10 + (flags & 0x04) // 2 + (flags & 0x08) // 2)
        n_fields, n_ops = source.number(2), source.number(2)
        before = Row(
            index, (info[0], info[1], info[2]), source.fields(max(n_fields, 1)), source.ops(n_ops)
        )
        yield before


def frame(kind: int, body: bytes, version: int = 2) -> bytes:
    return bytes([version, kind]) + len(body).to_bytes(6, "big") + body


def split(raw: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole frames as (type, body), and what remains."""
    found, at = [], 0
    while len(raw) - at >= 8:
        size = int.from_bytes(raw[at + 2 : at + 8], "big")
        if len(raw) - at - 8 < size:
            break
        found.append((raw[at + 1], raw[at + 8 : at + 8 + size]))
        at += 8 + size
    return found, raw[at:]


def field(number: int, data: bytes) -> bytes:
    return FIELD.pack(len(data) + 1, number) + data


def op(kind: int, name: bytes = b"", particle: int = 0, value: bytes = b"") -> bytes:
    return OP.pack(4 + len(name) + len(value), kind, particle, 0, len(name)) + name + value


def integer(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def digest(set_name: str, key: str) -> bytes:
    return hashlib.new("ripemd160", set_name.encode() + b"\x03" + key.encode()).digest()


def request(
    *ops: bytes,
    key: str = "k1",
    set_name: str = "demo",
    namespace: str = "test",
    info: tuple[int, int, int] = (0, 0, 0),
    generation: int = 0,
    ttl: int = 0,
    fields: tuple[bytes, ...] = (),
    more: bytes = b"",
) -> bytes:
    """A frame that asks for something of one record; `more` is left hanging behind the last operation."""
    fields = (
        field(NAMESPACE, namespace.encode()),
        field(SET, set_name.encode()),
        field(DIGEST, digest(set_name, key)),
        *fields,
    )
    head = HEAD.pack(HEAD.size, *info, 0, 0, generation, ttl, 1000, len(fields), len(ops))
    return frame(MESSAGE, head + b"".join(fields) + b"".join(ops) + more)


class Connection:
    """One connection; every wait ends, with an error, after ten seconds."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=60)
        self.bytes = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def take_frame(self) -> tuple[int, bytes]:
        """The next frame's type and body. ConnectionError: the node closed instead."""
        while True:
            found, rest = split(self.bytes)
            if found:
                (kind, body), size = found[0], len(found[0][1]) + 8
                if self.bytes[0] != 2:
                    raise ValueError(f"a frame of version {self.bytes[0]}")
                self.bytes = self.bytes[size:]
                return kind, body
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionResetError(f"closed with {len(rest)} bytes of a frame")
            self.bytes += more

    def ask(self, raw: bytes) -> Message:
        """Sends a request for one record and returns its reply."""
        self.send(raw)
        kind, body = self.take_frame()
        (reply,) = messages(body)
        if kind != MESSAGE:
            raise ValueError(f"a reply of type {kind}")
        return reply

    def info(self, text: str) -> str:
        """Sends info commands as they are, without adding a newline, and returns the answer."""
        self.send(frame(INFO, text.encode()))
        kind, body = self.take_frame()
        if kind != INFO:
            raise ValueError(f"a reply of type {kind}")
        return body.decode()

    def is_closed(self) -> bool:
        """Whether the node ends the connection without another byte."""
        try:
            return not self.bytes and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
