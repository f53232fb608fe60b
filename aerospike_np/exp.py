"""Builders of expressions: what a server evaluates for each record, to filter it or to compute from it.

Arguments are expressions or plain values. Python's operators build the same trees: ``==  !=  <  <=  >  >=``,
``&  |  ^  ~`` of bools and of integers, ``+  -  *  /  //  %  **``, ``<<`` and ``>>`` (which keeps the sign).
As in the server, ``/`` of two integers is an integer.

Examples
--------
>>> from aerospike_np import exp
>>> exp.and_(exp.ge(exp.int_bin("age"), exp.int_val(18)), exp.bin_exists("email"))
(exp.int_bin('age') >= exp.int_val(18)) & exp.bin_exists('email')
>>> exp.let_(exp.def_("total", exp.int_bin("a") + exp.int_bin("b")), exp.var("total") * exp.var("total") > 100)
exp.let_(exp.def_('total', exp.int_bin('a') + exp.int_bin('b')), (exp.var('total') * exp.var('total')) > 100)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from . import _msgpack
from ._expression_code import (
    BLOB,
    BOOL,
    FLOAT,
    GEO,
    HLL,
    INT,
    LIST,
    MAP,
    NIL,
    STRING,
    Code,
    Refused,
    Value,
    bin_name,
    join,
    literal,
    number,
    plain_text,
)
from .expressions import Definition, builder, code_of, define, needs, signed
from .expressions import Expression as Expression
from .expressions import from_base64 as from_base64
from .types import GeoJSON

Expr: TypeAlias = Expression

EXP_TYPE_NIL, EXP_TYPE_BOOL, EXP_TYPE_INT, EXP_TYPE_STRING, EXP_TYPE_LIST = NIL, BOOL, INT, STRING, LIST
EXP_TYPE_MAP, EXP_TYPE_BLOB, EXP_TYPE_FLOAT, EXP_TYPE_GEO, EXP_TYPE_HLL = MAP, BLOB, FLOAT, GEO, HLL

# ---- values ----


def _value(value: Any, kind: int) -> Code:
    if isinstance(value, Expression | Definition):
        raise Refused(f"takes a plain value, and {value!r} is an expression already")
    return needs(value, kind, "the value")


@builder
def val(value: Any) -> Code:
    """Any value that a bin may have."""
    return literal(value)


@builder
def int_val(val: int) -> Code:
    """An integer."""
    return _value(val, INT)


@builder
def float_val(val: float) -> Code:
    """A float; an integer becomes one."""
    is_int = isinstance(val, int) and not isinstance(val, bool)
    return _value(float(val) if is_int else val, FLOAT)


@builder
def string_val(val: str) -> Code:
    """A string."""
    return _value(val, STRING)


@builder
def bool_val(val: bool) -> Code:
    """True or false."""
    return _value(val, BOOL)


@builder
def blob_val(val: bytes | bytearray | memoryview) -> Code:
    """Bytes."""
    return _value(val, BLOB)


@builder
def list_val(val: Sequence[Any]) -> Code:
    """A list of plain values."""
    return _value(val, LIST)


@builder
def map_val(val: Mapping[Any, Any]) -> Code:
    """A map of plain values."""
    return _value(val, MAP)


@builder
def geo_val(val: str | dict[str, Any] | GeoJSON) -> Code:
    """A GeoJSON value, from its text or its dict."""
    if isinstance(val, str):
        GeoJSON(val)  # is it any?
        return Code(_msgpack.text(23, val), GEO)
    return _value(GeoJSON(val) if isinstance(val, dict) else val, GEO)


@builder
def nil() -> Code:
    """Nothing: less than any other value."""
    return literal(None)


@builder
def infinity() -> Code:
    """Greater than any other value; for ends of ranges."""
    return Code(_msgpack.INFINITY, None)


@builder
def wildcard() -> Code:
    """Equal to any value."""
    return Code(_msgpack.WILDCARD, None)


# ---- bins ----


def _bin(kind: int, name: str) -> Code:
    return join(kind, b"\x51", _msgpack.leaf(kind), bin_name(name))


@builder
def int_bin(name: str) -> Code:
    """A bin that holds an integer; unknown where it holds anything else."""
    return _bin(INT, name)


@builder
def float_bin(name: str) -> Code:
    """A bin that holds a float."""
    return _bin(FLOAT, name)


@builder
def string_bin(name: str) -> Code:
    """A bin that holds a string."""
    return _bin(STRING, name)


@builder
def bool_bin(name: str) -> Code:
    """A bin that holds a bool."""
    return _bin(BOOL, name)


@builder
def blob_bin(name: str) -> Code:
    """A bin that holds a blob."""
    return _bin(BLOB, name)


@builder
def list_bin(name: str) -> Code:
    """A bin that holds a list."""
    return _bin(LIST, name)


@builder
def map_bin(name: str) -> Code:
    """A bin that holds a map."""
    return _bin(MAP, name)


@builder
def geo_bin(name: str) -> Code:
    """A bin that holds GeoJSON."""
    return _bin(GEO, name)


@builder
def hll_bin(name: str) -> Code:
    """A bin that holds a HyperLogLog."""
    return _bin(HLL, name)


def _bin_type(name: str) -> Code:
    return join(INT, b"\x52", bin_name(name))


@builder
def bin_exists(name: str) -> Code:
    """Has the record this bin?"""
    return join(BOOL, b"\x02", _bin_type(name), b"\x00")


@builder
def bin_type(name: str) -> Code:
    """The number of the bin's particle type; 0 where the record has no such bin."""
    return _bin_type(name)


