"""Plain operations on bins, and on whole records.

Examples
--------
>>> from aerospike_np.helpers.operations import operations
>>> key = ("test", "demo", "plain")
>>> client.put(key, {"count": 1, "name": "bc"})
>>> client.operate(key, [
...     operations.increment("count", 4),
...     operations.prepend("name", "a"),
...     operations.append("name", "d"),
...     operations.read("count"),
...     operations.read("name"),
... ]).bins
{'count': 5, 'name': 'abcd'}
"""

from __future__ import annotations

from typing import Any

from ... import constants

__all__ = [
    "append", "delete", "increment", "modify_by_path", "prepend", "read", "select_by_path", "touch", "write",
]  # fmt: skip

_SELECT, _MODIFY = 2, 3


def read(bin_name: str) -> dict[str, Any]:
    """Reads a bin; an empty name stands for all bins."""
    return {"op": constants.OPERATOR_READ, "bin": bin_name}


def write(bin_name: str, write_item: Any) -> dict[str, Any]:
    """Writes a bin; None deletes it."""
    return {"op": constants.OPERATOR_WRITE, "bin": bin_name, "val": write_item}


def delete() -> dict[str, Any]:
    """Deletes all bins, and the record unless a later operation writes one."""
    return {"op": constants.OPERATOR_DELETE}


def append(bin_name: str, append_item: str | bytes | bytearray) -> dict[str, Any]:
    """Appends a str to a string bin, or bytes to a blob bin."""
    return {"op": constants.OPERATOR_APPEND, "bin": bin_name, "val": append_item}


def prepend(bin_name: str, prepend_item: str | bytes | bytearray) -> dict[str, Any]:
    """Puts a str before a string bin's value, or bytes before a blob's."""
    return {"op": constants.OPERATOR_PREPEND, "bin": bin_name, "val": prepend_item}


def increment(bin_name: str, amount: float) -> dict[str, Any]:
    """Adds an int to an integer bin, or a float to a double bin."""
    return {"op": constants.OPERATOR_INCR, "bin": bin_name, "val": amount}


def touch(ttl: int | None = None) -> dict[str, Any]:
    """Sets the record's time to live anew: to ``ttl`` seconds, or what ``meta`` or the policy says."""
    return {"op": constants.OPERATOR_TOUCH} | ({"val": ttl} if ttl else {})


def select_by_path(bin_name: str, ctx: list[Any], flags: int) -> dict[str, Any]:
    """Reads all that a path of steps with filters leads to; ``flags`` are ``EXP_PATH_SELECT_*``."""
    return {"op": _SELECT, "bin": bin_name, "ctx": ctx, "cdt_flags": flags}


def modify_by_path(bin_name: str, ctx: list[Any], expr: Any, flags: int) -> dict[str, Any]:
    """Replaces all that a path leads to by what an expression makes of it; ``flags`` are ``EXP_PATH_MODIFY_*``."""
    return {
        "op": _MODIFY, "bin": bin_name, "ctx": ctx, "mod_exp": expr, "cdt_flags": flags,
    }  # fmt: skip
