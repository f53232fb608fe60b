"""Operations on HyperLogLogs.

A policy is ``{"flags": HLL_WRITE_*}``.

Examples
--------
>>> from aerospike_np.helpers.operations import hll_operations
>>> key = ("test", "demo", "seen")
>>> client.operate(key, [
...     hll_operations.hll_add("seen", ["ann", "bob", "ann"], 12),
...     hll_operations.hll_get_count("seen"),
... ]).bins
{'seen': [2, 2]}
"""

from __future__ import annotations

from typing import Any

from ... import constants
from ._operation import Policy, operation


def hll_init(
    bin_name: str,
    index_bit_count: int | None = None,
    mh_bit_count: int | None = None,
    policy: Policy = None,
) -> dict[str, Any]:
    """Makes an empty HyperLogLog, in place of what is there."""
    return operation(
        constants.OP_HLL_INIT,
        bin_name,
        index_bit_count=index_bit_count,
        mh_bit_count=mh_bit_count,
        hll_policy=policy,
    )


def hll_add(
    bin_name: str,
    values: Any,
    index_bit_count: int | None = None,
    mh_bit_count: int | None = None,
    policy: Policy = None,
) -> dict[str, Any]:
    """Adds values. Returns how many registers changed."""
    return operation(
        constants.OP_HLL_ADD,
        bin_name,
        value_list=values,
        index_bit_count=index_bit_count,
        mh_bit_count=mh_bit_count,
        hll_policy=policy,
    )


def hll_set_union(bin_name: str, hll_list: Any, policy: Policy = None) -> dict[str, Any]:
    """Adds all of several HyperLogLogs."""
    return operation(constants.OP_HLL_SET_UNION, bin_name, value_list=hll_list, hll_policy=policy)


def hll_refresh_count(bin_name: str) -> dict[str, Any]:
    """Counts anew, keeps the count, and returns it."""
    return operation(constants.OP_HLL_REFRESH_COUNT, bin_name)


def hll_fold(bin_name: str, index_bit_count: int) -> dict[str, Any]:
    """Folds it to fewer registers."""
    return operation(constants.OP_HLL_FOLD, bin_name, index_bit_count=index_bit_count)


def hll_get_count(bin_name: str) -> dict[str, Any]:
    """Reads the estimated count."""
    return operation(constants.OP_HLL_GET_COUNT, bin_name)


def hll_get_union(bin_name: str, hll_list: Any) -> dict[str, Any]:
    """Reads the union with several HyperLogLogs."""
    return operation(constants.OP_HLL_GET_UNION, bin_name, value_list=hll_list)


def hll_get_union_count(bin_name: str, hll_list: Any) -> dict[str, Any]:
    """Reads the estimated count of the union."""
    return operation(constants.OP_HLL_GET_UNION_COUNT, bin_name, value_list=hll_list)


def hll_get_intersect_count(bin_name: str, hll_list: Any) -> dict[str, Any]:
    """Reads the estimated count of the intersection."""
    return operation(constants.OP_HLL_GET_INTERSECT_COUNT, bin_name, value_list=hll_list)


def hll_get_similarity(bin_name: str, hll_list: Any) -> dict[str, Any]:
    """Reads the estimated similarity, from 0 to 1."""
    return operation(constants.OP_HLL_GET_SIMILARITY, bin_name, value_list=hll_list)


def hll_describe(bin_name: str) -> dict[str, Any]:
    """Reads the numbers of index bits and of minhash bits."""
    return operation(constants.OP_HLL_DESCRIBE, bin_name)
