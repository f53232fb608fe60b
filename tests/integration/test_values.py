"""Values of bins: what goes in, and what comes back."""

from __future__ import annotations

import datetime
import decimal
import pickle
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from fake_server import FakeServer, frame, message, op
from server import NAMESPACE

import aerospike_np
from aerospike_np.exception import InvalidArgError, InvalidRequest, ServerError
from aerospike_np.helpers.operations import list_operations

pytestmark = pytest.mark.sets("values")

KEY = (NAMESPACE, "values", 1)

UNCHANGED = [
    True,
    False,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    1.5,
    float("inf"),
    "",
    "héllo",
    "a\0b",
    b"",
    b"\x00\xff",
    [],
    [1, -200, 2**40, "a", b"\xff", None, True, 1.5, [], {}],
    {},
    {"a": 1, 2: "b", b"c": [None]},
    [2**64 - 1],
    list(range(3000)),
]

ORDERED = aerospike_np.KeyOrderedDict({"b": 1, 3: aerospike_np.KeyOrderedDict(), "a": {"z": 1}})

CONVERTED = [
    (bytearray(b"ab"), b"ab"),
    (memoryview(b"abcd")[1:3], b"bc"),
    ((1, 2), [1, 2]),
    (np.bool_(True), True),
    (np.int8(-2), -2),
    (np.uint64(7), 7),
    (np.float32(1.5), 1.5),
    (np.float64(1.5), 1.5),
    (np.longdouble(1.5), 1.5),
    (np.str_("a"), "a"),
    (np.bytes_(b"a"), b"a"),
    (np.array(3), 3),
    (np.array([1, 2], "i2"), [1, 2]),
    (np.array([1.5, 2.5], "f4"), [1.5, 2.5]),
    (np.array([True, False]), [True, False]),
    (np.arange(6)[::2], [0, 2, 4]),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.ma.array([1, 2], mask=[False, True]), [1, None]),
    ({np.int64(1): [np.float32(0.5)]}, {1: [0.5]}),
    (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
    (defaultdict(int, b=1, a=2), {"a": 2, "b": 1}),
    (aerospike_np.HyperLogLog(b"\0\4\0"), aerospike_np.HyperLogLog(b"\0\4\0")),
    (ORDERED, ORDERED),
]

REFUSED = [
    (2**63, InvalidArgError, "9223372036854775807"),
    (2**4000, InvalidArgError, "64 bits"),
    ("\ud800", InvalidArgError, "surrogates"),
    ({1.5: 1}, InvalidArgError, "keys are int, str or bytes"),
    ({True: 1}, InvalidArgError, "keys are int, str or bytes"),
    ({1, 2}, TypeError, "pass a list"),
    (decimal.Decimal(1), TypeError, "decimal.Decimal"),
    (datetime.date(2020, 1, 1), TypeError, "datetime.date"),
    (np.datetime64("2020-01-01"), TypeError, "astype"),
    (1j, TypeError, "complex"),
    (np.zeros(2, "i4,f4"), TypeError, "blob"),
    (np.array([object()]), TypeError, "blob"),
    (memoryview(b"abcd")[::2], InvalidArgError, "contiguous"),
]


def _through(client: Any, value: Any) -> Any:
    client.put(KEY, {"x": value})
    return client.get(KEY).bins["x"]


@pytest.mark.parametrize("value", UNCHANGED, ids=lambda v: repr(v)[:30])
def test_value_comes_back_as_it_was(client: Any, value: Any) -> None:
    found = _through(client, value)
    assert type(found) is type(value)
    assert found == value
    if isinstance(value, list):
        assert [type(v) for v in found] == [type(v) for v in value]


@pytest.mark.parametrize(
    ("value", "expected"), CONVERTED, ids=lambda v: repr(v)[:30].partition(" at 0x")[0]
)
def test_value_comes_back_as_pythons_own_type(client: Any, value: Any, expected: Any) -> None:
    found = _through(client, value)
    assert type(found) is type(expected)
    assert found == expected


def test_wrapped_array_is_stored_as_its_bytes(client: Any) -> None:
    array = np.arange(3, dtype="<f4")
    assert _through(client, aerospike_np.blob(array)) == array.tobytes()


LANGUAGES = {"Java": 7, "C#": 8, "Python": 9, "Ruby": 10, "PHP": 11, "Erlang": 12, "vector": 16}


@pytest.mark.parametrize("particle", LANGUAGES.values(), ids=list(LANGUAGES))
def test_what_other_clients_pickled_comes_back_as_bytes_with_its_type(
    client: Any, particle: int
) -> None:
    theirs = aerospike_np.TypedBlob(b"abc", particle)
    nested = {"k": [theirs, {"deeper": theirs}]}
    client.put(KEY, {"x": theirs, "l": [theirs, b"abc"], "m": nested})
    found = client.get(KEY).bins
    first = client.operate(KEY, [list_operations.list_get("l", 0)]).bins["l"]
    outer, inner = found["m"]["k"]
    for blob in (found["x"], found["l"][0], outer, inner["deeper"], first):
        assert (blob, blob.particle_type) == (b"abc", particle)
    client.put(KEY, found)
    assert client.get(KEY).bins == found


