"""Operations on maps, with aerospike-py's signatures. Without a count, a range goes to the end.

:mod:`aerospike_np.helpers.operations.map_operations` has the official client's signatures, and
all that the server can do. Each function returns a dict for :meth:`aerospike_np.Client.operate`.

Examples
--------
>>> from aerospike_np import map_operations
>>> key = ("test", "demo", "stock")
>>> client.operate(key, [
...     map_operations.map_put_items("stock", {"pen": 4, "ink": 9, "pad": 1}),
...     map_operations.map_get_by_rank_range("stock", 1, aerospike_np.MAP_RETURN_KEY),
... ]).bins
{'stock': [3, ['pen', 'ink']]}
"""

from __future__ import annotations

from typing import Any

from .helpers.operations import map_operations as _maps

_Policy = dict[str, Any] | None


def _open(made: dict[str, Any], end: Any) -> dict[str, Any]:
    """The operation, without an end that is None."""
    if end is None:
        del made["range" if "range" in made else "val"]
    return made


def map_set_order(bin: str, map_order: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_set_policy`."""
    return _maps.map_set_policy(bin, {"map_order": map_order})


def map_put(bin: str, key: Any, val: Any, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_put`."""
    return _maps.map_put(bin, key, val, policy)


def map_put_items(bin: str, items: dict[Any, Any], policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_put_items`."""
    return _maps.map_put_items(bin, items, policy)


def map_increment(bin: str, key: Any, incr: float, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_increment`."""
    return _maps.map_increment(bin, key, incr, policy)


def map_decrement(bin: str, key: Any, decr: float, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_decrement`."""
    return _maps.map_decrement(bin, key, decr, policy)


def map_clear(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_clear`."""
    return _maps.map_clear(bin)


def map_size(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_size`."""
    return _maps.map_size(bin)


def map_get_by_key(bin: str, key: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_key`."""
    return _maps.map_get_by_key(bin, key, return_type)


def map_get_by_key_list(bin: str, keys: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_key_list`."""
    return _maps.map_get_by_key_list(bin, keys, return_type)


def map_get_by_key_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_key_range`."""
    return _open(_maps.map_get_by_key_range(bin, begin, end, return_type), end)


def map_get_by_value(bin: str, val: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_value`."""
    return _maps.map_get_by_value(bin, val, return_type)


def map_get_by_value_list(bin: str, values: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_value_list`."""
    return _maps.map_get_by_value_list(bin, values, return_type)


def map_get_by_value_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_value_range`."""
    return _open(_maps.map_get_by_value_range(bin, begin, end, return_type), end)


def map_get_by_index(bin: str, index: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_index`."""
    return _maps.map_get_by_index(bin, index, return_type)


def map_get_by_index_range(
    bin: str, index: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_index_range`."""
    return _maps.map_get_by_index_range(bin, index, count, return_type)


def map_get_by_rank(bin: str, rank: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_rank`."""
    return _maps.map_get_by_rank(bin, rank, return_type)


def map_get_by_rank_range(
    bin: str, rank: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_get_by_rank_range`."""
    return _maps.map_get_by_rank_range(bin, rank, count, return_type)


def map_remove_by_key(bin: str, key: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_key`."""
    return _maps.map_remove_by_key(bin, key, return_type)


def map_remove_by_key_list(bin: str, keys: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_key_list`."""
    return _maps.map_remove_by_key_list(bin, keys, return_type)


def map_remove_by_key_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_key_range`."""
    return _open(_maps.map_remove_by_key_range(bin, begin, end, return_type), end)


def map_remove_by_value(bin: str, val: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_value`."""
    return _maps.map_remove_by_value(bin, val, return_type)


def map_remove_by_value_list(bin: str, values: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_value_list`."""
    return _maps.map_remove_by_value_list(bin, values, return_type)


def map_remove_by_value_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_value_range`."""
    return _open(_maps.map_remove_by_value_range(bin, begin, end, return_type), end)


def map_remove_by_index(bin: str, index: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_index`."""
    return _maps.map_remove_by_index(bin, index, return_type)


def map_remove_by_index_range(
    bin: str, index: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_index_range`."""
    return _maps.map_remove_by_index_range(bin, index, count, return_type)


def map_remove_by_rank(bin: str, rank: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_rank`."""
    return _maps.map_remove_by_rank(bin, rank, return_type)


def map_remove_by_rank_range(
    bin: str, rank: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.map_operations.map_remove_by_rank_range`."""
    return _maps.map_remove_by_rank_range(bin, rank, count, return_type)
