"""Random dtypes, values, masks and layouts, written and read back, against the slow codec in reference_codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("hypothesis", reason="pip install hypothesis")

import reference_codec as reference  # noqa: E402
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import aerospike_np as aerospike  # noqa: E402
from aerospike_np.local import LocalNode  # noqa: E402

SET = "trip"
UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"]
quick = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def client() -> Iterator[aerospike.Client]:
    with LocalNode() as node, node.client() as client:
        yield client


# ---- dtypes ----

numbers = st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?"])
orders = st.sampled_from("<>")
number_dtypes = st.builds(
    lambda o, n: np.dtype(n if n in ("?", "i1", "u1") else o + n), orders, numbers
)
text_dtypes = st.builds(
    lambda o, k, n: np.dtype(f"{o}U{n}" if k == "U" else f"{k}{n}"),
    orders,
    st.sampled_from("SUV"),
    st.integers(1, 9),
)
time_dtypes = st.builds(
    lambda o, k, u: np.dtype(f"{o}{k}8[{u}]"), orders, st.sampled_from("Mm"), st.sampled_from(UNITS)
)
array_dtypes = st.builds(
    lambda d, s: np.dtype((d, tuple(s))),
    number_dtypes,
    st.lists(st.integers(1, 3), min_size=1, max_size=2),
)
leaf_dtypes = st.one_of(number_dtypes, text_dtypes, time_dtypes, array_dtypes)
struct_dtypes = st.lists(leaf_dtypes, min_size=1, max_size=3).map(
    lambda ds: np.dtype([(f"c{i}", d) for i, d in enumerate(ds)])
)
field_dtypes = st.one_of(leaf_dtypes, leaf_dtypes, struct_dtypes)


@st.composite
def row_dtypes(draw: Any) -> Any:
    """Structured dtypes: packed, aligned, or with gaps and shuffled offsets."""
    fields = draw(st.lists(field_dtypes, min_size=1, max_size=4))
    pairs = [(f"b{i}", d) for i, d in enumerate(fields)]
    how = draw(st.sampled_from(["packed", "aligned", "gaps"]))
    if how != "gaps":
        return np.dtype(pairs, align=how == "aligned")
    offsets, at = [], 0
    for _, dtype in pairs:
        at += draw(st.integers(0, 3))
        offsets.append(at)
        at += dtype.itemsize
    return np.dtype(
        {
            "names": [name for name, _ in pairs],
            "formats": [dtype for _, dtype in pairs],
            "offsets": offsets,
            "itemsize": at + draw(st.integers(0, 3)),
        }
    )


# ---- values of a server ----

edges = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    -129,
    2**15,
    2**16,
    2**24 + 1,
    2**31,
    2**32,
    2**53,
    2**53 + 1,
]
integers = st.one_of(
    st.sampled_from(edges), st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1])
)
floats = st.one_of(
    st.floats(),
    st.sampled_from([65504.0, 65520.0, 3.4028235e38, 3.4028236e38, 5e-8, -0.0]),
    integers.map(float),
)
# NUL is trimmed by NumPy; without "0" no text is a date in a year that the reference's calendar lacks.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x000"), max_size=10)
blobs = st.binary(max_size=24)
scalars = st.one_of(st.booleans(), integers, floats, texts, blobs)
lists = st.recursive(
    st.lists(st.one_of(integers, floats), max_size=3), lambda s: st.lists(s, max_size=3)
)
maps = st.dictionaries(
    st.sampled_from(["c0", "c1", "c2", "other"]), st.one_of(scalars, lists), max_size=4
)
anything = st.one_of(scalars, lists, maps)
moments = st.one_of(
    st.dates().map(str),
    st.dates().map(lambda d: str(d)[:7]),
    st.datetimes().map(lambda t: t.replace(microsecond=0).isoformat()),
)


def fitting(dtype: Any) -> Any:
    """Values that mostly fit a field."""
    base, shape = dtype.subdtype or (dtype, ())
    if shape:
        size = int(np.prod(shape)) * base.itemsize
        return st.one_of(
            st.binary(min_size=size, max_size=size),
            st.lists(fitting(base), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
                lambda flat: np.array(flat, object).reshape(shape).tolist()
            ),
        )
    if base.names is not None:
        return st.fixed_dictionaries({name: fitting(base[name]) for name in base.names})
    if base.kind == "b":
        return st.booleans()
    if base.kind in "iu":
        info = np.iinfo(base)
        return st.integers(int(info.min), min(int(info.max), 2**63 - 1))
    if base.kind == "f":
        return st.one_of(st.floats(width=base.itemsize * 8), st.integers(-2048, 2048))
    if base.kind in "Mm":
        return st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), moments)
    if base.kind == "U":
        return texts.map(lambda t: t[: base.itemsize // 4])
    if base.kind == "S":
        return st.one_of(st.binary(max_size=base.itemsize).map(lambda b: b.rstrip(b"\0")))
    return st.binary(min_size=base.itemsize, max_size=base.itemsize)


def same(a: Any, b: Any) -> bool:
    """Bit for bit, NaN payloads apart from the kinds where rounding may change them."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.names is not None:
        return all(same(a[name], b[name]) for name in a.dtype.names)
    if a.dtype.kind == "f":
        both = np.isnan(a) & np.isnan(b)
        return bool(((a == b) & (np.signbit(a) == np.signbit(b)) | both).all())
    return a.tobytes() == b.tobytes()


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
    client.truncate("test", SET)
    dtype = data.draw(row_dtypes())
    value = {name: st.one_of(fitting(dtype[name]), anything, st.none()) for name in dtype.names}
    records = data.draw(
        st.lists(st.one_of(st.none(), st.fixed_dictionaries(value)), min_size=1, max_size=5)
    )
    written = [(i, r) for i, r in enumerate(records) if r is not None]
    rows = [(("test", SET, i), {"zz": 1, **r}) for i, r in written]
    if rows:
        assert not client.batch_write(rows).result_codes.any()
    order = data.draw(st.permutations(list(range(len(records))) + [0]))
    into = targets(data.draw, dtype, len(order))
    errors = data.draw(st.sampled_from(["raise", "mask"]))
    try:
        got = client.batch_read(order, errors=errors, namespace="test", set_name=SET, **into)
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
                    expected_errors[row, name] = refused.reason
                    missing = True
            assert got.mask[name][row] == missing, (name, sent)
            one = got.columns[name][row : row + 1]
            assert same(one, expected[np.newaxis]), (name, dtype[name], sent)
    assert found == expected_errors


