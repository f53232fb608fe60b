"""batch_transform: read, a function of the array, written back where nobody was faster."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, server

import aerospike_np as aerospike
from aerospike_np import Keys, exception, exp
from aerospike_np._client import _run_steps
from aerospike_np._operations import OPERATIONS
from aerospike_np.local import LocalNode

N = 20
DTYPE = np.dtype([("a", "i8"), ("x", "f8")])
Param = exception.InvalidArgError
_sets = iter(range(10**6))


@pytest.fixture(scope="module")
def client() -> Iterator[aerospike.Client]:
    with server("transform") as node, node.client() as client:
        yield client


@pytest.fixture
def keys(client: aerospike.Client) -> Keys:
    """N records, of which the last five are missing."""
    name = f"transform{next(_sets)}"
    for i in range(N - 5):
        client.put((NAMESPACE, name, i), {"a": i, "x": i / 2, "s": "other"})
    return Keys(NAMESPACE, name, np.arange(N))


def put(client: aerospike.Client, keys: Keys, row: int, bins: dict[str, Any]) -> None:
    """Another writer, from inside of a function that an event loop calls too."""
    core = client._core
    core.run(core.put(keys[row], bins, None, None))


def remove(client: aerospike.Client, keys: Keys, row: int) -> None:
    core = client._core
    core.run(core.remove(keys[row], None, None))


def column(client: aerospike.Client, keys: Keys, name: str = "a") -> list[Any]:
    found = client.batch_read(keys)
    return [found.get(i, {}).get(name) for i in range(len(keys))]


def double(rows: Any) -> Any:
    rows["a"] *= 2
    return rows


def test_what_a_function_makes_of_the_records_is_written(
    client: aerospike.Client, keys: Keys
) -> None:
    done = client.batch_transform(keys, double, DTYPE)
    assert done.result_codes.tolist() == [0] * (N - 5) + [2] * 5
    assert done.gen.tolist() == [2] * (N - 5) + [0] * 5
    assert done.rounds.tolist() == [1] * N
    assert done.attempts.tolist() == [1] * (N - 5) + [0] * 5
    assert column(client, keys) == [2 * i for i in range(N - 5)] + [None] * 5
    assert column(client, keys, "s")[:2] == ["other", "other"]


def test_lists_of_key_tuples_and_matrices(client: aerospike.Client, keys: Keys) -> None:
    tuples = [keys[i] for i in range(3)]
    done = client.batch_transform(tuples, lambda rows: rows + 1, "f8", bins=["x"])
    assert done.result_codes.tolist() == [0, 0, 0]
    assert column(client, keys, "x")[:4] == [1.0, 1.5, 2.0, 1.5]
    masked = client.batch_transform(
        tuples, lambda rows: np.ma.masked_greater(rows, 1.5) * 10, "f8", bins=["x"], with_mask=True
    )
    assert masked.attempts.tolist() == [1, 1, 0]
    assert column(client, keys, "x")[:3] == [10.0, 15.0, 2.0]


def test_other_fields_and_shapes_may_be_returned(client: aerospike.Client, keys: Keys) -> None:
    for n, returned in enumerate(
        [
            lambda rows: {"sum": rows["a"] + rows["x"], "_note": rows["a"]},
            lambda rows: np.rec.fromarrays([rows["a"] + rows["x"]], names="sum"),
            lambda rows: pytest.importorskip("pandas").DataFrame({"sum": rows["a"] + rows["x"]}),
        ]
    ):
        client.batch_transform(keys, returned, DTYPE).result_codes.tolist()
        assert column(client, keys, "sum")[: N - 5] == [1.5 * i for i in range(N - 5)], n
        assert column(client, keys, "_note")[0] is None


def test_fields_go_back_to_the_bins_they_came_from(client: aerospike.Client, keys: Keys) -> None:
    client.batch_transform(
        keys, lambda rows: {"number": rows["number"] + 1}, [("number", "i8")], bins={"number": "a"}
    )
    assert column(client, keys)[:3] == [1, 2, 3]
    assert column(client, keys, "number")[0] is None


# ---- races ----


class Rival:
    """Writes to records while the function has them."""

    def __init__(self, client: aerospike.Client, keys: Keys, rows: dict[int, int]) -> None:
        self.client, self.keys, self.rows = client, keys, dict(rows)
        self.seen: list[list[int]] = []

    def __call__(self, rows: Any, which: Any) -> Any:
        self.seen.append(which.tolist())
        for row, times in self.rows.items():
            if times and row in which:
                put(self.client, self.keys, row, {"a": 1000 * times})
                self.rows[row] -= 1
        rows["a"] += which
        return rows


def test_only_rows_that_lost_are_read_and_transformed_again(
    client: aerospike.Client, keys: Keys
) -> None:
    rival = Rival(client, keys, {3: 1, 7: 2, 9: 3})
    done = client.batch_transform(keys, rival, DTYPE, 3, with_rows=True)
    assert rival.seen == [list(range(N)), [3, 7, 9], [7, 9], [9]]
    assert done.result_codes.tolist() == [0] * (N - 5) + [2] * 5
    assert done.rounds[[2, 3, 7, 9]].tolist() == [1, 2, 3, 4]
    assert done.attempts[[2, 3, 7, 9]].tolist() == [1, 2, 3, 4]
    assert not done.in_doubt.any()
    assert [column(client, keys)[i] for i in (2, 3, 7, 9)] == [4, 1003, 1007, 1009]


def test_rows_that_lose_each_round_end_with_code_3(client: aerospike.Client, keys: Keys) -> None:
    rival = Rival(client, keys, {3: 9})
    done = client.batch_transform(keys, rival, DTYPE, 1, with_rows=True)
    assert done.failed.tolist() == [3, *range(N - 5, N)]
    assert (done.result_codes[3], done.rounds[3]) == (3, 2)
    assert column(client, keys)[3] == 8000
    with pytest.raises(exception.RecordGenerationError, match="batch_transform of their keys"):
        done.raise_for_status()
    with pytest.raises(exception.ClientError, match="call batch_transform"):
        done.retry_failed()
    assert (
        client.batch_transform(
            keys, Rival(client, keys, {3: 1}), DTYPE, 0, with_rows=True
        ).result_codes[3]
        == 3
    )


def test_a_record_that_is_removed_meanwhile_is_not_made_anew(
    client: aerospike.Client, keys: Keys
) -> None:
    def fn(rows: Any) -> Any:
        if len(rows) == N:
            remove(client, keys, 4)
        return double(rows)

    done = client.batch_transform(keys, fn, DTYPE)
    assert (done.result_codes[4], done.rounds[4], done.attempts[4]) == (2, 2, 1)
    assert column(client, keys)[4] is None


@pytest.mark.parametrize("others", [0, 1])
def test_missing_records_are_made_if_wanted_once(
    client: aerospike.Client, keys: Keys, others: int
) -> None:
    seen = []

    def fn(rows: Any) -> Any:
        seen.append(rows["a"].tolist())
        if len(rows) == N and others:
            put(client, keys, N - 1, {"a": 70})
        return {"a": rows["a"] + 1}

    done = client.batch_transform(keys, fn, DTYPE, create=True, fill={"a": -10})
    assert seen[0] == [*range(N - 5), *[-10] * 5]
    assert seen[1:] == [[70]] * others
    assert done.result_codes.tolist() == [0] * N
    last = 71 if others else -9
    assert column(client, keys) == [*range(1, N - 4), -9, -9, -9, -9, last]


def test_a_transform_inside_of_a_transform_loses_no_step(
    client: aerospike.Client, keys: Keys
) -> None:
    def outer(rows: Any) -> Any:
        if len(calls) < 3:
            calls.append(len(rows))
            work = OPERATIONS["batch_transform"](
                client, keys, lambda rows: {"a": rows["a"] + 1}, DTYPE
            )
            _run_steps(client._core, work.steps())
        return {"a": rows["a"] + 1}

    calls: list[int] = []
    before = column(client, keys)[: N - 5]
    done = client.batch_transform(keys, outer, DTYPE, 10)
    assert (done.result_codes[: N - 5] == 0).all()
    assert set(done.rounds[: N - 5].tolist()) == {4}
    assert column(client, keys)[: N - 5] == [a + 1 + 3 for a in before]


# ---- what is left as it is ----


def test_none_leaves_all_as_it_is(client: aerospike.Client, keys: Keys) -> None:
    done = client.batch_transform(keys, lambda rows: None, DTYPE)
    assert done.result_codes.tolist() == [0] * (N - 5) + [2] * 5
    assert done.attempts.tolist() == [0] * N
    assert client.exists(keys[0]).meta.gen == 1


def test_masked_rows_and_values_are_left_as_they_are(client: aerospike.Client, keys: Keys) -> None:
    def fn(rows: Any) -> Any:
        made = np.ma.array(rows.copy(), mask=False)
        made["a"] = 50
        made["a"][rows["a"] % 2 == 0] = np.ma.masked
        made["x"][rows["a"] % 3 == 0] = np.ma.masked
        return made

    done = client.batch_transform(keys, fn, DTYPE)
    attempts = [0 if i % 6 == 0 else 1 for i in range(N - 5)]
    assert done.attempts[: N - 5].tolist() == attempts
    assert done.result_codes[: N - 5].tolist() == [0] * (N - 5)
    assert column(client, keys)[: N - 5] == [i if i % 2 == 0 else 50 for i in range(N - 5)]


def test_a_missing_bin_stays_missing_unless_the_function_sees_masks(
    client: aerospike.Client, keys: Keys
) -> None:
    put(client, keys, 0, {"x": None})
    client.batch_transform(keys, lambda rows: {"x": rows["x"] + 1, "a": rows["a"] + 1}, DTYPE)
    assert column(client, keys, "x")[:2] == [None, 1.5]
    assert column(client, keys)[:2] == [1, 2]
    seen = []

    def fill(rows: Any) -> Any:
        seen.append(rows["x"].mask.tolist()[:2])
        return {"x": rows["x"].filled(9.0)}

    client.batch_transform(keys, fill, DTYPE, with_mask=True)
    assert seen == [[True, False]]
    assert column(client, keys, "x")[:2] == [9.0, 1.5]


def test_times_to_live_are_kept_unless_one_is_given(client: aerospike.Client, keys: Keys) -> None:
    client.put(keys[0], {"a": 1}, meta={"ttl": 1000})
    client.batch_transform(keys, double, DTYPE)
    assert client.exists(keys[0]).meta.ttl in range(990, 1001)
    client.batch_transform(keys, double, DTYPE, ttl=50)
    assert client.exists(keys[0]).meta.ttl in (49, 50)


def test_policies_reach_both_halves(client: aerospike.Client, keys: Keys) -> None:
    policy = {"expressions": exp.int_bin("a") > 5}
    done = client.batch_transform(keys, double, DTYPE, policy=policy)
    assert done.result_codes.tolist() == [27] * 6 + [0] * (N - 11) + [2] * 5
    done = client.batch_transform(
        keys, double, DTYPE, policy_batch_write={"exists": aerospike.POLICY_EXISTS_CREATE}
    )
    assert set(done.result_codes[: N - 5].tolist()) == {5}


def test_types_go_back_as_they_are_asked_to(client: aerospike.Client, keys: Keys) -> None:
    put(client, keys, 0, {"s": "text", "l": [1, 2]})
    dtype = [("s", "S4"), ("l", "i8", 2)]
    one = Keys(NAMESPACE, keys.set_name, [0])
    client.batch_transform(one, lambda rows: rows, dtype, bytes_as="str", subarrays="list")
    assert client.get(keys[0]).bins == {"a": 0, "x": 0.0, "s": "text", "l": [1, 2]}


# ---- what goes wrong ----


def test_a_value_that_does_not_fit_stops_before_anything_is_written(
    client: aerospike.Client, keys: Keys
) -> None:
    with pytest.raises(
        exception.ConversionError, match="'s' of key .*nothing of this round"
    ) as caught:
        client.batch_transform(keys, lambda rows: rows, [("a", "i8"), ("s", "i8")])
    assert caught.value.partial.attempts.tolist() == [0] * N
    assert caught.value.bin == "s"


def test_an_error_of_the_function_is_its_own(client: aerospike.Client, keys: Keys) -> None:
    def fail(rows: Any) -> Any:
        if len(rows) <= fails_at:
            raise ZeroDivisionError("mine")
        put(client, keys, 1, {"a": 10})
        return double(rows)

    fails_at = N
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        client.batch_transform(keys, fail, DTYPE)
    assert not hasattr(caught.value, "partial")
    assert column(client, keys)[:3] == [0, 1, 2]
    fails_at = N - 1
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        client.batch_transform(keys, fail, DTYPE)
    assert caught.value.partial.result_codes[:3].tolist() == [0, 3, 0]
    assert column(client, keys)[:3] == [0, 10, 4]


@pytest.mark.needs_embedded("a node that is stopped")
def test_a_failure_says_what_was_written() -> None:
    with (
        LocalNode() as node,
        node.client({"policies": {"batch": {"total_timeout": 300}}}) as client,
    ):
        keys = Keys("test", "transform", np.arange(5))
        client.batch_write_numpy({"_key": np.arange(5), "a": np.arange(5)}, "test", "transform")
        calls: list[int] = []

        def fn(rows: Any) -> Any:
            calls.append(len(rows))
            if len(calls) == 1:
                put(client, keys, 2, {"a": 7})
            else:
                client._core.close(0)
            rows["a"] += 1
            return rows

        with pytest.raises(exception.AerospikeError) as caught:
            client.batch_transform(keys, fn, [("a", "i8")])
        assert calls == [5, 1]
        assert caught.value.partial.result_codes[[0, 1, 3, 4]].tolist() == [0] * 4
        assert caught.value.partial.result_codes[2] != 0


async def _awaited(rows: Any) -> Any:
    return rows


@pytest.mark.parametrize(
    ("fn", "error", "words"),
    [
        (5, TypeError, "fn is a function of an array, not int"),
        (_awaited, TypeError, "fn is a plain function"),
        (lambda rows: rows[:3], Param, "fn got 20 rows, and returned 3"),
        (lambda rows: 5, TypeError, "fn returned this: data is a structured array"),
        (lambda rows: rows["a"], TypeError, "has no fields"),
        (lambda rows: {"_a": rows["a"]}, Param, "returned no field that is a bin"),
        (lambda rows: {"a_name_far_too_long": rows["a"]}, Exception, "19 bytes"),
        (lambda rows: {"a": rows["a"] + 1j}, TypeError, "complex128"),
        (lambda rows: {"a": np.full(N, 2**63, "u8")}, Param, "batch_transform: row 0, field a"),
    ],
)
def test_what_a_function_may_not_return_is_named_and_nothing_is_written(
    client: aerospike.Client, keys: Keys, fn: Callable[..., Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.batch_transform(keys, fn, DTYPE)
    assert client.exists(keys[1]).meta.gen == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"retries": -1}, Param, "retries"),
        ({"retries": True}, Param, "retries"),
        ({"ttl": 2**40}, Param, "batch_transform: ttl"),
        ({"ttl": None}, TypeError, "batch_transform: ttl must be an integer"),
        ({"bytes_as": "x"}, Param, "batch_transform: bytes_as"),
        ({"_dtype": None}, TypeError, "batch_transform: _dtype is the dtype"),
        ({"bins": ["x"]}, Param, "batch_transform: bins=.* leaves out field 'a'"),
        ({"policy": 3}, TypeError, "batch_transform: a policy is a dict, not int"),
        ({"policy": {"replca": 0}}, Param, "batch_transform: unknown key 'replca'.*'replica'"),
        ({"policy_batch_write": 3}, TypeError, "batch_transform: a policy is a dict, not int"),
        ({"policy_batch_write": {"exsts": 0}}, Param, "batch_transform: unknown key 'exsts'"),
        ({"policy_batch_write": {"gen": aerospike.POLICY_GEN_GT}}, Param, "'gen' out of the policy"),
    ],
)
def test_options_that_are_wrong_are_named(
    client: aerospike.Client, keys: Keys, options: Any, error: type[Exception], words: str
) -> None:
    seen: list[Any] = []
    with pytest.raises(error, match=words):
        client.batch_transform(keys, seen.append, **{"_dtype": DTYPE, **options})
    assert not seen


def test_a_result_pickles(client: aerospike.Client, keys: Keys) -> None:
    done = client.batch_transform(keys, double, DTYPE)
    copy = pickle.loads(pickle.dumps(done))
    assert copy.rounds.tolist() == done.rounds.tolist()
    assert copy.result_codes.tolist() == done.result_codes.tolist()
    assert repr(copy).startswith("TransformResult(count=20, failed=5")


def test_no_keys_at_all(client: aerospike.Client) -> None:
    assert len(client.batch_transform(Keys(NAMESPACE, "none", []), double, DTYPE)) == 0


def test_random_rivals_never_lose_a_write(client: aerospike.Client, keys: Keys) -> None:
    """Adding is what shows a lost write: the sums must be those of all who added."""
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)
    rng = random.Random(seed)
    wanted = dict(enumerate(column(client, keys)[: N - 5]))

    def fn(rows: Any, which: Any) -> Any:
        for row in which:
            if row < N - 5 and rng.random() < 0.4:
                step = rng.randrange(100)
                core = client._core
                core.run(
                    core.write_ops("increment", keys[int(row)], [(5, "a", step)], None, None, None)
                )
                wanted[int(row)] += step
        rows["a"] += 1
        return rows

    done = client.batch_transform(keys, fn, DTYPE, 100, with_rows=True)
    for row in wanted:
        assert done.result_codes[row] == 0
        wanted[row] += 1
    assert column(client, keys)[: N - 5] == list(wanted.values())
