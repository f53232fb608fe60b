"""refresh(): a result read again in place, as far as its records have changed."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE
from until import until

import aerospike_np as aerospike
from aerospike_np import Keys, _refresh, exception, exp
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.sets("refresh")

SET = "refresh"
N = 40
DTYPE = np.dtype([("a", "i4"), ("b", "f8"), ("s", "S8"), ("v", "f4", 3)])
OBJECTS = np.dtype([("a", "i8"), ("o", "O")])


@pytest.fixture
def keys(client: aerospike.Client) -> Keys:
    """N records, of which the last five are missing; each test's are its own."""
    return records(client)


_sets = iter(range(10**6))


def records(client: aerospike.Client) -> Keys:
    name = f"{SET}{next(_sets)}"
    for i in range(N - 5):
        client.put((NAMESPACE, name, i), bins_of(i), meta={"ttl": 1000 if i % 3 == 0 else -1})
    return Keys(NAMESPACE, name, np.arange(N))


def bins_of(i: int) -> dict[str, Any]:
    return {"a": i, "b": i / 2, "s": f"s{i}", "v": [float(i)] * 3, "o": {"i": [i]}}


def key(keys: Keys, i: int) -> tuple[str, str, int]:
    return keys.namespace, keys.set_name, i


def wait_until_old(client: aerospike.Client, keys: Keys, ms: int = 600) -> None:
    """Until all records were written so long ago that a refresh does not ask for them."""
    age = {"age": exp.since_update()}

    def is_old() -> bool:
        got = client.batch_read(keys, _dtype=[("age", "i8")], compute=age)
        return bool((got["age"][got.ok] > ms).all())

    until(is_old)


def same(found: Any, fresh: Any) -> None:
    """A refreshed result is what a new read gives."""
    assert rows_of(found) == rows_of(fresh)
    left, right = found.meta["ttl"].astype(np.int64), fresh.meta["ttl"].astype(np.int64)
    assert (abs(left - right) <= 2).all(), (left, right)
    assert found.ok.tolist() == fresh.ok.tolist()
    assert list(found.keys()) == list(fresh.keys())


# ---- what changes ----


def change(client: aerospike.Client, keys: Keys, rng: random.Random) -> None:
    """Writes, deletes, touches and creates at random."""
    for i in rng.sample(range(N), 12):
        where = key(keys, i)
        there = client.exists(where).meta is not None
        what = rng.choice(["put", "remove", "touch", "same", "again", "remove bin"])
        if what == "put" or not there:
            client.put(where, {"a": rng.randrange(1000), "b": rng.random()})
        elif what == "remove":
            client.remove(where)
        elif what == "touch":
            client.touch(where, 500)
        elif what == "same":
            client.put(where, bins_of(i))
        elif what == "remove bin":
            client.remove_bin(where, ["s"])
        else:  # the same generation, other values
            gen = client.exists(where).meta.gen
            client.remove(where)
            for _ in range(gen):
                client.put(where, {"a": rng.randrange(1000)})


def rows_of(found: Any) -> list[str]:
    """All that there is of each row but the time to live, as text."""
    columns = [
        (np.asarray(column[i]).tolist(), bool(found._column_mask(name)[i]))
        for i in range(N)
        for name, column in found.columns.items()
    ]
    k = len(found.columns)
    return [
        repr((int(code), int(gen), columns[i * k : i * k + k]))
        for i, (code, gen) in enumerate(zip(found.result_codes, found.meta["gen"], strict=True))
    ]


READS: dict[str, dict[str, Any]] = {
    "rows": {"_dtype": DTYPE},
    "columns": {"_dtype": DTYPE, "layout": "columns", "fill": {"a": -1}},
    "a matrix": {"_dtype": "f8", "bins": ["a", "b"]},
    "renamed": {
        "_dtype": [("number", "i8"), ("s", "U8")],
        "bins": {"number": "a"},
        "errors": "mask",
    },
    "computed": {"_dtype": [("twice", "i8")], "compute": {"twice": exp.int_bin("a") * 2}},
    "objects": {"_dtype": OBJECTS},
    "none": {"_dtype": [("nothing", "i8")]},
}


