"""batch_write with rows that ask for different things, and batch_apply: each row with its own end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_rows import all_ok, taken_apart
from fake_server import END, FakeServer, frame, op, row
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import exception, exp
from aerospike_np.helpers.batch.records import Apply, BatchRecords, Read, Remove, Write
from aerospike_np.helpers.operations import list_operations, operations

SET = "batchrecs"
pytestmark = pytest.mark.sets(SET)
READ = [operations.read("n")]
WRITE = [operations.increment("n", 10), operations.read("n")]
Param = exception.InvalidArgError


@pytest.fixture
def keys(client: aerospike.Client) -> list[tuple[str, str, int]]:
    """Six keys; the last has no record."""
    made = [(NAMESPACE, SET, i) for i in range(6)]
    client.batch_remove(made)
    client.batch_write([(key, {"n": key[2], "l": [key[2]]}) for key in made[:-1]])
    return made


def test_each_row_gets_its_own_result(client: Any, keys: Any) -> None:
    batch = BatchRecords(
        [
            Read(keys[0], READ),
            Read(keys[1], None, read_all_bins=True),
            Read(keys[2], None),
            Write(keys[3], WRITE, meta={"ttl": 1000}),
            Remove(keys[4]),
            Read(keys[5], READ),
            Write(keys[5], [operations.append("n", "x")], policy={"exists": 2}),
        ]
    )
    assert client.batch_write(batch) is batch
    rows = batch.batch_records
    assert [row.result for row in rows] == [0, 0, 0, 0, 0, 2, 2] and batch.result == 0
    assert [row.record and row.record.bins for row in rows] == [
        {"n": 0}, {"n": 1, "l": [1]}, {}, {"n": 13}, {}, None, None,
    ]  # fmt: skip
    assert not any(row.in_doubt for row in rows)
    assert rows[0].key == keys[0] and rows[0].record.key[:3] == keys[0]
    assert rows[3].record.meta.gen == 2 and 990 <= rows[3].record.meta.ttl <= 1000
    assert client.exists(keys[4]).meta is None
    assert (
        repr(batch).endswith("...]: 0) (7 rows)")
        and "Write" in repr(rows[3])
        and "13" in repr(rows[3])
    )
    assert client.batch_read(keys).result == 0


def test_rows_may_be_used_again_and_errors_are_told_of(client: Any, keys: Any) -> None:
    batch = BatchRecords([Write(keys[0], WRITE), Read(keys[1], READ), Remove(keys[5])])
    client.batch_write(batch)
    client.put(keys[0], {"n": "text"})
    client.batch_write(batch)
    assert [row.result for row in batch.batch_records] == [12, 0, 2] and batch.result == -16
    assert batch.batch_records[0].record is None
    assert client.batch_write(BatchRecords()).result == 0


def test_each_row_has_its_own_policy_and_meta(client: Any, keys: Any) -> None:
    old = exp.int_bin("n") > 2
    n = [operations.write("n", 7)]
    batch = BatchRecords(
        [
            Write(keys[0], n, policy={"exists": aerospike.POLICY_EXISTS_CREATE}),
            Write(keys[1], n, meta={"gen": 9}),
            Write(keys[1], n, meta={"gen": 1, "ttl": 500}, policy={"ttl": 1000}),
            Write(keys[5], n, policy={"exists": aerospike.POLICY_EXISTS_CREATE, "key": 1}),
            Read(keys[2], READ, policy={"expressions": old}),
            Read(keys[3], READ, meta={"gen": 5, "ttl": 5}, policy={"filter_expression": old}),
            Remove(keys[2], policy={"generation": 9}),
            Remove(keys[3], policy={"gen": 1, "generation": 1}),
        ]
    )
    client.batch_write(batch)
    assert [row.result for row in batch.batch_records] == [5, 3, 0, 0, 27, 0, 3, 0]
    assert client.get(keys[1]).meta.ttl <= 500


def test_policies_of_the_call_are_those_of_rows_that_have_none(client: Any, keys: Any) -> None:
    batch = BatchRecords([Write(keys[0], WRITE), Write(keys[5], WRITE, policy={"exists": 0})])
    client.batch_write(batch, {"exists": aerospike.POLICY_EXISTS_CREATE})
    assert [row.result for row in batch.batch_records] == [5, 0]
    batch = BatchRecords([Write(keys[0], WRITE), Read(keys[0], READ), Read(keys[3], READ)])
    client.batch_write(batch, policy_batch={"expressions": exp.int_bin("n") == 3})
    assert [row.result for row in batch.batch_records] == [27, 27, 0]


def test_policies_of_the_client_are_those_of_each_kind(node: Any, keys: Any) -> None:
    policies = {"batch_write": {"expressions": exp.int_bin("n") == 3}, "batch_remove": {"gen": 1}}
    with node.client({"policies": policies}) as client:
        batch = BatchRecords(
            [Write(keys[0], WRITE), Write(keys[3], WRITE), Read(keys[0], READ), Remove(keys[1])]
        )
        client.batch_write(batch)
        assert [row.result for row in batch.batch_records] == [27, 0, 0, 3]


@pytest.mark.needs_embedded("a server that records what it gets")
def test_a_row_says_whether_its_key_is_sent_along() -> None:
    sent: list[Any] = []

    def answer(body: bytes) -> bytes:
        sent.append([0x02 in one["fields"] for one in taken_apart(body)])
        return all_ok(body)

    keys = [("test", SET, i) for i in range(2)]
    n = [operations.write("n", 7)]
    with FakeServer(answer) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        client.batch_write(BatchRecords([Write(keys[0], n, policy={"key": 1}), Write(keys[1], n)]))
        client.batch_write([(keys[0], {"n": 1}), (keys[1], {"n": 1}, {"key": 1})])
        client.batch_write([(keys[0], {"n": 1}), (keys[1], {"n": 1}, {"key": 0})], {"key": 1})
        client.batch_remove([keys[0], (keys[1], {"key": 1})])
    assert sent == [[True, False], [False, True], [True, False], [False, True]]


ROW = r"batch_write: batch_records\[0\]"
BAD = {
    "no list": (lambda k: 7, TypeError, "batch_write: batch_records is a list of Read"),
    "no key": (
        lambda k: [Read(k, READ), Read("x", READ)],
        TypeError,
        r"batch_records\[1\]: a key is a tuple .*, not str",
    ),
    "no row": (lambda k: [7], TypeError, f"{ROW} is a Read, Write, Apply or Remove, not int"),
    "no operations": (lambda k: [Write(k, [])], Param, rf"{ROW} \(Write\): 0 operations"),
    "a dict": (
        lambda k: [Write(k, {"op": 1})],
        TypeError,
        r"\(Write\): ops is a list of operations",
    ),
    "no operation": (
        lambda k: [Read(k, READ), Read(k, [7])],
        TypeError,
        r"\[1\] \(Read\): operation 0",
    ),
    "a Read that writes": (
        lambda k: [Read(k, WRITE)],
        Param,
        r"\(Read\): an operation writes; put",
    ),
    "a Write that reads": (
        lambda k: [Write(k, READ)],
        Param,
        r"\(Write\): no operation writes; put",
    ),
    "all bins too": (
        lambda k: [Read(k, READ, True)],
        Param,
        r"\(Read\): give operations, or read_all_bins",
    ),
    "a key": (lambda k: [Read(k, READ), Read(("test", SET), READ)], Param, r"keys\[1\]"),
    "a policy of the call": (
        lambda k: [Read(k, READ, policy={"total_timeout": 5})],
        Param,
        r"\(Read\): total_timeout is for the whole batch; give it in the call's policy",
    ),
    "a strange policy": (
        lambda k: [Read(k, READ, policy={"exists": 1})],
        Param,
        r"\(Read\): unknown key",
    ),
    "a meta": (
        lambda k: [Write(k, WRITE, meta={"gen": "x"})],
        Param,
        r"\(Write\): meta gen must be",
    ),
    "a module": (
        lambda k: [Apply(k, 7, "f", [])],
        TypeError,
        r"\(Apply\): module is a str, not int",
    ),
    "no function": (lambda k: [Apply(k, "m", "", [])], Param, r"\(Apply\): function has 0 bytes"),
    "args": (lambda k: [Apply(k, "m", "f", "x")], TypeError, r"\(Apply\): args is a list"),
    "an argument": (lambda k: [Apply(k, "m", "f", [object()])], TypeError, r"\(Apply\): args"),
    "a generation": (
        lambda k: [Remove(k, {"generation": 70_000})],
        Param,
        r"\(Remove\): meta gen must be",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_are_refused_before_anything_is_sent(
    node: Any, client: Any, keys: Any, name: str
) -> None:
    rows, error, text = BAD[name]
    before = requests(node)
    with pytest.raises(error, match=text):
        client.batch_write(BatchRecords(rows(keys[0])))
    assert requests(node) == before


def test_a_meta_of_plain_rows_has_nothing_that_is_the_call_s(client: Any, keys: Any) -> None:
    with pytest.raises(Param, match=r"records\[0\]: max_retries is for the whole batch"):
        client.batch_write([(keys[0], {"n": 1}, {"max_retries": 1})])


# ---- what is lost on the way ----


@pytest.mark.needs_embedded("a server that does not answer")
def test_only_rows_that_write_are_in_doubt() -> None:
    keys = [("test", SET, i) for i in range(4)]
    batch = BatchRecords(
        [Read(keys[0], READ), Write(keys[1], WRITE), Remove(keys[2]), Apply(keys[3], "m", "f", [])]
    )
    with FakeServer() as fake, aerospike.client({"hosts": [fake.address]}) as client:
        for milliseconds in (150, 1500, 15_000):  # until it has been sent before its time is over
            with pytest.raises(exception.AerospikeTimeoutError) as caught:
                client.batch_write(batch, {"total_timeout": milliseconds})
            if fake.requests:
                break
        assert caught.value.partial is batch and caught.value.in_doubt
        assert [row.in_doubt for row in batch.batch_records] == [False, True, True, True]
        assert [row.result for row in batch.batch_records] == [-15] * 4 and batch.result == -16
        reads = BatchRecords([Read(key, READ) for key in keys])
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            client.batch_write(reads, {"total_timeout": 150})
        assert not caught.value.in_doubt


@pytest.mark.needs_embedded("a server that is busy at first")
def test_retry_sends_again_what_each_row_asked_for() -> None:
    seen: list[list[str]] = []

    def answer(body: bytes) -> bytes:
        rows = taken_apart(body)
        seen.append([one["info"] for one in rows])
        codes = [0, 14, 14] if len(seen) == 1 else [0] * len(rows)
        return frame(*(row(b"", n_ops=0, index=i, code=c) for i, c in enumerate(codes))) + END

    keys = [("test", SET, i) for i in range(3)]
    batch = BatchRecords([Read(keys[0], READ), Write(keys[1], WRITE), Remove(keys[2])])
    with FakeServer(answer) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        client.batch_write(batch, retry=1)
    assert seen == [["010000", "018100", "008300"], ["018100", "008300"]]
    assert [row.result for row in batch.batch_records] == [0, 0, 0] and batch.result == 0


@pytest.mark.needs_embedded("a cluster of its own")
def test_many_windows_on_three_nodes() -> None:
    from aerospike_np.local import LocalCluster

    n = 12_000
    keys = [("test", SET, i) for i in range(n)]
    rows: list[Any] = [
        Read(key, READ) if i % 3 == 0
        else Write(key, [operations.increment("n", i), list_operations.list_append("l", i)]) if i % 3 == 1
        else Remove(key)
        for i, key in enumerate(keys)
    ]  # fmt: skip
    with LocalCluster(nodes=3) as cluster, cluster.client() as client:
        client.batch_write([(key, {"n": 1}) for key in keys]).raise_for_status()
        assert client.batch_write(BatchRecords(rows)).result == 0
        assert [row.record.bins for row in rows[-3:]] == [{"n": 1}, {"n": None, "l": 1}, {}]
        got = client.batch_read(keys, _dtype=[("n", "i8")])
        want = [(0, 1) if i % 3 == 0 else (0, i + 1) if i % 3 == 1 else (2, 0) for i in range(n)]
        codes, values = got.result_codes.tolist(), got.batch_records["n"].tolist()
        assert list(zip(codes, values, strict=True)) == want


# ---- functions ----

SUCCESS, FAILURE = b"SUCCESS", b"FAILURE"


def udf(body: bytes) -> bytes:
    """What a server answers that has a function: the second row of a batch fails, others return their args."""
    out = []
    for one in taken_apart(body):
        args = bytes.fromhex(one["fields"][0x20])
        failed = one["index"] == 1
        said = op(FAILURE, 3, b"mod.lua:2: boom") if failed else op(SUCCESS, 20, args)
        out.append(row(said, index=one["index"], code=100 if failed else 0))
    return frame(*out) + END


@pytest.fixture
def lua() -> Iterator[Any]:
    with FakeServer(udf) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        yield client


@pytest.mark.needs_embedded("a server with a function")
def test_functions_return_values_and_their_failures_keep_the_server_s_words(lua: Any) -> None:
    keys = [("test", SET, i) for i in range(3)]
    got = lua.batch_apply(keys, "mod", "fn", (1, "x"))
    assert got.result_codes.tolist() == [0, 100, 0] and got.result == -16
    assert [record.record.bins for record in got.batch_records] == [
        {"SUCCESS": [1, "x"]}, {"FAILURE": "mod.lua:2: boom"}, {"SUCCESS": [1, "x"]},
    ]  # fmt: skip
    assert got.to_dict() == {0: {"SUCCESS": [1, "x"]}, 2: {"SUCCESS": [1, "x"]}}
    with pytest.raises(exception.UDFError, match="key .*1.: mod.lua:2: boom. Rows are in"):
        got.raise_for_status()
    where: dict[str, Any] = {"namespace": "test", "set_name": SET}
    assert lua.batch_apply(np.arange(3), "mod", "fn", **where).get(2) == {"SUCCESS": []}
    batch = BatchRecords([Apply(key, "mod", "fn", [i]) for i, key in enumerate(keys)])
    assert lua.batch_write(batch).result == -16
    assert [record.record.bins for record in batch.batch_records] == [
        {"SUCCESS": [0]}, {"FAILURE": "mod.lua:2: boom"}, {"SUCCESS": [2]},
    ]  # fmt: skip


@pytest.mark.needs_embedded("a server with a function")
def test_a_key_may_have_a_call_of_its_own() -> None:
    sent: list[Any] = []

    def answer(body: bytes) -> bytes:
        sent.extend(taken_apart(body))
        return udf(body)

    keys = [("test", SET, i) for i in range(3)]
    with FakeServer(answer) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        mine = {"module": "other", "function": "gn", "args": [], "ttl": 9, "key": 1}
        client.batch_apply(
            [keys[0], (keys[1], mine), (keys[2], {"args": [7]})], "mod", "fn", [1], {"ttl": 5}
        )
    calls = [
        tuple(bytes.fromhex(one["fields"][kind]) for kind in (30, 31, 32)) + (one["ttl"],)
        for one in sent
    ]
    assert calls == [
        (b"mod", b"fn", b"\x91\x01", 5), (b"other", b"gn", b"\x90", 9), (b"mod", b"fn", b"\x91\x07", 5),
    ]  # fmt: skip
    assert [2 in one["fields"] for one in sent] == [False, True, False]


SOURCE = """
function add(rec, n)
    if not aerospike:exists(rec) then error("no record") end
    rec.n = rec.n + n
    aerospike:update(rec)
    return rec.n
