"""Calls of operation builders, and what the official client sends for each: operation_bytes.json.

The calls are texts, so that they can be evaluated with anybody's builders. ``tests/peers`` holds the file
against the official client, ``tests/integration`` holds our client against the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).with_name("operation_bytes.json")
BIN = "'b'"
CONTEXT = "[cdt_ctx.cdt_ctx_map_key('x'), cdt_ctx.cdt_ctx_list_index(0)]"
STEPS = [
    "list_index(-1)",
    "list_rank(2)",
    "list_value({'a': 1})",
    "list_index_create(3)",
    "list_index_create(3, 1)",
    "list_index_create(3, 0, True)",
    "map_index(1)",
    "map_rank(-1)",
    "map_key(b'x')",
    "map_value(None)",
    "map_key_create('k')",
    "map_key_create('k', 1)",
    "map_key_create(5, 3)",
]
LIST_POLICIES = [
    "None",
    "{}",
    "{'list_order': 1}",
    "{'write_flags': 1}",
    "{'list_order': 1, 'write_flags': 5}",
]
MAP_POLICIES = [
    "None",
    "{}",
    "{'map_order': 1}",
    "{'map_write_flags': 2}",
    "{'map_order': 3, 'persist_index': True}",
    "{'map_order': 1, 'map_write_flags': 6, 'persist_index': True}",
]
BIT_POLICIES = ["None", "{}", "{'bit_write_flags': 4}"]
HLL_POLICIES = ["None", "{}", "{'flags': 4}"]

LISTS = {
    "list_clear": "",
    "list_size": "",
    "list_append": "'v'",
    "list_append_items": "[1, 'a', None, 2.5]",
    "list_insert": "2, [b'z']",
    "list_insert_items": "2, [1, 'a']",
    "list_increment": "2, 1.5",
    "list_pop": "2",
    "list_pop_range": "2, 3",
    "list_remove": "-2",
    "list_remove_range": "2, 3",
    "list_set": "2, True",
    "list_get": "300",
    "list_get_range": "2, 3",
    "list_trim": "2, 3",
    "list_set_order": "1",
    "list_sort": "2",
    **{
        f"list_{verb}_by_{what}": arguments
        for verb in ("get", "remove")
        for what, arguments in {
            "index": "2, 7",
            "index_range": "2, 7",
            "rank": "1, 3",
            "rank_range": "1, 5",
            "value": "'v', 7",
            "value_list": "[1, 'a'], 7",
            "value_range": "7, 1, 5",
            "value_rank_range_relative": "'v', -1, 7",
        }.items()
    },
}
MAPS = {
    "map_clear": "",
    "map_size": "",
    "map_put": "'k', [1]",
    "map_put_items": "{'a': 1}",
    "map_increment": "'k', 5",
    "map_decrement": "'k', 1.5",
    "map_set_policy": "{'map_order': 1}",
    **{
        f"map_{verb}_by_{what}": arguments
        for verb in ("get", "remove")
        for what, arguments in {
            "key": "'k', 7",
            "key_list": "['p', 'q'], 6",
            "key_range": "'a', 'c', 8",
            "value": "'v', 7",
            "value_list": "[1, 2], 7",
            "value_range": "1, 5, 7",
            "index": "2, 7",
            "index_range": "1, 3, 7",
            "rank": "-1, 7",
            "rank_range": "-2, 3, 7",
            "value_rank_range_relative": "'v', -1, 7",
            "key_index_range_relative": "'k', -1, 7",
        }.items()
    },
}
SKETCH = "HyperLogLog(b'\\x00\\x04\\x00')"
HLL = {
    "hll_add": "['a', 'b']",
    "hll_init": "",
    "hll_set_union": f"[{SKETCH}]",
    "hll_refresh_count": "",
    "hll_fold": "8",
    "hll_get_count": "",
    "hll_get_union": f"[{SKETCH}]",
    "hll_get_union_count": f"[{SKETCH}]",
    "hll_get_intersect_count": f"[{SKETCH}]",
    "hll_get_similarity": f"[{SKETCH}]",
    "hll_describe": "",
}
BITS = {
    "bit_resize": "3",
    "bit_insert": "1, 2, b'\\x01\\x02'",
    "bit_remove": "1, 3",
    "bit_not": "8, 9",
    **{f"bit_{name}": "8, 9, 2, b'\\x01\\x02'" for name in ("set", "or", "xor", "and")},
    "bit_lshift": "8, 9, 3",
    "bit_rshift": "8, 9, 3",
    "bit_add": "8, 9, 255, True, 2",
    "bit_subtract": "8, 9, 1, False, 4",
    "bit_set_int": "8, 9, -7",
    "bit_get": "8, 9",
    "bit_get_int": "8, 9, True",
    "bit_count": "8, 9",
    "bit_lscan": "8, 9, True",
    "bit_rscan": "8, 9, False",
}
PLAIN = [
    "read('a')",
    "read('')",
    "write('a', 1)",
    "write('a', [1, None])",
    "write('a', None)",
    "append('a', 'x')",
    "prepend('a', b'x')",
    "increment('a', 1)",
    "increment('a', 1.5)",
    "write('a', KeyOrderedDict({'b': 1, 'a': {'y': [], 'x': KeyOrderedDict({})}}))",
    "write('a', {b'x': 1, 'y': 2, 300: 3, -1: 4, '': 5})",
    "touch()",
    "touch(100)",
    "delete()",
]


def _call(module: str, name: str, arguments: str, **more: str) -> str:
    given = [
        BIN,
        *([arguments] if arguments else []),
        *(f"{key}={value}" for key, value in more.items()),
    ]
    return f"{module}.{name}({', '.join(given)})"


def calls() -> Iterator[str]:
    """The texts: lists of operations."""
    for text in PLAIN:
        yield f"[operations.{text}]"
    yield "[operations.increment('a', 1), operations.read('a'), operations.touch()]"
    yield "[operations.read('a'), list_operations.list_size('b')]"
    yield "[operations.read('a'), map_operations.map_size('b')]"
    yield "[operations.write('a', 1), bitwise_operations.bit_get('b', 0, 8)]"
    for step in STEPS:
        yield f"[list_operations.list_size('b', ctx=[cdt_ctx.cdt_ctx_{step}])]"
    yield "[list_operations.list_get_by_value_range('b', 7, [1, CDTWildcard()], CDTInfinite())]"
    yield "[list_operations.list_get_by_value('b', {'b': 1, 'a': KeyOrderedDict({2: 1, 1: 2})}, 7)]"
    yield "[list_operations.list_get_range('b', 0, -2), list_operations.list_trim('b', 1, -1)]"
    for module, builders, name, policies in (
        ("list_operations", LISTS, "policy", LIST_POLICIES),
        ("map_operations", MAPS, "map_policy", MAP_POLICIES),
    ):
        for builder, arguments in builders.items():
            yield f"[{_call(module, builder, arguments)}]"
            yield f"[{_call(module, builder, arguments, ctx=CONTEXT)}]"
            if (
                "range" in builder
                and builder.startswith("list_")
                and "value_range" not in builder
                and "_by_" in builder
            ):
                yield f"[{_call(module, builder, arguments, count='3', inverted='True')}]"
            if builder.endswith("relative"):
                yield f"[{_call(module, builder, arguments, count='3', inverted='True')}]"
            if builder.endswith(("by_value", "_list", "value_range", "key_range")):
                yield f"[{_call(module, builder, arguments, inverted='True')}]"
            if builder.endswith(
                ("append", "items", "insert", "increment", "decrement", "_set", "_put")
            ):
                for policy in policies:
                    yield f"[{_call(module, builder, arguments, **{name: policy})}]"
                yield f"[{_call(module, builder, arguments, ctx=CONTEXT, **{name: policies[-1]})}]"
    for ctx in ("None", CONTEXT):
        for order in (0, 1):
            for pad in (False, True):
                yield f"[list_operations.list_create('b', {order}, {pad}, {not pad}, ctx={ctx})]"
        for order in (0, 1, 3):
            yield f"[map_operations.map_create('b', {order}, {order != 1}, ctx={ctx})]"
        yield f"[map_operations.map_set_policy('b', {{'map_order': 3, 'persist_index': True}}, ctx={ctx})]"
    for verb in ("get", "remove"):
        for ends in ("None, None", "1, None", "None, 5"):
            yield f"[list_operations.list_{verb}_by_value_range('b', 7, {ends})]"
            yield f"[map_operations.map_{verb}_by_value_range('b', {ends}, 7)]"
            yield f"[map_operations.map_{verb}_by_key_range('b', {ends}, 7)]"
    for module, builders, policies in (
        ("bitwise_operations", BITS, BIT_POLICIES),
        ("hll_operations", HLL, HLL_POLICIES),
    ):
        for builder, arguments in builders.items():
            yield f"[{_call(module, builder, arguments)}]"
            if not any(part in builder for part in ("get", "count", "scan", "fold", "describe")):
                for policy in policies:
                    yield f"[{_call(module, builder, arguments, policy=policy)}]"
    yield "[hll_operations.hll_add('b', ['a'], 8, 20)]"
    yield "[hll_operations.hll_init('b', mh_bit_count=20)]"
    yield "[bitwise_operations.bit_resize('b', 3, {'bit_write_flags': 2}, 5)]"
    yield "[bitwise_operations.bit_get_int('b', 8, 9, False)]"


def sent(body: bytes) -> list[Any]:
    """What of a request counts: info1 to info3, ttl, and the operations."""
    n_fields, n_ops = struct.unpack(">HH", body[18:22])
    at = 22
    for _ in range(n_fields):
        at += 4 + int.from_bytes(body[at : at + 4], "big")
    return [body[1:4].hex(), int.from_bytes(body[10:14], "big"), n_ops, body[at:].hex()]


def our_names() -> dict[str, Any]:
    """What the texts name, of ours."""
    import aerospike_np
    from aerospike_np.helpers import cdt_ctx, operations

    modules = (
        "operations",
        "list_operations",
        "map_operations",
        "bitwise_operations",
        "hll_operations",
    )
    values = ("HyperLogLog", "KeyOrderedDict", "CDTInfinite", "CDTWildcard")
    return {
        "cdt_ctx": cdt_ctx,
        **{name: import_module(f"{operations.__name__}.{name}") for name in modules},
        **{name: getattr(aerospike_np, name) for name in values},
    }


def recorded() -> dict[str, list[Any]]:
    """The file: call to what the official client sends."""
    return dict(json.loads(RECORDED.read_text(encoding="utf-8")))
