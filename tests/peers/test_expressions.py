"""Random expressions: ours have the bytes that the official client and aerospike-py send for the same tree."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import aerospike
import aerospike_helpers
import aerospike_py
import pytest
from aerospike_helpers import cdt_ctx as official_ctx
from aerospike_helpers import expressions as official
from hypothesis import given, settings
from hypothesis import strategies as st

import aerospike_np
from aerospike_np import exp
from aerospike_np.helpers import cdt_ctx, expressions
from aerospike_np.local import LocalNode

from .apart import Apart
from .heard import Heard, py_ints, py_items, py_keys
from .plans import (
    BLOB,
    BOOL,
    CHECKS,
    FLOAT,
    GEO,
    HLL,
    INT,
    LIST,
    MAP,
    STR,
    Plan,
    call,
    carried_out,
    names,
    several,
    texts,
)
from .random_expressions import LITERALS, expression

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

# ---- the official client ----

THEIR_VALUES = SimpleNamespace(**{**vars(aerospike), "HyperLogLog": aerospike_helpers.HyperLogLog})


@pytest.fixture(scope="module")
def official_client(node: LocalNode) -> Iterator[Apart]:
    config = {"hosts": [(node.host, node.port)]}

    def start() -> Callable[[Plan], bytes]:
        client = aerospike.client(config)

        def packed(plan: Plan) -> bytes:
            made = carried_out(plan, official, official_ctx, THEIR_VALUES).compile()
            return base64.b64decode(client.get_expression_base64(made))

        return packed

    apart = Apart(start)
    yield apart
    apart.stop()


@settings(CHECKS, max_examples=1000)
@given(
    plan=st.sampled_from([BOOL, INT, FLOAT, STR, BLOB, LIST, MAP, HLL]).flatmap(
        lambda kind: expression(kind, 2)
    )
)
def test_our_bytes_are_those_of_the_official_client(official_client: Apart, plan: Plan) -> None:
    ours = carried_out(plan, expressions, cdt_ctx, aerospike_np)
    assert ours._code.packed == official_client.bytes_of(plan)


def test_base64_text_is_that_of_the_official_client(client_of: Callable[[str], Any]) -> None:
    made = [
        cdt_ctx.cdt_ctx_map_key("x"),
        cdt_ctx.cdt_ctx_list_index(-1),
        cdt_ctx.cdt_ctx_list_value([1, "a"]),
    ]
    theirs = [
        official_ctx.cdt_ctx_map_key("x"),
        official_ctx.cdt_ctx_list_index(-1),
        official_ctx.cdt_ctx_list_value([1, "a"]),
    ]
    their_client = client_of("aerospike").client
    ours = client_of("aerospike_np").client
    assert ours.get_cdtctx_base64(made) == their_client.get_cdtctx_base64(theirs)
    text = ours.get_expression_base64(exp.int_bin("a") > 5)
    same = official.GT(official.IntBin("a"), 5).compile()
    assert text == their_client.get_expression_base64(same)


# ---- aerospike-py ----

PY_BINS = {
    INT: "int_bin",
    FLOAT: "float_bin",
    STR: "string_bin",
    BLOB: "blob_bin",
    LIST: "list_bin",
    MAP: "map_bin",
    GEO: "geo_bin",
}
PY_VALUES = {
    INT: "int_val", FLOAT: "float_val", STR: "string_val", BOOL: "bool_val", BLOB: "blob_val",
    LIST: "list_val", MAP: "map_val",
}  # fmt: skip


PY_LITERALS = LITERALS | {
    INT: py_ints,
    LIST: st.lists(py_items, max_size=9),
    MAP: st.dictionaries(py_keys, py_items, max_size=1),
}


def py_of(kind: int, depth: int) -> st.SearchStrategy[Plan]:
    """Expressions of a type for aerospike-py, whose literals are builders too."""
    leaves: list[st.SearchStrategy[Plan]] = []
    if kind in PY_BINS:
        leaves.append(call(PY_BINS[kind], names))
    if kind in PY_VALUES:
        leaves.append(call(PY_VALUES[kind], PY_LITERALS[kind]))
    return st.one_of(leaves) if depth == 0 else st.one_of(*leaves, py_expression(kind, depth - 1))


@functools.cache
def py_expression(kind: int, depth: int) -> st.SearchStrategy[Plan]:
    some = functools.partial(py_of, depth=depth)
    choices = [call("cond", some(BOOL), some(kind), some(BOOL), some(kind), some(kind))]
    choices.append(call("let_", call("def_", names, some(INT)), some(kind)))
    if kind == BOOL:
        choices += [
            call(name, some(of_kind), some(of_kind))
            for name in ("eq", "ne", "gt", "ge", "lt", "le")
            for of_kind in (INT, FLOAT, STR, BLOB, LIST, MAP)
        ]
        choices += [several(name, some(BOOL), 2) for name in ("and_", "or_", "xor_")]
        choices += [call(name) for name in ("key_exists", "is_tombstone")]
        choices += [
            call("not_", some(BOOL)),
            call("bin_exists", names),
            call("regex_compare", texts, st.sampled_from([0, 1, 2, 4, 8]), some(STR)),
            call("geo_compare", some(GEO), some(GEO)),
        ]
    if kind in (INT, FLOAT):
        choices += [
            several(name, some(kind), 2)
            for name in ("num_add", "num_sub", "num_mul", "num_div", "min_", "max_")
        ]
        choices.append(call("num_abs", some(kind)))
    if kind == FLOAT:
        choices += [call(name, some(FLOAT), some(FLOAT)) for name in ("num_pow", "num_log")]
        choices += [call(name, some(FLOAT)) for name in ("num_floor", "num_ceil")]
        choices.append(call("to_float", some(INT)))
    if kind == INT:
        choices += [several(name, some(INT), 2) for name in ("int_and", "int_or", "int_xor")]
        choices += [
            call(name, some(INT), some(INT))
            for name in ("num_mod", "int_lshift", "int_rshift", "int_arshift")
        ]
        choices += [call(name, some(INT)) for name in ("int_not", "int_count")]
        choices += [call(name, some(INT), some(BOOL)) for name in ("int_lscan", "int_rscan")]
        choices += [
            call(name)
            for name in ("record_size", "last_update", "since_update", "void_time", "ttl")
        ]
        choices += [call("key", 2), call("to_int", some(FLOAT)), call("bin_type", names)]
        choices.append(call("digest_modulo", st.integers(1, 100)))
    if kind == STR:
        choices += [call("set_name"), call("key", 3)]
    return st.one_of(choices)


@pytest.fixture(scope="module")
def py_client(node: LocalNode) -> Iterator[Heard]:
    heard = Heard(node)
    yield heard
    heard.stop()


@settings(CHECKS, max_examples=500)
@given(plan=py_expression(BOOL, 2))
def test_our_bytes_are_those_of_aerospike_py(py_client: Heard, plan: Plan) -> None:
    ours = carried_out(plan, exp, cdt_ctx, aerospike_np)
    theirs = carried_out(plan, aerospike_py.exp, None, None)
    assert ours._code.packed == py_client.filter_of(theirs)
