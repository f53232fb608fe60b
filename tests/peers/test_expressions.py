"""Random expressions: ours have the bytes that the official client and aerospike-py send for the same tree.

A tree is a plan, ``(builder's name, argument, ...)``, which each client's builders carry out.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import multiprocessing
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import aerospike
import aerospike_py
import fault_proxy
import pytest
from aerospike_helpers import cdt_ctx as official_ctx
from aerospike_helpers import expressions as official
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import aerospike_np
from aerospike_np import exp
from aerospike_np.helpers import cdt_ctx, expressions
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

EXAMPLES = 1000
NIL, BOOL, INT, STR, LIST, MAP, BLOB, FLOAT, GEO, HLL = range(10)
CHECKS = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


class Plan(NamedTuple):
    """A call of a builder, by name."""

    name: str
    args: tuple[Any, ...]


class Step(NamedTuple):
    """A call of a context's maker."""

    name: str
    args: tuple[Any, ...]


class Compiled(NamedTuple):
    """An expression inside of another's context, which the official client wants compiled."""

    plan: Plan


class Geo(NamedTuple):
    text: str


class Infinite(NamedTuple):
    pass


class Wildcard(NamedTuple):
    pass


def carried_out(plan: Any, builders: Any, contexts: Any, values: Any) -> Any:
    """What a client's builders make of a plan."""

    def made(part: Any) -> Any:
        if isinstance(part, Plan):
            return getattr(builders, part.name)(*map(made, part.args))
        if isinstance(part, Step):
            return getattr(contexts, part.name)(*map(made, part.args))
        if isinstance(part, Compiled):
            return made(part.plan).compile()
        if isinstance(part, Geo):
            return values.GeoJSON(json.loads(part.text))
        if isinstance(part, Infinite):
            return values.CDTInfinite()
        if isinstance(part, Wildcard):
            return values.CDTWildcard()
        if isinstance(part, list):
            return [made(item) for item in part]
        return part

    return made(plan)


# ---- random plans, of given types ----

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
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(map_keys, inner, max_size=20),
    max_leaves=20,
)
lists = st.lists(values, max_size=20)
maps = st.dictionaries(map_keys, values, max_size=20)
LITERALS = {
    INT: ints,
    FLOAT: floats,
    STR: texts,
    BOOL: st.booleans(),
    BLOB: blobs,
    LIST: lists,
    MAP: maps,
    GEO: geos,
}
BINS = {
    INT: "IntBin", FLOAT: "FloatBin", STR: "StrBin", BOOL: "BoolBin", BLOB: "BlobBin",
    LIST: "ListBin", MAP: "MapBin", GEO: "GeoBin", HLL: "HLLBin",
}  # fmt: skip


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


def into(kind: int, *, is_whole: bool) -> st.SearchStrategy[Any]:
    """A context and a bin that has it: the first step tells the bin's type.

    is_whole: the result is the whole bin, and so of the bin's type.
    """

    def is_list(ctx: list[Step]) -> bool:
        return "_list_" in ctx[0].name

    def with_bin(ctx: list[Step]) -> tuple[list[Step] | None, Any]:
        if not ctx:
            return None, Plan(BINS[kind], ("b",))
        return ctx, Plan(BINS[LIST if is_list(ctx) else MAP], ("b",))

    contexts = st.lists(steps, max_size=3)
    if is_whole:
        contexts = contexts.filter(lambda ctx: not ctx or is_list(ctx) == (kind == LIST))
    return contexts.map(with_bin)


READING = ("ListGet", "ListSize", "ListJoin", "MapGet", "MapSize")


def collection(name: str, kind: int, *args: Any) -> st.SearchStrategy[Plan]:
    """An operation on a list or map: context first, bin last."""
    plain = [arg if isinstance(arg, st.SearchStrategy) else st.just(arg) for arg in args]
    return st.builds(
        lambda where, *made: Plan(name, (where[0], *made, where[1])),
        into(kind, is_whole=not name.startswith(READING)),
        *plain,
    )


