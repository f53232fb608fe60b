"""Operations on lists.

``ctx``, a list of steps made by :mod:`aerospike_np.helpers.cdt_ctx`, leads to a list inside a bin.
What an operation returns is chosen by ``return_type``, one of ``LIST_RETURN_*``. A policy is
``{"list_order": LIST_*ORDERED, "write_flags": LIST_WRITE_*}``.

Examples
--------
>>> from aerospike_np.helpers.operations import list_operations
>>> key = ("test", "demo", "scores")
>>> client.operate(key, [
...     list_operations.list_append_items("scores", [5, 1, 9]),
...     list_operations.list_get_by_rank_range("scores", -2, aerospike_np.LIST_RETURN_VALUE),
...     list_operations.list_get_by_value_range("scores", aerospike_np.LIST_RETURN_COUNT, 4, None),
... ]).bins
{'scores': [3, [5, 9], 2]}
"""

from __future__ import annotations

from typing import Any

from ... import constants
from ._operation import Ctx, Policy, operation


def list_create(
    bin_name: str, list_order: int, pad: bool, persist_index: bool, ctx: Ctx = None
) -> dict[str, Any]:
    """Makes a list where there is none; with ``pad``, None before it fills up a list that it is in."""
    return operation(
        constants.OP_LIST_CREATE,
        bin_name,
        ctx,
        list_order=list_order,
        pad=pad,
        persist_index=persist_index,
    )


