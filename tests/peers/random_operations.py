"""Random operations on a record, as plans of the official client's builders."""

from __future__ import annotations

import functools
from typing import Any

from hypothesis import strategies as st

from .heard import py_ints, py_items, py_keys
from .plans import (
    BLOB,
    BOOL,
    FLOAT,
    INT,
    LIST,
    MAP,
    STR,
    Compiled,
    Infinite,
    Plan,
    Wildcard,
    bit_policies,
    blobs,
    flags,
    floats,
    hll_policies,
    ints,
    list_policies,
    list_returns,
    map_keys,
    map_policies,
    map_returns,
    sketches,
    steps,
    texts,
)
from .plans import values as storable
from .random_expressions import CHILDREN, LOOPS, expression

bins = st.text("abcé_0 ", min_size=1, max_size=7)
stand_ins = st.just(Infinite()) | st.just(Wildcard())
values = storable | stand_ins | st.lists(storable | stand_ins, max_size=4)
# What the official client cuts off without a word: offsets of bits, and places in maps, to 32 bits.
offsets = st.integers(-(2**31), 2**31 - 1) | st.integers(-300, 300)
sizes = st.integers(0, 2**32 - 1) | st.integers(0, 300)
several_values = st.lists(values, max_size=5)
numbers = ints | floats
contexts = st.none() | st.lists(steps, min_size=1, max_size=3)  # of an empty one it may die
counts = st.none() | ints
ends = st.none() | values


def call(name: str, *args: Any, **named: Any) -> st.SearchStrategy[Plan]:
    """Calls of a builder with a bin; each of the named arguments may be left out."""
    return st.builds(
        lambda made, given: Plan(name, made, given),
        st.tuples(bins, *args),
        st.fixed_dictionaries({}, optional=named),
    )


def plain() -> list[st.SearchStrategy[Plan]]:
    return [
        call("read"),
        call("write", storable),
        call("append", texts | blobs),
        call("prepend", texts | blobs),
        call("increment", numbers),
        st.builds(lambda ttl: Plan("touch", ttl), st.sampled_from([(), (None,), (1,), (86400,)])),
        st.just(Plan("delete", ())),
    ]


def on_lists() -> list[st.SearchStrategy[Plan]]:
    policy, ctx, inverted = list_policies | st.just({}), contexts, st.booleans()
    some = functools.partial(call, ctx=ctx)
    made = [
        some("list_create", st.sampled_from([0, 1]), st.booleans(), st.booleans()),
        some("list_append", storable, policy=policy),
        some("list_append_items", several_values, policy=policy),
        some("list_insert", ints, storable, policy=policy),
        some("list_insert_items", ints, several_values, policy=policy),
        some("list_increment", ints, numbers, policy=policy),
        some("list_pop", ints),
        some("list_pop_range", ints, ints),
        some("list_remove", ints),
        some("list_remove_range", ints, ints),
        some("list_clear"),
        some("list_set", ints, storable, policy=policy),
        some("list_get", ints),
        some("list_get_range", ints, ints),
        some("list_trim", ints, ints),
        some("list_size"),
        some("list_set_order", st.sampled_from([0, 1])),
        some("list_sort", sort_flags=st.sampled_from([0, 1, 2, 3])),
    ]
    for verb in ("get", "remove"):
        by = f"list_{verb}_by"
        made += [
            some(f"{by}_index", ints, list_returns),
            some(f"{by}_rank", ints, list_returns),
            some(f"{by}_index_range", ints, list_returns, count=counts, inverted=inverted),
            some(f"{by}_rank_range", ints, list_returns, count=counts, inverted=inverted),
            some(f"{by}_value", values, list_returns, inverted=inverted),
            some(f"{by}_value_list", several_values, list_returns, inverted=inverted),
            some(f"{by}_value_range", list_returns, ends, ends, inverted=inverted),
            some(
                f"{by}_value_rank_range_relative",
                values,
                ints,
                list_returns,
                count=counts,
                inverted=inverted,
            ),
        ]
    return made


