"""What increment, append and prepend do with operands of every type, as the recorded server does."""

from __future__ import annotations

import pytest

from . import wire
from .wire import Connection

INTEGER, FLOAT, STRING, BLOB, MAP, LIST = 1, 2, 3, 4, 19, 20
INCR, APPEND, PREPEND = 5, 9, 10
EVERYTHING = (wire.READ | wire.GET_ALL, 0, 0)


@pytest.mark.parametrize(
    "kind, particle, value",
    [
        (PREPEND, INTEGER, wire.integer(4)),
        (APPEND, MAP, bytes.fromhex("82a2036101a2036202")),
        (APPEND, LIST, bytes.fromhex("9101")),
        (INCR, STRING, b"aerospike"),
        (INCR, FLOAT, bytes(8)),
    ],
)
def test_missing_bin_becomes_the_operand_of_whatever_type(
    connection: Connection, kind: int, particle: int, value: bytes
) -> None:
    key = f"missing {kind} {particle}"
    change = wire.op(kind, b"a", particle, value)
    reply = connection.ask(wire.request(change, key=key, info=(0, wire.WRITE, 0)))
    assert (reply.code, reply.generation) == (0, 1)
    reply = connection.ask(wire.request(key=key, info=EVERYTHING))
    assert reply.ops == (wire.Op(wire.OP_READ, particle, b"a", value),)


@pytest.mark.parametrize(
    "kind, before, particle, value, code",
    [
        (PREPEND, (INTEGER, wire.integer(3)), INTEGER, wire.integer(4), 12),
        (PREPEND, (LIST, b"\x91\x01"), LIST, b"\x91\x02", 12),
        (APPEND, (MAP, bytes.fromhex("81a2036101")), MAP, bytes.fromhex("81a2036302"), 12),
        (APPEND, (FLOAT, bytes(8)), FLOAT, bytes(8), 12),
        (INCR, (STRING, b"John"), STRING, b"aerospike", 12),
        (INCR, (BLOB, b"abc"), BLOB, b"abc", 12),
        (INCR, (INTEGER, wire.integer(3)), FLOAT, bytes(8), 12),
        (PREPEND, (INTEGER, wire.integer(3)), 0, b"", 4),
    ],
)
def test_bin_that_is_there_takes_only_its_own_kind(
    connection: Connection,
    kind: int,
    before: tuple[int, bytes],
    particle: int,
    value: bytes,
    code: int,
) -> None:
    key = f"there {kind} {before[0]} {particle}"
    put = wire.op(wire.OP_WRITE, b"a", *before)
    assert connection.ask(wire.request(put, key=key, info=(0, wire.WRITE, 0))).code == 0
    change = wire.op(kind, b"a", particle, value)
    assert connection.ask(wire.request(change, key=key, info=(0, wire.WRITE, 0))).code == code
    reply = connection.ask(wire.request(key=key, info=EVERYTHING))
    assert reply.ops == (wire.Op(wire.OP_READ, before[0], b"a", before[1]),)
    assert reply.generation == 1
