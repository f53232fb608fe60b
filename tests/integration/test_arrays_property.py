"""Arrays in all their shapes against the slow codec in reference_codec.

Forced values, fills, object fields, keys of all kinds, memory of the caller's, and arrays written and read back.
"""

from __future__ import annotations

import datetime
import random
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="pip install hypothesis")

import reference_codec as reference
from array_strategies import (
    alike,
    anything,
    array_dtypes,
    cap,
    fitting,
    number_dtypes,
    quick,
    row_dtypes,
    same,
    struct_dtypes,
    text_dtypes,
    texts,
    time_dtypes,
)
from hypothesis import given
from hypothesis import strategies as st
from server import NAMESPACE

import aerospike_np as aerospike

SET = "arrays"
pytestmark = pytest.mark.sets(SET)
WHERE = {"namespace": NAMESPACE, "set_name": SET}


# ---- keys ----

KEY_DTYPES = ["i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", ">u2", "<u4", ">u8", "<u8"]


def key_values(draw: Any, dtype: Any, n: int) -> list[Any]:
    """Distinct user keys that an array of ``dtype`` can hold, as the official client's users spell them."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), 2**63 - 1)
        near = st.sampled_from([low, low + 1, -1, 0, 1, 99, high - 1, high])
        one = st.one_of(near, st.integers(low, high)).filter(lambda i: low <= i <= high)
    elif dtype.kind == "S":
        one = texts.filter(lambda t: len(t.encode()) <= dtype.itemsize)
    elif dtype.kind == "U":
        one = texts.map(lambda t: t[: dtype.itemsize // 4])
    elif dtype.kind == "V":
        one = st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize).map(bytearray)
    else:
        one = st.one_of(st.integers(-(2**63), 2**63 - 1), texts, st.binary(max_size=9))
    return draw(st.lists(one, min_size=n, max_size=n, unique_by=hashed_as))


def hashed_as(key: Any) -> Any:
    """``bytes`` are hashed as the string type, ``bytearray`` as the blob type."""
    if isinstance(key, str):
        return "string", key.encode()
    if isinstance(key, bytes):
        return "string", key
    return type(key).__name__, bytes(key) if isinstance(key, bytearray) else key


def key_array(values: list[Any], dtype: Any) -> Any:
    array = np.empty(2 * len(values), dtype)
    if array.dtype.kind == "V":
        held = np.frombuffer(b"".join(map(bytes, values)), dtype)
    elif array.dtype.kind == "S":
        held = np.array([v.encode() for v in values], dtype)
    else:
        held = np.empty(len(values), dtype)
        for i, value in enumerate(values):
            held[i] = value
    array[1::2] = held
    return array[1::2]  # in place, with a stride


def spelled(draw: Any, values: list[Any], dtype: Any) -> tuple[Any, dict[str, str]]:
    """The same keys in one of the ways that batch_read takes them."""
    array = key_array(values, dtype)
    how = draw(
        st.sampled_from(["tuples", "iterator", "array", "reversed", "list", "Keys", "digests"])
    )
    if how in ("tuples", "iterator"):
        tuples = [(NAMESPACE, SET, value) for value in values]
        return (tuples, {}) if how == "tuples" else (iter(tuples), {})
    if how == "reversed":
        return np.ascontiguousarray(array[::-1])[::-1], WHERE
    if how == "list":
        return list(values), WHERE
    if how == "Keys":
        return aerospike.Keys(NAMESPACE, SET, array), {}
    if how == "digests":
        return aerospike.Keys(NAMESPACE, SET, list(values)).digests(), WHERE
    return array, WHERE


@quick
@given(data=st.data())
def test_keys_of_all_kinds_reach_the_record_of_the_key(client: Any, data: Any) -> None:
    client.truncate(NAMESPACE, SET)
    dtype = data.draw(st.sampled_from([*KEY_DTYPES, "S7", "U7", ">U5", "V5", "O"]))
    values = key_values(data.draw, dtype, data.draw(st.integers(1, 6)))
    for i, value in enumerate(values):
        if i % 3 != 2:
            client.put((NAMESPACE, SET, value), {"number": i})
    order = data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=12))
    asked = [values[i] for i in order]
    keys, where = spelled(data.draw, asked, dtype)
    got = client.batch_read(keys, _dtype=[("number", "i4")], fill=-1, **where)
    assert got.result_codes.tolist() == [2 if i % 3 == 2 else 0 for i in order]
    assert got.batch_records["number"].tolist() == [-1 if i % 3 == 2 else i for i in order]
    plain = client.batch_read([(NAMESPACE, SET, v) for v in asked]).batch_records
    assert [r.record and r.record.bins for r in plain] == [
        None if i % 3 == 2 else {"number": i} for i in order
    ]
    known = getattr(keys, "ndim", 1) == 1  # of digests alone, nobody knows the user keys
    for i in order if known and np.dtype(dtype).kind in "iuU" else []:
        row = got.get(values[i])
        assert row is None if i % 3 == 2 else row["number"] == i


# ---- values of a server ----

geo = st.tuples(st.floats(-180, 180), st.floats(-80, 80)).map(
    lambda p: reference.Geo(f'{{"type": "Point", "coordinates": [{p[0]}, {p[1]}]}}')
)
wide = st.integers(2**63, 2**64 - 1)  # has a place in lists and maps only
values = st.one_of(
    anything,
    geo,
    st.lists(st.one_of(wide, st.integers(-9, 9), st.booleans()), max_size=3),
    st.dictionaries(st.sampled_from(["c0", "c1"]), st.one_of(wide, st.none(), texts), max_size=2),
)
rows_with_objects = st.tuples(row_dtypes(), st.integers(0, 2)).map(
    lambda t: (
        np.dtype([(n, t[0][n]) for n in t[0].names] + [(f"o{i}", "O") for i in range(t[1])])
        if t[1]
        else t[0]
    )
)


def as_bin(value: Any) -> Any:
    return aerospike.GeoJSON(str(value)) if isinstance(value, reference.Geo) else value


def fills(draw: Any, dtype: Any) -> dict[str, Any]:
    """A fill for some of the fields."""
    chosen = {}
    for name in dtype.names:
        if draw(st.booleans()):
            if dtype[name].kind == "O":
                chosen[name] = draw(st.sampled_from([0, "nothing", b""]))
                continue
            try:
                chosen[name] = reference.read(draw(fitting(dtype[name])), dtype[name])
            except reference.Refused:
                pass
    return chosen


def guarded(draw: Any, dtype: Any, n: int) -> tuple[dict[str, Any], Any]:
    """Where to read to, and a check that nothing beside the fields was written."""
    how = draw(st.sampled_from(["rows", "columns", "out", "reversed", "part", "out columns"]))
    if how in ("rows", "columns") or dtype.hasobject:
        return {"_dtype": dtype, "layout": "columns" if how == "columns" else "rows"}, list
    if how == "out columns":
        columns = {m: np.zeros((n, 2, *dtype[m].shape), dtype[m].base) for m in dtype.names}
        before = {m: columns[m][:, 0].tobytes() for m in columns}

        def untouched() -> None:
            assert {m: columns[m][:, 0].tobytes() for m in columns} == before

        return {"out": {m: c[:, 1][::-1] for m, c in columns.items()}}, untouched
    raw = bytearray(b"\x01" * (dtype.itemsize * 2 * n))
    memory = np.frombuffer(raw, dtype)
    out = memory[::2] if how != "reversed" else memory[::2][::-1]
    if how == "part" and len(dtype.names) > 1:  # a view of some fields: the others are somebody's
        out = out[list(dtype.names[1:])]
    outside = np.ones(dtype.itemsize, bool)
    for m in out.dtype.names:
        field, offset = out.dtype.fields[m][:2]
        outside[offset : offset + field.itemsize] = False
    outside = np.concatenate([outside, np.ones(dtype.itemsize, bool)])

    def intact() -> None:
        held = np.frombuffer(raw, "u1").reshape(n, 2 * dtype.itemsize)
        assert (held[:, outside] == 1).all()

    return {"out": out}, intact


def holds(column: Any, expected: Any) -> bool:
    """One element against what it should be."""
    if column.dtype.kind == "O":
        item, wanted = column[()], expected[()]
        if isinstance(wanted, reference.Geo):
            return isinstance(item, aerospike.GeoJSON) and item == aerospike.GeoJSON(str(wanted))
        return alike(item, wanted)
    return same(column, expected)


@quick
@given(data=st.data())
def test_values_fills_and_masks_are_what_the_table_says(client: Any, data: Any) -> None:
    client.truncate(NAMESPACE, SET)
    dtype = data.draw(rows_with_objects)
    bins = {
        name: st.one_of(st.none(), values)
        if dtype[name].kind == "O"
        else st.one_of(fitting(dtype[name]), values, st.none())
        for name in dtype.names
    }
    records = data.draw(
        st.lists(st.one_of(st.none(), st.fixed_dictionaries(bins)), min_size=1, max_size=5)
    )
    write(client, data.draw, records)
    order = data.draw(st.lists(st.integers(0, len(records) - 1), min_size=1, max_size=8))
    into, untouched = guarded(data.draw, dtype, len(order))
    fill = fills(data.draw, dtype)
    errors = data.draw(st.sampled_from(["raise", "mask", "unsafe"]))
    if "out" in into and isinstance(into["out"], np.ndarray):
        dtype = into["out"].dtype
        fill = {name: f for name, f in fill.items() if name in dtype.names}
    try:
        got = client.batch_read(order, errors=errors, fill=fill or None, **WHERE, **into)
    except aerospike.ConversionError as error:
        assert errors == "raise" and error.code == -2
        got = error.partial
        assert error.bin == dtype.names[int(got.errors["field"][0])]
        assert error.key[:3] == (NAMESPACE, SET, order[int(got.errors["row"][0])])
    check(got, dtype, [records[i] for i in order], fill, errors == "unsafe")
    untouched()
    if not dtype.hasobject:  # records that came without a dtype end in the same arrays
        plain = client.batch_read([(NAMESPACE, SET, i) for i in order], list(dtype.names))
        later = plain.to_numpy(dtype, errors="mask" if errors == "raise" else errors, fill=fill)
        check(later, dtype, [records[i] for i in order], fill, errors == "unsafe")


def write(client: Any, draw: Any, records: list[Any]) -> None:
    rows = [
        ((NAMESPACE, SET, i), {"zz": 1, **{n: as_bin(v) for n, v in record.items()}})
        for i, record in enumerate(records)
        if record is not None
    ]
    if draw(st.booleans()):
        assert not client.batch_write(rows).result_codes.any()
    else:
        for key, bins in rows:
            client.put(key, bins)


def check(got: Any, dtype: Any, rows: list[Any], fill: dict[str, Any], unsafe: bool) -> None:
    found = {(int(e["row"]), dtype.names[int(e["field"])]): int(e["reason"]) for e in got.errors}
    wanted = {}
    for row, record in enumerate(rows):
        assert got.result_codes[row] == (2 if record is None else 0)
        assert got.meta["gen"][row] == (0 if record is None else 1)
        assert got.meta["ttl"][row] == (0 if record is None else 2**32 - 1)
        for name in dtype.names:
            sent = None if record is None else record[name]
            default = reference.empty(dtype[name])
            if name in fill and dtype[name].kind == "O":
                default = np.array([fill[name], None], object)[:1].reshape(())
            elif name in fill:
                default = fill[name]
            expected, missing = default, sent is None
            if sent is not None:
                try:
                    expected = reference.read(sent, dtype[name], unsafe, default)
                except reference.Refused as refused:
                    wanted[row, name] = refused.reasons
                    missing = True
            assert got.mask[name][row] == missing, (name, sent)
            column = got.columns[name][row : row + 1]
            assert holds(column.reshape(column.shape[1:]), expected), (name, dtype[name], sent)
    assert found.keys() == wanted.keys()
    assert all(found[where] in wanted[where] for where in found), (found, wanted)
    ok = [record is not None for record in rows]
    for row, _ in wanted:
        ok[row] = False
    assert got.ok.tolist() == ok


# ---- times with fractions and offsets ----


@quick
@given(
    moment=st.datetimes(min_value=datetime.datetime(1000, 1, 1)),
    offset=st.one_of(st.none(), st.integers(-23 * 60 - 59, 23 * 60 + 59)),
    unit=st.sampled_from(["us", "ms", "s", "m", "h", "D", "ns"]),
    zulu=st.booleans(),
)
def test_iso_times_are_the_moment_that_python_says(
    client: Any, moment: datetime.datetime, offset: int | None, unit: str, zulu: bool
) -> None:
    if offset is not None:
        moment = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=offset)))
    text = moment.isoformat() + ("Z" if zulu and offset is None else "")
    client.put((NAMESPACE, SET, "moment"), {"t": text})
    got = client.batch_read(["moment"], _dtype=[("t", f"M8[{unit}]")], errors="mask", **WHERE)
    micros = (moment.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(
        microseconds=1
    ) - (offset or 0) * 60_000_000
    scale = {"us": 1, "ms": 10**3, "s": 10**6, "m": 6 * 10**7, "h": 36 * 10**8, "D": 864 * 10**8}
    count, rest = (micros * 1000, 0) if unit == "ns" else divmod(micros, scale[unit])
    if rest:
        assert got.errors["reason"].tolist() == [reference.INEXACT] and got.mask["t"][0]
    elif not -(2**63) < count < 2**63:
        assert got.errors["reason"].tolist() == [reference.RANGE] and got.mask["t"][0]
    else:
        assert got.batch_records["t"].view("i8").tolist() == [count], text


# ---- arrays written, and read back ----


def written_dtypes(draw: Any) -> Any:
    one = st.one_of(number_dtypes, text_dtypes, time_dtypes, array_dtypes, struct_dtypes)
    fields = draw(st.lists(one, min_size=1, max_size=4))
    return np.dtype([(f"b{i}", d) for i, d in enumerate(fields)], align=draw(st.booleans()))


@quick
@given(data=st.data())
def test_array_that_was_written_is_read_back_bit_by_bit(client: Any, data: Any) -> None:
    client.truncate(NAMESPACE, SET)
    dtype, n = written_dtypes(data.draw), data.draw(st.integers(1, 6))
    key_dtype = data.draw(st.sampled_from([*KEY_DTYPES, "S7", ">U5", "V5", "O"]))
    keys = key_values(data.draw, key_dtype, n)
    whole = np.dtype([("_key", key_dtype), *[(m, dtype[m]) for m in dtype.names]])
    array = np.zeros(3 * n, whole)[:: data.draw(st.sampled_from([3, -3]))]
    array["_key"] = key_array(keys, key_dtype)
    for name in dtype.names:
        for row in range(n):
            try:
                array[name][row] = reference.read(data.draw(fitting(dtype[name])), dtype[name])
            except reference.Refused:
                pass
        cap(array[name])
    subarrays = data.draw(st.sampled_from(["blob", "list"]))
    masked = data.draw(st.sampled_from(["keep", "remove"]))
    flags = {
        m: np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for m in dtype.names
    }
    before = data.draw(st.booleans())
    if before:
        old = [((NAMESPACE, SET, k), {"zz": 1, **dict.fromkeys(dtype.names, "old")}) for k in keys]
        assert not client.batch_write(old).result_codes.any()
    passed, options = given_as(data.draw, array, flags)
    result = client.batch_write_numpy(
        passed, NAMESPACE, SET, subarrays=subarrays, masked=masked, empty="skip", **options
    )
    nat = {m: not_a_time(array[m], dtype[m]) for m in dtype.names}
    gone = {m: flags[m] | nat[m] for m in dtype.names}
    # To delete a bin is to send something; to leave it out is not.
    left_out = {m: nat[m] & ~flags[m] if masked == "remove" else gone[m] for m in dtype.names}
    sent = ~np.logical_and.reduce(list(left_out.values()))
    if before:
        assert not result.result_codes.any()
        assert result.gen.tolist() == [2 if s else 0 for s in sent]
    assert result.attempts.tolist() == sent.astype(int).tolist()
    order = data.draw(st.permutations(range(n)))
    got = client.batch_read([(NAMESPACE, SET, keys[i]) for i in order], _dtype=dtype, errors="mask")
    for name in dtype.names:
        for row, i in enumerate(order):
            if before and left_out[name][i]:
                continue  # what was there before: below
            assert got.mask[name][row] == gone[name][i], (name, i)
            if not gone[name][i]:
                assert same(got.batch_records[name][row : row + 1], array[name][i : i + 1]), name
    if before:
        for i, key in enumerate(keys):
            held = client.get((NAMESPACE, SET, key)).bins
            for name in dtype.names:
                if left_out[name][i]:
                    assert held[name] == "old"
                elif gone[name][i]:
                    assert name not in held


def not_a_time(column: Any, dtype: Any) -> Any:
    return np.isnat(column) if dtype.kind in "Mm" else np.zeros(len(column), bool)


def given_as(draw: Any, array: Any, flags: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The same rows and masks as an array, a dict of columns, or masked arrays."""
    how = draw(st.sampled_from(["array", "recarray", "columns", "ma", "ma columns", "mask array"]))
    if how == "columns":
        return {m: array[m] for m in array.dtype.names}, {"mask": flags}
    if how == "ma columns":
        columns = {m: array[m] for m in array.dtype.names}
        for m, flag in flags.items():
            if array.dtype[m].names is None:
                wide_flag = np.broadcast_to(
                    flag.reshape(-1, *[1] * (columns[m].ndim - 1)), columns[m].shape
                )
                columns[m] = np.ma.array(columns[m], mask=wide_flag)
        rest = {m: f for m, f in flags.items() if array.dtype[m].names is not None}
        return columns, {"mask": rest or None}
    if how == "mask array":
        mask = np.zeros(len(array), [(m, "?") for m in flags])
        for m, flag in flags.items():
            mask[m] = flag
        return array, {"mask": mask}
    if how == "ma" and not array.dtype.hasobject:
        no_mask = np.zeros(len(array), np.ma.make_mask_descr(array.dtype))
        with np.errstate(over="ignore"):  # of numpy.ma's own fill value, 1e20, for half floats
            return np.ma.array(array, mask=no_mask), {"mask": flags}
    if how == "recarray":
        return array.view(np.recarray), {"mask": flags}
    return array, {"mask": flags}


