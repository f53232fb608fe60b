"""Expressions that other clients sent to a real server: built again with our builders, they have the same bytes.

So no type that a server takes is refused when an expression is built.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aerospike_np import CDTInfinite, CDTWildcard, GeoJSON, exp
from aerospike_np._expression_code import Code, join
from aerospike_np.expressions import _OPERATORS, Expression, _build
from aerospike_np.helpers import expressions

from . import wire

LOGS = Path(__file__).with_name("logs")
COMPUTES = (7, 8)  # operations that read and write what an expression gives
ORDERED = b"\xc7\x00"
PARAMETER = 4  # what the server says to an expression that is none
NAMES = {op: name for name, (op, _, _) in _OPERATORS.items()}
BINS = (None, exp.bool_bin, exp.int_bin, exp.string_bin, exp.list_bin, exp.map_bin, exp.blob_bin, exp.float_bin,
        exp.geo_bin, exp.hll_bin)  # fmt: skip


class Part(NamedTuple):
    """A value of MessagePack, and its bytes; `value` of a list is a list of parts."""

    value: Any
    raw: bytes


class Named(NamedTuple):
    """Text without a type byte."""

    text: str


def read(data: bytes, at: int = 0, is_quoted: bool = False) -> tuple[Part, int]:
    """The value at a place, and where the next begins."""
    start, first = at, data[at]
    at += 1

    def number(size: int, signed: bool = False) -> int:
        nonlocal at
        at += size
        return int.from_bytes(data[at - size : at], "big", signed=signed)

    value: Any
    if first < 0x80 or first >= 0xE0:
        value = first - 256 * (first >= 0xE0)
    elif first < 0x90 or first in (0xDE, 0xDF):
        pairs = []
        for _ in range(first & 15 if first < 0x90 else number(2 if first == 0xDE else 4)):
            key, at = read(data, at, True)
            item, at = read(data, at, True)
            pairs.append((plain(key), plain(item)))
        value = dict(pairs)
    elif first < 0xA0 or first in (0xDC, 0xDD):
        value = []
        for _ in range(first & 15 if first < 0xA0 else number(2 if first == 0xDC else 4)):
            part, at = read(data, at, is_quoted or bool(value) and value[0].value == 126)
            value.append(part)
    elif first < 0xC0 or first in (0xD9, 0xDA, 0xDB):
        size = first & 31 if first < 0xC0 else number(1 << (first - 0xD9))
        text = data[at : at + size]
        at += size
        value = text_of(text)
    elif first in (0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3):
        value = number(1 << (first & 3), signed=first >= 0xD0)
    else:
        sizes = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCB: 8, 0xD4: 2}
        body = data[at : at + sizes[first]]
        at += sizes[first]
        value = {0xC0: None, 0xC2: False, 0xC3: True}.get(first)
        if first == 0xCB:
            value = struct.unpack(">d", body)[0]
        elif first == 0xD4:
            value = CDTInfinite() if body[1] else CDTWildcard()
    return Part(value, data[start:at]), at


def text_of(text: bytes) -> Any:
    if text[:1] == b"\3":
        return text[1:].decode()
    if text[:1] == b"\4":
        return text[1:]
    if text[:1] == b"\x17":
        return GeoJSON(text[1:].decode())
    return Named(text.decode())


def plain(part: Part) -> Any:
    return [plain(item) for item in part.value] if isinstance(part.value, list) else part.value


def rebuilt(part: Part) -> Any:
    """The same with our builders; literals stay values."""
    if not isinstance(part.value, list):
        return part.value
    op, *rest = part.value
    number, args = op.value, [item.value for item in rest]
    if number in NAMES:
        return getattr(exp, NAMES[number])(*map(rebuilt, rest))
    if number == 7:
        return exp.regex_compare(args[1].text, args[0], rebuilt(rest[2]))
    if number == 64:
        return exp.digest_modulo(args[0])
    if number == 80:
        return exp.key(args[0])
    if number == 81:
        return BINS[args[0]](args[1].text)
    if number == 82:
        return exp.bin_type(args[0].text)
    if number == 122:
        return {2: expressions.LoopVarInt, 5: expressions.LoopVarMap}[args[0]](args[1])
    if number == 123:
        return exp.cond(*map(rebuilt, rest))
    if number == 124:
        return exp.var(args[0].text)
    if number == 125:
        defined = [exp.def_(args[i].text, rebuilt(rest[i + 1])) for i in range(0, len(args) - 1, 2)]
        return exp.let_(*defined, rebuilt(rest[-1]))
    if number == 126:
        return plain(rest[0])
    if number == 127:  # the operation as it is: what it holds are tests of their own
        bin = rebuilt(rest[3])
        kept = [item.raw for item in rest[:3]]
        return (
            _build("call", join(args[0], b"\x7f", *kept, bin._code), ())
            if isinstance(bin, Expression)
            else part
        )
    raise AssertionError(f"operator {number} in {part.raw.hex(' ')}")


def recorded(log: Path) -> Iterator[bytes]:
    """The expressions of a log to which the server did not say that they are none."""
    with gzip.open(log, "rt", encoding="ascii") as lines:
        for exchange in map(json.loads, lines):
            request, reply = bytes.fromhex(exchange["req"]), bytes.fromhex(exchange["rep"])
            frames = [body for kind, body in wire.split(request)[0] if kind == wire.MESSAGE]
            if not frames or PARAMETER in {
                m.code
                for kind, body in wire.split(reply)[0]
                if kind == wire.MESSAGE
                for m in wire.messages(body)
            }:
                continue
            for message in wire.messages(frames[0]):
                batch = message.field(wire.BATCH_ROWS)
                for part in [message, *(wire.rows(batch) if batch else ())]:
                    yield from (data for number, data in part.fields if number == wire.FILTER)
                    yield from (
                        read(op.value)[0].value[0].raw for op in part.ops if op.kind in COMPUTES
                    )


@pytest.mark.parametrize(
    "log", sorted(LOGS.glob("*expr*.gz")), ids=lambda path: path.name.split(".")[0]
)
def test_recorded_expressions_are_built_again_byte_for_byte(log: Path) -> None:
    # No builder of ours makes maps that are marked as ordered.
    found = {packed for packed in recorded(log) if ORDERED not in packed}
    assert found
    for packed in found:
        part, end = read(packed)
        assert end == len(packed)
        made = rebuilt(part)
        code = made._code if isinstance(made, Expression) else exp.val(made)._code
        assert code.packed == packed, made
        assert isinstance(code, Code)
        assert exp.from_base64(base64.b64encode(packed)).packed == packed
