"""What an expression is: a tree that is written once, when it is built.

:mod:`aerospike_np.exp` and :mod:`aerospike_np.helpers.expressions` build expressions; this module holds what both
stand on.

Examples
--------
>>> from aerospike_np import exp
>>> adult = exp.int_bin("age") >= 18
>>> adult & (exp.string_bin("country") == "US")
(exp.int_bin('age') >= 18) & (exp.string_bin('country') == 'US')
>>> adult.packed.hex(" ")
'93 04 93 51 02 a3 61 67 65 12'
"""

from __future__ import annotations

import ast
import base64
import binascii
import functools
import numbers
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec, final

from . import _msgpack
from ._expression_code import (
    BOOL,
    FLOAT,
    GEO,
    INT,
    LIST,
    MAP,
    SIZE_MAX,
    STRING,
    TYPE_NAMES,
    Code,
    Refused,
    join,
    literal,
    plain_text,
)
from .exception import InvalidArgError

__all__ = ["Definition", "Expression", "from_base64"]

_LETTERS = {"b": BOOL, "i": INT, "s": STRING, "l": LIST, "m": MAP, "f": FLOAT, "g": GEO}
_TEXT_MAX = 200  # longest literal that repr() shows whole


class _Node:
    """Immutable; the builder's name and arguments are kept for repr()."""

    __slots__ = ("_args", "_code", "_name")

    _args: tuple[_Node | str, ...]  # an expression, or the text of anything else
    _code: Code
    _name: str

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("expressions don't change: build another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("expressions don't change: build another one")

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Any:
        return _make, (type(self), self._code, self._name, self._args)

    def __repr__(self) -> str:
        return _text(self)


def _make(cls: Any, code: Code, name: str, args: tuple[_Node | str, ...]) -> Any:
    node = object.__new__(cls)
    put = object.__setattr__
    put(node, "_code", code)
    put(node, "_name", name)
    put(node, "_args", args)
    if cls is Expression and not code.unbound:
        put(node, "packed", code.packed)
        if code.type in (BOOL, None):
            put(node, "_filter", code.packed)
    return node


@final
class Definition(_Node):
    """A variable's name and value, for ``let_``; made by ``def_``."""

    __slots__ = ()

    @property
    def variable(self) -> str:
        """The variable's name."""
        name: str = ast.literal_eval(str(self._args[0]))
        return name


@final
class Expression(_Node):
    """Something that a server evaluates for a record; made by the builders of :mod:`aerospike_np.exp`.

    An expression never changes, and is written when it is built: one object may be used by any number of calls and
    threads, at no cost for each. ``==`` and its like build a comparison, so two expressions are the same if their
    :attr:`packed` are equal; as members of sets and keys of dicts they count by identity.

    Attributes
    ----------
    packed : bytes
        The expression as it is sent.

    Examples
    --------
    >>> from aerospike_np import exp
    >>> rate = exp.float_bin("clicks") / exp.float_bin("views")
    >>> rate > 0.5
    (exp.float_bin('clicks') / exp.float_bin('views')) > 0.5
    >>> bool(rate > 0.5)
    Traceback (most recent call last):
    TypeError: only the server knows whether (exp.float_bin('clicks') / exp.float_bin('views')) > 0.5 is true: ...
    """

    __slots__ = ("__weakref__", "_filter", "packed")
    __array_ufunc__ = None  # NumPy's scalars leave operators to us

    packed: bytes
    _filter: bytes  # the same, where it may be a filter

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("packed", "_filter") and self._code.unbound:
            names = ", ".join(map(repr, sorted(self._code.unbound)))
            raise InvalidArgError(f"{_text(self)}: no let_ around it defines {names}")
        if name == "_filter" and self._code.type is not None:
            raise InvalidArgError(
                f"a filter is true or false, and {_text(self)} is {TYPE_NAMES[self._code.type]}; compare it"
            )
        raise AttributeError(f"an expression has no attribute {name!r}")

    def compile(self) -> Expression:
        """The expression itself: it was written when it was built."""
        return self

    def to_base64(self) -> str:
        """The bytes as base64 text, as :func:`from_base64` and other clients take them."""
        return base64.b64encode(self.packed).decode()

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"only the server knows whether {_text(self)} is true: write & | ~ where Python has and, or, not, "
            "(a < x) & (x < b) for a < x < b, and exp.in_list(x, [...]) for x in [...]; "
            "to see whether two expressions are the same, compare their .packed"
        )

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Expression:  # type: ignore[override]
        return _operate("eq", self, other)

    def __ne__(self, other: Any) -> Expression:  # type: ignore[override]
        return _operate("ne", self, other)

    def __gt__(self, other: Any) -> Expression:
        return _operate("gt", self, other)

    def __ge__(self, other: Any) -> Expression:
        return _operate("ge", self, other)

    def __lt__(self, other: Any) -> Expression:
        return _operate("lt", self, other)

    def __le__(self, other: Any) -> Expression:
        return _operate("le", self, other)

    def __and__(self, other: Any) -> Expression:
        return _operate(_bit_operator("&", "and_", "int_and", self, other), self, other)

    def __rand__(self, other: Any) -> Expression:
        return _operate(_bit_operator("&", "and_", "int_and", self, other), other, self)

    def __or__(self, other: Any) -> Expression:
        return _operate(_bit_operator("|", "or_", "int_or", self, other), self, other)

    def __ror__(self, other: Any) -> Expression:
        return _operate(_bit_operator("|", "or_", "int_or", self, other), other, self)

    def __xor__(self, other: Any) -> Expression:
        return _operate(_bit_operator("^", "xor_", "int_xor", self, other), self, other)

    def __rxor__(self, other: Any) -> Expression:
        return _operate(_bit_operator("^", "xor_", "int_xor", self, other), other, self)

    def __invert__(self) -> Expression:
        return _operate(_bit_operator("~", "not_", "int_not", self), self)

    def __add__(self, other: Any) -> Expression:
        return _operate("num_add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return _operate("num_add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return _operate("num_sub", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return _operate("num_sub", other, self)

    def __mul__(self, other: Any) -> Expression:
        return _operate("num_mul", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return _operate("num_mul", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return _operate("num_div", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return _operate("num_div", other, self)

    def __floordiv__(self, other: Any) -> Expression:
        return _operate("num_floor", _operate("num_div", self, other))

    def __rfloordiv__(self, other: Any) -> Expression:
        return _operate("num_floor", _operate("num_div", other, self))

    def __mod__(self, other: Any) -> Expression:
        return _operate("num_mod", self, other)

    def __rmod__(self, other: Any) -> Expression:
        return _operate("num_mod", other, self)

    def __pow__(self, other: Any) -> Expression:
        return _operate("num_pow", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return _operate("num_pow", other, self)

    def __lshift__(self, other: Any) -> Expression:
        return _operate("int_lshift", self, other)

    def __rlshift__(self, other: Any) -> Expression:
        return _operate("int_lshift", other, self)

    def __rshift__(self, other: Any) -> Expression:
        return _operate("int_arshift", self, other)

    def __rrshift__(self, other: Any) -> Expression:
        return _operate("int_arshift", other, self)

    def __neg__(self) -> Expression:
        return _operate("num_sub", self)

    def __abs__(self) -> Expression:
        return _operate("num_abs", self)

    def __floor__(self) -> Expression:
        return _operate("num_floor", self)

    def __ceil__(self) -> Expression:
        return _operate("num_ceil", self)


# ---- text ----


def _shown(value: Any) -> _Node | str:
    """What repr() needs of an argument: later changes of a list don't show."""
    if isinstance(value, _Node):
        return value
    text = repr(value)
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"


def _operand(arg: _Node | str) -> str:
    if isinstance(arg, str):
        return arg
    text = _text(arg)
    return f"({text})" if _sign_of(arg) else text


def _sign_of(node: _Node) -> str | None:
    """The operator that would build the node, if one would."""
    sign = _SIGNS.get(node._name.removeprefix("exp.")) if node._name.startswith("exp.") else None
    first = node._args[0] if sign is not None and node._args else None
    if sign is None or not isinstance(first, Expression):
        return None
    if len(node._args) == 1:
        return {"exp.num_sub": "-", "exp.not_": "~", "exp.int_not": "~"}.get(node._name)
    is_chained = node._name in _CHAINED
    if len(node._args) > 2 and not is_chained:
        return None
    if is_chained and first._name == node._name and len(first._args) > 1:
        return None  # the operator would make one node of the two
    if sign in "&|^" and first._code.type is None:
        return None
    return sign


def _text(node: _Node) -> str:
    sign = _sign_of(node)
    if sign is None:
        return f"{node._name}({', '.join(arg if isinstance(arg, str) else _text(arg) for arg in node._args)})"
    if len(node._args) == 1:
        return sign + _operand(node._args[0])
    return f" {sign} ".join(_operand(arg) for arg in node._args)


# ---- building ----

P = ParamSpec("P")


def _build(
    label: str, code: Code, args: tuple[Any, ...], named: dict[str, Any] | None = None
) -> Expression:
    shown = tuple(map(_shown, args))
    if named:
        shown += tuple(f"{name}={value!r}" for name, value in named.items())
    expression: Expression = _make(Expression, code, label, shown)
    return expression


def builder(make: Callable[P, Code]) -> Callable[P, Expression]:
    """Makes a builder of a function that gives an expression's code; what it refuses bears the builder's name."""
    label = f"exp.{make.__name__}" if make.__module__ == "aerospike_np.exp" else make.__name__

    @functools.wraps(make)
    def build(*args: P.args, **named: P.kwargs) -> Expression:
        try:
            code = make(*args, **named)
        except (Refused, InvalidArgError) as why:
            raise InvalidArgError(f"{label}: {why}") from None
        return _build(label, code, args, named)

    return build


def code_of(value: Any) -> Code:
    """An argument's code: an expression's, or that of a literal."""
    if isinstance(value, Expression):
        return value._code
    if isinstance(value, Definition):
        raise Refused(f"a definition stands only inside of let_: {value!r}")
    return literal(value)


def needs(value: Any, kind: int, what: str = "the argument") -> Code:
    """The code of an argument that must be of this type."""
    code = code_of(value)
    if code.type is not None and code.type != kind:
        raise Refused(
            f"{what} must be {TYPE_NAMES[kind]}, and {_operand(_shown(value))} is {TYPE_NAMES[code.type]}"
        )
    return code


# One letter an argument: b bool, i integer, f float, s string, l list, m map, g GeoJSON; n numbers of one type,
# a values of one type, x any value. + : the last one once or more. The result is a letter too; n is the numbers'.
_OPERATORS: dict[str, tuple[int, str, str]] = {
    "unknown": (0, "", "x"),
    "eq": (1, "aa", "b"),
    "ne": (2, "aa", "b"),
    "gt": (3, "aa", "b"),
    "ge": (4, "aa", "b"),
    "lt": (5, "aa", "b"),
    "le": (6, "aa", "b"),
    "geo_compare": (8, "gg", "b"),
    "in_list": (9, "xl", "b"),
    "and_": (16, "bb+", "b"),
    "or_": (17, "bb+", "b"),
    "not_": (18, "b", "b"),
    "xor_": (19, "bb+", "b"),
    "num_add": (20, "n+", "n"),
    "num_sub": (21, "n+", "n"),
    "num_mul": (22, "n+", "n"),
    "num_div": (23, "n+", "n"),
    "num_pow": (24, "ff", "f"),
    "num_log": (25, "ff", "f"),
    "num_mod": (26, "ii", "i"),
    "num_abs": (27, "n", "n"),
    "num_floor": (28, "f", "f"),
    "num_ceil": (29, "f", "f"),
    "to_int": (30, "f", "i"),
    "to_float": (31, "i", "f"),
    "int_and": (32, "i+", "i"),
    "int_or": (33, "i+", "i"),
    "int_xor": (34, "i+", "i"),
    "int_not": (35, "i", "i"),
    "int_lshift": (36, "ii", "i"),
    "int_rshift": (37, "ii", "i"),
    "int_arshift": (38, "ii", "i"),
    "int_count": (39, "i", "i"),
    "int_lscan": (40, "ib", "i"),
    "int_rscan": (41, "ib", "i"),
    "min_": (50, "n+", "n"),
    "max_": (51, "n+", "n"),
    "device_size": (65, "", "i"),
    "last_update": (66, "", "i"),
    "since_update": (67, "", "i"),
    "void_time": (68, "", "i"),
    "ttl": (69, "", "i"),
    "set_name": (70, "", "s"),
    "key_exists": (71, "", "b"),
    "is_tombstone": (72, "", "b"),
    "memory_size": (73, "", "i"),
    "record_size": (74, "", "i"),
    "remove_result": (100, "", "x"),
    "map_keys": (101, "m", "l"),
    "map_values": (102, "m", "l"),
}

_SIGNS = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "and_": "&",
    "or_": "|",
    "xor_": "^",
    "not_": "~",
    "num_add": "+",
    "num_sub": "-",
    "num_mul": "*",
    "num_div": "/",
    "num_mod": "%",
    "num_pow": "**",
    "int_and": "&",
    "int_or": "|",
    "int_xor": "^",
    "int_not": "~",
    "int_lshift": "<<",
    "int_arshift": ">>",
}

# a op b op c is one node with three arguments, as it is for the builder.
_CHAINED = frozenset(
    f"exp.{name}"
    for name in (
        "and_",
        "or_",
        "num_add",
        "num_sub",
        "num_mul",
        "num_div",
        "int_and",
        "int_or",
        "int_xor",
    )
)


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _arguments(letters: str, values: Sequence[Any]) -> list[Code]:
    """The codes of the arguments; whole numbers become floats where floats are needed."""
    codes = [code_of(value) for value in values]
    has_float = (
        letters[:1] == "f"
        or letters[:1] in ("a", "n")
        and any(code.type == FLOAT for code in codes)
    )
    if has_float:
        codes = [
            literal(float(value)) if _is_whole(value) else code
            for value, code in zip(values, codes, strict=True)
        ]
    return codes


def _check(name: str, values: Sequence[Any]) -> tuple[list[Code], int | None]:
    """The arguments' codes, and the type of the result."""
    _, letters, result = _OPERATORS[name]
    least, is_open = len(letters.rstrip("+")), letters.endswith("+")
    if len(values) < least or (len(values) > least and not is_open):
        raise Refused(f"takes {least}{' or more' if is_open else ''} arguments, not {len(values)}")
    codes = _arguments(letters, values)
    common: int | None = None
    for i, code in enumerate(codes):
        letter = letters[min(i, least - 1)]
        if code.type is None or letter == "x":
            continue
        needed = None
        if letter in _LETTERS and code.type != _LETTERS[letter]:
            needed = TYPE_NAMES[_LETTERS[letter]]
        elif letter == "n" and code.type not in (INT, FLOAT):
            needed = "a number"
        elif letter in "an" and common not in (None, code.type):
            needed = f"{TYPE_NAMES[common or 0]}, like those before it"
        if needed is not None:
            what = f"{_operand(_shown(values[i]))} is {TYPE_NAMES[code.type]}"
            hint = (
                "; to_float makes a float of an integer"
                if {common, code.type} == {INT, FLOAT}
                else ""
            )
            raise Refused(f"argument {i + 1} must be {needed}, and {what}{hint}")
        common = code.type
    return codes, common if result == "n" else _LETTERS.get(result)


def signed(name: str, *values: Any) -> Code:
    """A node of an operator whose arguments' types are in the table."""
    codes, kind = _check(name, values)
    return join(kind, _msgpack.leaf(_OPERATORS[name][0]), *codes)


def _bit_operator(sign: str, bools: str, ints: str, *values: Any) -> str:
    """Which of the two an operator of Python's stands for."""
    for value in values:
        kind = value._code.type if isinstance(value, Expression) else None
        if kind == INT or _is_whole(value):
            return ints
        if kind is not None or isinstance(value, bool):
            return bools
    raise InvalidArgError(
        f"{sign} is exp.{bools} or exp.{ints}, and the type of {values[0]!r} isn't known here: call one"
    )


def _extend(first: Expression, more: Code, kind: int | None) -> Code:
    """A node with one argument more."""
    n = len(first._args) + 1  # with the operator
    old = first._code
    rest = old.packed[len(_msgpack.list_head(n)) :]
    whole = _msgpack.list_head(n + 1) + rest + more.packed
    if len(whole) > SIZE_MAX:
        raise Refused(f"the expression has {len(whole)} bytes; a server takes at most {SIZE_MAX}")
    return Code(whole, kind, max(old.depth, more.depth + 1), old.unbound | more.unbound)


def _operate(name: str, *values: Any) -> Expression:
    """What an operator of Python's builds; a + b + c is one node, as num_add(a, b, c) is."""
    label, first = f"exp.{name}", values[0]
    try:
        codes, kind = _check(name, values)
        if (
            label in _CHAINED
            and isinstance(first, Expression)
            and first._name == label
            and len(first._args) > 1
        ):
            code = _extend(first, codes[1], kind)
            return _make(Expression, code, label, (*first._args, _shown(values[1])))  # type: ignore[no-any-return]
        code = join(kind, _msgpack.leaf(_OPERATORS[name][0]), *codes)
    except (Refused, InvalidArgError) as why:
        raise InvalidArgError(f"{label}: {why}") from None
    return _build(label, code, values)


def define(variable: str, value: Any) -> Definition:
    """A variable of ``let_``."""
    try:
        if variable == "":
            raise Refused("a variable's name can't be empty")
        plain_text(variable, "a variable's name")
        code = code_of(value)
    except (Refused, InvalidArgError) as why:
        raise InvalidArgError(f"exp.def_: {why}") from None
    definition: Definition = _make(Definition, code, "exp.def_", (repr(variable), _shown(value)))
    return definition


def from_base64(text: str | bytes) -> Expression:
    """An expression from the base64 text that :meth:`Expression.to_base64` or another client wrote.

    Raises
    ------
    InvalidArgError
        The text is no base64, or what it holds is not one value of MessagePack.

    Examples
    --------
    >>> from aerospike_np import exp
    >>> exp.from_base64((exp.ttl() > 60).to_base64())
    exp.from_base64('kwORRTw=')
    """
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidArgError(f"exp.from_base64: no base64 text: {error}") from None
    try:
        depth = _msgpack.depth_of(packed)
    except ValueError as error:
        raise InvalidArgError(f"exp.from_base64: no expression: {error}") from None
    if len(packed) > SIZE_MAX:
        raise InvalidArgError(
            f"exp.from_base64: {len(packed)} bytes; a server takes at most {SIZE_MAX}"
        )
    return _build(
        "exp.from_base64", Code(packed, None, depth), (base64.b64encode(packed).decode(),)
    )