def inverted(plans: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    return st.builds(lambda plan, flag: Plan(plan.name, (*plan.args, flag)), plans, st.booleans())


@functools.cache
def of(kind: int, depth: int) -> st.SearchStrategy[Any]:
    """Expressions, or literals, of a type."""
    leaves: list[st.SearchStrategy[Any]] = [call(BINS[kind], names)]
    if kind in LITERALS:
        leaves.append(LITERALS[kind])
    if depth == 0:
        return st.one_of(leaves)
    return st.one_of(*leaves, st.deferred(lambda: expression(kind, depth - 1)))


@functools.cache
def built(kind: int, depth: int) -> st.SearchStrategy[Any]:
    """Expressions of a type."""
    return st.one_of(
        call(BINS[kind], names), st.deferred(lambda: expression(kind, max(depth - 1, 0)))
    )


@functools.cache
def expression(kind: int, depth: int) -> st.SearchStrategy[Plan]:
    some = lambda of_kind: of(of_kind, depth)  # noqa: E731
    choices: list[st.SearchStrategy[Plan]] = [
        call(BINS[kind], names),
        call("Cond", some(BOOL), some(kind), some(BOOL), some(kind), some(kind)),
        call("Let", call("Def", names, some(INT)), some(kind)),
        call(f"LoopVar{LOOPS[kind]}", st.integers(0, 2)),
    ]
    choices += MORE.get(kind, lambda some: [])(some)
    return st.one_of(choices)


LOOPS = {
    INT: "Int", FLOAT: "Float", STR: "Str", BOOL: "Bool", BLOB: "Blob",
    LIST: "List", MAP: "Map", GEO: "GeoJson", HLL: "HLL",
}  # fmt: skip
Some = Callable[[int], st.SearchStrategy[Any]]


def bools(some: Some) -> list[st.SearchStrategy[Plan]]:
    pairs = [
        call(name, some(kind), some(kind))
        for name in ("Eq", "NE", "GT", "GE", "LT", "LE")
        for kind in (INT, FLOAT, STR, BOOL, BLOB, LIST, MAP)
    ]
    return [
        st.one_of(pairs),
        call("CmpGeo", some(GEO), some(GEO)),
        call("CmpRegex", st.integers(0, 15), texts, some(STR)),
        several("And", some(BOOL), 2),
        several("Or", some(BOOL), 2),
        several("Exclusive", some(BOOL), 2),
        call("Not", some(BOOL)),
        call("KeyExists"),
        call("IsTombstone"),
        call("BinExists", names),
        call("InList", some(INT), call("ListBin", names)),
    ]


def numbers(kind: int, some: Some) -> list[st.SearchStrategy[Plan]]:
    return [
        st.one_of(
            [several(name, some(kind), 1) for name in ("Add", "Sub", "Mul", "Div", "Min", "Max")]
        ),
        call("Abs", some(kind)),
    ]


def whole(some: Some) -> list[st.SearchStrategy[Plan]]:
    index, span = some(INT), (some(INT), some(INT))
    return [
        *numbers(INT, some),
        call("Mod", some(INT), some(INT)),
        call("ToInt", some(FLOAT)),
        st.one_of([several(name, some(INT), 1) for name in ("IntAnd", "IntOr", "IntXOr")]),
        st.one_of([call(name, some(INT)) for name in ("IntNot", "IntCount")]),
        st.one_of(
            [
                call(n, some(INT), some(INT))
                for n in ("IntLeftShift", "IntRightShift", "IntArithmeticRightShift")
            ]
        ),
        st.one_of([call(name, some(INT), some(BOOL)) for name in ("IntLeftScan", "IntRightScan")]),
        st.one_of(
            [
                call(name)
                for name in (
                    "KeyInt",
                    "DeviceSize",
                    "MemorySize",
                    "RecordSize",
                    "LastUpdateTime",
                    "SinceUpdateTime",
                    "VoidTime",
                    "TTL",
                )
            ]
        ),  # fmt: skip
        call("DigestMod", st.integers(1, 2**31 - 1)),
        call("BinType", names),
        collection("ListSize", LIST),
        collection("MapSize", MAP),
        collection("ListGetByIndex", LIST, st.sampled_from([1, 2, 3, 4, 5, 7]), INT, index),
        collection("ListGetByRank", LIST, st.sampled_from([1, 2, 3, 4, 5, 7]), INT, index),
        collection("MapGetByKey", MAP, st.sampled_from([1, 2, 3, 4, 5, 6, 7]), INT, some(STR)),
        collection("MapGetByIndex", MAP, 7, INT, index),
        collection("MapGetByRank", MAP, 7, INT, index),
        call("BitCount", *span, some(BLOB).filter(is_built)),
        call("BitLeftScan", *span, some(BOOL), "b"),
        call("BitRightScan", *span, some(BOOL), "b"),
        call("BitGetInt", *span, st.booleans(), "b"),
        call("HLLGetCount", built(HLL, 0)),
        call("HLLGetUnionCount", built(HLL, 0), "h"),
        call("HLLGetIntersectCount", st.lists(blobs, max_size=3), "h"),
        call("HLLMayContain", some(LIST), "h"),
    ]


def is_built(part: Any) -> bool:
    return isinstance(part, Plan)


def real(some: Some) -> list[st.SearchStrategy[Plan]]:
    return [
        *numbers(FLOAT, some),
        call("Pow", some(FLOAT), some(FLOAT)),
        call("Log", some(FLOAT), some(FLOAT)),
        call("Floor", some(FLOAT)),
        call("Ceil", some(FLOAT)),
        call("ToFloat", some(INT)),
        call("HLLGetSimilarity", built(HLL, 0), "h"),
    ]


def strings(some: Some) -> list[st.SearchStrategy[Plan]]:
    return [
        call("KeyStr"),
        call("SetName"),
        collection("ListJoin", LIST, st.none() | texts.filter(len)),
        call("BitB64Encode", 0, st.none(), False, "b"),
        call("BitB64Encode", st.integers(0, 9), st.integers(0, 9), st.booleans(), "b"),
    ]


def blob(some: Some) -> list[st.SearchStrategy[Plan]]:
    span, policy = (some(INT), some(INT)), bit_policies
    return [
        call("KeyBlob"),
        call("BitGet", *span, "b"),
        call("BitResize", policy, some(INT), st.integers(0, 7), "b"),
        call("BitInsert", policy, some(INT), some(BLOB), "b"),
        call("BitRemove", policy, *span, "b"),
        st.one_of(
            [
                call(name, policy, *span, some(BLOB), "b")
                for name in ("BitSet", "BitOr", "BitXor", "BitAnd")
            ]
        ),
        call("BitNot", policy, *span, "b"),
        call("BitLeftShift", policy, *span, some(INT), "b"),
        call("BitRightShift", policy, *span, some(INT), "b"),
        call("BitSetInt", policy, *span, some(INT), "b"),
        call("BitAdd", policy, *span, some(INT), st.sampled_from([0, 2, 4]), "b"),
        call("BitSubtract", policy, *span, some(INT), st.sampled_from([0, 2, 4]), "b"),
    ]


def list_ops(some: Some) -> list[st.SearchStrategy[Plan]]:
    value, index, policy = some(INT) | some(STR), some(INT), list_policies
    count = some(INT) | st.just(Infinite())
    begin, stop, rt = (
        value | st.none(),
        value | st.just(Infinite()) | st.just(Wildcard()),
        st.just(7),
    )
    removing = [
        collection(f"ListRemoveBy{name}", LIST, *args)
        for name, args in {
            "Value": (value,), "ValueList": (some(LIST),), "ValueRange": (begin, stop | st.none()),
            "ValueRelRankToEnd": (value, index), "ValueRelRankRange": (value, index, count),
            "IndexRangeToEnd": (index,), "IndexRange": (index, count),
            "RankRangeToEnd": (index,), "RankRange": (index, count),
        }.items()
    ]  # fmt: skip
    return [
        collection("ListAppend", LIST, policy, value),
        collection("ListAppendItems", LIST, policy, some(LIST)),
        collection("ListInsert", LIST, policy, index, value),
        collection("ListInsertItems", LIST, policy, index, some(LIST)),
        collection("ListIncrement", LIST, policy, index, some(INT)),
        collection("ListSet", LIST, policy, index, value),
        collection("ListClear", LIST),
        collection("ListSort", LIST, st.integers(0, 3)),
        collection("ListRemoveByIndex", LIST, index),
        collection("ListRemoveByRank", LIST, index),
        inverted(st.one_of(removing)),
        st.one_of(getters("ListGetBy", LIST, rt, some)),
        st.one_of(getters("MapGetBy", MAP, st.sampled_from([1, 2, 3, 4, 6, 7]), some)),
        call("MapGetKeys", call("MapBin", names)),
        call("MapGetValues", call("MapBin", names)),
        call("HLLDescribe", built(HLL, 0)),
        path("ListBin", LIST),
        path("MapBin", LIST),
        modified("ListBin", LIST),
    ]


def getters(
    prefix: str, kind: int, rt: st.SearchStrategy[int], some: Some
) -> list[st.SearchStrategy[Plan]]:
    value, index = some(INT) | some(STR), some(INT)
    count = some(INT) | st.just(Infinite())
    args: dict[str, tuple[Any, ...]] = {
        "Value": (value,), "ValueRange": (value, value), "ValueList": (some(LIST),),
        "ValueRelRankRangeToEnd": (value, index), "ValueRelRankRange": (value, index, count),
        "IndexRangeToEnd": (index,), "IndexRange": (index, count),
        "RankRangeToEnd": (index,), "RankRange": (index, count),
    }  # fmt: skip
    if kind == MAP:
        args |= {
            "KeyRange": (value, value), "KeyList": (some(LIST),),
            "KeyRelIndexRangeToEnd": (value, index), "KeyRelIndexRange": (value, index, count),
        }  # fmt: skip
    return [inverted(collection(prefix + name, kind, rt, *more)) for name, more in args.items()]


def map_ops(some: Some) -> list[st.SearchStrategy[Plan]]:
    key, value, index, policy = some(STR) | some(INT), some(INT), some(INT), map_policies
    count = some(INT) | st.just(Infinite())
    removing = [
        collection(f"MapRemoveBy{name}", MAP, *args)
        for name, args in {
            "KeyList": (some(LIST),), "KeyRange": (key | st.none(), key | st.none()),
            "KeyRelIndexRangeToEnd": (key, index), "KeyRelIndexRange": (key, index, count),
            "Value": (value,), "ValueList": (some(LIST),), "ValueRange": (value, value),
            "ValueRelRankRangeToEnd": (value, index), "ValueRelRankRange": (value, index, count),
            "IndexRangeToEnd": (index,), "IndexRange": (index, count),
            "RankRangeToEnd": (index,), "RankRange": (index, count),
        }.items()
    ]  # fmt: skip
    return [
        collection("MapPut", MAP, policy, key, value),
        collection("MapPutItems", MAP, policy, some(MAP)),
        collection(
            "MapIncrement", MAP, None, key, value
        ),  # with one, the official client miscounts
        collection("MapClear", MAP),
        collection("MapRemoveByKey", MAP, key),
        collection("MapRemoveByIndex", MAP, index),
        collection("MapRemoveByRank", MAP, index),
        inverted(st.one_of(removing)),
        st.one_of(getters("MapGetBy", MAP, st.sampled_from([8, 16, 17]), some)),
        path("MapBin", MAP),
        modified("MapBin", MAP),
    ]


every = st.just(Step("cdt_ctx_all_children", ())) | st.builds(
    lambda i: Step(
        "cdt_ctx_all_children_with_filter",
        (Compiled(Plan("GT", (Plan("LoopVarInt", (1,)), i))),),
    ),
    ints,
)
some_keys = st.builds(
    lambda keys: Step("cdt_ctx_map_keys_in", (keys,)), st.lists(map_keys, min_size=1, max_size=3)
)
CHILDREN = {"ListBin": every, "MapBin": every | some_keys}


def path(name: str, kind: int) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda step, bits, b: Plan("SelectByPath", ([step], kind, bits, Plan(name, (b,)))),
        CHILDREN[name],
        st.sampled_from([0, 1, 2, 3, 16, 17]),
        names,
    )