@pytest.mark.parametrize("particle", LANGUAGES.values(), ids=list(LANGUAGES))
def test_what_other_clients_pickled_is_read_into_arrays(client: Any, particle: int) -> None:
    theirs = aerospike_np.TypedBlob(b"abcd", particle)
    client.put(KEY, dict.fromkeys("vsao", theirs) | {"n": {"v": theirs}})
    dtype = np.dtype(
        [("v", "V4"), ("s", "S9"), ("a", "u1", 4), ("o", object), ("n", [("v", "V4")])]
    )
    row = client.batch_read([KEY], _dtype=dtype).batch_records[0]
    assert bytes(row["v"]) == row["s"] == row["a"].tobytes() == bytes(row["n"]["v"]) == b"abcd"
    assert (row["o"], row["o"].particle_type) == (b"abcd", particle)


def test_ordered_maps_stay_ordered_wherever_they_are(client: Any) -> None:
    client.put(KEY, {"x": ORDERED, "l": [ORDERED, {"b": 1, "a": ORDERED}]})
    found = client.get(KEY).bins
    ordered = [found["x"], found["x"][3], found["l"][0], found["l"][1]["a"]]
    assert all(type(value) is aerospike_np.KeyOrderedDict for value in ordered)
    assert type(found["l"][1]) is type(found["x"]["a"]) is dict
    assert found["x"] == ORDERED and list(found["x"]) == [3, "a", "b"]
    rows = client.batch_read([KEY], _dtype=[("x", object)], layout="columns")
    assert type(rows.columns["x"][0]) is aerospike_np.KeyOrderedDict
    assert type(pickle.loads(pickle.dumps(ORDERED))) is aerospike_np.KeyOrderedDict


def test_nothing_is_none_under_the_official_name(client: Any) -> None:
    client.put(KEY, {"x": [aerospike_np.null(), 1], "y": 1})
    client.put(KEY, {"y": aerospike_np.null()})
    assert client.get(KEY).bins["x"] == [None, 1] and "y" not in client.get(KEY).bins


@pytest.mark.parametrize("value", [aerospike_np.CDTInfinite(), aerospike_np.CDTWildcard()])
def test_what_stands_for_other_values_is_not_stored(client: Any, value: Any) -> None:
    with pytest.raises(InvalidArgError, match='bin "x": CDT.* stands for other values'):
        client.put(KEY, {"x": value})
    with pytest.raises(InvalidArgError, match="keys are int, str or bytes, not CDT"):
        client.put(KEY, {"x": {value: 1}})
    with pytest.raises(ServerError) as refused:  # the server's own word for it
        client.put(KEY, {"x": [1, {"a": [value]}]})
    assert refused.value.code == 1
    with pytest.raises(InvalidRequest) as refused:
        client.operate(KEY, [list_operations.list_append("x", value)])
    assert refused.value.code == 4


def test_what_stands_for_other_values_is_compared(client: Any) -> None:
    infinite, anything = aerospike_np.CDTInfinite(), aerospike_np.CDTWildcard()
    client.put(KEY, {"x": [[1, "a"], [1, "b"], [2, "c"]]})
    ops = [
        list_operations.list_get_by_value_range("x", 7, [1, "b"], [1, infinite]),
        list_operations.list_get_by_value("x", [1, anything], 7),
    ]
    assert client.operate(KEY, ops).bins["x"] == [[[1, "b"]], [[1, "a"], [1, "b"]]]


def test_values_that_nobody_knows_come_back_as_bytes() -> None:
    reply = frame(
        message(
            ops=op(b"a", 99, b"xyz") + op(b"b", 20, bytes.fromhex("93d4ff01d4ff00c70105aa")),
            n_ops=2,
        )
    )
    with FakeServer(reply) as fake, aerospike_np.client({"hosts": [fake.address]}) as client:
        bins = client.get(("test", "s", 1)).bins
    assert bins["a"] == b"xyz" and bins["a"].particle_type == 99
    assert bins["b"] == [aerospike_np.CDTInfinite(), aerospike_np.CDTWildcard(), b"\xaa"]


def test_geojson_comes_back_as_geojson(client: Any) -> None:
    point = aerospike_np.GeoJSON({"type": "Point", "coordinates": [1.0, 2.0]})
    found = _through(client, point)
    assert type(found) is aerospike_np.GeoJSON
    assert found.unwrap() == point.unwrap()


@pytest.mark.parametrize(("value", "error", "text"), REFUSED, ids=lambda v: type(v).__name__)
def test_refusal_names_the_bin_and_the_way_out(
    client: Any, value: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        client.put(KEY, {"price": value})
    assert 'bin "price"' in str(caught.value)


def test_nesting_ends_at_64(client: Any) -> None:
    value: list[Any] = []
    for _ in range(63):
        value = [value]
    assert _through(client, value) == value
    with pytest.raises(InvalidArgError, match="deeper than 64"):
        client.put(KEY, {"x": [value]})


def test_list_that_holds_itself_is_refused(client: Any) -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(InvalidArgError, match="holds itself"):
        client.put(KEY, {"x": value})


@pytest.mark.parametrize("name", ["", "x" * 16, "é" * 8, "a\0b"])
def test_bin_name_that_the_server_would_refuse_is_refused_here(client: Any, name: str) -> None:
    with pytest.raises(InvalidArgError, match="bin"):
        client.put(KEY, {name: 1})