@quick
@given(data=st.data())
def test_text_of_bytes_and_object_columns_become_the_bins_they_should(
    client: Any, data: Any
) -> None:
    client.truncate(NAMESPACE, SET)
    n = data.draw(st.integers(1, 5))
    array = np.zeros(n, [("_key", "i8"), ("s", "S9"), ("u", ">U6"), ("o", "O"), ("at", "u4")])
    array["_key"] = np.arange(n) * -7
    objects = [data.draw(st.one_of(st.none(), values)) for _ in range(n)]
    for row in range(n):
        text = data.draw(texts)
        array["s"][row] = reference._cut(text, 9).encode()
        array["u"][row] = text[:6]
        array["o"][row] = as_bin(objects[row])
        array["at"][row] = data.draw(st.sampled_from([0, 100, 5000]))
    result = client.batch_write_numpy(array, NAMESPACE, SET, bytes_as="str", ttl="at")
    assert not result.result_codes.any()
    for row in range(n):
        record = client.get((NAMESPACE, SET, row * -7))
        bins = record.bins
        assert bins["s"] == array["s"][row].decode() and bins["u"] == str(array["u"][row])
        assert bins["at"] == array["at"][row]
        left = int(array["at"][row]) or 2**32 - 1
        assert left - 5 <= record.meta.ttl <= left
        if objects[row] is None:
            assert "o" not in bins
        elif isinstance(objects[row], reference.Geo):
            assert bins["o"] == as_bin(objects[row])
        else:
            assert alike(bins["o"], objects[row])