def modified(name: str, kind: int) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda step, n, bits, b: Plan(
            "ModifyByPath",
            (
                [step],
                kind,
                Compiled(Plan("Add", (Plan("LoopVarInt", (1,)), n))),
                bits,
                Plan(name, (b,)),
            ),
        ),
        CHILDREN[name],
        ints,
        st.sampled_from([0, 16]),
        names,
    )


def hlls(some: Some) -> list[st.SearchStrategy[Plan]]:
    bits = st.none() | some(INT)
    return [
        call("HLLInit", hll_policies, bits, bits, "h"),
        call("HLLAdd", hll_policies, some(LIST), bits, bits, "h"),
        call("HLLGetUnion", call("HLLBin", names), "h"),
        call("HLLGetUnion", st.lists(blobs, max_size=3), "h"),
    ]


MORE: dict[int, Callable[[Some], list[st.SearchStrategy[Plan]]]] = {
    BOOL: bools, INT: whole, FLOAT: real, STR: strings, BLOB: blob, LIST: list_ops, MAP: map_ops, HLL: hlls,
}  # fmt: skip


# ---- the official client ----


class Apart:
    """The official client in a process of its own: it frees pointers that it never set, and once in some ten
    thousand expressions dies of it. Then another one takes its place."""

    def __init__(self, node: LocalNode) -> None:
        self.config = {"hosts": [(node.host, node.port)]}
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=self.work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def work(self, pipe: Any) -> None:
        warnings.simplefilter("ignore")
        client = aerospike.client(self.config)
        while True:
            plan = pipe.recv()
            try:
                made = carried_out(plan, official, official_ctx, aerospike).compile()
                pipe.send(base64.b64decode(client.get_expression_base64(made)))
            except aerospike.exception.AerospikeError as error:
                pipe.send(repr(error))

    def bytes_of(self, plan: Plan) -> bytes | str:
        """The expression's bytes, or why there are none."""
        for _ in range(3):
            try:
                self.pipe.send(plan)
                answer: bytes | str = self.pipe.recv()
                return answer
            except (EOFError, ConnectionError):
                self.stop()
                self.begin()
        raise AssertionError(f"the official client dies of {plan}")

    def stop(self) -> None:
        self.pipe.close()
        self.process.kill()
        self.process.join()


