"""Plans: calls of builders with random arguments, which any client's builders carry out.

A plan is ``(builder's name, arguments, named arguments)``; among the arguments may be plans, steps of contexts, and
values for which each client has a class of its own.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

NIL, BOOL, INT, STR, LIST, MAP, BLOB, FLOAT, GEO, HLL = range(10)
CHECKS = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


class Plan(NamedTuple):
    """A call of a builder, by name."""

    name: str
    args: tuple[Any, ...]
    named: dict[str, Any] = {}


class Step(NamedTuple):
    """A call of a context's maker."""

    name: str
    args: tuple[Any, ...]


class Compiled(NamedTuple):
    """An expression inside of another's context, which the official client wants compiled."""

    plan: Plan


class Geo(NamedTuple):
    text: str


class Sketch(NamedTuple):
    """The bytes of a HyperLogLog."""

    data: bytes


class Ordered(NamedTuple):
    """A map whose keys stay in order."""

    pairs: dict[Any, Any]


class Infinite(NamedTuple):
    pass


class Wildcard(NamedTuple):
    pass


def carried_out(plan: Any, builders: Any, contexts: Any, values: Any) -> Any:
    """What a client's builders make of a plan."""

    def made(part: Any) -> Any:
        if isinstance(part, Plan):
            named = {name: made(arg) for name, arg in part.named.items()}
            return getattr(builders, part.name)(*map(made, part.args), **named)
        if isinstance(part, Step):
            return getattr(contexts, part.name)(*map(made, part.args))
        if isinstance(part, Compiled):
            return made(part.plan).compile()
        if isinstance(part, Geo):
            return values.GeoJSON(json.loads(part.text))
        if isinstance(part, Sketch):
            return values.HyperLogLog(part.data)
        if isinstance(part, Ordered):
            return values.KeyOrderedDict(made(part.pairs))
        if isinstance(part, Infinite):
            return values.CDTInfinite()
        if isinstance(part, Wildcard):
            return values.CDTWildcard()
        if isinstance(part, list):
            return [made(item) for item in part]
        if isinstance(part, dict):
            return {key: made(item) for key, item in part.items()}
        return part

    return made(plan)


# ---- random values ----

ints = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-300, 300)
    | st.sampled_from([2**15, 2**31, 2**32])
)
floats = st.floats(allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
blobs = st.binary(max_size=300)
names = st.text("abcdefghij_é", min_size=1, max_size=7)
geos = st.builds(
    lambda x, y: Geo(json.dumps({"type": "Point", "coordinates": [x, y]})),
    st.integers(-90, 90),
    st.integers(-90, 90),
)
scalars = ints | floats | texts | blobs | st.booleans() | st.none()
map_keys = ints | texts | blobs
sketches = st.builds(Sketch, blobs)
values = st.recursive(
    scalars | geos | sketches,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(map_keys, inner, max_size=20),
        st.builds(Ordered, st.dictionaries(map_keys, inner, max_size=20)),
    ),
    max_leaves=20,
)
lists = st.lists(values, max_size=20)
maps = st.dictionaries(map_keys, values, max_size=20)


# ---- random calls ----


def call(name: str, *args: Any) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda *made: Plan(name, made),
        *(arg if isinstance(arg, st.SearchStrategy) else st.just(arg) for arg in args),
    )


def several(name: str, arg: st.SearchStrategy[Any], least: int) -> st.SearchStrategy[Plan]:
    return st.lists(arg, min_size=least, max_size=4).map(lambda made: Plan(name, tuple(made)))


flags = st.sampled_from([0, 1, 2, 4, 8, 5])
list_policies = st.none() | st.fixed_dictionaries(
    {"list_order": st.sampled_from([0, 1])}, optional={"write_flags": flags}
)
map_policies = st.none() | st.fixed_dictionaries(
    {"map_order": st.sampled_from([0, 1, 3])},
    optional={"map_write_flags": flags, "persist_index": st.booleans()},
)
bit_policies = st.none() | st.fixed_dictionaries({"bit_write_flags": flags})
hll_policies = st.none() | st.fixed_dictionaries({"flags": flags})
list_returns = st.sampled_from([1, 2, 3, 4, 5, 7, 13])
map_returns = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 17])
steps = st.one_of(
    st.builds(lambda i: Step("cdt_ctx_list_index", (i,)), st.integers(-9, 9)),
    st.builds(lambda i: Step("cdt_ctx_list_rank", (i,)), st.integers(-9, 9)),
    st.builds(lambda v: Step("cdt_ctx_list_value", (v,)), values),
    st.builds(
        lambda i, order: Step("cdt_ctx_list_index_create", (i, *order)),
        st.integers(-9, 9),
        st.sampled_from([(0, False), (0, True), (1, False)]),
    ),
    st.builds(lambda i: Step("cdt_ctx_map_index", (i,)), st.integers(-9, 9)),
    st.builds(lambda i: Step("cdt_ctx_map_rank", (i,)), st.integers(-9, 9)),
    st.builds(lambda k: Step("cdt_ctx_map_key", (k,)), map_keys),
    st.builds(lambda v: Step("cdt_ctx_map_value", (v,)), values),
    st.builds(
        lambda k, order: Step("cdt_ctx_map_key_create", (k, order)),
        map_keys,
        st.sampled_from([0, 1, 3]),
    ),
)
