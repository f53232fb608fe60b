"""Fields of objects and of NumPy's strings keep what they own: the fill value, and no reference too many."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, server

import aerospike_np as aerospike

THERE = (NAMESPACE, "objects", 1)
MISSING = (NAMESPACE, "objects", 2)


class Anything:
    """An object that only this test refers to."""


@pytest.fixture(scope="module")
def client() -> Iterator[aerospike.Client]:
    with server("objects") as node, node.client() as client:
        client.put(THERE, {"o": [1, 2], "s": "x"})
        yield client


def test_missing_rows_of_an_object_field_hold_the_fill(client: Any) -> None:
    fill = Anything()
    result = client.batch_read([THERE, MISSING], _dtype=[("o", "O")], fill=fill)
    assert result.batch_records["o"][0] == [1, 2]
    assert result.batch_records["o"][1] is fill


def test_object_fields_leak_no_reference(client: Any) -> None:
    fill, old = Anything(), Anything()
    out = np.zeros(2, [("o", "O")])
    before = sys.getrefcount(fill), sys.getrefcount(old)
    for _ in range(20):
        out["o"] = old
        client.batch_read([THERE, MISSING], out=out, fill=fill)
        client.batch_read([THERE, MISSING]).to_numpy([("o", "O")], fill=fill)
    out["o"] = None
    assert (sys.getrefcount(fill), sys.getrefcount(old)) == before


@pytest.mark.skipif(
    not hasattr(getattr(np, "dtypes", None), "StringDType"), reason="NumPy 2 has StringDType"
)
def test_missing_rows_of_a_string_column_hold_the_fill(client: Any) -> None:
    column = {"s": np.dtypes.StringDType()}
    fill = "longer than what fits into the array itself"
    result = client.batch_read([THERE, MISSING], _dtype=column, layout="columns", fill=fill)
    assert list(result.batch_records["s"]) == ["x", fill]