# ---- the record ----


@builder
def key(exp_type: int) -> Code:
    """The user key, where it is stored: ``EXP_TYPE_INT``, ``EXP_TYPE_STRING`` or ``EXP_TYPE_BLOB``."""
    if exp_type not in (INT, STRING, BLOB):
        raise Refused(f"a key is EXP_TYPE_INT, EXP_TYPE_STRING or EXP_TYPE_BLOB, not {exp_type!r}")
    return join(int(exp_type), b"\x50", _msgpack.leaf(int(exp_type)))


@builder
def key_exists() -> Code:
    """Is the user key stored with the record?"""
    return signed("key_exists")


@builder
def set_name() -> Code:
    """The name of the record's set."""
    return signed("set_name")


@builder
def record_size() -> Code:
    """Bytes of the stored record."""
    return signed("record_size")


@builder
def device_size() -> Code:
    """Bytes of the record on its device; for servers before 7."""
    return signed("device_size")


@builder
def memory_size() -> Code:
    """Bytes of the record in memory; for servers before 7."""
    return signed("memory_size")


@builder
def last_update() -> Code:
    """When the record was last written, in nanoseconds since 1970."""
    return signed("last_update")


@builder
def since_update() -> Code:
    """Milliseconds since the record was last written."""
    return signed("since_update")


@builder
def void_time() -> Code:
    """When the record will expire, in nanoseconds since 1970; -1 if never."""
    return signed("void_time")


@builder
def ttl() -> Code:
    """Seconds until the record expires; -1 if it never does."""
    return signed("ttl")


@builder
def is_tombstone() -> Code:
    """Is the record a tombstone?"""
    return signed("is_tombstone")


@builder
def digest_modulo(modulo: int) -> Code:
    """A number from 0 to ``modulo`` - 1 made of the digest: the same for the same key."""
    return join(INT, b"\x40", number(modulo, "modulo", 1))


# ---- comparisons ----


@builder
def eq(left: Value, right: Value) -> Code:
    """Equal; both of one type."""
    return signed("eq", left, right)


@builder
def ne(left: Value, right: Value) -> Code:
    """Not equal; both of one type."""
    return signed("ne", left, right)


@builder
def gt(left: Value, right: Value) -> Code:
    """Greater; both of one type."""
    return signed("gt", left, right)


@builder
def ge(left: Value, right: Value) -> Code:
    """Greater or equal; both of one type."""
    return signed("ge", left, right)


@builder
def lt(left: Value, right: Value) -> Code:
    """Less; both of one type."""
    return signed("lt", left, right)


@builder
def le(left: Value, right: Value) -> Code:
    """Less or equal; both of one type."""
    return signed("le", left, right)


@builder
def regex_compare(regex: str, flags: int, bin_expr: Value) -> Code:
    """Does the string match a POSIX regular expression? ``flags`` are ``REGEX_*``."""
    return join(
        BOOL,
        b"\x07",
        number(flags, "flags", 0, 15),
        plain_text(regex, "a pattern"),
        needs(bin_expr, STRING, "what is matched"),
    )


@builder
def geo_compare(left: Value, right: Value) -> Code:
    """Does a region hold a point, or the other way round?"""
    return signed("geo_compare", left, right)


@builder
def in_list(value: Value, values: Value) -> Code:
    """Is the value in the list?"""
    return signed("in_list", value, values)


@builder
def map_keys(map_value: Value) -> Code:
    """The keys of a map, as a list."""
    return signed("map_keys", map_value)


@builder
def map_values(map_value: Value) -> Code:
    """The values of a map, as a list."""
    return signed("map_values", map_value)


# ---- logic ----


@builder
def and_(*exprs: Value) -> Code:
    """All are true."""
    return signed("and_", *exprs)


@builder
def or_(*exprs: Value) -> Code:
    """At least one is true."""
    return signed("or_", *exprs)


@builder
def not_(expr: Value) -> Code:
    """It is false."""
    return signed("not_", expr)


@builder
def xor_(*exprs: Value) -> Code:
    """Exactly one is true."""
    return signed("xor_", *exprs)


# ---- numbers ----


@builder
def num_add(*exprs: Value) -> Code:
    """The sum."""
    return signed("num_add", *exprs)


@builder
def num_sub(*exprs: Value) -> Code:
    """The first without the others; a single one negated."""
    return signed("num_sub", *exprs)


