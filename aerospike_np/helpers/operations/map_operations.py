"""Operations on maps.

``ctx``, a list of steps made by :mod:`aerospike_np.helpers.cdt_ctx`, leads to a map inside a bin. What
an operation returns is chosen by ``return_type``, one of ``MAP_RETURN_*``. A policy is
``{"map_order": MAP_*, "map_write_flags": MAP_WRITE_FLAGS_*, "persist_index": bool}``.

Examples
--------
>>> from aerospike_np.helpers.operations import map_operations
>>> key = ("test", "demo", "points")
>>> client.operate(key, [
...     map_operations.map_put_items("points", {"ann": 3, "bob": 8}),
...     map_operations.map_increment("points", "ann", 2),
...     map_operations.map_get_by_rank("points", -1, aerospike_np.MAP_RETURN_KEY),
... ]).bins
{'points': [2, 5, 'bob']}
"""

from __future__ import annotations

from typing import Any

from ... import constants
from ._operation import Ctx, Policy, operation


def map_set_policy(bin_name: str, policy: Policy, ctx: Ctx = None) -> dict[str, Any]:
    """Sets the order of the map: ``{"map_order": MAP_KEY_ORDERED}``."""
    return operation(constants.OP_MAP_SET_POLICY, bin_name, ctx, map_policy=policy)


def map_create(
    bin_name: str, map_order: int, persist_index: bool, ctx: Ctx = None
) -> dict[str, Any]:
    """Makes a map where there is none."""
    return operation(
        constants.OP_MAP_CREATE, bin_name, ctx, map_order=map_order, persist_index=persist_index
    )


