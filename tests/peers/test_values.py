"""What one client writes every other one reads as the same value of the same type, through our node."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from .clients import EVERYONE, Geo, Hll, Ours

pytestmark = pytest.mark.filterwarnings("ignore:.*append is deprecated:DeprecationWarning")
POINT = Geo('{"type": "Point", "coordinates": [1.5, -2.25]}')
AREA = Geo('{"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 0]]]}')
SKETCH = Hll(bytes([0, 4, 0, 0] + [0] * 8 + [1] * 12))

VALUES = {
    "zero": 0,
    "negative": -1,
    "largest": 2**63 - 1,
    "smallest": -(2**63),
    "float": 1.5,
    "minus zero": -0.0,
    "subnormal": 5e-324,
    "infinite": float("inf"),
    "not a number": float("nan"),
    "float that is whole": 2.0,
    "true": True,
    "false": False,
    "string": "text",
    "empty string": "",
    "unicode": "héllo \U0001f680",
    "long string": "x" * 100_000,
    "blob": b"\x00\xff\x80",
    "empty blob": b"",
    "long blob": bytes(range(256)) * 400,
    "empty list": [],
    "list": [1, -200, 2**40, -(2**63), "a", "é" * 300, b"\xff", None, True, False, 1.5],
    "nested list": [[], [[1]], [[[b""]]], {"a": []}],
    "long list": list(range(-2000, 2000)),
    "empty map": {},
    "map": {"a": 1, "b": "two", "c": 2.5, "d": None, "e": True, "f": b"\x01"},
    "map of int and blob keys": {1: "a", -5: "b", 2**40: "c", b"\x01\x02": "d"},
    "nested map": {"a": {"b": {"c": [1, {"d": {}}]}}},
    "long map": {f"k{i}": i for i in range(1000)},
    "point": POINT,
    "area": AREA,
    "hll": SKETCH,
}


def shape(value: Any) -> Any:
    """A value with its types spelt out, so that True is not 1, nor nan unlike itself."""
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dict):
        return sorted((repr(shape(key)), shape(item)) for key, item in value.items())
    if isinstance(value, Geo):
        return value
    return type(value).__name__, repr(value)


def as_read_by(reader: Any, value: Any) -> Any:
    """What a client that has no class for a kind of value gives instead."""
    if isinstance(value, Geo) and reader.geo_reads_as is not Geo:
        return reader.geo_reads_as(value.text)
    if isinstance(value, Hll) and reader.hll_reads_as is not Hll:
        return reader.hll_reads_as(value.data)
    return value


ARRIVALS = [
    (writer, reader, value)
    for writer, reader, value in product(EVERYONE, EVERYONE, VALUES)
    if not isinstance(VALUES[value], EVERYONE[writer].cannot_write)
]


@pytest.mark.parametrize("writer, reader, value", ARRIVALS)
def test_value_arrives_as_it_was_written(
    writer: str, reader: str, value: str, client_of: Callable[[str], Any]
) -> None:
    writing, reading = client_of(writer), client_of(reader)
    key = ("test", f"values {writer}", value)
    writing.put(key, {"v": VALUES[value]})
    got = reading.get(key)
    assert got is not None and list(got) == ["v"]
    want = as_read_by(reading, VALUES[value])
    if isinstance(VALUES[value], Geo) and isinstance(want, str):
        got, want = {"v": Geo(got["v"])}, VALUES[value]
    assert shape(got["v"]) == shape(want)


@pytest.mark.parametrize("reader", EVERYONE)
@pytest.mark.parametrize("writer", EVERYONE)
def test_batch_carries_values_of_every_type(
    writer: str, reader: str, client_of: Callable[[str], Any]
) -> None:
    writing, reading = client_of(writer), client_of(reader)
    plain = {name: v for name, v in VALUES.items() if not isinstance(v, Geo | Hll)}
    rows = [(("test", f"batch {writer}", name), {"v": v, "n": 1}) for name, v in plain.items()]
    assert writing.batch_write(rows) == [0] * len(rows)
    got = reading.batch_read([key for key, _ in rows])
    assert [shape(bins) for bins in got] == [shape(bins) for _, bins in rows]


@pytest.mark.parametrize("other", [name for name in EVERYONE if name != Ours.name])
def test_record_changed_in_turns_stays_one_record(
    other: str, fresh: str, client_of: Callable[[str], Any]
) -> None:
    ours, theirs = client_of(Ours.name), client_of(other)
    key = ("test", fresh, 1)
    ours.put(key, {"n": 1, "s": "a"})
    theirs.increment(key, "n", 2)
    ours.append(key, "s", "b")
    theirs.append(key, "s", "c")
    assert ours.get(key) == theirs.get(key) == {"n": 3, "s": "abc"}
    assert ours.meta(key) == theirs.meta(key) == (4, 0xFFFFFFFF)
    theirs.touch(key, 500)
    (_, ours_ttl), (_, theirs_ttl) = ours.meta(key), theirs.meta(key)
    assert abs(ours_ttl - theirs_ttl) <= 1 and 498 <= ours_ttl <= 500
    assert ours.code(ours.put, key, {"n": 0}, generation=4) == 3
    theirs.remove(key)
    assert ours.get(key) is None


def test_ordered_maps_stay_ordered_between_clients(
    fresh: str, client_of: Callable[[str], Any]
) -> None:
    import aerospike

    import aerospike_np

    theirs, ours = client_of("aerospike").client, client_of(Ours.name).client
    kinds = (aerospike.KeyOrderedDict, aerospike_np.KeyOrderedDict)
    for i, (writing, kind) in enumerate(zip((theirs, ours), kinds, strict=True)):
        key = ("test", fresh, i)
        writing.put(key, {"m": kind({"b": {"y": 1}, "a": 2}), "l": [kind({})]})
        for bins, read_as in ((theirs.get(key)[2], kinds[0]), (ours.get(key).bins, kinds[1])):
            assert type(bins["m"]) is type(bins["l"][0]) is read_as
            assert type(bins["m"]["b"]) is dict and list(bins["m"]) == ["a", "b"]