@builder
def num_mul(*exprs: Value) -> Code:
    """The product."""
    return signed("num_mul", *exprs)


@builder
def num_div(*exprs: Value) -> Code:
    """The first divided by the others; of a single one its inverse."""
    return signed("num_div", *exprs)


@builder
def num_mod(numerator: Value, denominator: Value) -> Code:
    """The remainder of integers."""
    return signed("num_mod", numerator, denominator)


@builder
def num_pow(base: Value, exp: Value) -> Code:
    """A float to the power of another."""
    return signed("num_pow", base, exp)


@builder
def num_log(num: Value, base: Value) -> Code:
    """The logarithm of a float to a base."""
    return signed("num_log", num, base)


@builder
def num_abs(value: Value) -> Code:
    """The number without its sign."""
    return signed("num_abs", value)


@builder
def num_floor(num: Value) -> Code:
    """A float rounded down."""
    return signed("num_floor", num)


@builder
def num_ceil(num: Value) -> Code:
    """A float rounded up."""
    return signed("num_ceil", num)


@builder
def to_int(num: Value) -> Code:
    """A float as an integer."""
    return signed("to_int", num)


@builder
def to_float(num: Value) -> Code:
    """An integer as a float."""
    return signed("to_float", num)


@builder
def min_(*exprs: Value) -> Code:
    """The least."""
    return signed("min_", *exprs)


@builder
def max_(*exprs: Value) -> Code:
    """The greatest."""
    return signed("max_", *exprs)


# ---- bits of integers ----


@builder
def int_and(*exprs: Value) -> Code:
    """Bits that all have."""
    return signed("int_and", *exprs)


@builder
def int_or(*exprs: Value) -> Code:
    """Bits that any has."""
    return signed("int_or", *exprs)


@builder
def int_xor(*exprs: Value) -> Code:
    """Bits that an odd number of them have."""
    return signed("int_xor", *exprs)


@builder
def int_not(expr: Value) -> Code:
    """All bits turned."""
    return signed("int_not", expr)


@builder
def int_lshift(value: Value, shift: Value) -> Code:
    """Bits moved to the left."""
    return signed("int_lshift", value, shift)


@builder
def int_rshift(value: Value, shift: Value) -> Code:
    """Bits moved to the right, zeros from the left."""
    return signed("int_rshift", value, shift)


@builder
def int_arshift(value: Value, shift: Value) -> Code:
    """Bits moved to the right, the sign kept."""
    return signed("int_arshift", value, shift)


@builder
def int_count(expr: Value) -> Code:
    """How many bits are set."""
    return signed("int_count", expr)


@builder
def int_lscan(value: Value, search: Value) -> Code:
    """Place of the first bit that is ``search``, from the highest on; -1 if there is none."""
    return signed("int_lscan", value, search)


@builder
def int_rscan(value: Value, search: Value) -> Code:
    """Place of the last bit that is ``search``, from the highest on; -1 if there is none."""
    return signed("int_rscan", value, search)


# ---- control ----


@builder
def cond(*exprs: Value) -> Code:
    """``cond(test, value, test, value, ..., otherwise)``: the value of the first test that is true."""
    if len(exprs) < 3 or len(exprs) % 2 == 0:
        raise Refused(f"takes test, value, ..., and the value otherwise; these are {len(exprs)}")
    codes = [code_of(value) for value in exprs]
    common: int | None = None
    for i, (value, code) in enumerate(zip(exprs, codes, strict=True)):
        if i % 2 == 0 and i + 1 < len(codes):
            needs(value, BOOL, f"argument {i + 1}, a test,")
        else:
            if common is not None:
                needs(value, common, f"argument {i + 1}, a value like those before it,")
            common = code.type if common is None else common
    return join(common, b"\x7b", *codes)


@builder
def var(name: str) -> Code:
    """A variable of the ``let_`` around it."""
    return join(None, b"\x7c", plain_text(name, "a variable's name"))._replace(
        unbound=frozenset({name})
    )


def def_(name: str, value: Value) -> Definition:
    """A variable's name and value, for ``let_``."""
    return define(name, value)


@builder
def let_(*exprs: Definition | Value) -> Code:
    """``let_(def_(name, value), ..., expression)``: each variable is seen by what comes after it."""
    *definitions, body = exprs if exprs else (None,)
    if not definitions:
        raise Refused("takes one def_ or more, and then an expression")
    parts: list[Code | bytes] = []
    defined: set[str] = set()
    unbound: set[str] = set()
    for definition in definitions:
        if not isinstance(definition, Definition):
            raise Refused(f"all but the last are made by def_, and {definition!r} is not")
        parts += (plain_text(definition.variable, "a variable's name"), definition._code)
        unbound |= definition._code.unbound - defined
        defined.add(definition.variable)
    code = code_of(body)
    unbound |= code.unbound - defined
    return join(code.type, b"\x7d", *parts, code)._replace(unbound=frozenset(unbound))


@builder
def unknown() -> Code:
    """Neither a value nor an error yet: what depends on it is unknown too."""
    return signed("unknown")
