"""Bits of blobs. Those that change one give the blob as it would be; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..._calls import bit_modify, bit_policy, bit_read
from ..._expression_code import BLOB, BOOL, INT, STRING, Code, Refused, Value, number
from ...expressions import builder, needs

__all__ = [
    "BitResize",
    "BitInsert",
    "BitRemove",
    "BitSet",
    "BitOr",
    "BitXor",
    "BitAnd",
    "BitNot",
    "BitLeftShift",
    "BitRightShift",
    "BitAdd",
    "BitSubtract",
    "BitSetInt",
    "BitGet",
    "BitCount",
    "BitLeftScan",
    "BitRightScan",
    "BitGetInt",
    "BitB64Encode",
]

Policy: TypeAlias = Mapping[str, Any] | int | None


def _span(offset: Value, size: Value) -> tuple[Code, Code]:
    return needs(offset, INT, "bit_offset"), needs(size, INT, "bit_size")


@builder
def BitResize(policy: Policy, byte_size: Value, flags: int, bin: Value) -> Code:
    """Longer or shorter; ``flags`` are ``BIT_RESIZE_*``."""
    return bit_modify(
        bin, 0, needs(byte_size, INT, "byte_size"), bit_policy(policy), number(flags, "flags", 0, 7)
    )


@builder
def BitInsert(policy: Policy, byte_offset: Value, value: Value, bin: Value) -> Code:
    """With bytes inserted."""
    return bit_modify(
        bin,
        1,
        needs(byte_offset, INT, "byte_offset"),
        needs(value, BLOB, "value"),
        bit_policy(policy),
    )


@builder
def BitRemove(policy: Policy, byte_offset: Value, byte_size: Value, bin: Value) -> Code:
    """Without some bytes."""
    return bit_modify(
        bin,
        2,
        needs(byte_offset, INT, "byte_offset"),
        needs(byte_size, INT, "byte_size"),
        bit_policy(policy),
    )


@builder
def BitSet(policy: Policy, bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """With bits replaced by those of a value."""
    return bit_modify(
        bin, 3, *_span(bit_offset, bit_size), needs(value, BLOB, "value"), bit_policy(policy)
    )


@builder
def BitOr(policy: Policy, bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """With bits that either has."""
    return bit_modify(
        bin, 4, *_span(bit_offset, bit_size), needs(value, BLOB, "value"), bit_policy(policy)
    )


@builder
def BitXor(policy: Policy, bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """With bits that one of them has."""
    return bit_modify(
        bin, 5, *_span(bit_offset, bit_size), needs(value, BLOB, "value"), bit_policy(policy)
    )


@builder
def BitAnd(policy: Policy, bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """With bits that both have."""
    return bit_modify(
        bin, 6, *_span(bit_offset, bit_size), needs(value, BLOB, "value"), bit_policy(policy)
    )


@builder
def BitNot(policy: Policy, bit_offset: Value, bit_size: Value, bin: Value) -> Code:
    """With bits turned."""
    return bit_modify(bin, 7, *_span(bit_offset, bit_size), bit_policy(policy))


@builder
def BitLeftShift(
    policy: Policy, bit_offset: Value, bit_size: Value, shift: Value, bin: Value
) -> Code:
    """With bits moved to the left."""
    return bit_modify(
        bin, 8, *_span(bit_offset, bit_size), needs(shift, INT, "shift"), bit_policy(policy)
    )


@builder
def BitRightShift(
    policy: Policy, bit_offset: Value, bit_size: Value, shift: Value, bin: Value
) -> Code:
    """With bits moved to the right."""
    return bit_modify(
        bin, 9, *_span(bit_offset, bit_size), needs(shift, INT, "shift"), bit_policy(policy)
    )


@builder
def BitAdd(
    policy: Policy, bit_offset: Value, bit_size: Value, value: Value, action: int, bin: Value
) -> Code:
    """With a number added to that in the bits; ``action`` is ``BIT_OVERFLOW_*``."""
    return bit_modify(
        bin,
        10,
        *_span(bit_offset, bit_size),
        needs(value, INT, "value"),
        bit_policy(policy),
        number(action, "action", 0, 7),
    )


@builder
def BitSubtract(
    policy: Policy, bit_offset: Value, bit_size: Value, value: Value, action: int, bin: Value
) -> Code:
    """With a number taken from that in the bits; ``action`` is ``BIT_OVERFLOW_*``."""
    return bit_modify(
        bin,
        11,
        *_span(bit_offset, bit_size),
        needs(value, INT, "value"),
        bit_policy(policy),
        number(action, "action", 0, 7),
    )


@builder
def BitSetInt(policy: Policy, bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """With bits replaced by a number."""
    return bit_modify(
        bin, 12, *_span(bit_offset, bit_size), needs(value, INT, "value"), bit_policy(policy)
    )


@builder
def BitGet(bit_offset: Value, bit_size: Value, bin: Value) -> Code:
    """Some bits, as a blob."""
    return bit_read(BLOB, bin, 50, *_span(bit_offset, bit_size))


@builder
def BitCount(bit_offset: Value, bit_size: Value, bin: Value) -> Code:
    """How many bits are set."""
    return bit_read(INT, bin, 51, *_span(bit_offset, bit_size))


@builder
def BitLeftScan(bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """Place of the first bit that is ``value``; -1 if there is none."""
    return bit_read(INT, bin, 52, *_span(bit_offset, bit_size), needs(value, BOOL, "value"))


@builder
def BitRightScan(bit_offset: Value, bit_size: Value, value: Value, bin: Value) -> Code:
    """Place of the last bit that is ``value``; -1 if there is none."""
    return bit_read(INT, bin, 53, *_span(bit_offset, bit_size), needs(value, BOOL, "value"))


@builder
def BitGetInt(bit_offset: Value, bit_size: Value, sign: bool, bin: Value) -> Code:
    """The number in some bits."""
    return bit_read(INT, bin, 54, *_span(bit_offset, bit_size), number(int(sign), "sign", 0, 1))


@builder
def BitB64Encode(byte_offset: Value, byte_size: int | None, invert_size: bool, bin: Value) -> Code:
    """Bytes as base64 text, all with ``byte_size=None``; for servers that have it."""
    if byte_size is not None:
        span = needs(byte_offset, INT, "byte_offset"), needs(byte_size, INT, "byte_size")
        return bit_read(STRING, bin, 55, *span, number(int(invert_size), "invert_size", 0, 1))
    if byte_offset != 0 or invert_size:
        raise Refused("byte_size is needed with byte_offset or invert_size")
    return bit_read(STRING, bin, 55)