def list_append(
    bin_name: str, value: Any, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Appends a value. Returns the new size."""
    return operation(constants.OP_LIST_APPEND, bin_name, ctx, list_policy=policy or None, val=value)


def list_append_items(
    bin_name: str, values: Any, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Appends each of several values. Returns the new size."""
    return operation(
        constants.OP_LIST_APPEND_ITEMS, bin_name, ctx, list_policy=policy or None, val=values
    )


def list_insert(
    bin_name: str, index: int, value: Any, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Inserts a value before an index. Returns the new size."""
    return operation(
        constants.OP_LIST_INSERT, bin_name, ctx, list_policy=policy or None, index=index, val=value
    )


def list_insert_items(
    bin_name: str, index: int, values: Any, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Inserts several values before an index. Returns the new size."""
    return operation(
        constants.OP_LIST_INSERT_ITEMS,
        bin_name,
        ctx,
        list_policy=policy or None,
        index=index,
        val=values,
    )


def list_increment(
    bin_name: str, index: int, value: float, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Adds to the number at an index. Returns the sum."""
    return operation(
        constants.OP_LIST_INCREMENT,
        bin_name,
        ctx,
        list_policy=policy or None,
        index=index,
        val=value,
    )


def list_pop(bin_name: str, index: int, ctx: Ctx = None) -> dict[str, Any]:
    """Removes the element at an index, and returns it."""
    return operation(constants.OP_LIST_POP, bin_name, ctx, index=index)


def list_pop_range(bin_name: str, index: int, count: int | None, ctx: Ctx = None) -> dict[str, Any]:
    """Removes ``count`` elements from an index on, and returns them; None stands for all."""
    return operation(constants.OP_LIST_POP_RANGE, bin_name, ctx, index=index, val=count)


def list_remove(bin_name: str, index: int, ctx: Ctx = None) -> dict[str, Any]:
    """Removes the element at an index. Returns how many were removed."""
    return operation(constants.OP_LIST_REMOVE, bin_name, ctx, index=index)


def list_remove_range(
    bin_name: str, index: int, count: int | None, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes ``count`` elements from an index on, all with None. Returns how many were removed."""
    return operation(constants.OP_LIST_REMOVE_RANGE, bin_name, ctx, index=index, val=count)


def list_clear(bin_name: str, ctx: Ctx = None) -> dict[str, Any]:
    """Removes all elements."""
    return operation(constants.OP_LIST_CLEAR, bin_name, ctx)


def list_set(
    bin_name: str, index: int, value: Any, policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Replaces the element at an index."""
    return operation(
        constants.OP_LIST_SET, bin_name, ctx, list_policy=policy or None, index=index, val=value
    )


def list_get(bin_name: str, index: int, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the element at an index."""
    return operation(constants.OP_LIST_GET, bin_name, ctx, index=index)


def list_get_range(bin_name: str, index: int, count: int | None, ctx: Ctx = None) -> dict[str, Any]:
    """Reads ``count`` elements from an index on; None stands for all."""
    return operation(constants.OP_LIST_GET_RANGE, bin_name, ctx, index=index, val=count)


def list_trim(bin_name: str, index: int, count: int, ctx: Ctx = None) -> dict[str, Any]:
    """Removes all but ``count`` elements from an index on. Returns how many were removed."""
    return operation(constants.OP_LIST_TRIM, bin_name, ctx, index=index, val=count)


def list_size(bin_name: str, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the number of elements."""
    return operation(constants.OP_LIST_SIZE, bin_name, ctx)


def list_set_order(bin_name: str, list_order: int, ctx: Ctx = None) -> dict[str, Any]:
    """Makes the list ordered (``LIST_ORDERED``) or unordered."""
    return operation(constants.OP_LIST_SET_ORDER, bin_name, ctx, list_order=list_order)


def list_sort(bin_name: str, sort_flags: int = 0, ctx: Ctx = None) -> dict[str, Any]:
    """Sorts the list once; ``LIST_SORT_DROP_DUPLICATES`` keeps one of equal elements."""
    return operation(constants.OP_LIST_SORT, bin_name, ctx, sort_flags=sort_flags)


def list_get_by_index(
    bin_name: str, index: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the element at an index."""
    return operation(
        constants.OP_LIST_GET_BY_INDEX, bin_name, ctx, return_type=return_type, index=index
    )


def list_get_by_index_range(
    bin_name: str,
    index: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``count`` elements from an index on, or all; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_GET_BY_INDEX_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        index=index,
        inverted=inverted,
        count=count,
    )


def list_get_by_rank(bin_name: str, rank: int, return_type: int, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the element of a rank: 0 is the least, -1 the greatest."""
    return operation(
        constants.OP_LIST_GET_BY_RANK, bin_name, ctx, return_type=return_type, rank=rank
    )


def list_get_by_rank_range(
    bin_name: str,
    rank: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``count`` elements from a rank on, or all; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_GET_BY_RANK_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        rank=rank,
        inverted=inverted,
        count=count,
    )


def list_get_by_value(
    bin_name: str, value: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the elements that equal a value; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_GET_BY_VALUE,
        bin_name,
        ctx,
        return_type=return_type,
        val=value,
        inverted=inverted,
    )


def list_get_by_value_list(
    bin_name: str, value_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the elements that equal one of several values; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_GET_BY_VALUE_LIST,
        bin_name,
        ctx,
        return_type=return_type,
        value_list=value_list,
        inverted=inverted,
    )


def list_get_by_value_range(
    bin_name: str,
    return_type: int,
    value_begin: Any,
    value_end: Any,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads the elements from ``value_begin`` on and below ``value_end``; None leaves a side open."""
    return operation(
        constants.OP_LIST_GET_BY_VALUE_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        inverted=inverted,
        value_begin=value_begin,
        value_end=value_end,
    )


def list_get_by_value_rank_range_relative(
    bin_name: str,
    value: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``count`` elements, or all, from ``offset`` ranks behind a value on."""
    return operation(
        constants.OP_LIST_GET_BY_VALUE_RANK_RANGE_REL,
        bin_name,
        ctx,
        val=value,
        rank=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )


def list_remove_by_index(
    bin_name: str, index: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the element at an index."""
    return operation(
        constants.OP_LIST_REMOVE_BY_INDEX, bin_name, ctx, return_type=return_type, index=index
    )


def list_remove_by_index_range(
    bin_name: str,
    index: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``count`` elements from an index on, or all; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_REMOVE_BY_INDEX_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        index=index,
        inverted=inverted,
        count=count,
    )


def list_remove_by_rank(
    bin_name: str, rank: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the element of a rank: 0 is the least, -1 the greatest."""
    return operation(
        constants.OP_LIST_REMOVE_BY_RANK, bin_name, ctx, return_type=return_type, rank=rank
    )


def list_remove_by_rank_range(
    bin_name: str,
    rank: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``count`` elements from a rank on, or all; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_REMOVE_BY_RANK_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        rank=rank,
        inverted=inverted,
        count=count,
    )


def list_remove_by_value(
    bin_name: str, value: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the elements that equal a value; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_REMOVE_BY_VALUE,
        bin_name,
        ctx,
        return_type=return_type,
        val=value,
        inverted=inverted,
    )


def list_remove_by_value_list(
    bin_name: str, value_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the elements that equal one of several values; ``inverted``: the others."""
    return operation(
        constants.OP_LIST_REMOVE_BY_VALUE_LIST,
        bin_name,
        ctx,
        return_type=return_type,
        value_list=value_list,
        inverted=inverted,
    )


def list_remove_by_value_range(
    bin_name: str,
    return_type: int,
    value_begin: Any = None,
    value_end: Any = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes the elements from ``value_begin`` on and below ``value_end``; None leaves a side open."""
    return operation(
        constants.OP_LIST_REMOVE_BY_VALUE_RANGE,
        bin_name,
        ctx,
        return_type=return_type,
        inverted=inverted,
        value_begin=value_begin,
        value_end=value_end,
    )


def list_remove_by_value_rank_range_relative(
    bin_name: str,
    value: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``count`` elements, or all, from ``offset`` ranks behind a value on."""
    return operation(
        constants.OP_LIST_REMOVE_BY_VALUE_RANK_RANGE_REL,
        bin_name,
        ctx,
        val=value,
        rank=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )
