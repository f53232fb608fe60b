"""Tuples with names, info results, and the values of special bins."""

from __future__ import annotations

import array
import copy
import pickle
from typing import Any

import numpy as np
import pytest

from aerospike_np import types
from aerospike_np.exception import InvalidArgError
from aerospike_np.types import (
    AerospikeKey,
    BatchRecord,
    GeoJSON,
    HyperLogLog,
    InfoNodeResult,
    InfoResults,
    Record,
    RecordMetadata,
    TypedBlob,
    blob,
    geodata,
    geojson,
)

POINT = {"type": "Point", "coordinates": [4.9, 52.4]}
TEXT = '{"type": "Point", "coordinates": [4.9, 52.4]}'


def test_record_unpacks_as_in_both_clients() -> None:
    key = AerospikeKey("test", "demo", "a", b"d" * 20)
    record = Record(key, RecordMetadata(3, 100), {"age": 34})
    _, meta, bins = record
    assert (meta["gen"], meta["ttl"], meta.gen, meta[1], meta[-2:]) == (3, 100, 3, 100, (3, 100))
    assert bins == {"age": 34}
    assert record.key[:3] == ("test", "demo", "a")


def test_metadata_by_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        RecordMetadata(1, 2)["generation"]
    with pytest.raises(IndexError):
        RecordMetadata(1, 2)[2]


def test_batch_record_is_not_in_doubt_by_default() -> None:
    assert BatchRecord(None, 2, None) == (None, 2, None, False)


@pytest.fixture
def info() -> InfoResults:
    return InfoResults([InfoNodeResult("BB901", 0, "8.1"), InfoNodeResult("BB902", -10, "refused")])


def test_info_results_are_a_list_of_triples(info: InfoResults) -> None:
    assert [tuple(result) for result in info] == [("BB901", 0, "8.1"), ("BB902", -10, "refused")]
    assert info[0].node_name == "BB901"
    assert info[-1:] == [InfoNodeResult("BB902", -10, "refused")]
    assert len(info) == 2


def test_info_results_answer_by_node_name(info: InfoResults) -> None:
    assert dict(info.items()) == {"BB901": (None, "8.1"), "BB902": (-10, "refused")}
    assert info["BB901"].response == "8.1"
    assert (info["BB901"].error_code, info["BB902"].error_code) == (0, -10)
    assert list(info.keys()) == ["BB901", "BB902"]
    assert [error for error, _ in info.values()] == [None, -10]
    assert "BB901" in info and "BB903" not in info and InfoNodeResult("BB901", 0, "8.1") in info
    assert info.get("BB903") is None
    assert info.get("BB903", 7) == 7
    with pytest.raises(KeyError):
        info["BB903"]


def test_named_tuples_and_info_results_pickle(info: InfoResults) -> None:
    again = pickle.loads(pickle.dumps(info))
    assert type(again) is InfoResults and again == info
    record = Record(AerospikeKey("t", "s", 1, b""), RecordMetadata(1, 2), {})
    assert pickle.loads(pickle.dumps(record)) == record


@pytest.mark.parametrize("given", [POINT, TEXT])
def test_geojson_has_the_official_shape(given: Any) -> None:
    value = GeoJSON(given)
    assert value.geo_data == value.unwrap() == POINT
    assert value.dumps() == str(value) == TEXT
    assert value == geodata(POINT) == geojson(TEXT)
    assert value != TEXT
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


def test_points_and_circles_need_no_dict() -> None:
    assert GeoJSON.point(4.9, 52) == GeoJSON({"type": "Point", "coordinates": [4.9, 52.0]})
    assert GeoJSON.circle(-180, 90, 500).geo_data["coordinates"] == [[-180.0, 90.0], 500.0]
    for wrong in (
        lambda: GeoJSON.point(52.4, 181),
        lambda: GeoJSON.point(float("nan"), 0),
        lambda: GeoJSON.circle(0, 0, 0),
    ):
        with pytest.raises(InvalidArgError, match="GeoJSON.*, not "):
            wrong()