@pytest.mark.parametrize("how", READS)
def test_a_refreshed_result_is_what_a_new_read_gives(client: aerospike.Client, how: str) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print("seed", seed)
    rng, keys, read = random.Random(seed), records(client), READS[how]
    found = client.batch_read(keys, **read)
    data, before = found.batch_records, client.batch_read(keys, **read)
    for _ in range(4):
        change(client, keys, rng)
        changed = found.refresh()
        fresh = client.batch_read(keys, **read)
        same(found, fresh)
        assert found.batch_records is data
        pairs = zip(rows_of(before), rows_of(fresh), strict=True)
        wanted = np.array([one != other for one, other in pairs])
        assert (changed[wanted]).all()
        if how != "objects":  # they are not compared
            assert changed.tolist() == wanted.tolist()
        before = fresh


def test_lists_of_key_tuples_of_several_sets_are_refreshed(client: aerospike.Client) -> None:
    one, other = records(client), records(client)
    tuples = [key(k, i) for i in range(N) for k in (one, other)]
    found = client.batch_read(tuples, _dtype=DTYPE)
    client.put(key(other, 3), {"a": 99})
    assert np.flatnonzero(found.refresh()).tolist() == [7]
    assert found["a"][7] == 99
    assert not found.refresh().any()


def test_readers_streams_and_memory_that_is_given(client: aerospike.Client, keys: Keys) -> None:
    out = np.zeros(N, DTYPE)[::-1]
    found = [
        client.reader(DTYPE, NAMESPACE, keys.set_name).read(np.arange(N)),
        next(iter(client.read_stream(keys, DTYPE, N))),
        client.batch_read(keys, out=out),
    ]
    client.put(key(keys, 5), {"a": 77})
    for result in found:
        assert np.flatnonzero(result.refresh()).tolist() == [5]
        assert result["a"][5] == 77
    assert out["a"][5] == 77


def test_what_was_missing_before_is_found(client: aerospike.Client, keys: Keys) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    assert N - 1 not in found
    client.put(key(keys, N - 1), bins_of(3))
    client.remove(key(keys, 0))
    assert np.flatnonzero(found.refresh()).tolist() == [0, N - 1]
    assert found.get(N - 1)["a"] == 3
    assert 0 not in found
    assert found.mask["a"][0]


# ---- what does not ----


def test_unchanged_records_are_not_sent(client: aerospike.Client, keys: Keys) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    wait_until_old(client, keys)
    found.refresh()
    found["a"][:] = -5  # what is sent would be written over
    client.put(key(keys, 2), {"a": 22})
    assert np.flatnonzero(found.refresh()).tolist() == [2]
    assert found["a"].tolist() == [-5, -5, 22] + [-5] * (N - 3)


def test_a_touched_record_has_changed_and_has_its_new_time_to_live(
    client: aerospike.Client, keys: Keys
) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    client.touch(key(keys, 1), 5000)
    assert np.flatnonzero(found.refresh()).tolist() == [1]
    assert found.meta["ttl"][1] in range(4990, 5001)


def test_times_to_live_of_unchanged_records_go_on(client: aerospike.Client, keys: Keys) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    wait_until_old(client, keys)
    found.refresh()
    found._origin._aged -= 100
    before = found.meta["ttl"].copy()
    found.refresh()
    gone = before.astype(int) - found.meta["ttl"]
    ends = (np.arange(N) % 3 == 0) & found.ok
    assert set(gone[ends].tolist()) <= {100, 101}
    assert (gone[~ends] == 0).all()


# ---- clocks and failures ----