@pytest.fixture(scope="module")
def official_client(node: LocalNode) -> Iterator[Apart]:
    apart = Apart(node)
    yield apart
    apart.stop()


@CHECKS
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

FIELD_FILTER, HEADERS = 43, 8 + 22


class Heard:
    """aerospike-py behind a proxy that keeps what it sends."""

    def __init__(self, node: LocalNode) -> None:
        self.sent = bytearray()
        heard = self

        class Pipe(fault_proxy._Pipe):
            def _mangle(self, data: bytes) -> bytes:
                if self.way.name == "up":
                    heard.sent += data
                return super()._mangle(data)

        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(fault_proxy, "_Pipe", Pipe)
        self.proxies = fault_proxy.FaultProxies([(node.host, node.port)])
        self.client = aerospike_py.client(self.proxies.config()).connect()

    def filter_of(self, expression: Any) -> bytes:
        """The filter's bytes, as they went to the node."""
        del self.sent[:]
        with contextlib.suppress(aerospike_py.AerospikeError):
            self.client.get(("test", "heard", 1), policy={"filter_expression": expression})
        for at in range(len(self.sent)):  # info commands of its own may stand before and behind
            if self.sent[at : at + 2] == b"\x02\x03":
                fields = memoryview(self.sent)[at + HEADERS :]
                for _ in range(int.from_bytes(self.sent[at + 26 : at + 28], "big")):
                    size = int.from_bytes(fields[:4], "big")
                    if fields[4] == FIELD_FILTER:
                        return bytes(fields[5 : 4 + size])
                    fields = fields[4 + size :]
        raise AssertionError(f"no filter in {self.sent.hex(' ')}")

    def stop(self) -> None:
        self.client.close()
        self.proxies.stop()
        self.patch.undo()


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


# It writes maps in an order that changes from run to run, so of one pair; and integers at the limits of a size,
# as 255, with more bytes than they need.
LIMITS = {
    sign * 2**k + d for k in (5, 7, 8, 15, 16, 31, 32) for sign in (1, -1) for d in (-1, 0, 1)
}
py_ints = ints.filter(lambda n: n not in LIMITS)
py_keys = py_ints | texts | blobs
py_items = st.recursive(
    py_ints | floats | texts | blobs | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(py_keys, inner, max_size=1),
    max_leaves=9,
)
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
