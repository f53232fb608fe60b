"""Values, bins, the record, comparisons, logic, variables, loop variables and paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import _calls, _msgpack, exp
from ..._expression_code import (
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
    Value,
    join,
    number,
)
from ...expressions import Definition, Expression, builder, signed
from ..cdt_ctx import Context

__all__ = [
    "Val",
    "Unknown",
    "KeyInt",
    "KeyStr",
    "KeyBlob",
    "KeyExists",
    "BoolBin",
    "IntBin",
    "StrBin",
    "FloatBin",
    "BlobBin",
    "GeoBin",
    "ListBin",
    "MapBin",
    "HLLBin",
    "BinExists",
    "BinType",
    "SetName",
    "DeviceSize",
    "MemorySize",
    "RecordSize",
    "LastUpdateTime",
    "SinceUpdateTime",
    "VoidTime",
    "TTL",
    "IsTombstone",
    "DigestMod",
    "Eq",
    "NE",
    "GT",
    "GE",
    "LT",
    "LE",
    "CmpRegex",
    "CmpGeo",
    "Not",
    "And",
    "Or",
    "Exclusive",
    "Cond",
    "Let",
    "Def",
    "Var",
    "LoopVarMap",
    "LoopVarList",
    "LoopVarStr",
    "LoopVarFloat",
    "LoopVarInt",
    "LoopVarBlob",
    "LoopVarBool",
    "LoopVarNil",
    "LoopVarGeoJson",
    "LoopVarHLL",
    "RemoveResult",
    "SelectByPath",
    "ModifyByPath",
]


def Val(value: Any) -> Expression:
    """Any value that a bin may have."""
    return exp.val(value)


def Unknown() -> Expression:
    """Neither a value nor an error yet: what depends on it is unknown too."""
    return exp.unknown()


def KeyInt() -> Expression:
    """The user key, where it is stored and an integer."""
    return exp.key(INT)


def KeyStr() -> Expression:
    """The user key, where it is stored and a string."""
    return exp.key(STRING)


def KeyBlob() -> Expression:
    """The user key, where it is stored and bytes."""
    return exp.key(BLOB)


def KeyExists() -> Expression:
    """Is the user key stored with the record?"""
    return exp.key_exists()


def BoolBin(bin: str) -> Expression:
    """A bin that holds a bool."""
    return exp.bool_bin(bin)


def IntBin(bin: str) -> Expression:
    """A bin that holds an integer."""
    return exp.int_bin(bin)


def StrBin(bin: str) -> Expression:
    """A bin that holds a string."""
    return exp.string_bin(bin)


def FloatBin(bin: str) -> Expression:
    """A bin that holds a float."""
    return exp.float_bin(bin)


def BlobBin(bin: str) -> Expression:
    """A bin that holds a blob."""
    return exp.blob_bin(bin)


def GeoBin(bin: str) -> Expression:
    """A bin that holds GeoJSON."""
    return exp.geo_bin(bin)


def ListBin(bin: str) -> Expression:
    """A bin that holds a list."""
    return exp.list_bin(bin)


def MapBin(bin: str) -> Expression:
    """A bin that holds a map."""
    return exp.map_bin(bin)


def HLLBin(bin: str) -> Expression:
    """A bin that holds a HyperLogLog."""
    return exp.hll_bin(bin)


def BinExists(bin: str) -> Expression:
    """Has the record this bin?"""
    return exp.bin_exists(bin)


def BinType(bin: str) -> Expression:
    """The number of the bin's particle type; 0 where the record has no such bin."""
    return exp.bin_type(bin)


def SetName() -> Expression:
    """The name of the record's set."""
    return exp.set_name()


def DeviceSize() -> Expression:
    """Bytes of the record on its device; for servers before 7."""
    return exp.device_size()


def MemorySize() -> Expression:
    """Bytes of the record in memory; for servers before 7."""
    return exp.memory_size()


def RecordSize() -> Expression:
    """Bytes of the stored record."""
    return exp.record_size()


def LastUpdateTime() -> Expression:
    """When the record was last written, in nanoseconds since 1970."""
    return exp.last_update()


def SinceUpdateTime() -> Expression:
    """Milliseconds since the record was last written."""
    return exp.since_update()


def VoidTime() -> Expression:
    """When the record will expire, in nanoseconds since 1970; -1 if never."""
    return exp.void_time()


def TTL() -> Expression:
    """Seconds until the record expires; -1 if it never does."""
    return exp.ttl()