def test_answers_that_took_too_long_do_not_count(
    client: aerospike.Client, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    wait_until_old(client, keys)
    found["a"][:] = -5
    ticks = iter(range(0, 10**6, 10))
    base = _refresh.clocks()
    monkeypatch.setattr(
        _refresh, "clocks", lambda: tuple(t + tick for tick in [next(ticks)] for t in base)
    )
    assert found.refresh().all()
    same(found, client.batch_read(keys, _dtype=DTYPE))


@pytest.mark.parametrize("stands", [0, 1], ids=["one", "the other"])
def test_a_clock_that_stands_still_or_is_set_back_hides_nothing(
    client: aerospike.Client, keys: Keys, monkeypatch: pytest.MonkeyPatch, stands: int
) -> None:
    real, begin = _refresh.clocks, _refresh.clocks()

    def clocks() -> tuple[float, float]:
        now = list(real())
        now[stands] = begin[stands] - (now[stands] - begin[stands])
        return now[0], now[1]

    monkeypatch.setattr(_refresh, "clocks", clocks)
    found = client.batch_read(keys, _dtype=DTYPE)
    client.put(key(keys, 2), {"a": 22})
    wait_until_old(client, keys)
    assert np.flatnonzero(found.refresh()).tolist() == [2]


def test_rows_of_a_reads_own_filter_are_looked_at_again(
    client: aerospike.Client, keys: Keys
) -> None:
    for policy in (
        {"expressions": exp.int_bin("a") < 10},
        {"filter_expression": exp.int_bin("a") < 10},
    ):
        client.put(key(keys, 3), {"a": 3})
        client.put(key(keys, 30), {"a": 30})
        found = client.batch_read(keys, _dtype=DTYPE, policy=policy)
        assert found.ok.sum() == 10
        wait_until_old(client, keys)
        client.put(key(keys, 30), {"a": 1})
        client.put(key(keys, 3), {"a": 100})
        assert np.flatnonzero(found.refresh()).tolist() == [3, 30]
        same(found, client.batch_read(keys, _dtype=DTYPE, policy=policy))


def test_values_that_do_not_fit_are_told_anew(client: aerospike.Client, keys: Keys) -> None:
    client.put(key(keys, 4), {"s": "far too long"})
    with pytest.raises(exception.ConversionError) as caught:
        client.batch_read(keys, _dtype=DTYPE)
    found = caught.value.partial
    client.put(key(keys, 4), {"s": "short"})
    client.put(key(keys, 6), {"s": "far too long"})
    with pytest.raises(exception.ConversionError, match="row 6") as caught:
        found.refresh()
    assert caught.value.partial is found
    assert found.errors["row"].tolist() == [6]
    assert found["s"][4] == b"short"
    client.put(key(keys, 6), {"s": "good"})
    found.refresh()
    same(found, client.batch_read(keys, _dtype=DTYPE))


@pytest.mark.needs_embedded("a node that is stopped")
def test_a_failure_leaves_the_rows_of_before_and_hides_nothing() -> None:
    with (
        LocalNode() as node,
        node.client({"policies": {"batch": {"total_timeout": 300}}}) as client,
    ):
        keys = records(client)
        found = client.batch_read(keys, _dtype=DTYPE)
        before = found.batch_records.copy()
        client.put(("test", keys.set_name, 2), {"a": 22})
        client.close()
        with pytest.raises(exception.AerospikeError):
            found.refresh()
        assert (found.batch_records == before).all()
        client.connect()
        assert np.flatnonzero(found.refresh()).tolist() == [2]


def test_one_refresh_of_a_result_at_a_time(client: aerospike.Client, keys: Keys) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    under_way = _refresh._Refresh(found._origin, found).steps()
    next(under_way)
    with pytest.raises(exception.ClientError, match="another refresh"):
        found.refresh()
    under_way.close()
    assert not found.refresh().any()


def test_a_result_without_a_client_says_so(client: aerospike.Client, keys: Keys) -> None:
    found = client.batch_read(keys, _dtype=DTYPE)
    made = client.batch_read(keys, ["a"]).to_numpy([("a", "i4")])
    for result in (pickle.loads(pickle.dumps(found)), made):
        with pytest.raises(exception.ClientError, match="came out of a pickle"):
            result.refresh()


def test_no_rows_at_all(client: aerospike.Client) -> None:
    found = client.batch_read(Keys(NAMESPACE, SET, []), _dtype=DTYPE)
    assert found.refresh().tolist() == []
