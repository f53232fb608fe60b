"""Random dtypes, values, masks and layouts, written and read back, against the slow codec in reference_codec."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="pip install hypothesis")

import reference_codec as reference
from array_strategies import (
    alike,
    anything,
    cap,
    fitting,
    leaves,
    number_dtypes,
    quick,
    row_dtypes,
    same,
)
from hypothesis import given
from hypothesis import strategies as st
from server import NAMESPACE

import aerospike_np as aerospike

SET = "trip"
pytestmark = pytest.mark.sets(SET)


def targets(draw: Any, dtype: Any, n: int) -> dict[str, Any]:
    """Where a read writes to: rows, columns, or memory of the caller's with strides and old content."""
    how = draw(st.sampled_from(["rows", "columns", "out", "reversed", "out columns"]))
    if how == "rows":
        return {"_dtype": dtype}
    if how == "columns":
        return {"_dtype": dtype, "layout": "columns"}
    if how == "out columns":
        wide = {
            name: np.empty((n, 2, *dtype[name].shape), dtype[name].base) for name in dtype.names
        }
        return {"out": {name: column[:, 1] for name, column in wide.items()}}
    memory = np.frombuffer(bytearray(b"\x01" * (dtype.itemsize * 2 * n)), dtype)
    return {"out": memory[::2] if how == "out" else memory[::2][::-1]}


@quick
@given(data=st.data())
def test_values_of_a_server_arrive_as_the_table_says(client: aerospike.Client, data: Any) -> None:
    client.truncate(NAMESPACE, SET)
    dtype = data.draw(row_dtypes())
    value = {name: st.one_of(fitting(dtype[name]), anything, st.none()) for name in dtype.names}
    records = data.draw(
        st.lists(st.one_of(st.none(), st.fixed_dictionaries(value)), min_size=1, max_size=5)
    )
    written = [(i, r) for i, r in enumerate(records) if r is not None]
    rows = [((NAMESPACE, SET, i), {"zz": 1, **r}) for i, r in written]
    if rows:
        assert not client.batch_write(rows).result_codes.any()
    order = data.draw(st.permutations(list(range(len(records))) + [0]))
    into = targets(data.draw, dtype, len(order))
    errors = data.draw(st.sampled_from(["raise", "mask"]))
    try:
        got = client.batch_read(order, errors=errors, namespace=NAMESPACE, set_name=SET, **into)
    except aerospike.ConversionError as error:
        assert errors == "raise" and error.code == -2
        got = error.partial
    found = {(int(e["row"]), dtype.names[int(e["field"])]): int(e["reason"]) for e in got.errors}
    expected_errors = {}
    for row, i in enumerate(order):
        record = records[i]
        assert got.result_codes[row] == (2 if record is None else 0)
        assert got.meta["gen"][row] == (0 if record is None else 1)
        for name in dtype.names:
            sent = None if record is None else record[name]
            expected, missing = reference.empty(dtype[name]), sent is None
            if sent is not None:
                try:
                    expected = reference.read(sent, dtype[name])
                except reference.Refused as refused:
                    expected_errors[row, name] = refused.reasons
                    missing = True
            assert got.mask[name][row] == missing, (name, sent)
            one = got.columns[name][row : row + 1]
            assert same(one, expected[np.newaxis]), (name, dtype[name], sent)
    assert found.keys() == expected_errors.keys()
    assert all(found[where] in expected_errors[where] for where in found)


@quick
@given(data=st.data())
def test_elements_of_an_array_become_the_bins_they_should(
    client: aerospike.Client, data: Any
) -> None:
    client.truncate(NAMESPACE, SET)
    dtype = data.draw(row_dtypes())
    n = data.draw(st.integers(1, 4))
    names = list(dtype.names)
    key_dtype = data.draw(st.sampled_from(["i1", ">i4", "u8", "S3", "U3", ">U4"]))
    whole = np.dtype([("_key", key_dtype), ("pad", "V3"), *[(name, dtype[name]) for name in names]])
    array = np.zeros(2 * n, whole)[:: data.draw(st.sampled_from([2, -2]))]
    array["_key"] = np.arange(n).astype(key_dtype)
    for name in names:
        for row in range(n):
            value = data.draw(fitting(dtype[name]))
            try:
                array[name][row] = reference.read(value, dtype[name])
            except reference.Refused:
                pass
    if any(d.kind == "u" for d in leaves(dtype)):
        for name in names:
            cap(array[name])
    mask = {
        name: np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for name in names
    }
    subarrays = data.draw(st.sampled_from(["blob", "list"]))
    result = client.batch_write_numpy(
        array, NAMESPACE, SET, mask=mask, subarrays=subarrays, empty="skip"
    )
    assert not result.result_codes.any()
    for row in range(n):
        key = array["_key"][row].item()
        key = key.decode() if isinstance(key, bytes) else key
        expected = {"pad": b"\0\0\0"}
        for name in names:
            bin_value = reference.write(
                array[name][row], dtype[name], bytes_as="blob", subarrays=subarrays
            )
            if bin_value is not None and not mask[name][row]:
                expected[name] = bin_value
        bins = client.get((NAMESPACE, SET, key)).bins
        assert bins.keys() == expected.keys()
        for name, bin_value in expected.items():
            assert alike(bins[name], bin_value), (name, dtype.fields.get(name))


@quick
@given(data=st.data())
def test_matrix_and_rows_and_columns_agree(client: aerospike.Client, data: Any) -> None:
    client.truncate(NAMESPACE, SET)
    n, bins = data.draw(st.integers(1, 6)), ["a", "b", "c"]
    dtype = data.draw(number_dtypes)
    rows = [
        (
            (NAMESPACE, SET, i),
            {"zz": 1, **{b: data.draw(fitting(dtype)) for b in bins if data.draw(st.booleans())}},
        )
        for i in range(n)
    ]
    client.batch_write(rows)
    where = {"namespace": NAMESPACE, "set_name": SET, "errors": "mask", "fill": 1}
    matrix = client.batch_read(range(n), bins, _dtype=dtype, **where)
    structured = client.batch_read(range(n), _dtype=[(b, dtype) for b in bins], **where)
    columns = client.batch_read(
        range(n), _dtype=[(b, dtype) for b in bins], layout="columns", **where
    )
    later = client.batch_read([key for key, _ in rows]).to_numpy(
        [(b, dtype) for b in bins], errors="mask", fill=1
    )
    for j, b in enumerate(bins):
        assert same(matrix.batch_records[:, j], structured.batch_records[b])
        assert same(columns.columns[b], structured.batch_records[b])
        assert same(later.batch_records[b], structured.batch_records[b])
        assert (matrix.mask[:, j] == structured.mask[b]).all()
        assert (columns.mask[b] == structured.mask[b]).all()
