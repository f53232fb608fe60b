"""batch_operate into arrays: results of operations in their fields, and what became of each row."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from fake_server import END, FakeServer, frame, op, row
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import Keys, exception, exp
from aerospike_np.helpers.operations import (
    expression_operations,
    list_operations,
    map_operations,
    operations,
)

SET = "opsarrays"
pytestmark = pytest.mark.sets(SET)
N = 6  # keys, of which the last has no record
ADD = [operations.increment("n", 10), operations.read("n")]
Param = exception.InvalidArgError


@pytest.fixture
def keys(client: aerospike.Client) -> Keys:
    made = Keys(NAMESPACE, SET, np.arange(N))
    client.batch_remove(list(made))
    client.batch_write(
        [
            (key, {"n": i, "f": i / 2, "l": [i, i + 1], "s": f"s{i}", "m": {"a": i}})
            for i, key in enumerate(list(made)[:-1])
        ]
    )
    return made


def test_fields_take_the_results_of_the_operations_on_their_bins(client: Any, keys: Any) -> None:
    ops = [
        operations.increment("n", 10),
        list_operations.list_append("l", 7),
        operations.read("n"),
        operations.read("l"),
        map_operations.map_get_by_key("m", "a", aerospike.MAP_RETURN_VALUE),
        expression_operations.expression_read("half", exp.int_bin("n") / 2),
        operations.read("s"),
    ]
    dtype = [("n", "i2"), ("l", "f4", 3), ("m", "u1"), ("half", "i4"), ("s", "U4"), ("gone", "i8")]
    ops.append(operations.read("gone"))
    got = client.batch_operate(list(keys)[:-1], ops, _dtype=dtype)
    rows = range(N - 1)
    assert got["n"].tolist() == [i + 10 for i in rows]
    assert got["l"].tolist() == [[i, i + 1, 7] for i in rows]
    assert got["m"].tolist() == list(rows) and got["half"].tolist() == [(i + 10) // 2 for i in rows]
    assert got["s"].tolist() == [f"s{i}" for i in rows]
    assert got.mask["gone"].all() and not got.mask["n"].any() and got.ok.all()
    assert got.meta["gen"].tolist() == [2] * (N - 1)
    assert got.attempts.tolist() == [1] * (N - 1) and not got.in_doubt.any()
    assert client.get((NAMESPACE, SET, 3)).bins["l"] == [3, 4, 7]


@pytest.mark.parametrize("ops", [ADD, ADD[1:]], ids=["write", "read"])
def test_rows_without_a_record_are_masked_and_filled(client: Any, keys: Any, ops: Any) -> None:
    policy = {"exists": aerospike.POLICY_EXISTS_UPDATE}
    got = client.batch_operate(keys, ops, policy, _dtype=[("n", "f8")], fill=-1)
    assert got.result_codes.tolist() == [0] * (N - 1) + [2]
    assert got.mask["n"].tolist() == [False] * (N - 1) + [True] and got["n"][-1] == -1
    assert got.get(2)["n"] == (12 if ops is ADD else 2) and got.get(N - 1) is None
    assert got.attempts.tolist() == ([1] * N if ops is ADD else [0] * N)
    again = pickle.loads(pickle.dumps(got))
    assert again.attempts.tolist() == got.attempts.tolist() and not again.in_doubt.any()
    with pytest.raises(exception.ClientError, match="batch_operate"):
        got.refresh()


@pytest.mark.parametrize("layout", ["rows", "columns", "matrix", "out", "out columns"])
def test_each_layout_holds_the_same(client: Any, keys: Any, layout: str) -> None:
    ops = [*ADD, operations.read("f")]
    n, f = np.zeros(N * 2, "i4")[::2], np.zeros(N, "f8")
    given: dict[str, Any] = {
        "rows": {"dtype": [("n", "i4"), ("f", "f8")]},
        "columns": {"dtype": {"n": "i4", "f": "f8"}, "layout": "columns"},
        "matrix": {"_dtype": "f8", "bins": ["n", "f"]},
        "out": {"out": np.zeros(N, [("f", "f8"), ("n", "i4")])},
        "out columns": {"out": {"n": n, "f": f}},
    }[layout]
    got = client.batch_operate(keys, ops, **given)
    assert got.columns["n"].tolist() == [10, 11, 12, 13, 14, 10]
    assert got.columns["f"].tolist() == [0, 0.5, 1, 1.5, 2, 0]
    if layout == "out columns":
        assert n.tolist() == [10, 11, 12, 13, 14, 10] and f[1] == 0.5


def test_fields_may_have_other_names_than_their_bins(client: Any, keys: Any) -> None:
    names = {"count": "n", "text": "s"}
    ops = [*ADD, operations.read("s")]
    got = client.batch_operate(keys, ops, _dtype=[("count", "i8"), ("text", "O")], bins=names)
    assert got["count"].tolist() == [10, 11, 12, 13, 14, 10]
    assert got["text"].tolist() == ["s0", "s1", "s2", "s3", "s4", None]


def test_a_read_of_all_bins_fills_every_field(client: Any, keys: Any) -> None:
    ops = [operations.increment("n", 1), operations.read("")]
    got = client.batch_operate(keys, ops, _dtype=[("n", "i8"), ("f", "f8"), ("other", "i8")])
    assert got["n"].tolist() == [1, 2, 3, 4, 5, 1] and got["f"][3] == 1.5
    assert got.mask["other"].all()


def test_of_several_results_of_one_bin_the_last_that_is_not_nil_counts(
    client: Any, keys: Any
) -> None:
    some = list(keys)[:-1]
    ops = [operations.read("n"), operations.increment("n", 5), operations.write("n", 70)]
    got = client.batch_operate(some, ops, _dtype=[("n", "i8")])
    assert got["n"].tolist() == [0, 1, 2, 3, 4] and not got.mask["n"].any()
    ops = [operations.read("s"), operations.append("s", "!"), operations.read("s")]
    got = client.batch_operate(some, ops, _dtype=[("s", "O")])
    assert got["s"].tolist() == [f"s{i}!" for i in range(N - 1)]


def test_only_the_result_that_counts_has_to_fit(client: Any, keys: Any) -> None:
    some = list(keys)[:-1]
    ops = [list_operations.list_append("l", 7), operations.read("l")]  # a length, then the list
    got = client.batch_operate(some, ops, _dtype=[("l", "i8", 3)])
    assert got["l"][2].tolist() == [2, 3, 7] and not len(got.errors) and got.ok.all()
    ops = [operations.read("l"), list_operations.list_append("l", 7)]
    with pytest.raises(exception.ConversionError, match="bin 'l'") as caught:
        client.batch_operate(some, ops, _dtype=[("l", "i8", 3)])
    partial = caught.value.partial
    assert partial.mask["l"].all() and len(partial.errors) == N - 1
    assert partial.attempts.tolist() == [1] * (N - 1)  # they ran
    assert client.get(some[0]).bins["l"] == [0, 1, 7, 7]
    masked = client.batch_operate(some, ops, _dtype=[("l", "i8", 5)], errors="mask")
    assert masked.mask["l"].all() and not masked.ok.any()


def test_each_row_keeps_its_own_code(client: Any, keys: Any) -> None:
    client.put((NAMESPACE, SET, 1), {"n": "text"})
    got = client.batch_operate(
        keys, ADD, {"filter_expression": exp.string_bin("s") != "s3"}, dtype=[("n", "i8")]
    )
    assert got.result_codes.tolist() == [0, 12, 0, 27, 0, 0]
    assert got.mask["n"].tolist() == [False, True, False, True, False, False]


BAD = {
    "a field of no operation": ({"dtype": [("n", "i8"), ("x", "i8")]}, Param, "on bin 'x', and there is none"),
    "two dtypes": ({"dtype": "i8", "_dtype": "i8"}, Param, "batch_operate: _dtype and dtype"),
    "a layout": ({"dtype": [("n", "i8")], "layout": "wide"}, Param, "layout must be"),
    "errors": ({"dtype": [("n", "i8")], "errors": "no"}, Param, "errors must be"),
    "no dtype": ({"errors": "mask"}, Param, "batch_operate: bins, layout, errors and fill go with a dtype"),
    "retry": ({"dtype": [("n", "i8")], "retry": 1}, Param, "batch_operate: retry goes without a dtype"),
    "out of a wrong length": ({"out": np.zeros(2, [("n", "i8")])}, Param, "6 rows are needed"),
    "no fields": ({"dtype": "i8"}, TypeError, "has no fields"),
    "operations": ({"dtype": [("n", "i8")], "ops": []}, Param, "batch_operate: 0 operations"),
    "an operation": ({"dtype": [("n", "i8")], "ops": [7]}, TypeError, "batch_operate: operation 0"),
    "a policy": ({"dtype": [("n", "i8")], "policy": {"exist": 1}}, Param, "batch_operate: .*exists"),
    "a ttl": ({"dtype": [("n", "i8")], "ttl": "x"}, Param, "batch_operate: ttl"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_anything_is_sent(
    node: Any, client: Any, keys: Any, name: str
) -> None:
    given, error, text = BAD[name]
    before = requests(node)
    with pytest.raises(error, match=text):
        client.batch_operate(**{"keys": keys, "ops": ADD, **given})
    assert requests(node) == before


@pytest.mark.needs_embedded("a server that loses rows")
def test_rows_without_an_answer_are_masked_and_in_doubt() -> None:
    good = row(op(b"n", 1, (5).to_bytes(8, "big")), index=1)
    keys = [("test", SET, i) for i in range(3)]
    with FakeServer(frame(good) + END) as fake:
        with aerospike.client({"hosts": [fake.address]}) as client:
            with pytest.raises(exception.NoResponse) as caught:
                client.batch_operate(keys, ADD, _dtype=[("n", "i8")])
    got = caught.value.partial
    assert got.result_codes.tolist() == [-15, 0, -15] and got["n"].tolist() == [0, 5, 0]
    assert got.in_doubt.tolist() == [True, False, True] and got.attempts.tolist() == [1, 1, 1]
    assert got.mask["n"].tolist() == [True, False, True] and caught.value.in_doubt


@pytest.mark.needs_embedded("a server that answers wrongly")
def test_a_broken_answer_to_a_write_leaves_it_in_doubt() -> None:
    torn = row(op(b"n", 1, bytes(8), size=99), index=0)
    with FakeServer(frame(torn) + END) as fake:
        with aerospike.client({"hosts": [fake.address]}) as client:
            with pytest.raises(exception.ClientError) as caught:
                client.batch_operate([("test", SET, 0)], ADD, _dtype=[("n", "i8")])
    assert caught.value.partial.in_doubt.tolist() == [True]


@pytest.mark.needs_embedded("a cluster of its own")
@pytest.mark.parametrize("threads", [1, 4])
def test_many_windows_on_three_nodes(threads: int) -> None:
    from aerospike_np.local import LocalCluster

    n = 40_000
    rows = np.zeros(n, [("_key", "i8"), ("n", "i8")])
    rows["_key"] = rows["n"] = np.arange(n)
    with LocalCluster(nodes=3) as cluster, cluster.client() as client:
        client.batch_write_numpy(rows, "test", SET).raise_for_status()
        keys = Keys("test", SET, np.arange(n))
        policy = {"threads": threads}
        got = client.batch_operate(keys, ADD, policy, _dtype=[("n", "i8")])
        assert (got["n"] == np.arange(n) + 10).all() and (got.attempts == 1).all()
        got = client.batch_operate(keys, ADD[1:], policy, _dtype=[("n", "i8")])
        assert (got["n"] == np.arange(n) + 10).all() and (got.meta["gen"] == 2).all()