def on_maps() -> list[st.SearchStrategy[Plan]]:
    policy, inverted = map_policies | st.just({}), st.booleans()
    some = functools.partial(call, ctx=contexts)
    entries = st.dictionaries(map_keys, storable, max_size=5)
    made = [
        some("map_create", st.sampled_from([0, 1, 3]), st.booleans()),
        some("map_set_policy", map_policies.filter(bool)),
        some("map_put", map_keys, storable, map_policy=policy),
        # of an ordered dict it sends the order at times, and at times not
        some("map_put_items", entries, map_policy=policy),
        some("map_increment", map_keys, numbers, map_policy=policy),
        some("map_decrement", map_keys, numbers, map_policy=policy),
        some("map_size"),
        some("map_clear"),
    ]
    for verb in ("get", "remove"):
        by = f"map_{verb}_by"
        made += [
            some(f"{by}_key", map_keys, map_returns),
            some(f"{by}_index", offsets, map_returns),
            some(f"{by}_rank", offsets, map_returns),
            some(f"{by}_index_range", offsets, ints, map_returns, inverted=inverted),
            some(f"{by}_rank_range", offsets, ints, map_returns, inverted=inverted),
            some(f"{by}_key_list", st.lists(map_keys), map_returns, inverted=inverted),
            some(f"{by}_key_range", ends, ends, map_returns, inverted=inverted),
            some(f"{by}_value", values, map_returns, inverted=inverted),
            some(f"{by}_value_list", several_values, map_returns, inverted=inverted),
            some(f"{by}_value_range", ends, ends, map_returns, inverted=inverted),
            some(
                f"{by}_value_rank_range_relative",
                values,
                ints,
                map_returns,
                count=counts,
                inverted=inverted,
            ),
            some(
                f"{by}_key_index_range_relative",
                map_keys,
                ints,
                map_returns,
                count=counts,
                inverted=inverted,
            ),
        ]
    return made


def on_bits() -> list[st.SearchStrategy[Plan]]:
    policy = bit_policies | st.just({})
    action = st.sampled_from([0, 2, 4])
    sized = blobs.filter(len)

    def with_bytes(name: str, *place: Any) -> st.SearchStrategy[Plan]:
        return st.builds(
            lambda bin, at, value, policy: Plan(name, (bin, *at, len(value), value), policy),
            bins,
            st.tuples(*place),
            sized,
            st.fixed_dictionaries({}, optional={"policy": policy}),
        )

    return [
        call("bit_resize", sizes, policy=policy, resize_flags=st.integers(0, 7)),
        with_bytes("bit_insert", offsets),
        call("bit_remove", offsets, sizes, policy=policy),
        *(with_bytes(f"bit_{name}", offsets, sizes) for name in ("set", "or", "xor", "and")),
        call("bit_not", offsets, sizes, policy=policy),
        call("bit_lshift", offsets, sizes, sizes, policy=policy),
        call("bit_rshift", offsets, sizes, sizes, policy=policy),
        call(
            "bit_add",
            offsets,
            sizes,
            st.integers(0, 2**63 - 1),
            st.booleans(),
            action,
            policy=policy,
        ),
        call(
            "bit_subtract",
            offsets,
            sizes,
            st.integers(0, 2**63 - 1),
            st.booleans(),
            action,
            policy=policy,
        ),
        call("bit_set_int", offsets, sizes, ints, policy=policy),
        call("bit_get", offsets, sizes),
        call("bit_count", offsets, sizes),
        call("bit_get_int", offsets, sizes, st.booleans()),
        call("bit_lscan", offsets, sizes, st.booleans()),
        call("bit_rscan", offsets, sizes, st.booleans()),
    ]


