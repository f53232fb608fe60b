"""Operations on the bits of blobs.

Offsets may be negative: from the end. A policy is ``{"bit_write_flags": BIT_WRITE_*}``.
``value_byte_size`` is the length of ``value``.

Examples
--------
>>> from aerospike_np.helpers.operations import bitwise_operations
>>> key = ("test", "demo", "bits")
>>> client.put(key, {"flags": b"\\x01\\x42"})
>>> client.operate(key, [
...     bitwise_operations.bit_or("flags", 0, 8, 1, b"\\x80"),
...     bitwise_operations.bit_count("flags", 0, 16),
... ]).bins
{'flags': 4}
"""

from __future__ import annotations

from typing import Any

from ... import constants
from ._operation import Policy, operation


def _bits(op: int, bin_name: str, offset: int, size: int, **arguments: Any) -> dict[str, Any]:
    return operation(op, bin_name, bit_offset=offset, bit_size=size, **arguments)


def _combine(
    op: int, bin_name: str, offset: int, size: int, byte_size: int, value: bytes, policy: Policy
) -> dict[str, Any]:
    """Bits and those of a value: set, or, xor, and."""
    return _bits(op, bin_name, offset, size, value_byte_size=byte_size, value=value, policy=policy)


def bit_resize(
    bin_name: str, byte_size: int, policy: Policy = None, resize_flags: int = 0
) -> dict[str, Any]:
    """Makes the blob ``byte_size`` bytes long; ``resize_flags`` are ``BIT_RESIZE_*``."""
    return operation(
        constants.OP_BIT_RESIZE,
        bin_name,
        byte_size=byte_size,
        resize_flags=resize_flags,
        policy=policy,
    )


def bit_insert(
    bin_name: str,
    byte_offset: int,
    value_byte_size: int,
    value: bytes,
    policy: Policy = None,
) -> dict[str, Any]:
    """Inserts bytes before an offset."""
    return operation(
        constants.OP_BIT_INSERT,
        bin_name,
        byte_offset=byte_offset,
        value_byte_size=value_byte_size,
        value=value,
        policy=policy,
    )


def bit_remove(
    bin_name: str, byte_offset: int, byte_size: int, policy: Policy = None
) -> dict[str, Any]:
    """Removes ``byte_size`` bytes."""
    return operation(
        constants.OP_BIT_REMOVE,
        bin_name,
        byte_offset=byte_offset,
        byte_size=byte_size,
        policy=policy,
    )


def bit_set(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value_byte_size: int,
    value: bytes,
    policy: Policy = None,
) -> dict[str, Any]:
    """Sets bits to those of a value."""
    return _combine(
        constants.OP_BIT_SET, bin_name, bit_offset, bit_size, value_byte_size, value, policy
    )


def bit_or(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value_byte_size: int,
    value: bytes,
    policy: Policy = None,
) -> dict[str, Any]:
    """Sets bits that are set in a value."""
    return _combine(
        constants.OP_BIT_OR, bin_name, bit_offset, bit_size, value_byte_size, value, policy
    )


def bit_xor(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value_byte_size: int,
    value: bytes,
    policy: Policy = None,
) -> dict[str, Any]:
    """Turns bits that are set in a value."""
    return _combine(
        constants.OP_BIT_XOR, bin_name, bit_offset, bit_size, value_byte_size, value, policy
    )


def bit_and(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value_byte_size: int,
    value: bytes,
    policy: Policy = None,
) -> dict[str, Any]:
    """Keeps bits that are set in a value."""
    return _combine(
        constants.OP_BIT_AND, bin_name, bit_offset, bit_size, value_byte_size, value, policy
    )


def bit_not(bin_name: str, bit_offset: int, bit_size: int, policy: Policy = None) -> dict[str, Any]:
    """Turns bits."""
    return _bits(constants.OP_BIT_NOT, bin_name, bit_offset, bit_size, policy=policy)


def bit_lshift(
    bin_name: str, bit_offset: int, bit_size: int, shift: int, policy: Policy = None
) -> dict[str, Any]:
    """Shifts bits to the left."""
    return _bits(
        constants.OP_BIT_LSHIFT, bin_name, bit_offset, bit_size, value=shift, policy=policy
    )


def bit_rshift(
    bin_name: str, bit_offset: int, bit_size: int, shift: int, policy: Policy = None
) -> dict[str, Any]:
    """Shifts bits to the right."""
    return _bits(
        constants.OP_BIT_RSHIFT, bin_name, bit_offset, bit_size, value=shift, policy=policy
    )


def bit_add(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value: int,
    sign: bool,
    action: int,
    policy: Policy = None,
) -> dict[str, Any]:
    """Adds to an integer of ``bit_size`` bits; ``action`` is one of ``BIT_OVERFLOW_*``."""
    return _bits(
        constants.OP_BIT_ADD,
        bin_name,
        bit_offset,
        bit_size,
        value=value,
        sign=sign,
        action=action,
        policy=policy,
    )


def bit_subtract(
    bin_name: str,
    bit_offset: int,
    bit_size: int,
    value: int,
    sign: bool,
    action: int,
    policy: Policy = None,
) -> dict[str, Any]:
    """Subtracts from an integer of ``bit_size`` bits; ``action`` is one of ``BIT_OVERFLOW_*``."""
    return _bits(
        constants.OP_BIT_SUBTRACT,
        bin_name,
        bit_offset,
        bit_size,
        value=value,
        sign=sign,
        action=action,
        policy=policy,
    )


def bit_set_int(
    bin_name: str, bit_offset: int, bit_size: int, value: int, policy: Policy = None
) -> dict[str, Any]:
    """Writes an integer of ``bit_size`` bits."""
    return _bits(
        constants.OP_BIT_SET_INT, bin_name, bit_offset, bit_size, value=value, policy=policy
    )


def bit_get(bin_name: str, bit_offset: int, bit_size: int) -> dict[str, Any]:
    """Reads bits, as bytes."""
    return _bits(constants.OP_BIT_GET, bin_name, bit_offset, bit_size)


def bit_get_int(bin_name: str, bit_offset: int, bit_size: int, sign: bool) -> dict[str, Any]:
    """Reads bits as an integer, with sign or without."""
    return _bits(constants.OP_BIT_GET_INT, bin_name, bit_offset, bit_size, sign=sign)


def bit_count(bin_name: str, bit_offset: int, bit_size: int) -> dict[str, Any]:
    """Reads how many bits are set."""
    return _bits(constants.OP_BIT_COUNT, bin_name, bit_offset, bit_size)


def bit_lscan(bin_name: str, bit_offset: int, bit_size: int, value: bool) -> dict[str, Any]:
    """Reads where the first bit of a value is, from ``bit_offset`` on; -1: nowhere."""
    return _bits(constants.OP_BIT_LSCAN, bin_name, bit_offset, bit_size, value=value)


def bit_rscan(bin_name: str, bit_offset: int, bit_size: int, value: bool) -> dict[str, Any]:
    """Reads where the last bit of a value is, from ``bit_offset`` on; -1: nowhere."""
    return _bits(constants.OP_BIT_RSCAN, bin_name, bit_offset, bit_size, value=value)
