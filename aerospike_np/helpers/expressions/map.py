"""Maps. Those that change one give the map as it would be; nothing is stored."""

from __future__ import annotations

from ... import exp
from ..._calls import (
    Ctx,
    Policy,
    drop,
    get,
    get_one,
    map_order,
    map_policy,
    modify,
    place,
    range_end,
    read,
)
from ..._expression_code import INT, LIST, MAP, Code, Value
from ...expressions import Expression, builder, code_of, needs

__all__ = [
    "MapPut",
    "MapPutItems",
    "MapIncrement",
    "MapClear",
    "MapRemoveByKey",
    "MapRemoveByKeyList",
    "MapRemoveByKeyRange",
    "MapRemoveByKeyRelIndexRangeToEnd",
    "MapRemoveByKeyRelIndexRange",
    "MapRemoveByValue",
    "MapRemoveByValueList",
    "MapRemoveByValueRange",
    "MapRemoveByValueRelRankRangeToEnd",
    "MapRemoveByValueRelRankRange",
    "MapRemoveByIndex",
    "MapRemoveByIndexRangeToEnd",
    "MapRemoveByIndexRange",
    "MapRemoveByRank",
    "MapRemoveByRankRangeToEnd",
    "MapRemoveByRankRange",
    "MapSize",
    "MapGetByKey",
    "MapGetByKeyRange",
    "MapGetByKeyList",
    "MapGetByKeyRelIndexRangeToEnd",
    "MapGetByKeyRelIndexRange",
    "MapGetByValue",
    "MapGetByValueRange",
    "MapGetByValueList",
    "MapGetByValueRelRankRangeToEnd",
    "MapGetByValueRelRankRange",
    "MapGetByIndex",
    "MapGetByIndexRangeToEnd",
    "MapGetByIndexRange",
    "MapGetByRank",
    "MapGetByRankRangeToEnd",
    "MapGetByRankRange",
    "MapGetKeys",
    "MapGetValues",
]


@builder
def MapPut(ctx: Ctx, policy: Policy, key: Value, value: Value, bin: Value) -> Code:
    """With a value put at a key."""
    return modify(MAP, ctx, bin, 67, code_of(key), code_of(value), *map_policy(policy))


@builder
def MapPutItems(ctx: Ctx, policy: Policy, map: Value, bin: Value) -> Code:
    """With the pairs of another map."""
    return modify(MAP, ctx, bin, 68, needs(map, MAP, "map"), *map_policy(policy))


@builder
def MapIncrement(ctx: Ctx, policy: Policy, key: Value, value: Value, bin: Value) -> Code:
    """With a number added to the one at a key."""
    return modify(MAP, ctx, bin, 73, code_of(key), code_of(value), *map_order(policy))


@builder
def MapClear(ctx: Ctx, bin: Value) -> Code:
    """Without its pairs."""
    return modify(MAP, ctx, bin, 75)


@builder
def MapRemoveByKey(ctx: Ctx, key: Value, bin: Value) -> Code:
    """Without a key."""
    return drop(MAP, ctx, False, bin, 76, code_of(key))


