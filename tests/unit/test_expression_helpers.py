"""Expressions under the names of ``aerospike_helpers``: bytes as the official client has them, and refusals."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import aerospike_np as aerospike
from aerospike_np import exp as builders
from aerospike_np.exception import InvalidArgError
from aerospike_np.helpers import cdt_ctx as c
from aerospike_np.helpers import expressions as exp

ADDED = exp.Add(exp.LoopVarInt(1), 2)
CREATING = [
    c.cdt_ctx_list_index_create(0, 0, True),
    c.cdt_ctx_map_key_create("k", 0),
    c.cdt_ctx_map_key_create("k", 1),
    c.cdt_ctx_list_index_create(0, 0, False),
]

GOLDEN = [
    (exp.ListSize(None, "l"), "95 7f 02 00 91 10 93 51 04 a1 6c"),
    (exp.ListAppend(None, None, [1, 2], "l"), "95 7f 04 40 92 01 92 7e 92 01 02 93 51 04 a1 6c"),
    (
        exp.ListAppend(None, {"list_order": 1, "write_flags": 1}, exp.IntBin("a"), exp.ListBin("l")),
        "95 7f 04 40 94 01 93 51 02 a1 61 01 01 93 51 04 a1 6c",
    ),
    (
        exp.ListAppend([c.cdt_ctx_map_key("a")], None, 1, exp.MapBin("m")),
        "95 7f 05 40 93 cc ff 92 22 a2 03 61 92 01 01 93 51 05 a1 6d",
    ),
    (
        exp.ListAppend(CREATING, None, 1, "l"),
        "95 7f 04 40 93 cc ff 98 cc 90 00 62 a2 03 6b cc a2 a2 03 6b 50 00 92 01 01 93 51 04 a1 6c",
    ),
    (
        exp.ListGetByValueList(None, aerospike.LIST_RETURN_COUNT, [1, 2], "l", inverted=True),
        "95 7f 02 00 93 17 ce 00 01 00 05 92 7e 92 01 02 93 51 04 a1 6c",
    ),
    (exp.ListRemoveByValue(None, 3, "l"), "95 7f 04 40 93 23 00 03 93 51 04 a1 6c"),
    (
        exp.MapPut(None, {"map_order": 1, "persist_index": True}, 1, 2, "m"),
        "95 7f 05 40 95 43 01 02 11 00 93 51 05 a1 6d",
    ),
    (
        exp.MapRemoveByKeyRange(None, None, "b", "m"),
        "95 7f 05 40 94 54 00 c0 a2 03 62 93 51 05 a1 6d",
    ),
    (
        exp.MapRemoveByKeyRange(None, "a", None, "m"),
        "95 7f 05 40 94 54 00 a2 03 61 d4 ff 01 93 51 05 a1 6d",
    ),
    (
        exp.MapGetByKey(None, 7, 2, "k", exp.MapGetByKey(None, 7, 5, "j", exp.MapBin("m"))),
        "95 7f 02 00 93 61 07 a2 03 6b 95 7f 05 00 93 61 07 a2 03 6a 93 51 05 a1 6d",
    ),
    (exp.MapGetByIndexRange(None, 13, 1, 2, "m"), "95 7f 01 00 94 68 0d 01 02 93 51 05 a1 6d"),
    (exp.MapGetByIndexRange(None, 8, 1, 2, "m"), "95 7f 05 00 94 68 08 01 02 93 51 05 a1 6d"),
    (
        exp.ListGetByValue(None, 7, [1, aerospike.CDTWildcard()], "l"),
        "95 7f 04 00 93 16 07 92 7e 92 01 d4 ff 00 93 51 04 a1 6c",
    ),
    (exp.MapIncrement(None, {"map_order": 1}, "k", 1, "m"), "95 7f 05 40 94 49 a2 03 6b 01 01 93 51 05 a1 6d"),
    (exp.BitCount(0, 8, "y"), "95 7f 02 01 93 33 00 08 93 51 06 a1 79"),
    (
        exp.BitSubtract({"bit_write_flags": 1}, 0, 8, 1, 2, "b"),
        "95 7f 06 41 96 0b 00 08 01 01 02 93 51 06 a1 62",
    ),
    (exp.HLLInit(None, 4, None, "h"), "95 7f 09 42 94 00 04 ff 00 93 51 09 a1 68"),
    (exp.HLLGetUnion([b"aa"], "h"), "95 7f 09 02 92 33 92 7e 91 a3 04 61 61 93 51 09 a1 68"),
    (
        exp.SelectByPath(
            [c.cdt_ctx_map_keys_in(["a", "b"]), c.cdt_ctx_and_filter(exp.Eq(exp.LoopVarInt(1), 2).compile())],
            exp.ResultType.MAP,
            aerospike.EXP_PATH_SELECT_MAP_KEY,
            exp.MapBin("m"),
        ),
        "95 7f 05 00 93 cc fe 94 2a 92 a2 03 61 a2 03 62 cd 02 04 93 01 93 7a 02 01 02 02 93 51 05 a1 6d",
    ),
    (
        exp.ModifyByPath([c.cdt_ctx_all_children()], exp.ResultType.LIST, ADDED, 16, exp.ListBin("l")),
        "95 7f 04 40 94 cc fe 92 04 c3 14 93 14 93 7a 02 01 02 93 51 04 a1 6c",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("built", "packed"), GOLDEN, ids=[repr(built)[:60] for built, _ in GOLDEN])
def test_bytes_are_those_of_the_official_client(built: exp.Expression, packed: str) -> None:
    assert built.packed.hex(" ") == packed


@pytest.mark.parametrize(
    "built", [built for built, _ in GOLDEN], ids=[repr(b)[:60] for b, _ in GOLDEN]
)
def test_repr_builds_the_same_expression(built: exp.Expression) -> None:
    names: dict[str, Any] = {**vars(exp), **vars(c), **vars(aerospike)}
    names["exp"] = builders
    assert eval(repr(built), names).packed == built.packed


def test_the_first_step_tells_the_bin_of_a_name() -> None:
    ctx = [c.cdt_ctx_map_key("x")]
    assert exp.ListSize(ctx, "m").packed == exp.ListSize(ctx, exp.MapBin("m")).packed


REFUSED = [
    (lambda: exp.ListSize(None, exp.MapBin("m")), "ListSize: bin must be a list"),
    (lambda: exp.MapSize([c.cdt_ctx_list_index(0)], exp.MapBin("m")), "must be a list"),
    (lambda: exp.ListSize([c.cdt_ctx_all_children()], "l"), "only SelectByPath and ModifyByPath"),
    (lambda: exp.ListSize([("x", 1)], "l"), r"ctx\[0\] must be made by"),
    (lambda: exp.ListSize("ab", "l"), "ctx is a list of contexts"),
    (lambda: exp.ListSize(c.cdt_ctx_map_key("x"), "l"), "ctx is a list of contexts"),
    (lambda: exp.ListSize([c.cdt_ctx_list_index(0)] * 65, "l"), "at most 64"),
    (lambda: exp.SelectByPath([], 4, 0, exp.ListBin("l")), "at least one step"),
    (lambda: exp.SelectByPath([c.cdt_ctx_all_children()], 4, 0, "l"), "isn't known here"),
    (
        lambda: exp.SelectByPath([c.cdt_ctx_all_children()], 4, 64, exp.ListBin("l")),
        "EXP_PATH_SELECT",
    ),
    (
        lambda: exp.SelectByPath([c.cdt_ctx_and_filter(exp.BoolBin("a"))], 4, 0, "l"),
        "there is none",
    ),
    (lambda: exp.ModifyByPath([c.cdt_ctx_all_children()], 4, 5, 0, exp.ListBin("l")), "mod_exp"),
    (lambda: exp.ListGetByIndex(None, 5, 3, 0, "l"), "must be ResultType.INTEGER"),
    (lambda: exp.ListGetByIndex(None, 7, 99, 0, "l"), "value_type is one of ResultType"),
    (lambda: exp.ListGetByIndexRange(None, 0, 1, 2, "l"), "can't be NONE"),
    (lambda: exp.ListGetByIndexRange(None, 6, 1, 2, "l"), "LIST_RETURN"),
    (lambda: exp.ListGetByIndexRange(None, 7, "a", 2, "l"), "index must be an integer"),
    (lambda: exp.ListAppendItems(None, None, 5, "l"), "value must be a list"),
    (lambda: exp.ListAppend(None, {"map_order": 1}, 5, "l"), "unknown key 'map_order'"),
    (lambda: exp.ListAppend(None, {"list_order": 7}, 5, "l"), "list_order can't be 7"),
    (lambda: exp.ListAppend(None, [1], 5, "l"), "policy is a dict"),
    (lambda: exp.MapPut(None, {"map_write_mode": 1}, 1, 2, "m"), "unknown key"),
    (lambda: exp.MapIncrement(None, {"map_write_flags": 1}, 1, 2, "m"), "an increment takes no"),
    (lambda: exp.MapPutItems(None, None, [1], "m"), "map must be a map"),
    (lambda: exp.ListSize(None, "sixteen bytes ..."), "has 17 bytes"),
    (lambda: exp.BitGet(0, 8, exp.IntBin("a")), "bin must be a blob"),
    (lambda: exp.BitSet(None, 0, 8, 5, "b"), "value must be a blob"),
    (lambda: exp.BitB64Encode(1, None, False, "b"), "byte_size is needed"),
    (lambda: exp.HLLGetCount(exp.BlobBin("a")), "bin must be a HyperLogLog"),
    (lambda: exp.HLLAdd(None, 5, 4, 4, "h"), "list must be a list"),
    (lambda: exp.LoopVarInt(3), "var_id is an integer from 0 to 2"),
    (lambda: c.cdt_ctx_list_index("a"), "cdt_ctx_list_index: the place is an integer"),
    (lambda: c.cdt_ctx_list_index_create(0, 1, True), "only unordered lists"),
    (lambda: c.cdt_ctx_map_key_create("k", 2), "order is MAP_UNORDERED"),
    (lambda: c.cdt_ctx_all_children_with_filter(5), "an expression is needed"),
    (lambda: c.cdt_ctx_all_children_with_filter(exp.IntBin("a")), "neither true nor false"),
]


@pytest.mark.parametrize(("build", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_can_not_be_right_is_refused_by_name(build: Any, why: str) -> None:
    with pytest.raises(InvalidArgError, match=why):
        build()


def test_contexts_travel_and_do_not_change() -> None:
    step = c.cdt_ctx_map_key("x")
    again = pickle.loads(pickle.dumps(step))
    assert again == step and hash(again) == hash(step) and repr(again) == "cdt_ctx_map_key('x')"
    with pytest.raises(AttributeError, match="don't change"):
        step._type = 1
