"""The official client's bit, HyperLogLog and expression builders, and aerospike-py's filters, against our node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

BINS: dict[str, Any] = {
    "a": 7, "f": 1.5, "s": "abc", "t": False, "y": bytes([1, 0x42, 3, 4, 5]), "l": [1, 2], "m": {"k": 5},
}  # fmt: skip


@pytest.fixture
def official(client_of: Callable[[str], Any]) -> Any:
    """The official client itself."""
    return client_of("aerospike").client


@pytest.fixture
def key(official: Any, fresh: str) -> tuple[str, str, str]:
    """The key of a record with the bins above, its key stored with it."""
    key = ("test", fresh, "k")
    official.put(key, BINS, policy={"key": 1})
    return key


def bits() -> Any:
    from aerospike_helpers.operations import bitwise_operations

    return bitwise_operations


# What each does to, or reads from, 01 42 03 04 05.
MODIFYING: dict[str, tuple[Callable[[Any], Any], str]] = {
    "resize": (lambda b: b.bit_resize("y", 3), "014203"),
    "insert": (lambda b: b.bit_insert("y", 1, 2, b"\xff\xfe"), "01fffe42030405"),
    "remove": (lambda b: b.bit_remove("y", 1, 3), "0105"),
    "set": (lambda b: b.bit_set("y", 1, 3, 1, b"\xe0"), "7142030405"),
    "or": (lambda b: b.bit_or("y", 7, 8, 1, b"\xff"), "01fe030405"),
    "xor": (lambda b: b.bit_xor("y", 0, 8, 1, b"\x03"), "0242030405"),
    "and": (lambda b: b.bit_and("y", -8, 8, 1, b"\x04"), "0142030404"),
    "not": (lambda b: b.bit_not("y", 0, 40), "febdfcfbfa"),
    "lshift": (lambda b: b.bit_lshift("y", 0, 16, 4), "1420030405"),
    "rshift": (lambda b: b.bit_rshift("y", 0, 16, 4), "0014030405"),
    "add": (lambda b: b.bit_add("y", 8, 16, 0xFF, False, 0), "0143020405"),
    "subtract and saturate": (lambda b: b.bit_subtract("y", 0, 8, 2, False, 2), "0042030405"),
    "set int": (lambda b: b.bit_set_int("y", 1, 8, 127), "3fc2030405"),
}
READING: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "get": (lambda b: b.bit_get("y", 0, 12), b"\x01\x40"),
    "get int": (lambda b: b.bit_get_int("y", 9, 7, True), -62),
    "count": (lambda b: b.bit_count("y", 0, 40), 8),
    "lscan": (lambda b: b.bit_lscan("y", 0, 40, True), 7),
    "rscan": (lambda b: b.bit_rscan("y", 0, 40, True), 39),
}


@pytest.mark.parametrize("name", MODIFYING)
def test_bit_operation_changes_the_blob(official: Any, key: Any, name: str) -> None:
    build, want = MODIFYING[name]
    official.operate(key, [build(bits())])
    assert official.get(key)[2]["y"].hex() == want


@pytest.mark.parametrize("name", READING)
def test_bit_operation_reads_the_blob(official: Any, key: Any, name: str) -> None:
    build, want = READING[name]
    assert official.operate(key, [build(bits())])[2]["y"] == want


def test_hll_counts_and_combines(official: Any, key: Any) -> None:
    from aerospike_helpers.operations import hll_operations as hll

    many = [str(i) for i in range(1000)]
    first = official.operate_ordered(
        key,
        [
            hll.hll_add("h", many, 12),
            hll.hll_add("i", many[500:], 12),
            hll.hll_add("j", many[:10], 8, 20),
            hll.hll_get_count("h"),
            hll.hll_describe("j"),
        ],
    )[2]
    changed, _, ten, count, described = [value for _, value in first]
    assert changed <= 1000 and abs(count - 1000) < 60
    assert (ten, described) == (10, [8, 20])

    other = official.get(key)[2]["i"]
    both = official.operate_ordered(
        key,
        [
            hll.hll_get_union_count("h", [other]),
            hll.hll_get_intersect_count("h", [other]),
            hll.hll_get_similarity("h", [other]),
            hll.hll_fold("h", 8),
            hll.hll_describe("h"),
            hll.hll_refresh_count("h"),
        ],
    )[2]
    union, common, similarity, _, folded, again = [value for _, value in both]
    assert union == count and abs(common - 500) < 60
    assert similarity == common / union
    assert folded == [8, 0] and abs(again - 1000) < 200


def exp() -> Any:
    from aerospike_helpers import expressions

    return expressions


VALUES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "bins": (lambda e: e.Add(e.IntBin("a"), 1), 8),
    "string": (lambda e: e.StrBin("s"), "abc"),
    "bool": (lambda e: e.BoolBin("t"), False),
    "blob": (lambda e: e.BlobBin("y"), BINS["y"]),
    "list": (lambda e: e.ListBin("l"), [1, 2]),
    "map": (lambda e: e.MapBin("m"), {"k": 5}),
    "numbers": (lambda e: e.Sub(e.Mul(e.FloatBin("f"), 4.0), e.Div(1.0, 2.0)), 5.5),
    "power": (lambda e: e.Pow(2.0, e.Log(8.0, 2.0)), 8.0),
    "modulo": (lambda e: e.Mod(e.IntBin("a"), 4), 3),
    "rounding": (lambda e: e.Add(e.ToInt(e.Floor(1.5)), e.ToInt(e.Ceil(1.5)), e.Abs(-3)), 6),
    "to float": (lambda e: e.ToFloat(e.IntBin("a")), 7.0),
    "extremes": (lambda e: e.Sub(e.Max(1, e.IntBin("a"), 9), e.Min(4, 2, 3)), 7),
    "bits": (lambda e: e.IntXOr(e.IntOr(e.IntAnd(e.IntBin("a"), 6), 8), e.IntNot(-2)), 15),
    "shifts": (lambda e: e.IntLeftShift(e.IntArithmeticRightShift(-8, 1), 2), -16),
    "logical shift": (lambda e: e.IntRightShift(-1, 60), 15),
    "scans": (lambda e: e.Add(e.IntLeftScan(1, True), e.IntRightScan(4, True)), 63 + 61),
    "count": (lambda e: e.IntCount(e.IntBin("a")), 3),
    "choice": (lambda e: e.Cond(e.GT(e.IntBin("a"), 9), "big", e.BoolBin("t"), "t", "small"), "small"),
    "variables": (
        lambda e: e.Let(e.Def("x", e.IntBin("a")), e.Def("y", e.Add(e.Var("x"), 1)), e.Mul(e.Var("x"), e.Var("y"))),
        56,
    ),
    "key": (lambda e: e.KeyStr(), "k"),
    "bin type": (lambda e: e.BinType("m"), 19),
    "blob bits": (lambda e: e.BitCount(0, 40, e.BitNot(None, 0, 8, e.BlobBin("y"))), 14),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_expression_is_read(official: Any, key: Any, name: str) -> None:
    from aerospike_helpers.operations import expression_operations as operations

    build, want = VALUES[name]
    expression = build(exp()).compile()
    assert official.operate(key, [operations.expression_read("r", expression)])[2]["r"] == want


def test_expression_is_written_read_and_removed(official: Any, key: Any) -> None:
    import aerospike
    from aerospike_helpers.operations import expression_operations as operations

    e = exp()
    double = e.Mul(e.IntBin("a"), 2).compile()
    _, _, bins = official.operate(
        key,
        [
            operations.expression_write("a", double),
            operations.expression_write("a", double),
            operations.expression_write("new", double, aerospike.EXP_WRITE_CREATE_ONLY),
            operations.expression_read("seen", e.Add(e.IntBin("a"), e.IntBin("new")).compile()),
        ],
    )
    assert bins["seen"] == 28 + 56
    with pytest.raises(aerospike.exception.BinExistsError):
        official.operate(
            key, [operations.expression_write("a", double, aerospike.EXP_WRITE_CREATE_ONLY)]
        )
    with pytest.raises(aerospike.exception.OpNotApplicable):
        official.operate(key, [operations.expression_write("a", e.Unknown().compile())])
    nothing = e.Val(aerospike.null()).compile()
    official.operate(
        key, [operations.expression_write("new", nothing, aerospike.EXP_WRITE_ALLOW_DELETE)]
    )
    assert "new" not in official.get(key)[2]


FILTERS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "comparison": (lambda e: e.And(e.GE(e.IntBin("a"), 7), e.LT(e.FloatBin("f"), 2.0)), True),
    "unknown": (lambda e: e.NE(e.IntBin("missing"), 1), False),
    "unknown or true": (lambda e: e.Or(e.Eq(e.IntBin("missing"), 1), e.Not(e.BoolBin("t"))), True),
    "regex": (lambda e: e.CmpRegex(2, "^AB.$", e.StrBin("s")), True),
    "list": (lambda e: e.Eq(e.ListBin("l"), [1, 2]), True),
    "map": (lambda e: e.Eq(e.MapBin("m"), {"k": 5}), True),
    "metadata": (
        lambda e: e.And(
            e.KeyExists(), e.Not(e.IsTombstone()), e.Eq(e.TTL(), -1), e.LT(e.SinceUpdateTime(), 60000)
        ),
        True,
    ),
    "set": (lambda e: e.Eq(e.SetName(), "no"), False),
    "bin": (lambda e: e.Exclusive(e.BinExists("a"), e.BinExists("missing")), True),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERS)
def test_filter_lets_records_through_or_not(official: Any, key: Any, name: str) -> None:
    import aerospike

    build, holds = FILTERS[name]
    policy = {"expressions": build(exp()).compile()}
    row = official.batch_read([key], policy=policy).batch_records[0]
    assert row.result == (0 if holds else 27)
    if holds:
        assert official.get(key, policy)[2]["a"] == 7
        official.put(key, {"b": 1}, policy=policy)
        official.remove(key, policy=policy)
        assert official.exists(key)[1] is None
        return
    for call in (
        lambda: official.get(key, policy),
        lambda: official.put(key, {"b": 1}, policy=policy),
        lambda: official.operate(key, [bits().bit_not("y", 0, 8)], policy=policy),
        lambda: official.remove(key, policy=policy),
    ):
        with pytest.raises(aerospike.exception.FilteredOut):
            call()
    assert official.get(key)[2] == BINS


def test_filter_of_aerospike_py_holds_for_single_records_and_batches(
    client_of: Callable[[str], Any], key: Any, fresh: str
) -> None:
    import aerospike_py
    from aerospike_py import exp as e

    client = client_of("aerospike_py").client
    policy = {"filter_expression": e.and_(e.gt(e.int_bin("a"), e.int_val(5)), e.key_exists())}
    assert client.get(key, policy=policy).bins["a"] == 7
    with pytest.raises(aerospike_py.FilteredOut):
        client.get(key, policy={"filter_expression": e.lt(e.int_bin("a"), e.int_val(5))})
    other = ("test", fresh, "other")
    client.put(other, {"a": 1})
    rows = client.batch_read([key, other], policy=policy)
    assert len(rows) == 1


def test_paths_select_and_modify_children(official: Any, key: Any) -> None:
    import aerospike
    from aerospike_helpers import cdt_ctx
    from aerospike_helpers.expressions import map as maps
    from aerospike_helpers.operations import expression_operations, operations

    e = exp()
    official.put(
        key, {"d": {"a": {"p": 5, "q": 1}, "b": {"p": 15, "q": 2}, "c": {"p": 25, "q": 3}}}
    )
    p = maps.MapGetByKey(
        None, aerospike.MAP_RETURN_VALUE, 2, "p", e.LoopVarMap(aerospike.EXP_LOOPVAR_VALUE)
    )
    large = [cdt_ctx.cdt_ctx_all_children_with_filter(e.GT(p, 10).compile())]
    q = cdt_ctx.cdt_ctx_map_key("q")

    def select(ctx: list[Any], flags: int) -> Any:
        return official.operate(key, [operations.select_by_path("d", ctx, flags)])[2]["d"]

    assert select(large, 0) == {"b": {"p": 15, "q": 2}, "c": {"p": 25, "q": 3}}
    assert select([*large, q], 1) == [2, 3]
    assert select(large, 2) == ["b", "c"]
    more = e.Add(e.LoopVarInt(aerospike.EXP_LOOPVAR_VALUE), 100).compile()
    official.operate(key, [operations.modify_by_path("d", [*large, q], more, 0)])
    assert select([*large, q], 1) == [102, 103]
    tree = e.SelectByPath([*large, q], 5, 0, e.MapBin("d")).compile()
    assert official.operate(key, [expression_operations.expression_read("r", tree)])[2]["r"] == {
        "b": {"q": 102},
        "c": {"q": 103},
    }


def test_lists_and_maps_are_changed_in_the_middle_of_others(official: Any, key: Any) -> None:
    import aerospike
    from aerospike_helpers import cdt_ctx
    from aerospike_helpers.operations import list_operations as lists
    from aerospike_helpers.operations import map_operations as maps

    ordered = {"list_order": aerospike.LIST_ORDERED, "write_flags": aerospike.LIST_WRITE_ADD_UNIQUE}
    scores = [cdt_ctx.cdt_ctx_map_key_create("scores", aerospike.MAP_KEY_ORDERED)]
    results = official.operate_ordered(
        key,
        [
            lists.list_append_items("new", [3, 1, 2], ordered),
            maps.map_put("doc", "ann", 5, ctx=scores),
            maps.map_put("doc", "bob", 3, ctx=scores),
            maps.map_increment("doc", "ann", 2, ctx=scores),
            maps.map_get_by_rank("doc", -1, aerospike.MAP_RETURN_KEY, ctx=scores),
            maps.map_remove_by_key("doc", "bob", aerospike.MAP_RETURN_VALUE, ctx=scores),
            lists.list_get_by_value_range("new", aerospike.LIST_RETURN_VALUE, 2, 9),
        ],
    )[2]
    assert [value for _, value in results] == [3, 1, 2, 7, "ann", 3, [2, 3]]
    assert official.get(key)[2]["doc"] == {"scores": {"ann": 7}}
    assert official.get(key)[2]["new"] == [1, 2, 3]
    with pytest.raises(aerospike.exception.ElementExistsError):
        official.operate(key, [lists.list_append("new", 2, ordered)])
