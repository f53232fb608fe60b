"""An expression's bytes: nodes, literals, names, and what is known of them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from . import _msgpack

Value: TypeAlias = Any
"""An expression, or a plain value that becomes one."""

NIL, BOOL, INT, STRING, LIST, MAP, BLOB, FLOAT, GEO, HLL = range(10)
SIZE_MAX = 1 << 20
"""Most bytes of an expression that a server takes."""

TYPE_NAMES = (
    "nil", "a bool", "an integer", "a string", "a list", "a map", "a blob", "a float", "GeoJSON", "a HyperLogLog",
)  # fmt: skip
_PARTICLES = {3: STRING, 4: BLOB, 18: HLL, 23: GEO}
_NAME_MAX = 15


class Code(NamedTuple):
    """What is known of an expression, or of a part of one."""

    packed: bytes
    type: int | None  # None: not known before it is evaluated
    depth: int = 0
    unbound: frozenset[str] = frozenset()  # variables that no let_ around has defined yet


class Refused(Exception):
    """Why something can't be built. The builder puts its name before it."""


def join(kind: int | None, *parts: Code | bytes) -> Code:
    """A node: a list of its parts."""
    packed = [_msgpack.list_head(len(parts))]
    depth, unbound = 0, frozenset[str]()
    for part in parts:
        if isinstance(part, Code):
            packed.append(part.packed)
            depth = max(depth, part.depth)
            if part.unbound:
                unbound |= part.unbound
        else:
            packed.append(part)
    whole = b"".join(packed)
    if depth >= _msgpack.DEPTH_MAX:
        raise Refused(f"expressions, lists and maps are nested deeper than {_msgpack.DEPTH_MAX}")
    if len(whole) > SIZE_MAX:
        raise Refused(f"the expression has {len(whole)} bytes; a server takes at most {SIZE_MAX}")
    return Code(whole, kind, depth + 1, unbound)


def _type_of(packed: bytes) -> int | None:
    first = packed[0]
    if first == 0xC0:
        return NIL
    if first in (0xC2, 0xC3):
        return BOOL
    if first == 0xCB:
        return FLOAT
    if first >> 4 == 9 or first in (0xDC, 0xDD):
        return LIST
    if first >> 4 == 8 or first in (0xDE, 0xDF):
        return MAP
    if first == 0xD4:
        return None  # infinity and the wildcard go with every type
    particle = _msgpack.text_type(packed)
    return INT if particle is None else _PARTICLES.get(particle)


def literal(value: Any) -> Code:
    """A value as an expression."""
    packed, depth = _msgpack.pack(value)
    kind = _type_of(packed)
    if kind == INT and packed[0] == 0xCF and packed[1] >= 0x80:
        raise Refused(f"integer {value!r} doesn't fit into 64 bits with sign")
    return (
        join(LIST, b"\x7e", Code(packed, LIST, depth))
        if kind == LIST
        else Code(packed, kind, depth)
    )


def bin_name(name: Any) -> bytes:
    """A bin's name as expressions have it."""
    if not isinstance(name, str):
        raise Refused(f"a bin's name is a str, not {type(name).__name__}")
    size = len(name.encode("utf-8", "surrogatepass"))
    if not 0 < size <= _NAME_MAX:
        raise Refused(
            f"bin name {name!r} has {size} bytes as UTF-8; a server takes 1 to {_NAME_MAX}"
        )
    return plain_text(name, "a bin's name")


def plain_text(text: Any, what: str) -> bytes:
    """Text without a type byte: names and patterns."""
    if not isinstance(text, str):
        raise Refused(f"{what} is a str, not {type(text).__name__}")
    if "\0" in text:
        raise Refused(f"{what} can't hold a NUL character: {text!r}")
    try:
        return _msgpack.name(text)
    except UnicodeEncodeError:
        raise Refused(f"{what} can't be written as UTF-8: {text!r}") from None


def number(value: Any, what: str, low: int = -(2**63), high: int = 2**63 - 1) -> bytes:
    """An integer that stands in the expression as it is."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise Refused(f"{what} is an integer, not {value!r}")
    if not low <= value.__index__() <= high:
        raise Refused(f"{what} is an integer from {low} to {high}, not {value!r}")
    return _msgpack.leaf(value.__index__())