def on_hlls() -> list[st.SearchStrategy[Plan]]:
    bits = {"index_bit_count": st.integers(4, 16), "mh_bit_count": st.integers(0, 51)}
    policy = hll_policies | st.just({})
    others = st.lists(sketches, max_size=3)
    return [
        call("hll_init", **bits, policy=policy),
        call("hll_add", several_values, **bits, policy=policy),
        call("hll_set_union", others, policy=policy),
        call("hll_fold", st.integers(4, 16)),
        *(call(f"hll_{name}") for name in ("describe", "get_count", "refresh_count")),
        *(
            call(f"hll_get_{name}", others)
            for name in ("union", "union_count", "intersect_count", "similarity")
        ),
    ]


def computed() -> list[st.SearchStrategy[Plan]]:
    some = st.sampled_from([BOOL, INT, FLOAT, STR, BLOB, LIST, MAP]).flatmap(
        lambda kind: expression(kind, 1)
    )
    path = st.lists(st.one_of(CHILDREN.values()), min_size=1, max_size=3)
    leaf = Plan("Add", (Plan(f"LoopVar{LOOPS[INT]}", (1,)), 1))
    return [
        call("expression_read", some.map(Compiled), expression_read_flags=st.sampled_from([0, 16])),
        call(
            "expression_write",
            some.map(Compiled),
            expression_write_flags=st.sampled_from([0, 1, 2, 4, 24]),
        ),
        call("select_by_path", path, st.sampled_from([0, 1, 2, 3, 16, 17])),
        call("modify_by_path", path, st.just(Compiled(leaf)), st.sampled_from([0, 16])),
    ]


KINDS = (plain, on_lists, on_maps, on_bits, on_hlls, computed)


@functools.cache
def operations() -> st.SearchStrategy[list[Plan]]:
    """Lists of operations of any kinds."""
    return st.lists(st.one_of([st.one_of(kind()) for kind in KINDS]), min_size=1, max_size=4)


def policies() -> st.SearchStrategy[tuple[dict[str, Any], dict[str, Any]]]:
    """Meta and policy of a call, as far as they are sent."""
    ttl = {"ttl": st.sampled_from([0, 1, 86400, 315360000, 2**32 - 1, 2**32 - 2])}
    checked = st.builds(
        lambda gen, policy: ({"gen": gen}, {"gen": policy}),
        st.integers(1, 65535),
        st.sampled_from([1, 2]),
    )
    meta = st.fixed_dictionaries({}, optional=ttl)
    policy = st.fixed_dictionaries(
        {"total_timeout": st.sampled_from([20_000, 25_000])},
        optional=ttl
        | {
            "key": st.sampled_from([0, 1]),
            "exists": st.sampled_from([0, 1, 2, 3, 4]),
            "commit_level": st.sampled_from([0, 1]),
            "durable_delete": st.booleans(),
            "expressions": expression(BOOL, 1).map(Compiled),
        },
    )
    return st.builds(
        lambda meta, policy, gen: (meta | gen[0], policy | gen[1]),
        meta,
        policy,
        st.just(({}, {})) | checked,
    )


# ---- aerospike-py's builders ----

# With all that may be left out: what then stands in its place isn't always what the official client has.
py_lists = st.lists(py_items, min_size=1, max_size=5)  # of an empty one it dies
py_some = py_items.filter(lambda value: value is not None)
py_counts = py_ints.filter(lambda n: 0 < n < 30000)
py_returns = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 13])
py_list_policies = st.fixed_dictionaries({"order": st.sampled_from([0, 1]), "flags": flags})
py_map_policies = st.none() | st.fixed_dictionaries({"order": st.sampled_from([0, 1, 3])})


