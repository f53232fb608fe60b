"""batch_operate: the same operations on many records, each row with its own end."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import operation_calls
import pytest
from fake_server import END, FakeServer, frame, row
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import Keys, exception, exp
from aerospike_np.helpers.operations import (
    expression_operations,
    list_operations,
    map_operations,
    operations,
)

SET = "batchops"
pytestmark = pytest.mark.sets(SET)
WHERE: dict[str, Any] = {"namespace": NAMESPACE, "set_name": SET}
ADD = [operations.increment("n", 10), operations.read("n")]
Param = exception.InvalidArgError


@pytest.fixture
def keys(client: aerospike.Client) -> list[tuple[str, str, int]]:
    """Five keys; the last has no record."""
    made = [(NAMESPACE, SET, i) for i in range(5)]
    rows = [(key, {"n": key[2], "l": [key[2]], "m": {"a": 1}}) for key in made[:-1]]
    client.batch_write(rows, policy={"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE})
    client.batch_remove(made[-1:])
    return made


def test_rows_come_back_with_the_results_in_the_order_of_the_keys(client: Any, keys: Any) -> None:
    got = client.batch_operate(keys[::-1], ADD)
    assert [record.record.bins for record in got.batch_records] == [
        {"n": n} for n in (10, 13, 12, 11, 10)
    ]
    assert [record.key.user_key for record in got.batch_records] == [4, 3, 2, 1, 0]
    assert got.batch_records[0].record.meta.gen == 1
    assert got.gen.tolist() == [1] + [client.get(key).meta.gen for key in keys[3::-1]]
    assert got.result_codes.tolist() == [0] * 5 and got.result == 0
    assert got.attempts.tolist() == [1] * 5 and not got.in_doubt.any()
    assert client.get(keys[3]).bins["n"] == 13


def test_rows_are_found_by_key_also_after_a_pickle(client: Any, keys: Any) -> None:
    got = client.batch_operate(Keys(NAMESPACE, SET, np.arange(5)), [operations.read("n")])
    for result in (got, pickle.loads(pickle.dumps(got))):
        assert result.get(3) == {"n": 3} and result.get((NAMESPACE, SET, 2)) == {"n": 2}
        assert 3 in result and 4 not in result and result.get(4, "none") == "none"
        assert list(result.keys()) == [0, 1, 2, 3] and len(result) == 5
        assert result.to_dict() == {i: {"n": i} for i in range(4)}
        assert result.result_codes.tolist() == [0, 0, 0, 0, 2] and result.result == 0


def test_of_several_results_of_one_bin_the_last_that_is_not_none_counts(
    client: Any, keys: Any
) -> None:
    ops = [
        operations.read("n"),
        operations.increment("n", 1),
        operations.read("n"),
        operations.write("n", 50),
        list_operations.list_append("l", 9),
        operations.read("l"),
        map_operations.map_get_by_key("m", "no", aerospike.MAP_RETURN_VALUE),
        operations.write("w", 1),
    ]
    got = client.batch_operate(keys[:1], ops)
    assert got.get(0) == {"n": 1, "l": [0, 9], "m": None, "w": None}
    assert client.get(keys[0]).bins["n"] == 50


def test_operations_on_the_whole_record_have_no_result(client: Any, keys: Any) -> None:
    ops = [operations.delete(), operations.write("n", 7), operations.touch(), operations.read("n")]
    assert client.batch_operate(keys[:1], ops).get(0) == {"n": 7}
    assert client.batch_operate(keys[:1], [operations.delete()]).get(0) == {}
    assert client.exists(keys[0]).meta is None


def test_all_bins_come_with_a_read_without_a_name(client: Any, keys: Any) -> None:
    got = client.batch_operate(keys[:2], [operations.increment("n", 1), operations.read("")])
    assert got.get(1) == {"n": 2, "l": [1], "m": {"a": 1}}
    assert client.batch_operate(keys[:2], [operations.read("")]).get(1) == got.get(1)


def test_a_batch_read_takes_no_operation_that_writes(client: Any, node: Any, keys: Any) -> None:
    before = requests(node)
    with pytest.raises(Param, match=r"batch_read: .*'bin': 'n'.* writes; batch_operate takes it"):
        client.batch_read(keys, ADD)
    assert requests(node) == before


def test_each_row_keeps_its_own_code(client: Any, keys: Any) -> None:
    client.put(keys[1], {"n": "text"})
    client.put(keys[2], {"n": None, "x": 1})
    got = client.batch_operate(keys, ADD, {"exists": aerospike.POLICY_EXISTS_UPDATE})
    assert got.result_codes.tolist() == [0, 12, 0, 0, 2]
    assert got.failed.tolist() == [1, 4] and got.result == -16
    assert got.batch_records[1].record is None and not got.in_doubt.any()
    with pytest.raises(exception.BinIncompatibleType, match="1 with code 12"):
        got.raise_for_status()


def test_policies_of_a_write_count(client: Any, keys: Any) -> None:
    def codes(*policies: Any, **more: Any) -> list[int]:
        return client.batch_operate(keys[3:], ADD, *policies, **more).result_codes.tolist()  # type: ignore[no-any-return]

    create, update = {"exists": 1}, {"exists": 2}
    assert codes(create) == [5, 0]
    client.remove(keys[4])
    assert codes(update) == [0, 2]
    assert codes(create, update) == [0, 2]  # the second wins
    assert codes(policy_batch=update) == [0, 2]
    assert codes({"gen": aerospike.POLICY_GEN_EQ}) == [3, 0]  # nobody said which
    client.remove(keys[4])
    assert codes({"commit_level": 1, "ttl": 1000, "key": aerospike.POLICY_KEY_SEND}) == [0, 0]
    assert 990 <= client.get(keys[4]).meta.ttl <= 1000
    assert codes(None, {"ttl": 1000}, 2000) == [0, 0]
    assert 1990 <= client.get(keys[4]).meta.ttl <= 2000
    touched = [operations.touch(3000), operations.read("n")]
    client.batch_operate(keys[3:4], touched, {"ttl": 1000}, ttl=2000)
    assert 2990 <= client.get(keys[3]).meta.ttl <= 3000


def test_policies_of_the_client_are_those_of_its_kind(node: Any, keys: Any) -> None:
    policies = {"batch_write": {"exists": 1}, "batch": {"filter_expression": exp.int_bin("n") > 1}}
    with node.client({"policies": policies}) as client:
        assert client.batch_operate(keys[:2], ADD).result_codes.tolist() == [5, 5]
        got = client.batch_operate(keys, [operations.read("n")], {"exists": 1})
        assert got.result_codes.tolist() == [27, 27, 0, 0, 2] and got.result == 0


def test_a_filter_leaves_rows_as_they_are(client: Any, keys: Any) -> None:
    even = exp.int_bin("n") % 2 == 0
    odd = exp.int_bin("n") % 2 == 1
    assert client.batch_operate(keys[:4], ADD, {"expressions": even}).result_codes.tolist() == [
        0,
        27,
        0,
        27,
    ]
    got = client.batch_operate(keys[:4], ADD, {"expressions": even}, {"expressions": odd})
    assert got.result_codes.tolist() == [27, 0, 27, 0]
    assert [client.get(key).bins["n"] for key in keys[:4]] == [10, 11, 12, 13]


def test_expressions_are_read_and_written(client: Any, keys: Any) -> None:
    twice = exp.int_bin("n") * 2
    ops = [
        expression_operations.expression_write("twice", twice),
        expression_operations.expression_read("more", exp.int_bin("twice") + 1),
    ]
    got = client.batch_operate(keys[:4], ops)
    assert [got.get(i)["more"] for i in range(4)] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    "given",
    [
        lambda: (np.arange(4), WHERE),
        lambda: ([0, 1, 2, 3], WHERE),
        lambda: (Keys(NAMESPACE, SET, range(4)), {}),
        lambda: (Keys(NAMESPACE, SET, range(4)).digests(), WHERE),
    ],
    ids=["array", "list", "Keys", "digests"],
)
def test_keys_are_given_as_to_a_read(client: Any, keys: Any, given: Any) -> None:
    some, where = given()
    got = client.batch_operate(some, ADD, **where)
    assert [record.record.bins["n"] for record in got.batch_records] == [10, 11, 12, 13]
    assert client.batch_operate(some, ADD[1:], **where).result_codes.tolist() == [0] * 4


def test_no_keys_are_an_empty_result(client: Any) -> None:
    for ops in (ADD, ADD[1:]):
        got = client.batch_operate([], ops)
        assert len(got) == 0 and got.result == 0 and got.to_dict() == {}


VALUES: list[Any] = [
    5, "text", b"\x01\x42\x03\x04", [1, 2, [3, 4], {"k": [5]}], {"k": {"a": 1}, 1: [2, 3], "z": 5}, None,
]  # fmt: skip


def alone(client: Any, key: Any, ops: Any) -> tuple[int, Any]:
    """The code, and what the operations come to on one record."""
    try:
        pairs = client.operate_ordered(key, ops).ordered_bins
    except exception.AerospikeError as error:
        return error.code, None
    return 0, {name: value for name, value in pairs if value is not None}


def test_every_operation_comes_to_what_it_does_on_one_record(client: Any) -> None:
    """The calls of test_operate_bytes, on bins of each type, three times: alone, and in two kinds of batches."""
    apart, records, arrays = (
        [(NAMESPACE, SET, f"{kind}{i}") for i in range(len(VALUES))] for kind in "xyz"
    )
    everything = [*apart, *records, *arrays]
    names = operation_calls.our_names()
    for call in operation_calls.recorded():
        ops = eval(call, dict(names))
        client.batch_write(
            [(key, {"b": VALUES[i % 6], "other": i % 6}) for i, key in enumerate(everything)],
            policy={"exists": aerospike.POLICY_EXISTS_CREATE_OR_REPLACE},
        )
        want = [alone(client, key, ops) for key in apart]
        got = client.batch_operate(records, ops)
        bins = [record.record and record.record.bins for record in got.batch_records]
        found = [one and {k: v for k, v in one.items() if v is not None} for one in bins]
        assert list(zip(got.result_codes.tolist(), found, strict=True)) == want, call
        if all(one.get("bin") == "b" for one in ops):
            table = client.batch_operate(arrays, ops, _dtype=[("b", "O")])
            assert table.result_codes.tolist() == got.result_codes.tolist(), call
            assert table["b"].tolist() == [None if one is None else one.get("b") for one in bins], (
                call
            )
        else:
            client.batch_operate(arrays, ops)
        left = [
            record.record and record.record.bins
            for record in client.batch_read(everything).batch_records
        ]
        assert left[:6] == left[6:12] == left[12:], call


BAD = {
    "no operations": (lambda: {"ops": []}, Param, "0 operations; a request takes 1"),
    "a dict": (lambda: {"ops": {"op": 0}}, TypeError, "batch_operate: ops is a list of operations, not dict"),
    "no dict": (lambda: {"ops": [*ADD, 7]}, TypeError, "batch_operate: operation 2: an operation is a dict"),
    "no such operation": (lambda: {"ops": [{"op": 99_999}]}, Param, "batch_operate: operation 0"),
    "a wrong value": (lambda: {"ops": [{"op": 6, "bin": "n", "val": "x"}]}, Param, "operation 0 .increment.*'val'"),
    "a policy": (lambda: {"policy": {"exist": 1}}, Param, "batch_operate: .*exists"),
    "a policy over it": (lambda: {"policy_batch_write": 7}, TypeError, "batch_operate: a policy or meta is a dict"),
    "a ttl": (lambda: {"ttl": "long"}, Param, "batch_operate: ttl must be an integer"),
    "two policies": (lambda: {"policy": {}, "policy_batch": {}}, Param, "policy and policy_batch"),
    "retry": (lambda: {"retry": -1}, Param, "retry must be an integer"),
    "keys": (lambda: {"keys": 7}, TypeError, "batch_operate: keys is a list of"),
    "a key": (lambda: {"keys": [(NAMESPACE, SET, 1), (NAMESPACE, SET)]}, Param, r"keys\[1\]"),
    "a set": (lambda: {"set_name": SET}, Param, "batch_operate: set_name needs a namespace"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_anything_is_sent(
    node: Any, client: Any, keys: Any, name: str
) -> None:
    given, error, text = BAD[name]
    before = requests(node)
    with pytest.raises(error, match=text):
        client.batch_operate(**{"keys": keys, "ops": ADD, **given()})
    assert requests(node) == before


# ---- what is lost on the way ----

needs_embedded = pytest.mark.needs_embedded("a server that does not answer")


@needs_embedded
def test_rows_without_an_answer_are_in_doubt_only_where_they_write() -> None:
    def answer(body: bytes) -> bytes:
        return frame(row(b"", n_ops=0, index=0)) + END

    keys = [("test", SET, i) for i in range(3)]
    with FakeServer(answer) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        with pytest.raises(exception.NoResponse) as caught:
            client.batch_operate(keys, ADD)
        got = caught.value.partial
        assert got.result_codes.tolist() == [0, -15, -15]
        assert got.in_doubt.tolist() == [False, True, True] and got.attempts.tolist() == [1, 1, 1]
        assert fake.requests == 1 and got.retry_failed() is got and fake.requests == 1
        got = client.batch_operate(keys, ADD[1:])
        assert got.result_codes.tolist() == [0, 0, 0]  # a read is asked again, here row by row
        assert not got.in_doubt.any()


@needs_embedded
def test_silence_leaves_the_rows_of_a_write_in_doubt() -> None:
    keys = [("test", SET, i) for i in range(3)]
    with FakeServer() as fake, aerospike.client({"hosts": [fake.address]}) as client:
        for ops, doubt in ((ADD, True), (ADD[1:], False)):
            before = fake.requests
            for milliseconds in (
                150,
                1500,
                15_000,
            ):  # until it has been sent before its time is over
                policy = {"total_timeout": milliseconds, "max_retries": 0}
                with pytest.raises(exception.AerospikeTimeoutError) as caught:
                    client.batch_operate(keys, ops, policy)
                if fake.requests > before:
                    break
            partial = caught.value.partial
            assert partial.in_doubt.tolist() == [doubt] * 3 and caught.value.in_doubt is doubt
            assert partial.batch_records[0].record is None and partial.to_dict() == {}


@needs_embedded
def test_rows_that_are_safe_are_sent_again_and_their_results_are_taken_in() -> None:
    """Row 1 is busy at first; what is sent again is a batch of that row alone."""
    seen: list[int] = []

    def answer(body: bytes) -> bytes:
        seen.append(int.from_bytes(body[27:31], "big"))
        value = b"\0\0\0\x0d\x01\x01\0\x01n" + len(seen).to_bytes(8, "big")
        good = [row(value, index=i) for i in range(seen[-1])]
        if len(seen) in (1, 3):
            good[1] = row(b"", n_ops=0, index=1, code=14)
        return frame(*good) + END

    keys = [("test", SET, i) for i in range(3)]
    with FakeServer(answer) as fake, aerospike.client({"hosts": [fake.address]}) as client:
        got = client.batch_operate(keys, ADD, retry=1)
        assert seen == [3, 1] and got.to_dict() == {0: {"n": 1}, 1: {"n": 2}, 2: {"n": 1}}
        assert got.attempts.tolist() == [1, 2, 1]
        got = client.batch_operate(keys, ADD)
        assert got.result_codes.tolist() == [0, 14, 0] and got.get(1) is None
        got.retry_failed().raise_for_status()
        assert seen == [3, 1, 3, 1] and got.get(1) == {"n": 4}
        assert got.batch_records[1].record.bins == {"n": 4}


@pytest.mark.needs_embedded("a cluster of its own")
def test_many_windows_on_three_nodes() -> None:
    from aerospike_np.local import LocalCluster

    n = 60_000
    rows = np.zeros(n, [("_key", "i8"), ("n", "i8")])
    rows["_key"] = rows["n"] = np.arange(n)
    with LocalCluster(nodes=3) as cluster, cluster.client() as client:
        client.batch_write_numpy(rows, "test", SET).raise_for_status()
        keys = Keys("test", SET, np.arange(n))
        got = client.batch_operate(keys, ADD)
        assert (got.result_codes == 0).all() and (got.gen == 2).all() and got.attempts.max() == 1
        assert [got.batch_records[i].record.bins["n"] for i in (0, 1, n // 2, n - 1)] == [
            10, 11, n // 2 + 10, n + 9,
        ]  # fmt: skip
        there = client.batch_read(keys, _dtype=[("n", "i8")])
        assert (there.batch_records["n"] == np.arange(n) + 10).all()
