"""Operations on HyperLogLogs, with aerospike-py's signatures.

:mod:`aerospike_np.helpers.operations.hll_operations` has the official client's signatures, and
all that the server can do. Each function returns a dict for :meth:`aerospike_np.Client.operate`.

Examples
--------
>>> from aerospike_np import hll_operations
>>> key = ("test", "demo", "users")
>>> ops = [hll_operations.hll_add("users", ["ann", "bob"], 12), hll_operations.hll_describe("users")]
>>> client.operate(key, ops).bins
{'users': [2, [12, 0]]}
"""

from __future__ import annotations

from typing import Any

from .helpers.operations import hll_operations as _hll

_Policy = dict[str, Any] | None


def hll_init(
    bin: str, index_bit_count: int, minhash_bit_count: int | None = None, *, policy: _Policy = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_init`."""
    return _hll.hll_init(bin, index_bit_count, minhash_bit_count, policy)


def hll_add(
    bin: str,
    values: Any,
    index_bit_count: int | None = None,
    minhash_bit_count: int | None = None,
    *,
    policy: _Policy = None,
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_add`."""
    return _hll.hll_add(bin, values, index_bit_count, minhash_bit_count, policy)


def hll_set_union(bin: str, values: Any, *, policy: _Policy = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_set_union`."""
    return _hll.hll_set_union(bin, values, policy)


def hll_fold(bin: str, index_bit_count: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_fold`."""
    return _hll.hll_fold(bin, index_bit_count)


def hll_get_count(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_get_count`."""
    return _hll.hll_get_count(bin)


def hll_describe(bin: str) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_describe`."""
    return _hll.hll_describe(bin)


def hll_get_union(bin: str, values: Any) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_get_union`."""
    return _hll.hll_get_union(bin, values)


def hll_get_union_count(bin: str, values: Any) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_get_union_count`."""
    return _hll.hll_get_union_count(bin, values)


def hll_get_intersect_count(bin: str, values: Any) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_get_intersect_count`."""
    return _hll.hll_get_intersect_count(bin, values)


def hll_get_similarity(bin: str, values: Any) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.hll_operations.hll_get_similarity`."""
    return _hll.hll_get_similarity(bin, values)