def py_on_lists() -> list[st.SearchStrategy[Plan]]:
    policy = py_list_policies
    made = [
        call("list_append", py_items, policy),
        call("list_append_items", py_lists, policy),
        call("list_insert", py_ints, py_items, policy),
        call("list_insert_items", py_ints, py_lists, policy),
        call("list_set", py_ints, py_some),  # of None it dies
        *(call(f"list_{name}", py_ints) for name in ("pop", "remove", "get")),
        *(
            call(f"list_{name}", py_ints, py_counts)
            for name in ("pop_range", "remove_range", "trim", "get_range")
        ),
        *(call(f"list_{name}") for name in ("clear", "size")),
        call("list_sort", sort_flags=st.sampled_from([0, 2])),
        call("list_set_order", list_order=st.sampled_from([0, 1])),
    ]
    for verb in ("get", "remove"):
        by = f"list_{verb}_by"
        made += [
            *(call(f"{by}_{place}", py_ints, list_returns) for place in ("index", "rank")),
            *(
                call(f"{by}_{place}_range", py_ints, list_returns, count=st.none() | py_counts)
                for place in ("index", "rank")
            ),
            call(f"{by}_value", py_some, list_returns),
            call(f"{by}_value_list", py_lists, list_returns),
            call(f"{by}_value_range", py_some, py_some, list_returns),
        ]
    return made


def py_on_maps() -> list[st.SearchStrategy[Plan]]:
    entries = st.dictionaries(py_keys, py_items, min_size=1, max_size=1)
    policy = py_map_policies
    made = [
        call("map_set_order", st.sampled_from([0, 1, 3])),
        call("map_put", py_keys, py_items, policy=policy),
        call("map_put_items", entries, policy=policy),
        call("map_increment", py_keys, py_ints, policy=policy),
        call("map_decrement", py_keys, py_ints, policy=policy),
        *(call(f"map_{name}") for name in ("clear", "size")),
    ]
    for verb in ("get", "remove"):
        by = f"map_{verb}_by"
        made += [
            call(f"{by}_key", py_keys, py_returns),
            call(f"{by}_key_list", st.lists(py_keys, max_size=4), py_returns),
            call(f"{by}_key_range", py_keys, py_keys, py_returns),
            *(call(f"{by}_{place}", py_ints, py_returns) for place in ("index", "rank")),
            *(
                call(f"{by}_{place}_range", py_ints, py_returns, count=py_counts)
                for place in ("index", "rank")
            ),
            call(f"{by}_value", py_some, py_returns),
            call(f"{by}_value_list", py_lists, py_returns),
            call(f"{by}_value_range", py_some, py_some, py_returns),
        ]
    return made


def py_on_bits() -> list[st.SearchStrategy[Plan]]:
    policy = {"policy": st.none() | flags}
    place = (py_ints, py_counts)
    more = {"signed": st.booleans(), "action": st.sampled_from([0, 2, 4])}
    return [
        call("bit_resize", py_counts, st.sampled_from([1, 2, 4]), **policy),
        call("bit_insert", py_ints, blobs, **policy),
        call("bit_remove", *place, **policy),
        *(call(f"bit_{name}", *place, blobs, **policy) for name in ("set", "or", "xor", "and")),
        call("bit_not", *place, **policy),
        *(call(f"bit_{name}", *place, py_counts, **policy) for name in ("lshift", "rshift")),
        *(call(f"bit_{name}", *place, py_counts, **more, **policy) for name in ("add", "subtract")),
        call("bit_set_int", *place, py_ints, **policy),
        *(call(f"bit_{name}", *place) for name in ("get", "count")),
        *(call(f"bit_{name}", *place, st.booleans()) for name in ("lscan", "rscan")),
        call("bit_get_int", *place, signed=st.booleans()),
    ]


def py_on_hlls() -> list[st.SearchStrategy[Plan]]:
    bits = st.integers(4, 16)
    more = {"minhash_bit_count": st.none() | bits, "policy": hll_policies}
    return [
        call("hll_init", bits, **more),
        call("hll_add", py_lists, index_bit_count=st.none() | bits, **more),
        call("hll_fold", bits),
        *(call(f"hll_{name}") for name in ("get_count", "describe")),
    ]


def py_operations() -> st.SearchStrategy[list[Plan]]:
    """Lists of operations of aerospike-py's builders."""
    kinds = (py_on_lists, py_on_maps, py_on_bits, py_on_hlls)
    return st.lists(st.one_of([st.one_of(kind()) for kind in kinds]), min_size=1, max_size=3)
