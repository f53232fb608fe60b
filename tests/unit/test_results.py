"""Results of batches, fed by hand with what the engine would have noted."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from aerospike_np import exception
from aerospike_np._batch_records import Kept
from aerospike_np._results import (
    BatchRecords,
    BatchWriteResult,
    NumpyBatchRecords,
    raise_conversion,
)
from aerospike_np.types import AerospikeKey, Record, RecordMetadata

ERRORS = np.dtype([("row", "i8"), ("field", "i4"), ("reason", "i2"), ("particle", "u1")])
META = np.dtype([("gen", "u4"), ("ttl", "u4")])
TIMINGS = {"digests": 0.0, "sending": 0.1, "waiting": 0.2, "decoding": 0.3}
DTYPE = np.dtype([("a", "i4"), ("b", "S3"), ("v", "f4", (2,))])


class FakeKeys:
    """Full key tuples, with a made-up digest where none is given."""

    def __init__(self, *keys: Any) -> None:
        self.tuples = [k if isinstance(k, tuple) else ("test", "demo", k) for k in keys]
        self.asked = 0

    def __len__(self) -> int:
        return len(self.tuples)

    def user_key(self, index: int) -> Any:
        self.asked += 1
        return self.tuples[index][2]

    def full_key(self, index: int) -> tuple[str, str, Any, bytes | None]:
        key = self.tuples[index]
        return key[0], key[1], key[2], key[3] if len(key) > 3 else bytes([index]) * 20


def bits(*rows: int) -> Any:
    return np.array(rows, np.uint8).reshape(len(rows), 1)


def make(
    keys: Any = None,
    codes: Any = (0, 2, 0),
    missing: Any = None,
    errors: Any = (),
    data: Any = None,
    layout: str = "rows",
    names: Any = ("a", "b", "v"),
) -> NumpyBatchRecords:
    n = len(codes)
    if data is None:
        data = np.zeros(n, DTYPE)
        data["a"], data["b"] = np.arange(1, n + 1), b"xyz"
    return NumpyBatchRecords(
        data,
        np.ones(n, META),
        np.array(codes, np.int32),
        bits(*([0, 7, 2][:n] if missing is None else missing)),
        names,
        np.array(list(errors), ERRORS),
        FakeKeys("k0", "k1", "k2", *(f"k{i}" for i in range(3, n))) if keys is None else keys,
        TIMINGS,
        layout,
    )


# ---- NumpyBatchRecords: rows ----


def test_rows_are_positional() -> None:
    result = make()
    assert len(result) == 3
    with pytest.raises(KeyError, match="no field 'z'; there are a, "):
        result["z"]
    assert result[0]["a"] == 1 and result[-1]["a"] == 3
    assert result[1:]["a"].tolist() == [2, 3]
    assert result[result.ok]["a"].tolist() == [1, 3]
    assert [int(row["a"]) for row in result] == [1, 2, 3]
    assert result["a"].tolist() == [1, 2, 3]
    assert isinstance(result[0], np.void)
    with pytest.raises(IndexError):
        result[3]
    assert np.asarray(result) is result.batch_records


def test_mask_has_one_bool_a_field_and_names_of_the_dtype() -> None:
    result = make()
    assert result.mask.dtype == np.dtype([("a", "?"), ("b", "?"), ("v", "?")])
    assert result.mask.shape == (3,)
    assert result.mask.tolist() == [(False, False, False), (True, True, True), (False, True, False)]
    assert result.mask is result.mask


@pytest.mark.parametrize("k", [1, 7, 8, 9, 17])
def test_mask_reads_every_bit_of_wide_rows(k: int) -> None:
    names = tuple(f"f{i}" for i in range(k))
    rng = np.random.default_rng(k)
    wanted = rng.random((5, k)) < 0.5
    packed = np.zeros((5, (k + 7) // 8), np.uint8)
    for row, field in zip(*np.nonzero(wanted), strict=True):
        packed[row, field >> 3] |= 1 << (field & 7)
    data = np.zeros(5, [(name, "i1") for name in names])
    result = NumpyBatchRecords(
        data, np.zeros(5, META), np.zeros(5, np.int32), packed, names, np.empty(0, ERRORS),
        FakeKeys(*range(5)), TIMINGS, "rows",
    )  # fmt: skip
    assert [list(row) for row in result.mask.tolist()] == wanted.tolist()


def test_ok_needs_the_record_and_no_refused_field() -> None:
    result = make(errors=[(2, 0, 2, 1)])
    assert result.ok.tolist() == [True, False, False]
    assert make().ok.tolist() == [True, False, True]


def test_empty_batch() -> None:
    result = make(keys=FakeKeys(), codes=(), missing=np.zeros((0, 1), np.uint8))
    result._missing = np.zeros((0, 1), np.uint8)
    assert len(result) == 0 and list(result) == [] and result.to_dict() == {}
    assert result.mask.shape == (0,) and result.ok.tolist() == []
    assert result.to_masked().shape == (0,)
    assert "0 rows" in result._repr_html_()


def test_to_masked_spreads_over_sub_arrays_and_nested_fields() -> None:
    dtype = np.dtype([("v", "f4", (2,)), ("n", [("x", "i2"), ("y", "i2", (2,))])])
    result = make(codes=(0, 0), missing=[1, 2], data=np.zeros(2, dtype), names=("v", "n"))
    masked = result.to_masked()
    assert masked.mask["v"].tolist() == [[True, True], [False, False]]
    assert masked.mask["n"]["x"].tolist() == [False, True]
    assert masked.mask["n"]["y"].tolist() == [[False, False], [True, True]]
    assert np.shares_memory(masked.data, result.batch_records)


# ---- NumpyBatchRecords: columns and matrices ----


def test_layout_columns() -> None:
    data = {"a": np.array([1, 2, 3], "i4"), "o": np.array(["x", None, "z"], object)}
    result = make(data=data, layout="columns", names=("a", "o"), missing=[0, 3, 2])
    assert result.columns["a"] is data["a"]
    assert {name: column.tolist() for name, column in result.mask.items()} == {
        "a": [False, True, False],
        "o": [False, True, True],
    }
    assert result[0] == {"a": 1, "o": "x"}
    assert result[1:]["a"].tolist() == [2, 3]
    assert result.get("k0") == {"a": 1, "o": "x"}
    assert result.to_dict() == {"k0": {"a": 1, "o": "x"}, "k2": {"a": 3}}
    assert result.to_masked()["a"].tolist() == [1, None, 3]
    assert result.mask["a"].flags.c_contiguous
    with pytest.raises(TypeError, match="columns"):
        np.asarray(result)


def test_layout_matrix() -> None:
    data = np.arange(6, dtype="f4").reshape(3, 2)
    result = make(data=data, layout="matrix", names=("a", "b"), missing=[0, 3, 2])
    assert result.mask.tolist() == [[False, False], [True, True], [False, True]]
    assert result.columns["b"].tolist() == [1.0, 3.0, 5.0]
    assert result[2].tolist() == [4.0, 5.0]
    assert result.to_dict() == {"k0": {"a": 0.0, "b": 1.0}, "k2": {"a": 4.0}}
    assert result.to_masked().mask.tolist() == result.mask.tolist()
    assert np.asarray(result, "f8").dtype == np.float64
    assert "matrix" not in repr(result)


# ---- NumpyBatchRecords: by key ----


def test_get_finds_rows_by_user_key_and_by_full_key() -> None:
    result = make()
    assert result.get("k2")["a"] == 3
    assert result.get(("test", "demo", "k2"))["a"] == 3
    assert result.get(("test", "demo", None, bytes([2]) * 20))["a"] == 3
    assert result.get(("test", "other", "k2")) is None


def test_get_gives_the_default_where_the_record_is_missing_or_unknown() -> None:
    result = make()
    assert result.get("k1") is None
    assert result.get("k1", 7) == 7
    assert result.get("nobody") is None
    assert result.get(["unhashable"]) is None
    assert "k0" in result and "k1" not in result and ("test", "demo", "k2") in result


def test_of_equal_keys_the_first_found_wins() -> None:
    keys = FakeKeys(("test", "x", "k"), ("test", "y", "k"), ("test", "z", "k"))
    result = make(keys=keys, codes=(2, 0, 0), missing=[7, 0, 0])
    assert result.get("k")["a"] == 2
    assert result.get(("test", "z", "k"))["a"] == 3
    assert list(result.keys()) == ["k"]


def test_keys_that_name_the_same_record_are_equal_and_others_are_not() -> None:
    result = make(keys=FakeKeys("a", bytearray(b"a"), 5), codes=(0, 0, 0), missing=[0, 0, 0])
    assert result.get("a")["a"] == result.get(b"a")["a"] == 1  # bytes are hashed as the string type
    assert result.get(bytearray(b"a"))["a"] == 2
    assert result.get(np.int16(5))["a"] == result.get(np.array(5))["a"] == 3
    assert result.get("5") is None
    assert list(result.keys()) == ["a", b"a", 5]


def test_the_index_is_not_built_before_it_is_needed() -> None:
    keys = FakeKeys("k0", "k1", "k2")
    result = make(keys=keys)
    len(result), result.mask, result.ok, result.columns, repr(result)
    assert keys.asked == 0
    result.get("k0")
    asked = keys.asked
    result.get("k2")
    assert keys.asked == asked > 0


def test_rows_with_digests_alone_are_found_by_digest() -> None:
    keys = FakeKeys(("test", "demo", None, b"d" * 20), ("test", "demo", "b"))
    result = make(keys=keys, codes=(0, 0), missing=[0, 0])
    assert result.get(("test", "demo", None, b"d" * 20))["a"] == 1
    assert list(result.keys()) == ["b"]
    assert "64" * 20 in result._repr_html_()


def test_to_dict_has_python_values_and_leaves_masked_fields_out() -> None:
    assert make().to_dict() == {
        "k0": {"a": 1, "b": b"xyz", "v": [0.0, 0.0]},
        "k2": {"a": 3, "v": [0.0, 0.0]},
    }


# ---- NumpyBatchRecords: shown and sent ----


def test_repr_counts() -> None:
    assert repr(make()) == "NumpyBatchRecords(count=3, ok=2, fields=['a', 'b', 'v'])"


def test_html_is_escaped_and_shows_missing_values() -> None:
    data = np.array([(1, "<script>"), (2, "&")], [("<a>", "i4"), ("b", "U10")])
    keys = FakeKeys("<key>", "k")
    html = make(
        keys=keys, codes=(0, 2), missing=[0, 3], data=data, names=("<a>", "b")
    )._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "<th>&lt;a&gt;</th>" in html and "&lt;key&gt;" in html
    assert html.count("<td>\N{EM DASH}</td>") == 2


def test_html_is_capped() -> None:
    names = tuple(f"f{i}" for i in range(100))
    data = np.zeros(1000, [(name, "i1") for name in names])
    result = NumpyBatchRecords(
        data, np.zeros(1000, META), np.zeros(1000, np.int32), np.zeros((1000, 13), np.uint8), names,
        np.empty(0, ERRORS), FakeKeys(*range(1000)), TIMINGS, "rows",
    )  # fmt: skip
    html = result._repr_html_()
    assert html.count("<tr>") == 1 + 10 + 1
    assert html.count("<th>") == 20 + 1
    assert "990 more rows" in html
    assert len(html) < 10_000


def test_pickle_keeps_everything_and_sends_arrays_out_of_band() -> None:
    result = make(errors=[(2, 0, 2, 1)])
    buffers: list[pickle.PickleBuffer] = []
    again = pickle.loads(pickle.dumps(result, 5, buffer_callback=buffers.append), buffers=buffers)
    assert len(buffers) >= 4
    assert (again.batch_records == result.batch_records).all()
    assert again.mask.tolist() == result.mask.tolist()
    assert again.errors.tolist() == result.errors.tolist()
    assert again.get("k2")["a"] == 3
    assert again.timings == TIMINGS and again.layout == "rows"
    assert pickle.loads(pickle.dumps(result, 2)).result_codes.tolist() == [0, 2, 0]


# ---- values that did not fit ----


def test_conversion_error_names_row_key_bin_reason_and_count() -> None:
    result = make(errors=[(2, 0, 2, 1), (0, 1, 4, 3)])
    with pytest.raises(exception.ConversionError) as caught:
        raise_conversion(result)
    error = caught.value
    text = str(error)
    for part in (
        "2 values",
        "row 2",
        "'k2'",
        "bin 'a'",
        "int32",
        "an integer that is out of range",
        "errors='mask'",
    ):
        assert part in text
    assert (error.code, error.bin, error.partial) == (-2, "a", result)
    assert error.key[:3] == ("test", "demo", "k2")
    assert pickle.loads(pickle.dumps(error)).partial.get("k0")["a"] == 1


def test_no_conversion_error_without_errors() -> None:
    raise_conversion(make())


@pytest.mark.parametrize(("reason", "particle"), [(r, p) for r in range(1, 9) for p in (1, 99)])
def test_conversion_error_has_words_for_every_reason(reason: int, particle: int) -> None:
    with pytest.raises(exception.BinTypeError, match="1 value does not fit"):
        raise_conversion(make(errors=[(0, 1, reason, particle)]))


# ---- BatchRecords ----


class FakeRaw:
    def __init__(self, codes: Any, bins: Any) -> None:
        self.result_codes = np.array(codes, np.int32)
        self.bins = bins
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return len(self.result_codes)

    def code(self, i: int) -> int:
        return int(self.result_codes[i])

    def record(self, i: int) -> Any:
        self.decoded.append(i)
        return (i + 1, 100, dict(self.bins[i])) if self.result_codes[i] == 0 else None

    def in_doubt(self, i: int) -> bool:
        return bool(self.result_codes[i] == -15)

    batch_record: Any = Kept.batch_record


@pytest.fixture
def raw() -> FakeRaw:
    return FakeRaw([0, 2, 0, -15], [{"a": 1}, None, {"a": 2, "b": "x"}, None])


@pytest.fixture
def records(raw: FakeRaw) -> BatchRecords:
    return BatchRecords(FakeKeys("k0", "k1", "k2", "k3"), raw)


def test_records_are_a_mapping_over_what_was_found(records: BatchRecords) -> None:
    assert dict(records) == {"k0": {"a": 1}, "k2": {"a": 2, "b": "x"}}
    assert records == {"k0": {"a": 1}, "k2": {"a": 2, "b": "x"}}
    assert list(records) == list(records.keys()) == ["k0", "k2"]
    assert len(records) == records.found_count() == 2
    assert records["k2"]["b"] == "x"
    assert "k0" in records and "k1" not in records and "nobody" not in records
    assert records.get("k1") is None and records.get("k1", 7) == 7
    assert records.to_dict() == records.as_dict() == dict(records.items())
    with pytest.raises(KeyError):
        records["k1"]


def test_records_are_found_by_full_key_too(records: BatchRecords) -> None:
    assert records[("test", "demo", "k0")] == {"a": 1}
    assert ("test", "demo", "k1") not in records
    assert ("test", "elsewhere", "k0") not in records


def test_batch_records_are_lossless_and_in_order(records: BatchRecords) -> None:
    rows = records.batch_records
    assert len(rows) == 4
    assert [row.result for row in rows] == records.result_codes.tolist() == [0, 2, 0, -15]
    key = AerospikeKey("test", "demo", "k2", bytes([2]) * 20)
    assert rows[2] == (key, 0, Record(key, RecordMetadata(3, 100), {"a": 2, "b": "x"}), False)
    assert rows[1].record is None
    assert rows[-1].in_doubt
    assert [row.key.user_key for row in rows[1:3]] == ["k1", "k2"]
    with pytest.raises(IndexError):
        rows[4]


def test_records_are_decoded_when_asked_for(records: BatchRecords, raw: FakeRaw) -> None:
    len(records), "k0" in records, records.found_count(), repr(records), records.batch_records
    assert raw.decoded == []
    records["k2"]
    assert raw.decoded == [2]


def test_of_equal_user_keys_the_first_found_wins_and_both_are_counted() -> None:
    keys = FakeKeys(("test", "x", "k"), ("test", "y", "k"), ("test", "z", "k"))
    records = BatchRecords(keys, FakeRaw([2, 0, 0], [None, {"a": 1}, {"a": 2}]))
    assert records["k"] == {"a": 1}
    assert len(records) == 1 and records.found_count() == 2
    assert records[("test", "z", "k")] == {"a": 2}


def test_to_numpy_calls_the_hook_with_its_options(raw: FakeRaw) -> None:
    calls: list[Any] = []
    records = BatchRecords(
        FakeKeys(*"abcd"), raw, numpy_hook=lambda dtype, **kw: calls.append((dtype, kw))
    )
    records.to_numpy("f4", bins=["a"])
    assert calls == [("f4", {"bins": ["a"]})]


def test_records_pickle_with_their_records(records: BatchRecords) -> None:
    again = pickle.loads(pickle.dumps(records))
    assert again == records
    assert again.batch_records == records.batch_records
    assert again.result_codes.tolist() == [0, 2, 0, -15]
    with pytest.raises(exception.ClientError, match="to_numpy"):
        again.to_numpy("f4")


def test_records_show_as_a_table(records: BatchRecords) -> None:
    html = records._repr_html_()
    assert "4 rows, 2 found" in html and "<th>b</th>" in html and "\N{EM DASH}" in html
    assert repr(records) == "BatchRecords(count=4, found=2)"
    assert "k0" in repr(records.batch_records)


# ---- BatchWriteResult ----


def write_result(
    codes: Any, doubt: Any = (), retry: Any = None, records: Any = None
) -> BatchWriteResult:
    n = len(codes)
    in_doubt = np.zeros(n, bool)
    in_doubt[list(doubt)] = True
    return BatchWriteResult(
        FakeKeys(*(f"k{i}" for i in range(n))), np.array(codes, np.int32),
        np.arange(n, dtype=np.uint32), in_doubt, np.ones(n, np.uint8), records, retry,
    )  # fmt: skip


def test_write_result_tells_row_by_row() -> None:
    result = write_result([0, 5, 0, 9], doubt=[3])
    assert result.failed.tolist() == [1, 3] and result.failed.dtype == np.int64
    assert result.ok.tolist() == [True, False, True, False]
    assert [record.result for record in result.batch_records] == [0, 5, 0, 9]
    assert [record.in_doubt for record in result.batch_records] == [False, False, False, True]
    assert result.batch_records[2].record.meta.gen == 2
    assert result.batch_records[1].record is None
    assert len(result) == 4


def test_raise_for_status_is_silent_when_all_is_well() -> None:
    write_result([0, 0]).raise_for_status()
    write_result([]).raise_for_status()


def test_raise_for_status_raises_the_class_of_the_first_failure_with_counts() -> None:
    result = write_result([0, 5, 22, 5], doubt=[2])
    with pytest.raises(exception.RecordExistsError) as caught:
        result.raise_for_status()
    error = caught.value
    assert error.partial is result and error.code == 5 and error.in_doubt
    assert error.key[:3] == ("test", "demo", "k1")
    for part in (
        "3 of 4 rows",
        "2 with code 5 (RecordExistsError)",
        "1 with code 22 (ForbiddenError)",
        "row 1",
    ):
        assert part in str(error)


def test_retry_failed_sends_only_what_is_safe_and_takes_results_in() -> None:
    sent: list[Any] = []

    def retry(rows: Any) -> Any:
        sent.append(rows.tolist())
        n = len(rows)
        return (
            np.zeros(n, np.int32),
            np.full(n, 7, np.uint32),
            np.zeros(n, bool),
            np.ones(n, np.uint8),
            None,
        )

    result = write_result([0, 5, 9, 14, 18, 8, 11, -15, -15, 14], doubt=[8, 9], retry=retry)
    assert result.retry_failed() is result
    assert sent == [[3, 4, 5, 6, 7]]
    assert result.result_codes.tolist() == [0, 5, 9, 0, 0, 0, 0, 0, -15, 14]
    assert result.gen.tolist()[3:8] == [7] * 5
    assert result.attempts.tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 1, 1]
    assert result.failed.tolist() == [1, 2, 8, 9]
    result.retry_failed()
    assert len(sent) == 1


def test_retry_failed_that_fails_as_a_whole_carries_the_result() -> None:
    def retry(rows: Any) -> Any:
        n = len(rows)
        failure = exception.AerospikeTimeoutError("time was up")
        return (
            np.full(n, 9, np.int32),
            np.zeros(n, np.uint32),
            np.ones(n, bool),
            np.full(n, 255, np.uint8),
            failure,
        )

    result = write_result([14, 0], retry=retry)
    with pytest.raises(exception.AerospikeTimeoutError) as caught:
        result.retry_failed()
    assert caught.value.partial is result
    assert result.in_doubt.tolist() == [True, False]
    assert result.attempts.tolist() == [255, 1]


def test_write_result_pickles_without_its_client() -> None:
    again = pickle.loads(pickle.dumps(write_result([14, 0], retry=lambda rows: None)))
    assert again.result_codes.tolist() == [14, 0]
    assert again.batch_records[0].key.user_key == "k0"
    with pytest.raises(exception.ClientError, match="retry_failed"):
        again.retry_failed()


def test_write_result_with_records_of_operations() -> None:
    raw = FakeRaw([0, 2], [{"n": 3}, None])
    result = write_result([0, 2], records=raw)
    assert result.batch_records[0].record.bins == {"n": 3}
    assert result.batch_records[1].record is None
    again = pickle.loads(pickle.dumps(result))
    assert again.batch_records == result.batch_records


def test_write_result_shows_as_a_table() -> None:
    result = write_result([0, 5] * 20)
    assert "40 rows, 20 failed" in result._repr_html_() and "30 more rows" in result._repr_html_()
    assert repr(write_result([0, 0])) == "BatchWriteResult(count=2, failed=0)"
    assert "20 with code 5" in repr(result)