def IsTombstone() -> Expression:
    """Is the record a tombstone?"""
    return exp.is_tombstone()


def DigestMod(mod: int) -> Expression:
    """A number from 0 to ``mod`` - 1 made of the digest."""
    return exp.digest_modulo(mod)


def Eq(expr0: Value, expr1: Value) -> Expression:
    """Equal; both of one type."""
    return exp.eq(expr0, expr1)


def NE(expr0: Value, expr1: Value) -> Expression:
    """Not equal; both of one type."""
    return exp.ne(expr0, expr1)


def GT(expr0: Value, expr1: Value) -> Expression:
    """Greater; both of one type."""
    return exp.gt(expr0, expr1)


def GE(expr0: Value, expr1: Value) -> Expression:
    """Greater or equal; both of one type."""
    return exp.ge(expr0, expr1)


def LT(expr0: Value, expr1: Value) -> Expression:
    """Less; both of one type."""
    return exp.lt(expr0, expr1)


def LE(expr0: Value, expr1: Value) -> Expression:
    """Less or equal; both of one type."""
    return exp.le(expr0, expr1)


def CmpRegex(options: int, regex_str: str, cmp_str: Value) -> Expression:
    """Does the string match a POSIX regular expression? ``options`` are ``REGEX_*``."""
    return exp.regex_compare(regex_str, options, cmp_str)


def CmpGeo(expr0: Value, expr1: Value) -> Expression:
    """Does a region hold a point, or the other way round?"""
    return exp.geo_compare(expr0, expr1)


def Not(expr: Value) -> Expression:
    """It is false."""
    return exp.not_(expr)


def And(*exprs: Value) -> Expression:
    """All are true."""
    return exp.and_(*exprs)


def Or(*exprs: Value) -> Expression:
    """At least one is true."""
    return exp.or_(*exprs)


def Exclusive(*exprs: Value) -> Expression:
    """Exactly one is true."""
    return exp.xor_(*exprs)


def Cond(*exprs: Value) -> Expression:
    """``Cond(test, value, test, value, ..., otherwise)``: the value of the first test that is true."""
    return exp.cond(*exprs)


def Let(*exprs: Definition | Value) -> Expression:
    """``Let(Def(name, value), ..., expression)``: each variable is seen by what comes after it."""
    return exp.let_(*exprs)


def Def(var_name: str, expr: Value) -> Definition:
    """A variable's name and value, for ``Let``."""
    return exp.def_(var_name, expr)


def Var(var_name: str) -> Expression:
    """A variable of the ``Let`` around it."""
    return exp.var(var_name)


def _loop(kind: int, var_id: int) -> Code:
    return join(kind, b"\x7a", _msgpack.leaf(kind), number(var_id, "var_id", 0, 2))


@builder
def LoopVarMap(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a map."""
    return _loop(MAP, var_id)


@builder
def LoopVarList(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a list."""
    return _loop(LIST, var_id)


@builder
def LoopVarStr(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a string."""
    return _loop(STRING, var_id)


@builder
def LoopVarFloat(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a float."""
    return _loop(FLOAT, var_id)


@builder
def LoopVarInt(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is an integer."""
    return _loop(INT, var_id)


@builder
def LoopVarBlob(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a blob."""
    return _loop(BLOB, var_id)


@builder
def LoopVarBool(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a bool."""
    return _loop(BOOL, var_id)


@builder
def LoopVarNil(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is nil."""
    return _loop(NIL, var_id)


@builder
def LoopVarGeoJson(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is GeoJSON."""
    return _loop(GEO, var_id)


@builder
def LoopVarHLL(var_id: int) -> Code:
    """Of the element at hand on a path: ``EXP_LOOPVAR_KEY``, ``_VALUE`` or ``_INDEX``, which is a HyperLogLog."""
    return _loop(HLL, var_id)


@builder
def RemoveResult() -> Code:
    """As the expression of ``ModifyByPath``: the element is removed."""
    return signed("remove_result")


@builder
def SelectByPath(ctx: Sequence[Context], value_type: int, flags: int, bin: Value) -> Code:
    """What a path through lists and maps leads to; ``flags`` are ``EXP_PATH_SELECT_*``."""
    return _calls.select(ctx, value_type, flags, bin)


@builder
def ModifyByPath(
    ctx: Sequence[Context], value_type: int, mod_exp: Expression, flags: int, bin: Value
) -> Code:
    """A list or a map with what a path leads to replaced by the values of an expression."""
    return _calls.apply(ctx, value_type, mod_exp, flags, bin)