end
function nothing(rec) end
"""


@pytest.fixture
def module(client: aerospike.Client, tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "anp_batch.lua"
    path.write_text(SOURCE)
    client.udf_put(path)
    yield "anp_batch"
    client.udf_remove("anp_batch.lua")


def test_functions_run_on_many_records(client: Any, keys: Any, module: str) -> None:
    got = client.batch_apply(keys, module, "add", [5], {"ttl": 1000})
    assert got.result_codes.tolist() == [0] * 5 + [100] and not got.in_doubt.any()
    assert [got.get(i) for i in range(5)] == [{"SUCCESS": i + 5} for i in range(5)]
    failed = got.batch_records[5]
    assert failed.result == 100 and "no record" in failed.record.bins["FAILURE"]
    assert got.gen.tolist() == [2] * 5 + [0] and 5 not in got
    assert client.get(keys[3]).bins["n"] == 8 and 990 <= client.get(keys[3]).meta.ttl <= 1000
    assert client.batch_apply(keys[:2], module, "nothing").to_dict() == {
        0: {"SUCCESS": None}, 1: {"SUCCESS": None},
    }  # fmt: skip
    missing = client.batch_apply(keys[:1], module, "subtract")
    assert missing.batch_records[0].record.bins == {"FAILURE": "function not found"}


def test_functions_stand_beside_other_rows_and_are_filtered(
    client: Any, keys: Any, module: str
) -> None:
    odd = {"expressions": exp.int_bin("n") % 2 == 1}
    batch = BatchRecords(
        [
            Apply(keys[0], module, "add", [1], odd),
            Apply(keys[1], module, "add", [1], odd),
            Read(keys[2], READ),
            Apply(keys[3], module, "add", None),
        ]
    )
    client.batch_write(batch)
    assert [row.result for row in batch.batch_records] == [27, 0, 0, 100]
    assert batch.batch_records[1].record.bins == {"SUCCESS": 2}
    got = client.batch_apply(keys[:2], module, "add", [1], odd)
    assert got.result_codes.tolist() == [27, 27] and got.result == 0


BAD_CALLS = {
    "a module": (lambda k: (k, 7, "f"), TypeError, "batch_apply: module is a str, not int"),
    "no function": (lambda k: (k, "m", ""), Param, "batch_apply: function has 0 bytes"),
    "args": (lambda k: (k, "m", "f", "abc"), TypeError, "batch_apply: args is a list"),
    "an argument": (lambda k: (k, "m", "f", [object()]), TypeError, "batch_apply: args"),
    "a policy": (lambda k: (k, "m", "f", [], {"exists": 1}), Param, "batch_apply: unknown key 'exists'"),
    "keys": (lambda k: (7, "m", "f"), TypeError, "batch_apply: keys is a list"),
    "a key": (lambda k: ([*k, ("test",)], "m", "f"), Param, r"keys\[6\]"),
    "a meta": (lambda k: ([(k[0], {"tll": 1})], "m", "f"), Param, r"keys\[0\] \(Apply\): unknown key 'tll'"),
    "args of a meta": (lambda k: ([(k[0], {"args": "x"})], "m", "f"), TypeError, r"batch_apply: keys\[0\]: args"),
    "no meta": (lambda k: ([(k[0], 7)], "m", "f"), TypeError, r"batch_apply: keys\[0\]: a meta is a dict"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_are_refused_before_anything_is_sent(
    node: Any, client: Any, keys: Any, name: str
) -> None:
    arguments, error, text = BAD_CALLS[name]
    before = requests(node)
    with pytest.raises(error, match=text):
        client.batch_apply(*arguments(keys))
    assert requests(node) == before


def test_a_set_of_a_call_needs_a_namespace(client: Any, keys: Any) -> None:
    with pytest.raises(Param, match="batch_apply: set_name needs a namespace"):
        client.batch_apply(keys, "m", "f", set_name=SET)
