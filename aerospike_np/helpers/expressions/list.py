"""Lists. Those that change one give the list as it would be; nothing is stored."""

from __future__ import annotations

from ... import exp
from ..._calls import Ctx, Policy, drop, get, get_one, list_policy, modify, place, range_end, read
from ..._expression_code import INT, LIST, STRING, Code, Value, number
from ...expressions import Expression, builder, code_of, needs

__all__ = [
    "ListAppend",
    "ListAppendItems",
    "ListInsert",
    "ListInsertItems",
    "ListIncrement",
    "ListSet",
    "ListClear",
    "ListSort",
    "ListRemoveByValue",
    "ListRemoveByValueList",
    "ListRemoveByValueRange",
    "ListRemoveByValueRelRankToEnd",
    "ListRemoveByValueRelRankRange",
    "ListRemoveByIndex",
    "ListRemoveByIndexRangeToEnd",
    "ListRemoveByIndexRange",
    "ListRemoveByRank",
    "ListRemoveByRankRangeToEnd",
    "ListRemoveByRankRange",
    "ListSize",
    "ListGetByValue",
    "ListGetByValueRange",
    "ListGetByValueList",
    "ListGetByValueRelRankRangeToEnd",
    "ListGetByValueRelRankRange",
    "ListGetByIndex",
    "ListGetByIndexRangeToEnd",
    "ListGetByIndexRange",
    "ListGetByRank",
    "ListGetByRankRangeToEnd",
    "ListGetByRankRange",
    "InList",
    "ListJoin",
]


@builder
def ListAppend(ctx: Ctx, policy: Policy, value: Value, bin: Value) -> Code:
    """With a value appended."""
    return modify(LIST, ctx, bin, 1, code_of(value), *list_policy(policy, "order", "flags"))


@builder
def ListAppendItems(ctx: Ctx, policy: Policy, value: Value, bin: Value) -> Code:
    """With the values of a list appended."""
    return modify(
        LIST, ctx, bin, 2, needs(value, LIST, "value"), *list_policy(policy, "order", "flags")
    )


@builder
def ListInsert(ctx: Ctx, policy: Policy, index: Value, value: Value, bin: Value) -> Code:
    """With a value inserted."""
    return modify(
        LIST, ctx, bin, 3, place(index, "index"), code_of(value), *list_policy(policy, "flags")
    )


@builder
def ListInsertItems(ctx: Ctx, policy: Policy, index: Value, values: Value, bin: Value) -> Code:
    """With the values of a list inserted."""
    return modify(
        LIST,
        ctx,
        bin,
        4,
        place(index, "index"),
        needs(values, LIST, "values"),
        *list_policy(policy, "flags"),
    )


@builder
def ListIncrement(ctx: Ctx, policy: Policy, index: Value, value: Value, bin: Value) -> Code:
    """With a number added to the one at an index."""
    return modify(
        LIST,
        ctx,
        bin,
        12,
        place(index, "index"),
        code_of(value),
        *list_policy(policy, "order", "flags"),
    )


@builder
def ListSet(ctx: Ctx, policy: Policy, index: Value, value: Value, bin: Value) -> Code:
    """With a value put at an index."""
    return modify(
        LIST, ctx, bin, 9, place(index, "index"), code_of(value), *list_policy(policy, "flags")
    )


@builder
def ListClear(ctx: Ctx, bin: Value) -> Code:
    """Without its elements."""
    return modify(LIST, ctx, bin, 11)


@builder
def ListSort(ctx: Ctx, order: int, bin: Value) -> Code:
    """Sorted; ``order`` is ``LIST_SORT_*``."""
    return modify(LIST, ctx, bin, 13, number(order, "order", 0, 3))


