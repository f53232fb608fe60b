"""Arrays that we write are records to others, and what others write are our arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .clients import OTHERS, AerospikePy, Ours

DTYPE = np.dtype([("_key", "i8"), ("i", "i4"), ("u", "u2"), ("f", "f8"), ("t", "?"), ("s", "U8")])
FIELDS = [name for name in DTYPE.names or () if name != "_key"]


def table(n: int) -> np.ndarray:
    made = np.zeros(n, DTYPE)
    made["_key"] = np.arange(n)
    made["i"] = np.arange(n) - 50
    made["u"] = np.arange(n) * 3
    made["f"] = np.arange(n) / 8
    made["t"] = np.arange(n) % 2 == 0
    made["s"] = [f"row{i}" for i in range(n)]
    return made


@pytest.mark.parametrize("other", OTHERS)
def test_rows_of_our_array_are_records(
    other: str, fresh: str, client_of: Callable[[str], Any]
) -> None:
    rows = table(200)
    ours = client_of(Ours.name).client
    ours.batch_write_numpy(rows, "test", fresh).raise_for_status()
    got = client_of(other).batch_read([("test", fresh, i) for i in range(200)])
    assert got == [{name: rows[name][i].item() for name in FIELDS} for i in range(200)]


@pytest.mark.parametrize("other", OTHERS)
def test_records_of_others_are_rows_of_our_array(
    other: str, fresh: str, client_of: Callable[[str], Any]
) -> None:
    rows = table(200)
    records = [
        (("test", fresh, i), {name: rows[name][i].item() for name in FIELDS}) for i in range(200)
    ]
    assert client_of(other).batch_write(records) == [0] * 200
    dtype = np.dtype([(name, DTYPE[name]) for name in FIELDS])
    ours = client_of(Ours.name).client
    got = ours.batch_read([*range(200), 999], dtype=dtype, namespace="test", set_name=fresh)
    assert got.result_codes.tolist() == [0] * 200 + [2]
    assert got.ok.tolist() == [True] * 200 + [False]
    for name in FIELDS:
        assert np.array_equal(got.batch_records[name][:200], rows[name]), name


def test_arrays_of_aerospike_py_and_ours_are_one(
    fresh: str, client_of: Callable[[str], Any]
) -> None:
    theirs, ours = client_of(AerospikePy.name).client, client_of(Ours.name).client
    dtype = np.dtype([("_key", "i8"), ("i", "i8"), ("f", "f8")])
    rows = np.array([(1, -7, 0.5), (2, 8, 1.5)], dtype)
    fields = np.dtype([("i", "i8"), ("f", "f8")])
    keys = [("test", fresh, 1), ("test", fresh, 2)]
    for writer, reader in ((theirs, ours), (ours, theirs), (theirs, theirs), (ours, ours)):
        ours.truncate("test", fresh)
        writer.batch_write_numpy(rows, "test", fresh, dtype)
        got = reader.batch_read(keys).to_numpy(fields).batch_records
        assert got.tolist() == [(-7, 0.5), (8, 1.5)]