def test_geojson_takes_another_value() -> None:
    value = GeoJSON(POINT)
    value.loads('{"type": "Point", "coordinates": [0, 0]}')
    assert value.geo_data["coordinates"] == [0, 0]
    value.wrap(POINT)
    assert value.geo_data is POINT


@pytest.mark.parametrize("text", ["no json", "", "[1, 2]", "3", '{"a": 1', "[" * 100_000])
def test_geojson_text_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgError, match="GeoJSON"):
        GeoJSON(text)
    with pytest.raises(ValueError, match="GeoJSON"):
        geojson(text)


@pytest.mark.parametrize(
    "make", [lambda: GeoJSON(3), lambda: geojson(POINT), lambda: geodata(TEXT)]
)
def test_geojson_of_another_python_type_is_a_type_error(make: Any) -> None:
    with pytest.raises(TypeError):
        make()


def test_hyperloglog_is_bytes_that_know_what_they_are() -> None:
    value = HyperLogLog(b"abc")
    assert isinstance(value, bytes) and value == b"abc" and hash(value) == hash(b"abc")
    assert repr(value) == str(value) == "HyperLogLog(b'abc')"
    again = pickle.loads(pickle.dumps(value))
    assert type(again) is HyperLogLog and again == value


def test_typed_blob_keeps_its_particle_type() -> None:
    value = TypedBlob(b"abc", 9)
    assert value == b"abc" and value.particle_type == 9 and hash(value) == hash(b"abc")
    assert value != TypedBlob(b"abc", 8) and value == TypedBlob(b"abc", 9)
    assert repr(value) == "TypedBlob(b'abc', 9)"
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
        assert type(again) is TypedBlob and again == value and again.particle_type == 9
    with pytest.raises(InvalidArgError):
        TypedBlob(b"", 256)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1, 2], "<u2"), b"\x01\x00\x02\x00"),
        (np.array([1, 2], ">u2"), b"\x01\x00\x02\x00"),
        (np.arange(6, dtype="u1").reshape(2, 3).T, b"\x00\x03\x01\x04\x02\x05"),
        (np.arange(6, dtype="u1")[::-2], b"\x05\x03\x01"),
        (np.float64(1.0), b"\x00\x00\x00\x00\x00\x00\xf0\x3f"),
        (np.array([(1, 2)], [("a", ">u2"), ("b", "u1")]), b"\x01\x00\x02"),
        (array.array("B", [7, 8]), b"\x07\x08"),
        (memoryview(b"xyz"), b"xyz"),
        (b"ab", b"ab"),
        (bytearray(b"ab"), b"ab"),
        (np.zeros((0, 3)), b""),
    ],
)
def test_blob_is_little_endian_and_in_c_order(value: Any, expected: bytes) -> None:
    assert blob(value) == expected


@pytest.mark.parametrize("value", [[1, 2], "text", 3, None, np.array([{}], object)])
def test_blob_refuses_what_has_no_bytes(value: Any) -> None:
    with pytest.raises(TypeError, match="blob"):
        blob(value)


def test_result_classes_are_found_here_as_in_aerospike_py() -> None:
    from aerospike_np import _results, numpy_batch

    assert types.BatchWriteResult is _results.BatchWriteResult
    assert types.NumpyBatchRecords is numpy_batch.NumpyBatchRecords
    with pytest.raises(AttributeError):
        types.NoSuchType  # noqa: B018


def test_helpers_have_the_class_of_hyperloglogs_as_the_official_ones_do() -> None:
    from aerospike_np import helpers

    assert helpers.HyperLogLog is HyperLogLog


def test_typed_dicts_name_the_keys_of_both_clients() -> None:
    assert {"expressions", "filter_expression"} <= set(types.WritePolicy.__annotations__)
    assert {"hosts", "policies", "max_conns_per_node"} <= set(types.ClientConfig.__annotations__)
    policy: types.WritePolicy = {"exists": 1, "total_timeout": 100}
    assert policy["exists"] == 1
