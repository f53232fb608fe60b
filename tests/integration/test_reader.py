"""Readers: the same as batch_read, prepared once; and what is kept between calls of either."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numbered
import numpy as np
import pytest

from aerospike_np import AsyncClient, Client, Keys, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node of its own")

N = 300
DTYPE = np.dtype([("a", "i8"), ("b", "S16"), ("c", "f4")])


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode() as node, node.client() as client:
        rows = numbered.rows(N, ("b", "S16"), ("c", "f8"))
        rows["b"] = rows["_key"].astype("S16")
        rows["c"] = rows["_key"] / 2
        client.batch_write_numpy(rows, "test", "s", bytes_as="str")
        yield node


@pytest.fixture
def client(node: LocalNode) -> Iterator[Client]:
    with node.client() as client:
        yield client


ASKED = {
    "an array": np.array([3, N + 5, 0, 3]),
    "a list": [3, N + 5, 0, 3],
    "Keys": Keys("test", "s", [3, N + 5, 0, 3]),
    "digests": Keys("test", "s", [3, N + 5, 0, 3]).digests(),
    "no keys": [],
}
KINDS: dict[str, dict[str, Any]] = {
    "rows": {"_dtype": DTYPE},
    "columns": {"_dtype": DTYPE, "layout": "columns"},
    "matrix": {"_dtype": "f8", "bins": ["c", "a"]},
    "other names": {"_dtype": [("x", "i4"), ("t", "U4")], "bins": {"x": "a", "t": "b"}},
    "arrays in columns": {
        "_dtype": {"a": "i8", "v": np.dtype(("f4", (2, 3)))},
        "layout": "columns",
    },
    "objects": {"_dtype": [("a", "O"), ("zz", "O")], "fill": {"zz": (1, 2)}},
    "times and fill": {"_dtype": [("a", "M8[s]"), ("zz", "f4")], "fill": {"zz": 7}},
}


def told(found: Any) -> tuple[Any, ...]:
    columns = {name: column.tolist() for name, column in found.columns.items()}
    masks = {name: found._column_mask(name).tolist() for name in found.field_names}
    return columns, masks, found.result_codes.tolist(), found.meta.tolist(), found.errors.tolist()


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", KINDS)
def test_reader_reads_what_batch_read_does(client: Client, kind: str, asked: str) -> None:
    keys, options = ASKED[asked], KINDS[kind]
    where: Any = {} if isinstance(keys, Keys) else {"namespace": "test", "set_name": "s"}
    wanted = client.batch_read(keys, **where, **options)
    reader = client.reader(namespace="test", set_name="s", **options)
    for read in (reader.read, reader, reader.read):
        found = read(keys)
        assert told(found) == told(wanted)
        assert found.layout == wanted.layout
        assert list(found.keys()) == list(wanted.keys())
        assert set(found.timings) == {"digests", "sending", "waiting", "decoding"}


def test_reader_writes_to_memory_that_is_given(client: Client) -> None:
    keys = np.arange(5)
    rows = np.ones(10, DTYPE)
    found = client.reader(DTYPE, "test", "s").read(keys, out=rows[::2])
    assert found.batch_records is not rows and np.shares_memory(found.batch_records, rows)
    assert rows["a"].tolist() == [1, 1, 8, 1, 15, 1, 22, 1, 29, 1]
    columns = {"c": np.ones(5, "f4"), "a": np.ones(5, "i8")}
    reader = client.reader({"a": "i8", "c": "f4"}, "test", "s", layout="columns")
    assert reader.read(keys, columns).batch_records["a"] is columns["a"]
    assert columns["a"].tolist() == [1, 8, 15, 22, 29] and columns["c"][4] == 2
    matrix = np.ones((5, 2), "f4", order="F")
    client.reader("f4", "test", "s", bins=["a", "c"]).read(keys, matrix)
    assert matrix.tolist() == [[i * 7 + 1, i / 2] for i in range(5)]


@pytest.mark.parametrize(
    ("out", "error", "text"),
    [
        (
            np.zeros(3, [("a", "i4"), ("b", "S16"), ("c", "f4")]),
            TypeError,
            "field 'a' of out is int32",
        ),
        (np.zeros(3, [("a", "i8"), ("b", "S16")]), TypeError, "fields"),
        (np.zeros((3, 3)), TypeError, "layout"),
        ({"a": np.zeros(3, "i8")}, TypeError, "layout"),
        (np.zeros(4, DTYPE), exception.InvalidArgError, "3 rows are needed"),
        (np.zeros(1, DTYPE).repeat(3)[:2], exception.InvalidArgError, "3 rows are needed"),
        (np.broadcast_to(np.zeros(1, DTYPE), 3), exception.InvalidArgError, "read-only"),
        ([1, 2, 3], TypeError, "not list"),
    ],
)
def test_memory_that_does_not_fit_is_refused(
    client: Client, out: Any, error: Any, text: str
) -> None:
    reader = client.reader(DTYPE, "test", "s")
    with pytest.raises(error, match=text):
        reader.read([1, 2, 3], out=out)
    assert reader.read([1])["a"].tolist() == [8]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"policy": {"totl_timeout": 1}}, exception.InvalidArgError, "totl_timeout"),
        ({"policy": {"total_timeout": "x"}}, exception.InvalidArgError, "reader.*total_timeout"),
        ({"_dtype": None}, TypeError, "dtype"),
        ({"_dtype": [("a", "c16")]}, TypeError, "complex"),
        ({"_dtype": [("a" * 16, "i8")]}, exception.InvalidArgError, "a" * 16),
        ({"_dtype": "f8"}, TypeError, "bins"),
        ({"namespace": ""}, exception.InvalidArgError, "namespace"),
        ({"set_name": 5}, TypeError, "set name"),
        ({"layout": "diagonal"}, exception.InvalidArgError, "diagonal"),
        ({"errors": []}, exception.InvalidArgError, "errors"),
        ({"fill": {"zz": 1}}, exception.InvalidArgError, "zz"),
        ({"bins": {"zz": "a"}}, exception.InvalidArgError, "zz"),
    ],
)
def test_reader_is_refused_when_it_is_made(
    client: Client, arguments: Any, error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        client.reader(**{"_dtype": DTYPE, "namespace": "test", "set_name": "s", **arguments})


def test_keys_of_elsewhere_are_refused(client: Client) -> None:
    reader = client.reader(DTYPE, "test", "s")
    with pytest.raises(exception.InvalidArgError, match="'other'"):
        reader.read(Keys("test", "other", [1]))
    with pytest.raises(TypeError, match=r"keys\[1\]"):
        reader.read([1, ("test", "s", 2)])


def test_values_that_do_not_fit_raise_with_all_rows(client: Client) -> None:
    reader = client.reader([("a", "i1")], "test", "s")
    with pytest.raises(exception.ConversionError) as caught:
        reader.read(np.array([1, 100]))
    assert caught.value.partial["a"][0] == 8 and caught.value.partial.ok.tolist() == [True, False]
    masked = client.reader([("a", "i1")], "test", "s", errors="mask").read([1, 100])
    assert masked.mask["a"].tolist() == [False, True]


def test_one_reader_serves_many_threads(client: Client) -> None:
    reader = client.reader(DTYPE, "test", "s")
    gate = threading.Barrier(8)

    def work(number: int) -> None:
        gate.wait(60)
        for turn in range(40):
            keys = (np.arange(50) * 3 + number + turn) % N
            found = reader.read(keys)
            assert found["a"].tolist() == (keys * 7 + 1).tolist()

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, i) for i in range(8)]:
            future.result(120)


def test_reader_of_a_closed_client_says_so_and_reads_again_after_connect(node: LocalNode) -> None:
    client = node.client().connect()
    reader = client.reader(DTYPE, "test", "s")
    assert reader.read([1])["a"].tolist() == [8]
    client.close()
    with pytest.raises(exception.ClientError, match="closed"):
        reader.read([1])
    client.connect()
    assert reader.read([1])["a"].tolist() == [8]
    client.close()


def test_reader_pickles_as_its_arguments(client: Client) -> None:
    reader = client.reader(DTYPE, "test", "s", policy={"total_timeout": 5000}, fill={"c": -1})
    copy = pickle.loads(pickle.dumps(reader))
    with copy._client:
        assert told(copy.read([1, 2, N])) == told(reader.read([1, 2, N]))
    assert repr(copy) == repr(reader) == "<aerospike_np.Reader of test.s: a, b, c>"


def test_what_the_caller_changes_later_does_not_change_the_reader(client: Client) -> None:
    bins, policy = ["c", "a"], {"total_timeout": 5000}
    reader = client.reader("f8", "test", "s", bins, policy)
    bins[0], policy["total_timeout"] = "zz", 1
    assert reader.read([2]).batch_records.tolist() == [[1.0, 15.0]]


def test_reader_of_an_async_client_is_awaited(node: LocalNode) -> None:
    async def main() -> None:
        async with AsyncClient(node.config()) as client:
            reader = client.reader(DTYPE, "test", "s")
            many = await asyncio.gather(*(reader.read(np.arange(i, i + 20)) for i in range(30)))
            for i, found in enumerate(many):
                assert found["a"].tolist() == [k * 7 + 1 for k in range(i, i + 20)]
            with pytest.raises(exception.InvalidArgError):
                await reader.read(Keys("test", "other", [1]))
        with pytest.raises(exception.ClientError, match="closed"):
            await reader.read([1])

    asyncio.run(main())


def test_fields_that_are_renamed_in_place_are_read_under_their_new_names(client: Client) -> None:
    dtype = np.dtype([("a", "i8"), ("c", "f8")])
    keys = Keys("test", "s", [4])
    assert client.batch_read(keys, _dtype=dtype)["a"].tolist() == [29]
    dtype.names = ("c", "a")
    found = client.batch_read(keys, _dtype=dtype)
    assert found.batch_records.dtype is dtype or found.batch_records.dtype == dtype
    assert (found["c"].tolist(), found["a"].tolist()) == ([2], [29.0])


def test_what_is_kept_of_dtypes_is_bounded(client: Client) -> None:
    keys = Keys("test", "s", [4])
    for i in range(200):
        dtype = np.dtype([("a", "i8"), (f"x{i}", "f8")])
        assert client.batch_read(keys, _dtype=dtype)["a"].tolist() == [29]
    assert len(client._plans) <= 64


def test_fields_of_fields_that_are_renamed_in_place_are_read_under_their_new_names(
    client: Client,
) -> None:
    client.put(("test", "nested", 1), {"place": {"x": 1, "y": 2, "z": 3}})
    keys = Keys("test", "nested", [1])
    dtype = np.dtype([("place", [("x", "i8"), ("y", "i8")])])
    assert client.batch_read(keys, _dtype=dtype)["place"].tolist() == [(1, 2)]
    dtype["place"].names = ("y", "z")
    found = client.batch_read(keys, _dtype=dtype)["place"]
    assert (found["y"].tolist(), found["z"].tolist()) == ([2], [3])
