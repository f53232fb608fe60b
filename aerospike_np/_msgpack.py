"""MessagePack as lists, maps and expressions have it: heads here, values by the engine."""

from __future__ import annotations

import operator
from typing import Any

from .exception import InvalidArgError

DEPTH_MAX = 128
"""Deepest nesting of lists and maps that is written, as of what is read."""

INFINITY = b"\xd4\xff\x01"
WILDCARD = b"\xd4\xff\x00"


def _head(n: int, small: int, limit: int, large: int) -> bytes:
    if n < limit:
        return bytes((small + n,))
    if n < 65536:
        return bytes((large,)) + n.to_bytes(2, "big")
    return bytes((large + 1,)) + n.to_bytes(4, "big")


def list_head(n: int) -> bytes:
    """The head of a list of ``n`` elements."""
    return _head(n, 0x90, 16, 0xDC)


def text(particle: int, value: str) -> bytes:
    """Text of a particle type."""
    return _raw(bytes((particle,)) + value.encode())


def name(text: str) -> bytes:
    """Text without a type byte: a name or a pattern."""
    return _raw(text.encode())


def _raw(raw: bytes) -> bytes:
    if len(raw) < 32:
        return bytes((0xA0 + len(raw),)) + raw
    if len(raw) < 256:
        return bytes((0xD9, len(raw))) + raw
    return _head(len(raw), 0, 0, 0xDA) + raw


def leaf(value: Any, where: str = "value") -> bytes:
    """A value that is no list and no dict of Python's."""
    from ._engine import msgpack

    return msgpack(value, where)


def integer(value: Any, what: str) -> bytes:
    """An integer of the protocol: 64 bits with sign."""
    if isinstance(value, bool):
        raise InvalidArgError(f"{what} is an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidArgError(f"{what} is an integer, not {value!r}") from None
    if not -(2**63) <= number < 2**63:
        raise InvalidArgError(f"{what} doesn't fit into 64 bits with sign: {value!r}")
    return leaf(number)


def text_type(packed: bytes) -> int | None:
    """The type byte of packed text; None for anything else."""
    first = packed[0]
    if 0xA0 < first < 0xC0:
        return packed[1]
    after = {0xD9: 2, 0xDA: 3, 0xDB: 5}.get(first)
    return None if after is None or len(packed) <= after else packed[after]


def pack(value: Any) -> tuple[bytes, int]:
    """Bytes of a value, and how deep its lists and maps go."""
    packed = leaf(value)
    first = packed[0]
    return packed, depth_of(packed) if 0x80 <= first < 0xA0 or 0xDC <= first <= 0xDF else 0


_SIZES = {  # first byte: (bytes of the length, what else belongs to the head, elements a count stands for)
    0xC4: (1, 0, 0), 0xC5: (2, 0, 0), 0xC6: (4, 0, 0), 0xC7: (1, 1, 0), 0xC8: (2, 1, 0), 0xC9: (4, 1, 0),
    0xD9: (1, 0, 0), 0xDA: (2, 0, 0), 0xDB: (4, 0, 0),
    0xDC: (2, 0, 1), 0xDD: (4, 0, 1), 0xDE: (2, 0, 2), 0xDF: (4, 0, 2),
}  # fmt: skip
_FIXED = {
    0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4,
    0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip


def depth_of(packed: bytes) -> int:
    """How deep lists and maps go in bytes that came from elsewhere; ValueError: they are not one value."""
    at, deepest = 0, 0
    left = [1]  # elements that are still to come, for each list or map around
    while left:
        if at >= len(packed):
            raise ValueError("the bytes end too soon")
        first = packed[at]
        at += 1
        left[-1] -= 1
        size, count = 0, 0
        if first < 0x80 or first >= 0xE0:
            pass
        elif first < 0xA0:
            count = (first & 15) * (2 if first < 0x90 else 1)
        elif first < 0xC0:
            size = first & 31
        elif first in _FIXED:
            size = _FIXED[first]
        elif first in _SIZES:
            width, more, per = _SIZES[first]
            length = int.from_bytes(packed[at : at + width], "big")
            at += width
            size, count = (0, length * per) if per else (length + more, 0)
        else:
            raise ValueError(f"byte 0x{first:02x} begins no value")
        at += size
        if count:
            left.append(count)
            deepest = max(deepest, len(left) - 1)
            if deepest > DEPTH_MAX:
                raise ValueError(f"lists and maps are nested deeper than {DEPTH_MAX}")
        while left and left[-1] == 0:
            left.pop()
    if at != len(packed):
        raise ValueError(
            "the bytes end too soon" if at > len(packed) else f"{len(packed) - at} bytes too many"
        )
    return deepest