# ---- more than one window ----


@pytest.mark.parametrize("layout", ["rows", "columns", "matrix", "out"])
def test_rows_of_many_windows_are_each_in_their_place(client: Any, layout: str) -> None:
    client.truncate(NAMESPACE, SET)
    n = 23_456
    generator = np.random.default_rng(7)
    data = np.zeros(n, [("_key", "i8"), ("a", "f8"), ("b", "f8")])
    data["_key"] = generator.permutation(n)
    data["a"], data["b"] = data["_key"] / 3, -data["_key"]
    flag = generator.random(n) < 0.1
    assert not client.batch_write_numpy(data, NAMESPACE, SET, mask={"b": flag}).result_codes.any()
    keys = generator.integers(-n // 4, n + n // 4, 60_000)
    random.Random(3).shuffle(keys)
    there = (keys >= 0) & (keys < n)
    into: dict[str, Any] = {"_dtype": [("a", "f8"), ("b", "f8")], "layout": layout}
    if layout == "matrix":
        into = {"_dtype": "f8", "bins": ["a", "b"]}
    elif layout == "out":
        into = {"out": np.ones((60_000, 2))[::-1], "bins": ["a", "b"]}
    got = client.batch_read(keys, fill=np.nan, **WHERE, **into)
    has_b = there.copy()
    has_b[there] = ~flag[np.argsort(data["_key"])][keys[there]]
    np.testing.assert_array_equal(got.columns["a"], np.where(there, keys / 3, np.nan))
    np.testing.assert_array_equal(got.columns["b"], np.where(has_b, -keys.astype(float), np.nan))
    np.testing.assert_array_equal(got.result_codes, np.where(there, 0, 2))
    b = got.mask[:, 1] if layout in ("matrix", "out") else got.mask["b"]
    np.testing.assert_array_equal(b, ~has_b)


# ---- what must not change behind a result's back ----


@pytest.mark.parametrize("kind", ["list", "array", "Keys"])
def test_result_answers_by_key_after_its_keys_were_used_for_something_else(
    client: Any, kind: str
) -> None:
    client.truncate(NAMESPACE, SET)
    client.batch_write([((NAMESPACE, SET, i), {"a": i * 10}) for i in range(3)])
    if kind == "list":
        keys: Any = [(NAMESPACE, SET, i) for i in range(3)]
        got = client.batch_read(keys, _dtype=[("a", "i8")])
        keys.reverse()
    else:
        array = np.arange(3)
        keys = aerospike.Keys(NAMESPACE, SET, array) if kind == "Keys" else array
        got = client.batch_read(keys, _dtype=[("a", "i8")], **({} if kind == "Keys" else WHERE))
        array[:] = [2, 1, 0]
    assert got.get(0)["a"] == 0 and got.get(2)["a"] == 20


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("i4", 1.5),
        ("i1", 300),
        ("u1", -1),
        ("?", 2),
        ("U3", "abcdef"),
        ("S3", b"abcdef"),
        ("f4", 1e300),
        ("V2", b"abc"),
    ],
)
def test_fill_that_does_not_fit_its_field_is_refused_and_not_cut(
    client: Any, dtype: str, fill: Any
) -> None:
    with pytest.raises(aerospike.InvalidArgError, match="fill"):
        client.batch_read(["nobody"], _dtype=[("a", dtype)], fill=fill, **WHERE)


