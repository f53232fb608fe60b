"""operate: in order, as one, and refused by name where an operation is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from server import NAMESPACE, requests

import aerospike_np as aerospike
from aerospike_np import exception, exp
from aerospike_np.helpers.operations import (
    bitwise_operations,
    expression_operations,
    hll_operations,
    list_operations,
    map_operations,
    operations,
)

pytestmark = pytest.mark.sets("operate")

KEY = (NAMESPACE, "operate", 1)
Param = exception.InvalidArgError


@pytest.fixture
def client(node: Any) -> Iterator[aerospike.Client]:
    # No tend round comes between two looks at the node's counters.
    with node.client({"tend_interval": 600_000}) as client:
        client.put(
            KEY,
            {"n": 1, "s": "b", "l": [3, 1, 2], "m": {"x": 1}, "y": b"\x01\x02"},
            policy={"exists": 4},
        )
        yield client


def values(client: aerospike.Client, *ops: dict[str, Any]) -> list[Any]:
    return [value for _, value in client.operate_ordered(KEY, list(ops)).ordered_bins]


def test_operations_run_in_their_order_and_see_each_other(client: aerospike.Client) -> None:
    got = client.operate(
        KEY,
        [
            operations.increment("n", 4),
            operations.append("s", "c"),
            operations.prepend("s", "a"),
            operations.read("n"),
            operations.read("s"),
            operations.write("n", 0),
        ],
    )
    assert got.bins == {"n": 5, "s": "abc"}
    assert got.meta is not None and got.meta.gen == 2
    assert client.get(KEY).bins["n"] == 0


def test_several_results_of_one_bin_are_a_list(client: aerospike.Client) -> None:
    ops = [operations.read("n"), operations.increment("n", 1), operations.read("n")]
    assert client.operate(KEY, ops).bins == {"n": [1, 2]}
    lists = [
        list_operations.list_size("l"),
        list_operations.list_get_range("l", 0, 2),
        operations.read("l"),
    ]
    assert client.operate(KEY, lists).bins == {"l": [3, [3, 1], [3, 1, 2]]}


def test_ordered_results_keep_the_order_of_the_operations(client: aerospike.Client) -> None:
    got = client.operate_ordered(
        KEY, [operations.read("s"), operations.read("n"), operations.read("s")]
    )
    assert [tuple(pair) for pair in got.ordered_bins] == [("s", "b"), ("n", 1), ("s", "b")]
    assert got.ordered_bins[0].name == "s"
    assert got.key is not None and got.key.user_key == 1


def test_all_bins_are_read_by_a_read_without_a_name(client: aerospike.Client) -> None:
    assert client.operate(KEY, [{"op": aerospike.OPERATOR_READ}]).bins == client.get(KEY).bins
    got = client.operate(KEY, [operations.increment("n", 1), operations.read("")])
    assert got.bins is not None and got.bins["n"] == 2


def test_lists_and_maps_are_changed_and_read(client: aerospike.Client) -> None:
    assert values(
        client,
        list_operations.list_append("l", 9),
        list_operations.list_sort("l"),
        list_operations.list_get_by_rank_range("l", -2, aerospike.LIST_RETURN_VALUE),
        list_operations.list_get_by_value_range(
            "l", aerospike.LIST_RETURN_COUNT, 2, None, inverted=True
        ),
    ) == [4, [3, 9], 1]
    assert values(
        client,
        map_operations.map_put_items("m", {"y": 5, "z": 2}),
        map_operations.map_get_by_rank("m", -1, aerospike.MAP_RETURN_KEY),
        map_operations.map_remove_by_key_list("m", ["x"], aerospike.MAP_RETURN_KEY, inverted=True),
        operations.read("m"),
    ) == [3, "y", ["y", "z"], {"x": 1}]


def test_bits_sketches_and_expressions_are_changed_and_read(client: aerospike.Client) -> None:
    assert values(client, bitwise_operations.bit_not("y", 0, 8), operations.read("y")) == [
        None,
        b"\xfe\x02",
    ]
    assert values(
        client,
        hll_operations.hll_add("h", ["a", "b", "a"], 10),
        hll_operations.hll_get_count("h"),
        {"op": aerospike.OP_HLL_MAY_CONTAIN, "bin": "h", "value_list": ["a"]},
    ) == [2, 2, 1]
    twice = exp.int_bin("n") * 2
    assert values(
        client,
        expression_operations.expression_write("n", twice),
        expression_operations.expression_read("four", twice),
    ) == [None, 4]


def test_what_only_writes_takes_no_place_among_the_results_of_a_bin(client: aerospike.Client) -> None:
    client.put(KEY, {"n": 1, "s": "a", "y": b"\x00", "m": {}})
    ops = [
        operations.increment("n", 1),
        operations.read("n"),
        operations.append("s", "b"),
        operations.read("none"),
        bitwise_operations.bit_not("y", 0, 8),
        bitwise_operations.bit_count("y", 0, 8),
        expression_operations.expression_write("n", exp.int_bin("n") * 2),
        operations.read("n"),
        map_operations.map_get_by_key("m", "x", aerospike.MAP_RETURN_VALUE),
        map_operations.map_put("m", "x", 5),
    ]
    want = {"n": [2, 4], "s": None, "none": None, "y": 8, "m": [None, 1]}
    assert client.operate(KEY, ops).bins == want
    assert list(client.operate(KEY, ops[:2] + ops[-1:]).bins.items()) == [("n", 5), ("m", 1)]


def test_a_value_of_none_may_stand_where_an_operation_takes_none(client: aerospike.Client) -> None:
    ops = [
        {"op": aerospike.OPERATOR_INCR, "bin": "n", "val": 1},
        {"op": aerospike.OPERATOR_READ, "bin": "n"},
    ]
    for more in ({}, {"val": None}):
        client.put(KEY, {"n": 1})
        assert client.operate(KEY, [ops[0], {**ops[1], **more}]).bins == {"n": 2}
    with pytest.raises(Param, match="unknown key 'val'"):
        client.operate(KEY, [{**ops[1], "val": 1}])


def test_a_touch_sets_the_time_to_live(client: aerospike.Client) -> None:
    client.operate(KEY, [operations.touch(500)])
    meta = client.exists(KEY).meta
    assert meta is not None and 400 < meta.ttl <= 500


def test_a_delete_leaves_what_is_written_behind_it(client: aerospike.Client) -> None:
    client.operate(KEY, [operations.delete(), operations.write("n", 7)])
    assert client.get(KEY).bins == {"n": 7}
    client.operate(KEY, [operations.delete()])
    assert client.exists(KEY).meta is None


def test_generation_and_missing_records_are_errors_of_their_own(client: aerospike.Client) -> None:
    with pytest.raises(exception.RecordGenerationError):
        client.operate(KEY, [operations.write("n", 2)], {"gen": 77})
    with pytest.raises(exception.RecordNotFound):
        client.operate((NAMESPACE, "operate", "none"), [operations.read("n")])
    with pytest.raises(exception.BinIncompatibleType):
        client.operate(KEY, [operations.append("n", "x")])


WRONG: list[tuple[Any, type[Exception], str]] = [
    ([], Param, "0 operations"),
    ({"op": 1}, TypeError, "ops is a list of operations, not dict"),
    ([5], TypeError, "operation 0: an operation is a dict"),
    ([{}], Param, "operation 0: the key 'op' is missing"),
    ([{"op": "read"}], Param, "'op' must be an integer, not 'read'"),
    ([{"op": 5, "bin": "n"}], Param, 'no operation with "op" 5'),
    ([{"op": 1001, "val": 1}], Param, r"operation 0 \(list_append\): the key 'bin' is missing"),
    (
        [operations.read("n"), {"op": 1001, "bin": "l"}],
        Param,
        r"operation 1 \(list_append\): the key 'val' is missing",
    ),
    ([{"op": 1001, "bin": "l", "vall": 1}], Param, "unknown key 'vall'; did you mean 'val'"),
    ([{"op": 1001, "bin": "l", "val": 1, "index": 2}], Param, "unknown key 'index'"),
    ([{"op": 1001, "bin": "l", "val": 1, 5: 2}], Param, "keys are str, not 5"),
    ([list_operations.list_pop("l", "x")], Param, "'index' must be an integer, not 'x'"),  # type: ignore[arg-type]
    ([list_operations.list_pop("l", True)], Param, "'index' must be an integer, not True"),
    ([list_operations.list_pop("l", 1 << 64)], Param, "'index' doesn't fit into 64 bits"),
    (
        [list_operations.list_append("l", {1})],
        TypeError,
        r"\(list_append\): .*Aerospike has no sets",
    ),
    ([list_operations.list_append_items("l", 5)], Param, "'val' must be a list, not 5"),
    (
        [list_operations.list_append("l", 1, {"ordr": 1})],
        Param,
        "unknown key 'ordr'; did you mean 'order'",
    ),
    (
        [list_operations.list_append("l", 1, {"order": 2})],
        Param,
        "'order' must be from 0 to 1, not 2",
    ),
    ([list_operations.list_size("l", [5])], Param, "'ctx' must hold steps"),
    ([list_operations.list_size("l", "x")], Param, "'ctx' must be a list of steps"),  # type: ignore[arg-type]
    ([map_operations.map_put_items("m", [1])], Param, "'val' must be a dict"),  # type: ignore[arg-type]
    ([map_operations.map_increment("m", "x", "1")], Param, "'val' must be an int or a float"),  # type: ignore[arg-type]
    ([operations.increment("n", "1")], Param, "'val' must be an int or a float"),  # type: ignore[arg-type]
    ([operations.append("s", 1)], Param, "'val' must be a str or bytes"),  # type: ignore[arg-type]
    ([operations.write("n" * 16, 1)], Param, "16 bytes long"),
    ([operations.touch(1 << 40)], Param, "ttl must be"),
    (
        [bitwise_operations.bit_set("y", 0, 8, 2, b"a")],
        Param,
        "'value_byte_size' is 2, but 'value' has 1 byte",
    ),
    ([expression_operations.expression_read("n", 5)], Param, "'expr' must be an expression, not 5"),
]


@pytest.mark.parametrize(("ops", "error", "says"), WRONG, ids=[says for _, _, says in WRONG])
def test_what_is_wrong_is_named_and_nothing_is_sent(
    node: Any, client: aerospike.Client, ops: Any, error: type[Exception], says: str
) -> None:
    before = requests(node)
    with pytest.raises(error, match=says):
        client.operate(KEY, ops)
    assert requests(node) == before


def test_a_context_is_what_its_list_holds_whatever_it_says(client: aerospike.Client) -> None:
    class Lying(list[Any]):
        def __len__(self) -> int:
            raise ZeroDivisionError

    client.put(KEY, {"l": [1, 2, 3]})
    op = {**list_operations.list_size("l"), "ctx": Lying()}
    assert client.operate(KEY, [op]).bins == {"l": 3}


def test_values_that_change_their_operation_do_no_harm(client: aerospike.Client) -> None:
    class Spoiling(aerospike.GeoJSON):
        def dumps(self) -> str:
            operation.clear()
            return super().dumps()

    operation = operations.write("g", Spoiling({"type": "Point", "coordinates": [1, 2]}))
    client.operate(KEY, [operation])
    assert operation == {} and "g" in (client.get(KEY).bins or {})


def test_the_other_clients_builders_make_the_same_operations(client: aerospike.Client) -> None:
    from aerospike_np import bit_operations
    from aerospike_np import list_operations as lists
    from aerospike_np import map_operations as maps

    value, key = aerospike.LIST_RETURN_VALUE, aerospike.MAP_RETURN_KEY
    assert lists.list_get_by_value_range(
        "l", 2, None, value
    ) == list_operations.list_get_by_value_range("l", value, 2, None)
    assert bit_operations.bit_set("y", 0, 8, b"a", 4) == bitwise_operations.bit_set(
        "y", 0, 8, 1, b"a", {"bit_write_flags": 4}
    )
    client.operate(KEY, [map_operations.map_put_items("m", {"y": 5, "z": 2})])
    assert values(
        client,
        maps.map_get_by_key_range("m", "y", None, key),
        maps.map_get_by_value_range("m", None, 5, key),
        maps.map_get_by_index_range("m", 1, key),
        maps.map_remove_by_key_range("m", "y", None, key),
        operations.read("m"),
    ) == [["y", "z"], ["x", "z"], ["y", "z"], ["y", "z"], {"x": 1}]
