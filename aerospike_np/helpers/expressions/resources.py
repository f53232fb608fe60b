"""Types of values, as ``value_type`` of ``ListGetByIndex`` and its like."""

from __future__ import annotations


class ResultType:
    """The types of values that an expression may have."""

    NIL = 0
    BOOLEAN = 1
    INTEGER = 2
    STRING = 3
    LIST = 4
    MAP = 5
    BLOB = 6
    FLOAT = 7
    GEOJSON = 8
    HLL = 9
