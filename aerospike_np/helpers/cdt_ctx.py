"""Contexts: which list or map inside of a bin is meant, from the outside in.

Examples
--------
>>> from aerospike_np.helpers import cdt_ctx, expressions
>>> inner = [cdt_ctx.cdt_ctx_map_key("scores"), cdt_ctx.cdt_ctx_list_index(-1)]
>>> expressions.ListSize(inner, "games") > 3
ListSize([cdt_ctx_map_key('scores'), cdt_ctx_list_index(-1)], 'games') > 3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, final

from .. import _msgpack
from .._expression_code import Code
from ..constants import (
    INDEX_GEO2DSPHERE,
    INDEX_NUMERIC,
    INDEX_STRING,
    INDEX_TYPE_DEFAULT,
    INDEX_TYPE_LIST,
    INDEX_TYPE_MAPKEYS,
    INDEX_TYPE_MAPVALUES,
)
from ..exception import InvalidArgError
from ..expressions import Expression

_LIST_INDEX, _LIST_RANK, _LIST_VALUE = 0x10, 0x11, 0x13
_MAP_INDEX, _MAP_RANK, _MAP_KEY, _MAP_VALUE, _MAP_KEYS = 0x20, 0x21, 0x22, 0x23, 0x2A
_CHILDREN, _AND = 0x04, 0x200
_LIST_ORDERS = {0: 0x40, 1: 0xC0}
_LIST_PADDED = 0x80
_MAP_ORDERS = {0: 0x40, 1: 0x80, 3: 0xC0}


@final
class Context:
    """One step into a list or a map; immutable, made by the functions of this module."""

    __slots__ = ("_code", "_text", "_type")

    _code: Code
    _text: str
    _type: int

    def __new__(cls, type: int, code: Code, text: str) -> Context:
        self = object.__new__(cls)
        for name, value in (("_type", type), ("_code", code), ("_text", text)):
            object.__setattr__(self, name, value)
        return self

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("contexts don't change: make another one")

    def __reduce__(self) -> Any:
        return Context, (self._type, self._code, self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and (self._type, self._code) == (other._type, other._code)

    def __hash__(self) -> int:
        return hash((self._type, self._code))

    def __repr__(self) -> str:
        return self._text

    @property
    def is_list(self) -> bool:
        """Is it a step into a list?"""
        return self._type & 0x30 == 0x10

    @property
    def is_map(self) -> bool:
        """Is it a step into a map?"""
        return self._type & 0x30 == 0x20

    @property
    def is_path(self) -> bool:
        """Does it take several elements, so that only ``SelectByPath`` and ``ModifyByPath`` can use it?"""
        return self._type in (_CHILDREN, _AND | _CHILDREN, _MAP_KEYS)

    @property
    def is_and(self) -> bool:
        """Does it only narrow the step before it?"""
        return self._type & _AND != 0


def _place(name: str, type: int, value: Any, more: str = "") -> Context:
    return Context(
        type, Code(_msgpack.integer(value, f"{name}: the place"), None), f"{name}({value!r}{more})"
    )


def _value(name: str, type: int, value: Any, more: str = "") -> Context:
    try:
        packed, depth = _msgpack.pack(value)
    except InvalidArgError as error:
        raise InvalidArgError(f"{name}: {error}") from None
    return Context(type, Code(packed, None, depth), f"{name}({value!r}{more})")


def _filter(name: str, type: int, expression: Any) -> Context:
    if not isinstance(expression, Expression):
        raise InvalidArgError(f"{name}: an expression is needed, not {expression!r}")
    if expression._code.type not in (None, 1):
        raise InvalidArgError(f"{name}: {expression!r} is neither true nor false; compare it")
    return Context(type, expression._code, f"{name}({expression!r})")


def cdt_ctx_list_index(index: int) -> Context:
    """The element of a list at an index; negative ones count from the end."""
    return _place("cdt_ctx_list_index", _LIST_INDEX, index)


def cdt_ctx_list_rank(rank: int) -> Context:
    """The element of a list by rank: 0 is the least, -1 the greatest."""
    return _place("cdt_ctx_list_rank", _LIST_RANK, rank)


def cdt_ctx_list_value(value: Any) -> Context:
    """The element of a list that equals a value."""
    return _value("cdt_ctx_list_value", _LIST_VALUE, value)


def cdt_ctx_list_index_create(index: int, order: int = 0, pad: bool = False) -> Context:
    """The list at an index of a list, made where there is none; ``pad`` fills up with None before it."""
    name = "cdt_ctx_list_index_create"
    if order not in _LIST_ORDERS:
        raise InvalidArgError(f"{name}: order is LIST_UNORDERED or LIST_ORDERED, not {order!r}")
    if order and pad:
        raise InvalidArgError(f"{name}: only unordered lists can be padded")
    more = _LIST_PADDED if pad else _LIST_ORDERS[order]
    return _place(name, _LIST_INDEX | more, index, f", {order!r}, {pad!r}")


def cdt_ctx_map_index(index: int) -> Context:
    """The value of a map at an index, in the order of keys."""
    return _place("cdt_ctx_map_index", _MAP_INDEX, index)


def cdt_ctx_map_rank(rank: int) -> Context:
    """The value of a map by rank."""
    return _place("cdt_ctx_map_rank", _MAP_RANK, rank)


def cdt_ctx_map_key(key: Any) -> Context:
    """The value of a map's key."""
    return _value("cdt_ctx_map_key", _MAP_KEY, key)


