"""Bits of integers."""

from __future__ import annotations

from ... import exp
from ..._expression_code import Value
from ...expressions import Expression

__all__ = [
    "IntAnd",
    "IntOr",
    "IntXOr",
    "IntNot",
    "IntLeftShift",
    "IntRightShift",
    "IntArithmeticRightShift",
    "IntCount",
    "IntLeftScan",
    "IntRightScan",
]


def IntAnd(*exprs: Value) -> Expression:
    """Bits that all have."""
    return exp.int_and(*exprs)


def IntOr(*exprs: Value) -> Expression:
    """Bits that any has."""
    return exp.int_or(*exprs)


def IntXOr(*exprs: Value) -> Expression:
    """Bits that an odd number of them have."""
    return exp.int_xor(*exprs)


def IntNot(expr: Value) -> Expression:
    """All bits turned."""
    return exp.int_not(expr)


def IntLeftShift(value: Value, shift: Value) -> Expression:
    """Bits moved to the left."""
    return exp.int_lshift(value, shift)


def IntRightShift(value: Value, shift: Value) -> Expression:
    """Bits moved to the right, zeros from the left."""
    return exp.int_rshift(value, shift)


def IntArithmeticRightShift(value: Value, shift: Value) -> Expression:
    """Bits moved to the right, the sign kept."""
    return exp.int_arshift(value, shift)


def IntCount(value: Value) -> Expression:
    """How many bits are set."""
    return exp.int_count(value)


def IntLeftScan(value: Value, search: Value) -> Expression:
    """Place of the first bit that is ``search``, from the highest on; -1 if there is none."""
    return exp.int_lscan(value, search)


def IntRightScan(value: Value, search: Value) -> Expression:
    """Place of the last bit that is ``search``, from the highest on; -1 if there is none."""
    return exp.int_rscan(value, search)