def test_nested_fields_that_overlap_are_refused_as_others_are(client: Any) -> None:
    nested = np.dtype({"names": ["p", "q"], "formats": ["i8", "i4"], "offsets": [0, 4]})
    with pytest.raises(TypeError, match="overlap"):
        client.batch_read(["nobody"], _dtype=[("a", nested)], **WHERE)


@pytest.mark.parametrize("out", [False, True])
def test_matrix_of_a_bin_twice_has_it_twice_or_is_refused(client: Any, out: bool) -> None:
    client.put((NAMESPACE, SET, "twice"), {"a": 5, "b": 6})
    into = {"out": np.full((1, 3), 77)} if out else {"_dtype": "i8"}
    try:
        got = client.batch_read(["twice"], bins=["a", "a", "b"], **into, **WHERE)
    except aerospike.InvalidArgError as error:
        assert "'a'" in str(error)
    else:
        assert got.batch_records.tolist() == [[5, 5, 6]]


def test_fill_of_an_object_field_is_one_object_also_when_it_is_a_sequence(client: Any) -> None:
    got = client.batch_read(["nobody", "no one"], _dtype=[("a", "O")], fill={"a": [1, 2]}, **WHERE)
    assert got.batch_records["a"].tolist() == [[1, 2], [1, 2]]