def cdt_ctx_map_value(value: Any) -> Context:
    """The value of a map that equals a value."""
    return _value("cdt_ctx_map_value", _MAP_VALUE, value)


def cdt_ctx_map_key_create(key: Any, order: int = 0) -> Context:
    """The map at a map's key, made where there is none."""
    name = "cdt_ctx_map_key_create"
    if order not in _MAP_ORDERS:
        raise InvalidArgError(
            f"{name}: order is MAP_UNORDERED, MAP_KEY_ORDERED or MAP_KEY_VALUE_ORDERED, not {order!r}"
        )
    return _value(name, _MAP_KEY | _MAP_ORDERS[order], key, f", {order!r}")


def cdt_ctx_all_children() -> Context:
    """All elements of a list or a map; for paths."""
    return Context(_CHILDREN, Code(b"\xc3", 1), "cdt_ctx_all_children()")


def cdt_ctx_all_children_with_filter(expression: Expression) -> Context:
    """The elements for which an expression of loop variables is true; for paths."""
    return _filter("cdt_ctx_all_children_with_filter", _CHILDREN, expression)


def cdt_ctx_map_keys_in(keys: Sequence[Any]) -> Context:
    """The values of several keys of a map; for paths."""
    if not isinstance(keys, list | tuple):
        raise InvalidArgError(f"cdt_ctx_map_keys_in: a list of keys is needed, not {keys!r}")
    return _value("cdt_ctx_map_keys_in", _MAP_KEYS, keys)


def cdt_ctx_and_filter(expression: Expression) -> Context:
    """Of what the step before takes only that for which an expression is true; for paths."""
    return _filter("cdt_ctx_and_filter", _AND | _CHILDREN, expression)


def index_type_string(index_type: int) -> str:
    """The name of an ``INDEX_TYPE_*`` in info commands."""
    names = {
        INDEX_TYPE_DEFAULT: "default",
        INDEX_TYPE_LIST: "list",
        INDEX_TYPE_MAPKEYS: "mapkeys",
        INDEX_TYPE_MAPVALUES: "mapvalues",
    }
    return names.get(index_type, "invalid")


def index_datatype_string(index_datatype: int) -> str:
    """The name of an index's data type in info commands."""
    names = {INDEX_NUMERIC: "numeric", INDEX_STRING: "string", INDEX_GEO2DSPHERE: "geo2dsphere"}
    return names.get(index_datatype, "invalid")