def map_put(
    bin_name: str, key: Any, value: Any, map_policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Sets the value of a key. Returns the new size."""
    return operation(constants.OP_MAP_PUT, bin_name, ctx, map_policy=map_policy, key=key, val=value)


def map_put_items(
    bin_name: str, item_dict: dict[Any, Any], map_policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Sets the values of several keys. Returns the new size."""
    return operation(
        constants.OP_MAP_PUT_ITEMS, bin_name, ctx, map_policy=map_policy, val=item_dict
    )


def map_increment(
    bin_name: str, key: Any, amount: float, map_policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Adds to the value of a key. Returns the sum."""
    return operation(
        constants.OP_MAP_INCREMENT, bin_name, ctx, map_policy=map_policy, key=key, val=amount
    )


def map_decrement(
    bin_name: str, key: Any, amount: float, map_policy: Policy = None, ctx: Ctx = None
) -> dict[str, Any]:
    """Subtracts from the value of a key. Returns what is left."""
    return operation(
        constants.OP_MAP_DECREMENT, bin_name, ctx, map_policy=map_policy, key=key, val=amount
    )


def map_size(bin_name: str, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the number of keys."""
    return operation(constants.OP_MAP_SIZE, bin_name, ctx)


def map_clear(bin_name: str, ctx: Ctx = None) -> dict[str, Any]:
    """Removes all keys."""
    return operation(constants.OP_MAP_CLEAR, bin_name, ctx)


def map_remove_by_key(bin_name: str, key: Any, return_type: int, ctx: Ctx = None) -> dict[str, Any]:
    """Removes the entry of a key."""
    return operation(
        constants.OP_MAP_REMOVE_BY_KEY, bin_name, ctx, key=key, return_type=return_type
    )


def map_remove_by_key_list(
    bin_name: str, key_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the entries of several keys; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_KEY_LIST,
        bin_name,
        ctx,
        val=key_list,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_key_range(
    bin_name: str,
    key_range_start: Any,
    key_range_end: Any,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes the entries with keys from a start on and below an end; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_KEY_RANGE,
        bin_name,
        ctx,
        key=key_range_start,
        val=key_range_end,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_value(
    bin_name: str, value: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the entries with a value; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_VALUE,
        bin_name,
        ctx,
        val=value,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_value_list(
    bin_name: str, value_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the entries with one of several values; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_VALUE_LIST,
        bin_name,
        ctx,
        val=value_list,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_value_range(
    bin_name: str,
    value_start: Any,
    value_end: Any,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes the entries with values from a start on and below an end; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_VALUE_RANGE,
        bin_name,
        ctx,
        val=value_start,
        range=value_end,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_index(
    bin_name: str, index: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the entry at an index, in the order of keys."""
    return operation(
        constants.OP_MAP_REMOVE_BY_INDEX, bin_name, ctx, index=index, return_type=return_type
    )


def map_remove_by_index_range(
    bin_name: str,
    index_start: int,
    remove_amt: int | None,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``remove_amt`` entries from an index on, all with None; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_INDEX_RANGE,
        bin_name,
        ctx,
        index=index_start,
        val=remove_amt,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_rank(
    bin_name: str, rank: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Removes the entry of a rank: 0 is the least value, -1 the greatest."""
    return operation(
        constants.OP_MAP_REMOVE_BY_RANK, bin_name, ctx, index=rank, return_type=return_type
    )


def map_remove_by_rank_range(
    bin_name: str,
    rank_start: int,
    remove_amt: int | None,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``remove_amt`` entries from a rank on, all with None; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_REMOVE_BY_RANK_RANGE,
        bin_name,
        ctx,
        index=rank_start,
        val=remove_amt,
        return_type=return_type,
        inverted=inverted,
    )


def map_remove_by_value_rank_range_relative(
    bin_name: str,
    value: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``count`` entries, or all, from ``offset`` ranks behind a value on."""
    return operation(
        constants.OP_MAP_REMOVE_BY_VALUE_RANK_RANGE_REL,
        bin_name,
        ctx,
        val=value,
        rank=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )


def map_remove_by_key_index_range_relative(
    bin_name: str,
    key: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Removes ``count`` entries, or all, from ``offset`` places behind a key on."""
    return operation(
        constants.OP_MAP_REMOVE_BY_KEY_INDEX_RANGE_REL,
        bin_name,
        ctx,
        key=key,
        index=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )


def map_get_by_key(bin_name: str, key: Any, return_type: int, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the entry of a key."""
    return operation(constants.OP_MAP_GET_BY_KEY, bin_name, ctx, key=key, return_type=return_type)


def map_get_by_key_list(
    bin_name: str, key_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the entries of several keys; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_KEY_LIST,
        bin_name,
        ctx,
        val=key_list,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_key_range(
    bin_name: str,
    key_range_start: Any,
    key_range_end: Any,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads the entries with keys from a start on and below an end; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_KEY_RANGE,
        bin_name,
        ctx,
        key=key_range_start,
        range=key_range_end,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_value(
    bin_name: str, value: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the entries with a value; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_VALUE,
        bin_name,
        ctx,
        val=value,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_value_list(
    bin_name: str, key_list: Any, return_type: int, inverted: bool = False, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the entries with one of several values; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_VALUE_LIST,
        bin_name,
        ctx,
        val=key_list,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_value_range(
    bin_name: str,
    value_start: Any,
    value_end: Any,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads the entries with values from a start on and below an end; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_VALUE_RANGE,
        bin_name,
        ctx,
        val=value_start,
        range=value_end,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_index(
    bin_name: str, index: int, return_type: int, ctx: Ctx = None
) -> dict[str, Any]:
    """Reads the entry at an index, in the order of keys."""
    return operation(
        constants.OP_MAP_GET_BY_INDEX, bin_name, ctx, index=index, return_type=return_type
    )


def map_get_by_index_range(
    bin_name: str,
    index_start: int,
    get_amt: int | None,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``get_amt`` entries from an index on, all with None; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_INDEX_RANGE,
        bin_name,
        ctx,
        index=index_start,
        val=get_amt,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_rank(bin_name: str, rank: int, return_type: int, ctx: Ctx = None) -> dict[str, Any]:
    """Reads the entry of a rank: 0 is the least value, -1 the greatest."""
    return operation(
        constants.OP_MAP_GET_BY_RANK, bin_name, ctx, index=rank, return_type=return_type
    )


def map_get_by_rank_range(
    bin_name: str,
    rank_start: int,
    get_amt: int | None,
    return_type: int,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``get_amt`` entries from a rank on, all with None; ``inverted``: the others."""
    return operation(
        constants.OP_MAP_GET_BY_RANK_RANGE,
        bin_name,
        ctx,
        index=rank_start,
        val=get_amt,
        return_type=return_type,
        inverted=inverted,
    )


def map_get_by_value_rank_range_relative(
    bin_name: str,
    value: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``count`` entries, or all, from ``offset`` ranks behind a value on."""
    return operation(
        constants.OP_MAP_GET_BY_VALUE_RANK_RANGE_REL,
        bin_name,
        ctx,
        val=value,
        rank=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )


def map_get_by_key_index_range_relative(
    bin_name: str,
    value: Any,
    offset: int,
    return_type: int,
    count: int | None = None,
    inverted: bool = False,
    ctx: Ctx = None,
) -> dict[str, Any]:
    """Reads ``count`` entries, or all, from ``offset`` places behind a key on."""
    return operation(
        constants.OP_MAP_GET_BY_KEY_INDEX_RANGE_REL,
        bin_name,
        ctx,
        key=value,
        index=offset,
        return_type=return_type,
        inverted=inverted,
        count=count,
    )
