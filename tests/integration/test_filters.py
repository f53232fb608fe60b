"""Filters: each command runs only on the records for which its expression is true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from server import NAMESPACE

import aerospike_np as aerospike
from aerospike_np import exp
from aerospike_np.exception import FilteredOut, InvalidArgError

pytestmark = pytest.mark.sets("filters")

NAMES = ["expressions", "filter_expression"]
OLD = (exp.int_bin("age") > 25) & (exp.string_bin("country") == "US")
YOUNG = exp.int_bin("age") <= 25
N = 12


@pytest.fixture
def keys(client: aerospike.Client) -> list[tuple[str, str, int]]:
    """Records of which those with numbers 7, 9 and 11 are old, and in the US."""
    made = [(NAMESPACE, "filters", i) for i in range(N)]
    client.batch_write(
        [(key, {"age": i * 4, "country": "US" if i % 2 else "NL"}) for i, key in enumerate(made)]
    )
    return made


HELD = [27, 27, 27, 27, 27, 27, 27, 0, 27, 0, 27, 0]


@pytest.mark.parametrize("name", NAMES)
def test_single_records_are_filtered(client: Any, keys: Any, name: str) -> None:
    policy = {name: OLD}
    assert client.get(keys[7], policy=policy).bins["age"] == 28
    assert client.select(keys[7], ["age"], policy=policy).bins == {"age": 28}
    assert client.exists(keys[7], policy=policy).meta is not None
    client.put(keys[7], {"seen": 1}, policy=policy)
    client.increment(keys[7], "seen", 1, policy=policy)
    assert client.get(keys[7]).bins["seen"] == 2
    for call in (
        lambda key: client.get(key, policy=policy),
        lambda key: client.select(key, ["age"], policy=policy),
        lambda key: client.exists(key, policy=policy),
        lambda key: client.put(key, {"age": 0}, policy=policy),
        lambda key: client.increment(key, "age", 1, policy=policy),
        lambda key: client.touch(key, policy=policy),
        lambda key: client.remove(key, policy=policy),
    ):
        with pytest.raises(FilteredOut):
            call(keys[6])
    assert client.get(keys[6]).bins["age"] == 24
    client.remove(keys[7], policy=policy)
    assert client.exists(keys[7]).meta is None


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_filtered(client: Any, keys: Any, name: str) -> None:
    policy = {name: OLD}
    read = client.batch_read(keys, policy=policy, _dtype=[("age", "i8")])
    assert read.result_codes.tolist() == HELD
    assert read.batch_records["age"].sum() == 28 + 36 + 44
    assert client.batch_read(keys, policy=policy).result_codes.tolist() == HELD
    reader = client.reader([("age", "i8")], NAMESPACE, "filters", policy=policy)
    assert reader.read(np.arange(N)).result_codes.tolist() == HELD
    written = client.batch_write([(key, {"seen": 1}) for key in keys], policy=policy)
    assert written.result_codes.tolist() == HELD
    table = np.array([(i, 2.0) for i in range(N)], dtype=[("_key", "i8"), ("x", "f8")])
    written = client.batch_write_numpy(table, NAMESPACE, "filters", policy=policy)
    assert written.result_codes.tolist() == HELD
    removed = client.batch_remove(keys, policy=policy)
    assert [record.result for record in removed.batch_records] == HELD
    left = client.batch_read(keys, _dtype=[("age", "i8")])
    assert left.result_codes.tolist() == [2 if code == 0 else 0 for code in HELD]


def test_a_row_may_have_a_filter_of_its_own(client: Any, keys: Any) -> None:
    rows = [
        (key, {"seen": 1}, {"expressions": YOUNG} if i % 2 else {}) for i, key in enumerate(keys)
    ]
    written = client.batch_write(rows, policy={"expressions": OLD})
    assert written.result_codes.tolist() == [27, 0, 27, 0, 27, 0, 27, 27, 27, 27, 27, 27]
    written = client.batch_write(rows)
    assert written.result_codes.tolist() == [0, 0, 0, 0, 0, 0, 0, 27, 0, 27, 0, 27]


def test_a_client_may_have_a_filter(node: Any, keys: Any) -> None:
    with node.client({"policies": {"read": {"expressions": OLD}}}) as client:
        assert client.get(keys[7]).bins["age"] == 28
        with pytest.raises(FilteredOut):
            client.get(keys[6])
        assert client.get(keys[6], policy={"expressions": YOUNG}).bins["age"] == 24
        assert client.batch_read(keys).result_codes.tolist() == [0] * N
    with node.client({"policies": {"expressions": OLD}}) as client:
        assert client.batch_read(keys).result_codes.tolist() == HELD
        with pytest.raises(FilteredOut):
            client.put(keys[6], {"age": 0})


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"expressions": b"\x91\x47"}, "must be an expression"),
        ({"expressions": True}, "must be an expression"),
        ({"filter_expression": {"__expr__": "key_exists"}}, "must be an expression"),
        ({"filter_expression": [(1, None, {}, 0)]}, "must be an expression"),
        ({"expressions": exp.def_("x", 1)}, "must be an expression"),
        ({"expressions": exp.int_bin("age")}, "a filter is true or false"),
        ({"expressions": exp.var("x") > 1}, "no let_ around it defines 'x'"),
        ({"expressions": OLD, "filter_expression": YOUNG}, "give one filter"),
    ],
)
def test_what_is_no_filter_is_refused(client: Any, keys: Any, policy: Any, why: str) -> None:
    for call in (
        lambda: client.get(keys[0], policy=policy),
        lambda: client.put(keys[0], {"age": 0}, policy=policy),
        lambda: client.remove(keys[0], policy=policy),
        lambda: client.batch_read(keys, policy=policy),
        lambda: client.batch_write([(keys[0], {"age": 1})], policy=policy),
        lambda: client.batch_write([(keys[0], {"age": 1}, policy)]),
        lambda: client.batch_remove(keys, policy=policy),
    ):
        with pytest.raises(InvalidArgError, match=why):
            call()