@builder
def MapRemoveByKeyList(ctx: Ctx, keys: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the keys of a list."""
    return drop(MAP, ctx, inverted, bin, 81, needs(keys, LIST, "keys"))


@builder
def MapRemoveByKeyRange(
    ctx: Ctx, begin: Value, end: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the keys from ``begin`` to before ``end``."""
    return drop(MAP, ctx, inverted, bin, 84, code_of(begin), range_end(end))


@builder
def MapRemoveByKeyRelIndexRangeToEnd(
    ctx: Ctx, key: Value, index: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the pairs from an index relative to a key on."""
    return drop(MAP, ctx, inverted, bin, 88, code_of(key), place(index, "index"))


@builder
def MapRemoveByKeyRelIndexRange(
    ctx: Ctx, key: Value, index: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many pairs from an index relative to a key on."""
    return drop(
        MAP, ctx, inverted, bin, 88, code_of(key), place(index, "index"), place(count, "count")
    )


@builder
def MapRemoveByValue(ctx: Ctx, value: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the pairs of a value."""
    return drop(MAP, ctx, inverted, bin, 82, code_of(value))


@builder
def MapRemoveByValueList(ctx: Ctx, values: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the pairs whose values are in a list."""
    return drop(MAP, ctx, inverted, bin, 83, needs(values, LIST, "values"))


@builder
def MapRemoveByValueRange(
    ctx: Ctx, begin: Value, end: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the pairs whose values go from ``begin`` to before ``end``."""
    return drop(MAP, ctx, inverted, bin, 86, code_of(begin), range_end(end))


@builder
def MapRemoveByValueRelRankRangeToEnd(
    ctx: Ctx, value: Value, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the pairs from a rank relative to a value on."""
    return drop(MAP, ctx, inverted, bin, 89, code_of(value), place(rank, "rank"))


@builder
def MapRemoveByValueRelRankRange(
    ctx: Ctx, value: Value, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many pairs from a rank relative to a value on."""
    return drop(
        MAP, ctx, inverted, bin, 89, code_of(value), place(rank, "rank"), place(count, "count")
    )


@builder
def MapRemoveByIndex(ctx: Ctx, index: Value, bin: Value) -> Code:
    """Without the pair at an index."""
    return drop(MAP, ctx, False, bin, 77, place(index, "index"))


@builder
def MapRemoveByIndexRangeToEnd(ctx: Ctx, index: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the pairs from an index on."""
    return drop(MAP, ctx, inverted, bin, 85, place(index, "index"))


@builder
def MapRemoveByIndexRange(
    ctx: Ctx, index: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many pairs from an index on."""
    return drop(MAP, ctx, inverted, bin, 85, place(index, "index"), place(count, "count"))


@builder
def MapRemoveByRank(ctx: Ctx, rank: Value, bin: Value) -> Code:
    """Without the pair of a rank."""
    return drop(MAP, ctx, False, bin, 79, place(rank, "rank"))


@builder
def MapRemoveByRankRangeToEnd(ctx: Ctx, rank: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the pairs from a rank on."""
    return drop(MAP, ctx, inverted, bin, 87, place(rank, "rank"))


@builder
def MapRemoveByRankRange(
    ctx: Ctx, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many pairs from a rank on."""
    return drop(MAP, ctx, inverted, bin, 87, place(rank, "rank"), place(count, "count"))


@builder
def MapSize(ctx: Ctx, bin: Value) -> Code:
    """The number of pairs."""
    return read(MAP, ctx, INT, bin, 96)


@builder
def MapGetByKey(ctx: Ctx, return_type: int, value_type: int, key: Value, bin: Value) -> Code:
    """The pair of a key."""
    return get_one(MAP, ctx, return_type, value_type, bin, 97, code_of(key))


@builder
def MapGetByKeyRange(
    ctx: Ctx, return_type: int, begin: Value, end: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs of the keys from ``begin`` to before ``end``."""
    return get(MAP, ctx, return_type, inverted, bin, 103, code_of(begin), range_end(end))


@builder
def MapGetByKeyList(
    ctx: Ctx, return_type: int, keys: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs of the keys of a list."""
    return get(MAP, ctx, return_type, inverted, bin, 107, needs(keys, LIST, "keys"))


@builder
def MapGetByKeyRelIndexRangeToEnd(
    ctx: Ctx, return_type: int, key: Value, index: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs from an index relative to a key on."""
    return get(MAP, ctx, return_type, inverted, bin, 109, code_of(key), place(index, "index"))


@builder
def MapGetByKeyRelIndexRange(
    ctx: Ctx,
    return_type: int,
    key: Value,
    index: Value,
    count: Value,
    bin: Value,
    inverted: bool = False,
) -> Code:
    """So many pairs from an index relative to a key on."""
    return get(
        MAP,
        ctx,
        return_type,
        inverted,
        bin,
        109,
        code_of(key),
        place(index, "index"),
        place(count, "count"),
    )


@builder
def MapGetByValue(
    ctx: Ctx, return_type: int, value: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs of a value."""
    return get(MAP, ctx, return_type, inverted, bin, 102, code_of(value))


@builder
def MapGetByValueRange(
    ctx: Ctx,
    return_type: int,
    value_begin: Value,
    value_end: Value,
    bin: Value,
    inverted: bool = False,
) -> Code:
    """The pairs whose values go from one to before another."""
    return get(
        MAP, ctx, return_type, inverted, bin, 105, code_of(value_begin), range_end(value_end)
    )


@builder
def MapGetByValueList(
    ctx: Ctx, return_type: int, value: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs whose values are in a list."""
    return get(MAP, ctx, return_type, inverted, bin, 108, needs(value, LIST, "value"))


@builder
def MapGetByValueRelRankRangeToEnd(
    ctx: Ctx, return_type: int, value: Value, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs from a rank relative to a value on."""
    return get(MAP, ctx, return_type, inverted, bin, 110, code_of(value), place(rank, "rank"))


@builder
def MapGetByValueRelRankRange(
    ctx: Ctx,
    return_type: int,
    value: Value,
    rank: Value,
    count: Value,
    bin: Value,
    inverted: bool = False,
) -> Code:
    """So many pairs from a rank relative to a value on."""
    return get(
        MAP,
        ctx,
        return_type,
        inverted,
        bin,
        110,
        code_of(value),
        place(rank, "rank"),
        place(count, "count"),
    )


@builder
def MapGetByIndex(ctx: Ctx, return_type: int, value_type: int, index: Value, bin: Value) -> Code:
    """The pair at an index."""
    return get_one(MAP, ctx, return_type, value_type, bin, 98, place(index, "index"))


@builder
def MapGetByIndexRangeToEnd(
    ctx: Ctx, return_type: int, index: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs from an index on."""
    return get(MAP, ctx, return_type, inverted, bin, 104, place(index, "index"))


@builder
def MapGetByIndexRange(
    ctx: Ctx, return_type: int, index: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """So many pairs from an index on."""
    return get(
        MAP, ctx, return_type, inverted, bin, 104, place(index, "index"), place(count, "count")
    )


@builder
def MapGetByRank(ctx: Ctx, return_type: int, value_type: int, rank: Value, bin: Value) -> Code:
    """The pair of a rank."""
    return get_one(MAP, ctx, return_type, value_type, bin, 100, place(rank, "rank"))


@builder
def MapGetByRankRangeToEnd(
    ctx: Ctx, return_type: int, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """The pairs from a rank on."""
    return get(MAP, ctx, return_type, inverted, bin, 106, place(rank, "rank"))


@builder
def MapGetByRankRange(
    ctx: Ctx, return_type: int, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """So many pairs from a rank on."""
    return get(
        MAP, ctx, return_type, inverted, bin, 106, place(rank, "rank"), place(count, "count")
    )


def MapGetKeys(map_value: Value) -> Expression:
    """The keys of a map, as a list."""
    return exp.map_keys(exp.map_bin(map_value) if isinstance(map_value, str) else map_value)


def MapGetValues(map_value: Value) -> Expression:
    """The values of a map, as a list."""
    return exp.map_values(exp.map_bin(map_value) if isinstance(map_value, str) else map_value)
