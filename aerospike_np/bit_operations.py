"""Operations on the bits of blobs, with aerospike-py's signatures: a policy is ``BIT_WRITE_*`` flags.

:mod:`aerospike_np.helpers.operations.bitwise_operations` has the official client's signatures, and
all that the server can do. Each function returns a dict for :meth:`aerospike_np.Client.operate`.

Examples
--------
>>> from aerospike_np import bit_operations
>>> key = ("test", "demo", "mask")
>>> client.put(key, {"mask": bytes(2)})
>>> client.operate(key, [bit_operations.bit_not("mask", 0, 4), bit_operations.bit_get_int("mask", 0, 8)]).bins
{'mask': 240}
"""

from __future__ import annotations

from typing import Any

from .helpers.operations import bitwise_operations as _bits


def _flags(policy: int | None) -> dict[str, Any] | None:
    return None if policy is None else {"bit_write_flags": policy}


def bit_resize(
    bin: str, byte_size: int, resize_flags: int = 0, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_resize`."""
    return _bits.bit_resize(bin, byte_size, _flags(policy), resize_flags)


def bit_insert(
    bin: str, byte_offset: int, value: bytes, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_insert`."""
    return _bits.bit_insert(bin, byte_offset, len(value), value, _flags(policy))


def bit_remove(
    bin: str, byte_offset: int, byte_size: int, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_remove`."""
    return _bits.bit_remove(bin, byte_offset, byte_size, _flags(policy))


def bit_set(
    bin: str, bit_offset: int, bit_size: int, value: bytes, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_set`."""
    return _bits.bit_set(bin, bit_offset, bit_size, len(value), value, _flags(policy))


def bit_or(
    bin: str, bit_offset: int, bit_size: int, value: bytes, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_or`."""
    return _bits.bit_or(bin, bit_offset, bit_size, len(value), value, _flags(policy))


def bit_xor(
    bin: str, bit_offset: int, bit_size: int, value: bytes, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_xor`."""
    return _bits.bit_xor(bin, bit_offset, bit_size, len(value), value, _flags(policy))


def bit_and(
    bin: str, bit_offset: int, bit_size: int, value: bytes, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_and`."""
    return _bits.bit_and(bin, bit_offset, bit_size, len(value), value, _flags(policy))


def bit_not(bin: str, bit_offset: int, bit_size: int, policy: int | None = None) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_not`."""
    return _bits.bit_not(bin, bit_offset, bit_size, _flags(policy))


def bit_lshift(
    bin: str, bit_offset: int, bit_size: int, shift: int, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_lshift`."""
    return _bits.bit_lshift(bin, bit_offset, bit_size, shift, _flags(policy))


def bit_rshift(
    bin: str, bit_offset: int, bit_size: int, shift: int, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_rshift`."""
    return _bits.bit_rshift(bin, bit_offset, bit_size, shift, _flags(policy))


def bit_add(
    bin: str,
    bit_offset: int,
    bit_size: int,
    value: int,
    signed: bool = False,
    action: int = 0,
    policy: int | None = None,
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_add`."""
    return _bits.bit_add(bin, bit_offset, bit_size, value, signed, action, _flags(policy))


def bit_subtract(
    bin: str,
    bit_offset: int,
    bit_size: int,
    value: int,
    signed: bool = False,
    action: int = 0,
    policy: int | None = None,
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_subtract`."""
    return _bits.bit_subtract(bin, bit_offset, bit_size, value, signed, action, _flags(policy))


def bit_set_int(
    bin: str, bit_offset: int, bit_size: int, value: int, policy: int | None = None
) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_set_int`."""
    return _bits.bit_set_int(bin, bit_offset, bit_size, value, _flags(policy))


def bit_get(bin: str, bit_offset: int, bit_size: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_get`."""
    return _bits.bit_get(bin, bit_offset, bit_size)


def bit_count(bin: str, bit_offset: int, bit_size: int) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_count`."""
    return _bits.bit_count(bin, bit_offset, bit_size)


def bit_lscan(bin: str, bit_offset: int, bit_size: int, value: bool) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_lscan`."""
    return _bits.bit_lscan(bin, bit_offset, bit_size, value)


def bit_rscan(bin: str, bit_offset: int, bit_size: int, value: bool) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_rscan`."""
    return _bits.bit_rscan(bin, bit_offset, bit_size, value)


def bit_get_int(bin: str, bit_offset: int, bit_size: int, signed: bool = False) -> dict[str, Any]:
    """See :func:`aerospike_np.helpers.operations.bitwise_operations.bit_get_int`."""
    return _bits.bit_get_int(bin, bit_offset, bit_size, signed)
