"""The official client's builders for lists, maps and contexts, all of them, against our node."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import aerospike
import pytest
from aerospike_helpers import cdt_ctx as ctx
from aerospike_helpers.operations import list_operations as lists
from aerospike_helpers.operations import map_operations as maps

LIST = [5, 1, 4, 1, 3]
MAP = {"a": 5, "b": 2, "c": 2, "d": 1}
NOTHING, INDEX, REVERSE_INDEX, RANK, REVERSE_RANK, COUNT, KEY, VALUE, PAIRS = range(9)
EXISTS = 13
SAME = object()

UNIQUE = {"write_flags": 1}
BOUNDED = {"write_flags": 2}
UNIQUE_PARTLY = {"write_flags": 1 | 4 | 8}

# Builder, its arguments behind the bin's name, the result, and the bin afterwards. Ranks: 1 1 3 4 5.
ON_LISTS: list[tuple[str, tuple[Any, ...], Any, Any]] = [
    ("list_append", (9,), 6, [*LIST, 9]),
    ("list_append", (9, UNIQUE), 6, [*LIST, 9]),
    ("list_append", (5, {"write_flags": 1 | 4}), 5, SAME),
    ("list_append_items", ([9, 8],), 7, [*LIST, 9, 8]),
    ("list_append_items", ([9, 5, 8], UNIQUE_PARTLY), 7, [*LIST, 9, 8]),
    ("list_insert", (1, 9), 6, [5, 9, 1, 4, 1, 3]),
    ("list_insert", (-1, 9), 6, [5, 1, 4, 1, 9, 3]),
    ("list_insert", (7, 9), 8, [*LIST, None, None, 9]),
    ("list_insert", (5, 9, BOUNDED), 6, [*LIST, 9]),
    ("list_insert_items", (0, [7, 8]), 7, [7, 8, *LIST]),
    ("list_increment", (0, 2), 7, [7, 1, 4, 1, 3]),
    ("list_increment", (6, 2), 2, [*LIST, None, 2]),
    ("list_pop", (-1,), 3, [5, 1, 4, 1]),
    ("list_pop_range", (1, 2), [1, 4], [5, 1, 3]),
    ("list_remove", (2,), 1, [5, 1, 1, 3]),
    ("list_remove_range", (3, 9), 2, [5, 1, 4]),
    ("list_clear", (), None, []),
    ("list_set", (1, "x"), None, [5, "x", 4, 1, 3]),
    ("list_set", (6, "x"), None, [*LIST, None, "x"]),
    ("list_get", (-2,), 1, SAME),
    ("list_get_range", (1, 3), [1, 4, 1], SAME),
    ("list_get_range", (-2, 9), [1, 3], SAME),
    ("list_trim", (1, 3), 2, [1, 4, 1]),
    ("list_trim", (7, 3), 5, []),
    ("list_size", (), 5, SAME),
    ("list_create", (1, False, False), None, [1, 1, 3, 4, 5]),
    ("list_create", (1, False, True), None, [1, 1, 3, 4, 5]),
    ("list_set_order", (1,), None, [1, 1, 3, 4, 5]),
    ("list_set_order", (0,), None, SAME),
    ("list_sort", (), None, [1, 1, 3, 4, 5]),
    ("list_sort", (aerospike.LIST_SORT_DROP_DUPLICATES,), None, [1, 3, 4, 5]),
    ("list_get_by_index", (0, VALUE), 5, SAME),
    ("list_get_by_index", (0, REVERSE_INDEX), 4, SAME),
    ("list_get_by_index", (0, RANK), 4, SAME),
    ("list_get_by_index", (0, REVERSE_RANK), 0, SAME),
    ("list_get_by_index", (0, COUNT), 1, SAME),
    ("list_get_by_index", (0, NOTHING), None, SAME),
    ("list_get_by_index_range", (1, VALUE, 2), [1, 4], SAME),
    ("list_get_by_index_range", (1, VALUE), [1, 4, 1, 3], SAME),
    ("list_get_by_index_range", (1, VALUE, 2, True), [5, 1, 3], SAME),
    ("list_get_by_index_range", (1, REVERSE_INDEX, 2), [2, 3], SAME),
    ("list_get_by_rank", (0, VALUE), 1, SAME),
    ("list_get_by_rank", (-1, INDEX), 0, SAME),
    ("list_get_by_rank_range", (3, RANK), [3, 4], SAME),
    ("list_get_by_rank_range", (3, INDEX), [0, 2], SAME),
    ("list_get_by_rank_range", (0, COUNT, 2, True), 3, SAME),
    ("list_get_by_value", (1, INDEX), [1, 3], SAME),
    ("list_get_by_value", (1, EXISTS), True, SAME),
    ("list_get_by_value", (9, EXISTS), False, SAME),
    ("list_get_by_value", (1, VALUE, True), [5, 4, 3], SAME),
    ("list_get_by_value_list", ([3, 5, 9], VALUE), [5, 3], SAME),
    ("list_get_by_value_list", ([3, 5], INDEX, True), [1, 2, 3], SAME),
    ("list_get_by_value_range", (VALUE, 3, 5), [4, 3], SAME),
    ("list_get_by_value_range", (COUNT, 3, None), 3, SAME),  # sent without an end
    ("list_get_by_value_range", (VALUE, 3, 5, True), [5, 1, 1], SAME),
    ("list_get_by_value_rank_range_relative", (3, -1, COUNT), 4, SAME),
    ("list_get_by_value_rank_range_relative", (3, 0, VALUE, 1), [3], SAME),
    ("list_get_by_value_rank_range_relative", (2, 0, COUNT, 1, True), 4, SAME),
    ("list_remove_by_index", (1, VALUE), 1, [5, 4, 1, 3]),
    ("list_remove_by_index_range", (1, COUNT, 2), 2, [5, 1, 3]),
    ("list_remove_by_index_range", (1, VALUE, 2, True), [5, 1, 3], [1, 4]),
    ("list_remove_by_rank", (-1, VALUE), 5, [1, 4, 1, 3]),
    ("list_remove_by_rank_range", (0, COUNT, 2), 2, [5, 4, 3]),
    ("list_remove_by_rank_range", (0, COUNT, 2, True), 3, [1, 1]),
    ("list_remove_by_value", (1, COUNT), 2, [5, 4, 3]),
    ("list_remove_by_value", (1, NOTHING, True), None, [1, 1]),
    ("list_remove_by_value_list", ([1, 3], INDEX), [1, 3, 4], [5, 4]),
    ("list_remove_by_value_list", ([1, 3], COUNT, True), 2, [1, 1, 3]),
    ("list_remove_by_value_range", (COUNT, 1, 4), 3, [5, 4]),
    ("list_remove_by_value_range", (COUNT, 1, 4, True), 2, [1, 1, 3]),
    ("list_remove_by_value_rank_range_relative", (3, 1, COUNT), 2, [1, 1, 3]),
    ("list_remove_by_value_rank_range_relative", (3, -1, COUNT, 2), 2, [5, 1, 4]),
]  # fmt: skip

# Ranks: d, b, c, a.
ON_MAPS: list[tuple[str, tuple[Any, ...], Any, Any]] = [
    ("map_set_policy", ({"map_order": 1},), None, SAME),
    ("map_create", (3, True), None, SAME),
    ("map_put", ("e", 7), 5, MAP | {"e": 7}),
    ("map_put", ("a", 7, {"map_write_flags": 2}), 4, MAP | {"a": 7}),
    ("map_put", ("a", 7, {"map_write_flags": 1 | 4}), 4, SAME),
    ("map_put_items", ({"a": 6, "z": [1]},), 5, MAP | {"a": 6, "z": [1]}),
    ("map_put_items", ({"a": 6, "z": 1}, {"map_write_flags": 1 | 4 | 8}), 5, MAP | {"z": 1}),
    ("map_put_items", ({"a": 6, "z": 1}, {"map_write_flags": 1 | 4}), 4, SAME),
    ("map_increment", ("a", 2), 7, MAP | {"a": 7}),
    ("map_increment", ("n", 2), 2, MAP | {"n": 2}),
    ("map_decrement", ("a", 2), 3, MAP | {"a": 3}),
    ("map_size", (), 4, SAME),
    ("map_clear", (), None, {}),
    ("map_remove_by_key", ("b", VALUE), 2, {"a": 5, "c": 2, "d": 1}),
    ("map_remove_by_key", ("z", COUNT), 0, SAME),
    ("map_remove_by_key_list", (["a", "z", "d"], COUNT), 2, {"b": 2, "c": 2}),
    ("map_remove_by_key_list", (["a", "z"], KEY, True), ["b", "c", "d"], {"a": 5}),
    ("map_remove_by_key_range", ("b", "d", KEY), ["b", "c"], {"a": 5, "d": 1}),
    ("map_remove_by_key_range", ("b", "d", COUNT, True), 2, {"b": 2, "c": 2}),
    ("map_remove_by_value", (2, KEY), ["b", "c"], {"a": 5, "d": 1}),
    ("map_remove_by_value", (2, COUNT, True), 2, {"b": 2, "c": 2}),
    ("map_remove_by_value_list", ([1, 5], KEY), ["a", "d"], {"b": 2, "c": 2}),
    ("map_remove_by_value_range", (2, 5, COUNT), 2, {"a": 5, "d": 1}),
    ("map_remove_by_index", (0, KEY), "a", {"b": 2, "c": 2, "d": 1}),
    ("map_remove_by_index_range", (1, 2, VALUE), [2, 2], {"a": 5, "d": 1}),
    ("map_remove_by_rank", (0, KEY), "d", {"a": 5, "b": 2, "c": 2}),
    ("map_remove_by_rank_range", (0, 2, KEY), ["d", "b"], {"a": 5, "c": 2}),
    ("map_remove_by_value_rank_range_relative", (2, -1, KEY, 2), ["d", "b"], {"a": 5, "c": 2}),
    ("map_remove_by_key_index_range_relative", ("b", 1, KEY), ["c", "d"], {"a": 5, "b": 2}),
    ("map_get_by_key", ("a", VALUE), 5, SAME),
    ("map_get_by_key", ("a", REVERSE_INDEX), 3, SAME),
    ("map_get_by_key", ("a", RANK), 3, SAME),
    ("map_get_by_key", ("a", REVERSE_RANK), 0, SAME),
    ("map_get_by_key", ("z", INDEX), -1, SAME),
    ("map_get_by_key", ("z", EXISTS), False, SAME),
    ("map_get_by_key", ("a", aerospike.MAP_RETURN_UNORDERED_MAP), {"a": 5}, SAME),
    ("map_get_by_key_range", ("b", "d", aerospike.MAP_RETURN_ORDERED_MAP), {"b": 2, "c": 2}, SAME),
    ("map_get_by_key_list", (["c", "a"], INDEX), [2, 0], SAME),
    ("map_get_by_key_list", (["c", "a"], VALUE), [5, 2], SAME),
    ("map_get_by_value", (2, KEY), ["b", "c"], SAME),
    ("map_get_by_value", (9, KEY), [], SAME),
    ("map_get_by_value_range", (2, 5, KEY), ["b", "c"], SAME),
    ("map_get_by_value_range", (2, 5, KEY, True), ["a", "d"], SAME),
    ("map_get_by_value_list", ([5, 1, 9], KEY), ["a", "d"], SAME),
    ("map_get_by_index", (-1, KEY), "d", SAME),
    ("map_get_by_index_range", (1, 2, KEY), ["b", "c"], SAME),
    ("map_get_by_index_range", (-2, 9, COUNT), 2, SAME),
    ("map_get_by_rank", (-1, KEY), "a", SAME),
    ("map_get_by_rank_range", (1, 2, KEY), ["b", "c"], SAME),
    ("map_get_by_value_rank_range_relative", (2, 0, KEY, 2), ["b", "c"], SAME),
    ("map_get_by_key_index_range_relative", ("bb", -1, KEY, 2), ["b", "c"], SAME),
]  # fmt: skip

DEEP = {"l": [3, [2, 1]], "m": {"x": {"y": 1}, "z": {"y": 2}}}


@pytest.fixture
def official(client_of: Callable[[str], Any]) -> Any:
    """The official client itself."""
    return client_of("aerospike").client


def run(official: Any, fresh: str, before: Any, op: dict[str, Any]) -> tuple[Any, Any]:
    """What an operation on a bin gives, and the bin afterwards."""
    key = ("test", fresh, "k")
    official.put(key, {"b": before, "other": 1})
    result = official.operate(key, [op])[2].get("b")
    return result, official.get(key)[2]["b"]


def named(cases: list[tuple[str, tuple[Any, ...], Any, Any]]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}{case[1]}") for case in cases]


@pytest.mark.parametrize("name, args, result, after", named(ON_LISTS))
def test_list_operation(
    official: Any, fresh: str, name: str, args: tuple[Any, ...], result: Any, after: Any
) -> None:
    op = getattr(lists, name)("b", *args)
    assert run(official, fresh, LIST, op) == (result, LIST if after is SAME else after)


@pytest.mark.parametrize("name, args, result, after", named(ON_MAPS))
def test_map_operation(
    official: Any, fresh: str, name: str, args: tuple[Any, ...], result: Any, after: Any
) -> None:
    op = getattr(maps, name)("b", *args)
    assert run(official, fresh, MAP, op) == (result, MAP if after is SAME else after)


def test_no_builder_is_left_out() -> None:
    def builders(module: Any, prefix: str) -> set[str]:
        return {
            n for n, f in vars(module).items() if inspect.isfunction(f) and n.startswith(prefix)
        }

    covered = {name for name, *_ in ON_LISTS + ON_MAPS}
    # Joining is a string operation, which the server of our version does not have.
    assert covered == (builders(lists, "list_") | builders(maps, "map_")) - {"list_join"}


# A context, an operation on what it leads to, the result, and the bin afterwards.
IN_CONTEXT: list[tuple[list[Any], Callable[..., dict[str, Any]], tuple[Any, ...], Any, Any]] = [
    ([ctx.cdt_ctx_map_key("l"), ctx.cdt_ctx_list_index(1)], lists.list_append, (9,), 3,
     DEEP | {"l": [3, [2, 1, 9]]}),
    ([ctx.cdt_ctx_map_key("l"), ctx.cdt_ctx_list_rank(-1)], lists.list_pop, (0,), 2,
     DEEP | {"l": [3, [1]]}),
    ([ctx.cdt_ctx_map_key("l"), ctx.cdt_ctx_list_value([2, 1])], lists.list_sort, (), None,
     DEEP | {"l": [3, [1, 2]]}),
    ([ctx.cdt_ctx_map_index(0)], lists.list_size, (), 2, SAME),
    ([ctx.cdt_ctx_map_rank(0)], lists.list_get, (0,), 3, SAME),
    ([ctx.cdt_ctx_map_value(DEEP["l"])], lists.list_get, (0,), 3, SAME),
    ([ctx.cdt_ctx_map_index(-1), ctx.cdt_ctx_map_key("x")], maps.map_put, ("w", 5), 2,
     DEEP | {"m": {"x": {"y": 1, "w": 5}, "z": {"y": 2}}}),
    ([ctx.cdt_ctx_map_key("m"), ctx.cdt_ctx_map_rank(-1)], maps.map_remove_by_key, ("y", VALUE), 2,
     DEEP | {"m": {"x": {"y": 1}, "z": {}}}),
    ([ctx.cdt_ctx_map_key("m"), ctx.cdt_ctx_map_key_create("new")], maps.map_put, ("w", 5), 1,
     DEEP | {"m": {"x": {"y": 1}, "z": {"y": 2}, "new": {"w": 5}}}),
    ([ctx.cdt_ctx_map_key("l"), ctx.cdt_ctx_list_index_create(2)], lists.list_append, (7,), 1,
     DEEP | {"l": [3, [2, 1], [7]]}),
    ([ctx.cdt_ctx_map_key("l"), ctx.cdt_ctx_list_index_create(3, 0, True)], lists.list_append, (7,), 1,
     DEEP | {"l": [3, [2, 1], None, [7]]}),
    ([ctx.cdt_ctx_map_key("new")], lists.list_create, (1, False, False), None, DEEP | {"new": []}),
    ([ctx.cdt_ctx_map_key("new")], maps.map_create, (1, False), None, DEEP | {"new": {}}),
]  # fmt: skip


@pytest.mark.parametrize("way, build, args, result, after", IN_CONTEXT)
def test_operation_in_context(
    official: Any, fresh: str, way: list[Any], build: Any, args: Any, result: Any, after: Any
) -> None:
    got = run(official, fresh, DEEP, build("b", *args, ctx=way))
    assert got == (result, DEEP if after is SAME else after)


@pytest.mark.parametrize(
    "before, op, code",
    [
        (LIST, lists.list_get("b", 5), 26),
        (LIST, lists.list_pop("b", -6), 26),
        (LIST, lists.list_insert("b", -6, 1), 26),
        (LIST, lists.list_insert("b", 6, 1, BOUNDED), 26),
        (LIST, lists.list_append("b", 5, UNIQUE), 24),
        (LIST, lists.list_append_items("b", [9, 9], UNIQUE), 26),
        (LIST, lists.list_get_by_rank("b", 5, VALUE), 26),
        (LIST, lists.list_get_by_index("b", 0, KEY), 26),
        (LIST, maps.map_put("b", "a", 1), 12),
        (MAP, lists.list_append("b", 1), 12),
        ("text", lists.list_append("b", 1), 12),
        (MAP, maps.map_put("b", "a", 1, {"map_write_flags": 1}), 24),
        (MAP, maps.map_put("b", "z", 1, {"map_write_flags": 2}), 23),
        (MAP, maps.map_increment("b", "a", "x"), 4),
        (MAP, maps.map_get_by_index("b", 4, VALUE), 26),
        (MAP, maps.map_get_by_key_list("b", ["a"], RANK), 26),
        (MAP, maps.map_put("b", 1.5, 1), 4),
        (DEEP, lists.list_append("b", 1, ctx=[ctx.cdt_ctx_map_key("none")]), 26),
        (DEEP, lists.list_append("b", 1, ctx=[ctx.cdt_ctx_list_index(0)]), 26),
        (DEEP, lists.list_append("b", 1, ctx=[ctx.cdt_ctx_map_key("m")]), 12),
    ],
)
def test_refusal_has_the_servers_code_and_changes_nothing(
    official: Any, fresh: str, before: Any, op: dict[str, Any], code: int
) -> None:
    key = ("test", fresh, "k")
    official.put(key, {"b": before})
    with pytest.raises(aerospike.exception.AerospikeError) as refused:
        official.operate(key, [op])
    assert refused.value.code == code
    assert official.get(key)[2] == {"b": before}


def test_wildcards_and_infinity_stand_in_values(official: Any, fresh: str) -> None:
    pairs = [[1, "a"], [2, "b"], [1, "c"]]
    any_, end = aerospike.CDTWildcard(), aerospike.CDTInfinite()
    of_one = lists.list_get_by_value("b", [1, any_], VALUE)
    assert run(official, fresh, pairs, of_one) == ([[1, "a"], [1, "c"]], pairs)
    from_one = lists.list_get_by_value_range("b", VALUE, [1, "b"], [1, end])
    assert run(official, fresh, pairs, from_one) == ([[1, "c"]], pairs)


def test_batches_carry_out_operations_on_every_record(official: Any, fresh: str) -> None:
    keys = [("test", fresh, i) for i in range(3)]
    for i, key in enumerate(keys):
        official.put(key, {"l": [i], "m": {"n": i}})
    ops = [
        lists.list_append("l", 9),
        maps.map_increment("m", "n", 10),
        maps.map_get_by_key("m", "n", VALUE),
        lists.list_get("l", -1),
    ]
    rows = official.batch_operate(keys, ops).batch_records
    assert [(row.result, row.record[2]["m"]) for row in rows] == [(0, 10 + i) for i in range(3)]
    assert [official.get(key)[2] for key in keys] == [
        {"l": [i, 9], "m": {"n": 10 + i}} for i in range(3)
    ]
    failed = official.batch_operate(keys, [lists.list_get("l", 7)]).batch_records
    assert [row.result for row in failed] == [26] * 3
