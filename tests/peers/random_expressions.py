"""Random expressions of given types, as plans."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from .plans import (
    BLOB,
    BOOL,
    FLOAT,
    GEO,
    HLL,
    INT,
    LIST,
    MAP,
    STR,
    Compiled,
    Infinite,
    Plan,
    Step,
    Wildcard,
    bit_policies,
    blobs,
    call,
    floats,
    geos,
    hll_policies,
    ints,
    list_policies,
    lists,
    map_keys,
    map_policies,
    maps,
    names,
    several,
    steps,
    texts,
)

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
