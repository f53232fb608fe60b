"""Arithmetic. ``/`` of integers is an integer, as in the server."""

from __future__ import annotations

from ... import exp
from ..._expression_code import Value
from ...expressions import Expression

__all__ = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Log",
    "Mod",
    "Abs",
    "Floor",
    "Ceil",
    "ToInt",
    "ToFloat",
    "Min",
    "Max",
]


def Add(*args: Value) -> Expression:
    """The sum."""
    return exp.num_add(*args)


def Sub(*args: Value) -> Expression:
    """The first without the others; a single one negated."""
    return exp.num_sub(*args)


def Mul(*args: Value) -> Expression:
    """The product."""
    return exp.num_mul(*args)


def Div(*args: Value) -> Expression:
    """The first divided by the others; of a single one its inverse."""
    return exp.num_div(*args)


def Pow(base: Value, exponent: Value) -> Expression:
    """A float to the power of another."""
    return exp.num_pow(base, exponent)


def Log(num: Value, base: Value) -> Expression:
    """The logarithm of a float to a base."""
    return exp.num_log(num, base)


def Mod(numerator: Value, denominator: Value) -> Expression:
    """The remainder of integers."""
    return exp.num_mod(numerator, denominator)


def Abs(value: Value) -> Expression:
    """The number without its sign."""
    return exp.num_abs(value)


def Floor(value: Value) -> Expression:
    """A float rounded down."""
    return exp.num_floor(value)


def Ceil(value: Value) -> Expression:
    """A float rounded up."""
    return exp.num_ceil(value)


def ToInt(value: Value) -> Expression:
    """A float as an integer."""
    return exp.to_int(value)


def ToFloat(value: Value) -> Expression:
    """An integer as a float."""
    return exp.to_float(value)


def Min(*args: Value) -> Expression:
    """The least."""
    return exp.min_(*args)


def Max(*args: Value) -> Expression:
    """The greatest."""
    return exp.max_(*args)