@quick
@given(data=st.data())
def test_elements_of_an_array_become_the_bins_they_should(
    client: aerospike.Client, data: Any
) -> None:
    client.truncate("test", SET)
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
        array, "test", SET, mask=mask, subarrays=subarrays, empty="skip"
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
        bins = client.get(("test", SET, key)).bins
        assert bins.keys() == expected.keys()
        for name, bin_value in expected.items():
            assert alike(bins[name], bin_value), (name, dtype.fields.get(name))


def leaves(dtype: Any) -> Iterator[Any]:
    for name in dtype.names:
        base = dtype[name].base
        yield from leaves(base) if base.names is not None else [base]


def cap(array: Any) -> None:
    """No unsigned number that the server has no integer for."""
    if array.dtype.names is not None:
        for name in array.dtype.names:
            cap(array[name])
    elif array.dtype.kind == "u":
        np.minimum(
            array,
            np.uint64(2**63 - 1).astype(array.dtype) if array.itemsize == 8 else array,
            out=array,
        )


def alike(a: Any, b: Any) -> bool:
    if isinstance(b, float):
        return isinstance(a, float) and (a == b or (a != a and b != b))
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(alike(a[k], b[k]) for k in b)
    return type(a) is type(b) and a == b


@quick
@given(data=st.data())
def test_matrix_and_rows_and_columns_agree(client: aerospike.Client, data: Any) -> None:
    client.truncate("test", SET)
    n, bins = data.draw(st.integers(1, 6)), ["a", "b", "c"]
    dtype = data.draw(number_dtypes)
    rows = [
        (
            ("test", SET, i),
            {"zz": 1, **{b: data.draw(fitting(dtype)) for b in bins if data.draw(st.booleans())}},
        )
        for i in range(n)
    ]
    client.batch_write(rows)
    where = {"namespace": "test", "set_name": SET, "errors": "mask", "fill": 1}
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
