"""Operations on lists, with aerospike-py's signatures.

:mod:`aerospike_np.helpers.operations.list_operations` has the official client's signatures, and
all that the server can do. Each function returns a dict for :meth:`aerospike_np.Client.operate`.

Examples
--------
>>> from aerospike_np import list_operations
>>> key = ("test", "demo", "tags")
>>> client.operate(key, [
...     list_operations.list_append_items("tags", ["a", "b", "c"]),
...     list_operations.list_get_by_value_range("tags", "b", None, aerospike_np.LIST_RETURN_VALUE),
... ]).bins
{'tags': [3, ['b', 'c']]}
"""

from __future__ import annotations

from typing import Any

from .helpers.operations import list_operations as _lists

_Policy = dict[str, Any] | None


def list_append(bin: str, val: Any, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_append`."""
    return _lists.list_append(bin, val, policy)


def list_append_items(bin: str, values: Any, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_append_items`."""
    return _lists.list_append_items(bin, values, policy)


def list_insert(bin: str, index: int, val: Any, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_insert`."""
    return _lists.list_insert(bin, index, val, policy)


def list_insert_items(bin: str, index: int, values: Any, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_insert_items`."""
    return _lists.list_insert_items(bin, index, values, policy)


def list_pop(bin: str, index: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_pop`."""
    return _lists.list_pop(bin, index)


def list_pop_range(bin: str, index: int, count: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_pop_range`."""
    return _lists.list_pop_range(bin, index, count)


def list_remove(bin: str, index: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove`."""
    return _lists.list_remove(bin, index)


def list_remove_range(bin: str, index: int, count: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_range`."""
    return _lists.list_remove_range(bin, index, count)


def list_set(bin: str, index: int, val: Any) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_set`."""
    return _lists.list_set(bin, index, val)


def list_trim(bin: str, index: int, count: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_trim`."""
    return _lists.list_trim(bin, index, count)


def list_clear(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_clear`."""
    return _lists.list_clear(bin)


def list_size(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_size`."""
    return _lists.list_size(bin)


def list_get(bin: str, index: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get`."""
    return _lists.list_get(bin, index)


def list_get_range(bin: str, index: int, count: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_range`."""
    return _lists.list_get_range(bin, index, count)


def list_increment(bin: str, index: int, val: float, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_increment`."""
    return _lists.list_increment(bin, index, val, policy)


def list_sort(bin: str, sort_flags: int = 0) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_sort`."""
    return _lists.list_sort(bin, sort_flags)


def list_set_order(bin: str, list_order: int = 0) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_set_order`."""
    return _lists.list_set_order(bin, list_order)


def list_get_by_value(bin: str, val: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_value`."""
    return _lists.list_get_by_value(bin, val, return_type)


def list_get_by_value_list(bin: str, values: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_value_list`."""
    return _lists.list_get_by_value_list(bin, values, return_type)


def list_get_by_value_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_value_range`."""
    return _lists.list_get_by_value_range(bin, return_type, begin, end)


def list_get_by_index(bin: str, index: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_index`."""
    return _lists.list_get_by_index(bin, index, return_type)


def list_get_by_index_range(
    bin: str, index: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_index_range`."""
    return _lists.list_get_by_index_range(bin, index, return_type, count)


def list_get_by_rank(bin: str, rank: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_rank`."""
    return _lists.list_get_by_rank(bin, rank, return_type)


def list_get_by_rank_range(
    bin: str, rank: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_get_by_rank_range`."""
    return _lists.list_get_by_rank_range(bin, rank, return_type, count)


def list_remove_by_value(bin: str, val: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_value`."""
    return _lists.list_remove_by_value(bin, val, return_type)


def list_remove_by_value_list(bin: str, values: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_value_list`."""
    return _lists.list_remove_by_value_list(bin, values, return_type)


def list_remove_by_value_range(bin: str, begin: Any, end: Any, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_value_range`."""
    return _lists.list_remove_by_value_range(bin, return_type, begin, end)


def list_remove_by_index(bin: str, index: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_index`."""
    return _lists.list_remove_by_index(bin, index, return_type)


def list_remove_by_index_range(
    bin: str, index: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_index_range`."""
    return _lists.list_remove_by_index_range(bin, index, return_type, count)


def list_remove_by_rank(bin: str, rank: int, return_type: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_rank`."""
    return _lists.list_remove_by_rank(bin, rank, return_type)


def list_remove_by_rank_range(
    bin: str, rank: int, return_type: int, count: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.list_operations.list_remove_by_rank_range`."""
    return _lists.list_remove_by_rank_range(bin, rank, return_type, count)
