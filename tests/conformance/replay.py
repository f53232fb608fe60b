"""Recorded traffic of a real server, sent again to our node, and the answers laid side by side.

A log is `logs/NAME.jsonl.gz`, one exchange a line: `seq`, `conn`, `req` and `rep` in hex, and `unstable`
where even the server that was recorded answers differently each time. The recordings were made from an
empty Aerospike Community Edition 8.1.2.0 with the namespaces `test` and `mem`.

What is not compared: times to live (only whether there is one), the order of a batch's rows, the cells that a
server computes for GeoJSON, info and admin answers. The rest must be equal: codes, generations, fields,
operations in order with their particle types and values, LAST marks.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import wire

LOGS = Path(__file__).with_name("logs")
MARKS = wire.LAST | wire.PARTITION_DONE

# Filters that compare the void time with a moment of the recording, which was RECORDED seconds after 1970.
VOID_TIME = re.compile(rb"(?<=\x91\x44\xcf).{8}", re.DOTALL)
RECORDED = 1795229196


@dataclass(frozen=True)
class Exchange:
    """One request and what the recorded server answered."""

    seq: int
    conn: int
    request: bytes
    reply: bytes
    unstable: bool

    @property
    def kind(self) -> int:
        return self.request[1]

    @property
    def message(self) -> wire.Message | None:
        """The request, if it is one well-formed message."""
        if self.kind != wire.MESSAGE:
            return None
        try:
            (message,) = wire.messages(self.request[8:])
        except ValueError:
            return None
        return message


def load(name: str) -> list[Exchange]:
    with gzip.open(LOGS / f"{name}.jsonl.gz", "rt") as lines:
        found = [
            Exchange(
                line["seq"],
                line["conn"],
                bytes.fromhex(line["req"]),
                bytes.fromhex(line["rep"]),
                line.get("unstable", False),
            )
            for line in map(json.loads, lines)
        ]
    return sorted(found, key=lambda exchange: exchange.seq)


def names() -> list[str]:
    return sorted(path.name.removesuffix(".jsonl.gz") for path in LOGS.glob("*.jsonl.gz"))


def batch_of(message: wire.Message) -> bytes | None:
    rows = message.field(wire.BATCH_ROWS)
    return message.field(wire.BATCH_WITH_SET) if rows is None else rows


def refused(exchange: Exchange) -> bool:
    """Whether the request asks for what the node doesn't do yet: a query."""
    message = exchange.message
    return message is not None and message.field(wire.TASK) is not None


def of_today(request: bytes) -> bytes:
    """The request with its moments as far from now as they were from the recording's."""
    shift = time.time_ns() - RECORDED * 1_000_000_000

    def move(moment: re.Match[bytes]) -> bytes:
        return (int.from_bytes(moment[0], "big") + shift).to_bytes(8, "big")

    return VOID_TIME.sub(move, request)


def read_reply(connection: wire.Connection, exchange: Exchange) -> list[tuple[int, bytes]]:
    """The frames of one reply: one, or for a batch or query all up to the one that says LAST."""
    message = exchange.message
    batch = message is not None and batch_of(message) is not None
    query = message is not None and not batch and message.field(wire.TASK) is not None
    frames = [connection.take_frame()]
    while batch or query:
        last = list(wire.messages(frames[-1][1]))[-1]
        if last.last:
            break
        # A query that could not start is answered by its code alone.
        if query and len(frames) == 1 and last.code and not last.ops and not last.info[2] & MARKS:
            break
        frames.append(connection.take_frame())
    if connection.bytes:
        raise ValueError(f"{len(connection.bytes)} bytes too many")
    return frames


def answers(frames: Iterable[tuple[int, bytes]]) -> list[tuple[Any, ...]]:
    """A reply's messages, in order, without what two right servers may do differently.

    Of a time to live only remains whether there is one.
    """
    return [
        (
            m.index,
            m.code,
            m.info[2] & MARKS,
            m.generation,
            m.ttl != 0,
            sorted((number, data.hex()) for number, data in m.fields),
            [(op.kind, op.name, op.particle, wire.plain(op).hex()) for op in m.ops],
            kind,
        )
        for kind, body in frames
        for m in wire.messages(body)
    ]


def comparable(
    exchange: Exchange, frames: Iterable[tuple[int, bytes]]
) -> list[tuple[Any, ...]]:
    """The answers of a reply; rows of a batch may come in any order."""
    found = answers(frames)
    message = exchange.message
    if message is None or batch_of(message) is None and message.field(wire.TASK) is None:
        return found
    return sorted(found[:-1]) + found[-1:]


@dataclass
class Outcome:
    """What a replay found: numbers of exchanges, both answers of those that differ, refusals' codes."""

    same: list[int] = field(default_factory=list)
    different: list[int] = field(default_factory=list)
    on_purpose: list[int] = field(default_factory=list)
    not_compared: list[int] = field(default_factory=list)
    shown: dict[int, str] = field(default_factory=dict)
    codes: dict[int, set[int]] = field(default_factory=dict)


def replay(log: list[Exchange], address: tuple[str, int]) -> Outcome:
    """Sends a log's requests in their order, on as many connections as were recorded.

    A connection that the node closes is an error, whatever was asked on it.
    """
    outcome = Outcome()
    connections: dict[int, wire.Connection] = {}
    try:
        for exchange in log:
            if exchange.conn not in connections:
                connections[exchange.conn] = wire.Connection(address)
            connection = connections[exchange.conn]
            connection.send(of_today(exchange.request))
            try:
                frames = read_reply(connection, exchange)
            except (OSError, ValueError) as error:
                error.add_note(f"exchange {exchange.seq}, request {exchange.request.hex()}")
                raise
            compare(exchange, frames, outcome)
    finally:
        for connection in connections.values():
            connection.close()
    return outcome


def compare(exchange: Exchange, frames: list[tuple[int, bytes]], outcome: Outcome) -> None:
    seq, asked = exchange.seq, refused(exchange)
    if exchange.kind != wire.MESSAGE or exchange.unstable or not exchange.reply:
        outcome.not_compared.append(seq)
        return
    recorded, rest = wire.split(exchange.reply)
    if rest:
        raise ValueError(f"exchange {seq}: the recorded reply isn't whole")
    want, got = comparable(exchange, recorded), comparable(exchange, frames)
    if want == got:
        outcome.same.append(seq)
        return
    outcome.shown[seq] = f"exchange {seq}: {exchange.message}\n  want {want}\n  got  {got}"
    if asked:
        outcome.codes[seq] = {answer[1] for answer in got}
    (outcome.on_purpose if asked else outcome.different).append(seq)