@builder
def ListRemoveByValue(ctx: Ctx, value: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the elements that equal a value."""
    return drop(LIST, ctx, inverted, bin, 35, code_of(value))


@builder
def ListRemoveByValueList(ctx: Ctx, values: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the elements that are in another list."""
    return drop(LIST, ctx, inverted, bin, 36, needs(values, LIST, "values"))


@builder
def ListRemoveByValueRange(
    ctx: Ctx, begin: Value, end: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the elements from ``begin`` to before ``end``."""
    return drop(LIST, ctx, inverted, bin, 38, code_of(begin), range_end(end))


@builder
def ListRemoveByValueRelRankToEnd(
    ctx: Ctx, value: Value, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without the elements from a rank relative to a value on."""
    return drop(LIST, ctx, inverted, bin, 40, code_of(value), place(rank, "rank"))


@builder
def ListRemoveByValueRelRankRange(
    ctx: Ctx, value: Value, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many elements from a rank relative to a value on."""
    return drop(
        LIST, ctx, inverted, bin, 40, code_of(value), place(rank, "rank"), place(count, "count")
    )


@builder
def ListRemoveByIndex(ctx: Ctx, index: Value, bin: Value) -> Code:
    """Without the element at an index."""
    return drop(LIST, ctx, False, bin, 32, place(index, "index"))


@builder
def ListRemoveByIndexRangeToEnd(ctx: Ctx, index: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the elements from an index on."""
    return drop(LIST, ctx, inverted, bin, 37, place(index, "index"))


@builder
def ListRemoveByIndexRange(
    ctx: Ctx, index: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many elements from an index on."""
    return drop(LIST, ctx, inverted, bin, 37, place(index, "index"), place(count, "count"))


@builder
def ListRemoveByRank(ctx: Ctx, rank: Value, bin: Value) -> Code:
    """Without the element of a rank."""
    return drop(LIST, ctx, False, bin, 34, place(rank, "rank"))


@builder
def ListRemoveByRankRangeToEnd(ctx: Ctx, rank: Value, bin: Value, inverted: bool = False) -> Code:
    """Without the elements from a rank on."""
    return drop(LIST, ctx, inverted, bin, 39, place(rank, "rank"))


@builder
def ListRemoveByRankRange(
    ctx: Ctx, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """Without so many elements from a rank on."""
    return drop(LIST, ctx, inverted, bin, 39, place(rank, "rank"), place(count, "count"))


@builder
def ListSize(ctx: Ctx, bin: Value) -> Code:
    """The number of elements."""
    return read(LIST, ctx, INT, bin, 16)


@builder
def ListGetByValue(
    ctx: Ctx, return_type: int, value: Value, bin: Value, inverted: bool = False
) -> Code:
    """The elements that equal a value."""
    return get(LIST, ctx, return_type, inverted, bin, 22, code_of(value))


@builder
def ListGetByValueRange(
    ctx: Ctx,
    return_type: int,
    value_begin: Value,
    value_end: Value,
    bin: Value,
    inverted: bool = False,
) -> Code:
    """The elements from a value to before another."""
    return get(
        LIST, ctx, return_type, inverted, bin, 25, code_of(value_begin), range_end(value_end)
    )


@builder
def ListGetByValueList(
    ctx: Ctx, return_type: int, value: Value, bin: Value, inverted: bool = False
) -> Code:
    """The elements that are in another list."""
    return get(LIST, ctx, return_type, inverted, bin, 23, needs(value, LIST, "value"))


@builder
def ListGetByValueRelRankRangeToEnd(
    ctx: Ctx, return_type: int, value: Value, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """The elements from a rank relative to a value on."""
    return get(LIST, ctx, return_type, inverted, bin, 27, code_of(value), place(rank, "rank"))


@builder
def ListGetByValueRelRankRange(
    ctx: Ctx,
    return_type: int,
    value: Value,
    rank: Value,
    count: Value,
    bin: Value,
    inverted: bool = False,
) -> Code:
    """So many elements from a rank relative to a value on."""
    return get(
        LIST,
        ctx,
        return_type,
        inverted,
        bin,
        27,
        code_of(value),
        place(rank, "rank"),
        place(count, "count"),
    )


@builder
def ListGetByIndex(ctx: Ctx, return_type: int, value_type: int, index: Value, bin: Value) -> Code:
    """The element at an index."""
    return get_one(LIST, ctx, return_type, value_type, bin, 19, place(index, "index"))


@builder
def ListGetByIndexRangeToEnd(
    ctx: Ctx, return_type: int, index: Value, bin: Value, inverted: bool = False
) -> Code:
    """The elements from an index on."""
    return get(LIST, ctx, return_type, inverted, bin, 24, place(index, "index"))


@builder
def ListGetByIndexRange(
    ctx: Ctx, return_type: int, index: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """So many elements from an index on."""
    return get(
        LIST, ctx, return_type, inverted, bin, 24, place(index, "index"), place(count, "count")
    )


@builder
def ListGetByRank(ctx: Ctx, return_type: int, value_type: int, rank: Value, bin: Value) -> Code:
    """The element of a rank."""
    return get_one(LIST, ctx, return_type, value_type, bin, 21, place(rank, "rank"))


@builder
def ListGetByRankRangeToEnd(
    ctx: Ctx, return_type: int, rank: Value, bin: Value, inverted: bool = False
) -> Code:
    """The elements from a rank on."""
    return get(LIST, ctx, return_type, inverted, bin, 26, place(rank, "rank"))


@builder
def ListGetByRankRange(
    ctx: Ctx, return_type: int, rank: Value, count: Value, bin: Value, inverted: bool = False
) -> Code:
    """So many elements from a rank on."""
    return get(
        LIST, ctx, return_type, inverted, bin, 26, place(rank, "rank"), place(count, "count")
    )


def InList(value: Value, bin: Value) -> Expression:
    """Is a value in a list?"""
    return exp.in_list(value, exp.list_bin(bin) if isinstance(bin, str) else bin)


@builder
def ListJoin(ctx: Ctx, separator: str | None, bin: Value) -> Code:
    """The strings of a list, one after the other; for servers that have it."""
    return read(
        LIST,
        ctx,
        STRING,
        bin,
        28,
        *([] if separator is None else [needs(separator, STRING, "separator")]),
    )
