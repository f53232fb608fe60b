"""Reads and writes of what the server computes.

An expression is built by :mod:`aerospike_np.exp`.

Examples
--------
>>> from aerospike_np import exp
>>> from aerospike_np.helpers.operations import expression_operations
>>> key = ("test", "demo", "computed")
>>> client.put(key, {"clicks": 3, "views": 4})
>>> half = exp.int_bin("views") - exp.int_bin("clicks")
>>> client.operate(key, [expression_operations.expression_read("left", half)]).bins
{'left': 1}
"""

from __future__ import annotations

from typing import Any

from ... import constants


def expression_read(
    bin_name: str, expression: Any, expression_read_flags: int = 0
) -> dict[str, Any]:
    """Reads an expression's value, under a name that need not be a bin's; flags are ``EXP_READ_*``."""
    return {
        "op": constants.OP_EXPR_READ,
        "bin": bin_name,
        "expr": expression,
        "expr_flags": expression_read_flags,
    }


def expression_write(
    bin_name: str, expression: Any, expression_write_flags: int = 0
) -> dict[str, Any]:
    """Writes an expression's value to a bin; flags are ``EXP_WRITE_*``."""
    return {
        "op": constants.OP_EXPR_WRITE,
        "bin": bin_name,
        "expr": expression,
        "expr_flags": expression_write_flags,
    }
