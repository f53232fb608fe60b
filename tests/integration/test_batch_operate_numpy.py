"""batch_operate_numpy: operations with values of an array's rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, server

import aerospike_np as aerospike
from aerospike_np import Field, Keys, exception
from aerospike_np._batch_operate_operations import BatchOperateOperations
from aerospike_np.helpers import cdt_ctx
from aerospike_np.helpers.operations import (
    bitwise_operations as bits,
)
from aerospike_np.helpers.operations import (
    hll_operations as hll,
)
from aerospike_np.helpers.operations import (
    list_operations as lists,
)
from aerospike_np.helpers.operations import (
    map_operations as maps,
)
from aerospike_np.helpers.operations import (
    operations as plain,
)

N = 30
Param = exception.InvalidArgError
_sets = iter(range(10**6))


@pytest.fixture(scope="module")
def client() -> Iterator[aerospike.Client]:
    with server("operate_numpy") as node, node.client() as client:
        yield client


@pytest.fixture
def where() -> str:
    """A set of the test's own."""
    return f"operate_numpy{next(_sets)}"


def bins_of(client: aerospike.Client, name: str, n: int = N) -> list[Any]:
    records = client.batch_read(np.arange(n), namespace=NAMESPACE, set_name=name)
    return [record.record and record.record.bins for record in records.batch_records]


# ---- beside the same operations, record by record ----

BEFORE = {
    "n": 1, "x": 1.5, "t": "a", "y": b"\0" * 8, "l": [1, 2.5, "q", [7]], "m": {"k": 1, 1: 2.5, "in": {}},
}  # fmt: skip


def columns(rng: random.Random) -> dict[str, np.ndarray[Any, Any]]:
    def each(dtype: Any, make: Callable[[], Any]) -> np.ndarray[Any, Any]:
        column: np.ndarray[Any, Any] = np.empty(N, dtype)
        for i in range(N):
            column[i] = make()
        return column

    def number() -> int:
        return rng.choice([0, 1, -1, 2, rng.randrange(-100, 100)])

    points = np.zeros(N, [("a", "i4"), ("b", "U3")])
    points["a"], points["b"] = each("i4", number), each("U3", lambda: rng.choice("xyz"))
    words, stamps = ["", "k", "q", "häß", "long!"], ["NaT", "2026-11-21"]
    return {
        "_key": np.arange(N), "i": each("i4", number), "u": each(">u8", lambda: rng.randrange(2**40)),
        "f": each("f8", rng.random), "h": each("<f2", lambda: number() / 4),
        "at": each("i1", lambda: rng.randrange(4)), "t": each("U5", lambda: rng.choice(words)),
        "s": each("S4", lambda: rng.choice([b"k", b"four"])), "v": each("V2", lambda: rng.randbytes(2)),
        "flag": each("?", lambda: rng.random() < 0.5), "when": each("M8[s]", lambda: rng.choice(stamps)),
        "vec": each(("f4", 3), lambda: [rng.random(), 2, 3]), "point": points,
        "counts": each(("i2", 2), lambda: [number(), number()]),
        "o": each(object, lambda: rng.choice([None, 5, "text", 2.5, [1, "a"], {"k": [1]}])),
        "on": each(object, lambda: rng.choice([None, 5, -2])),
        "ol": each(object, lambda: rng.choice([None, [], [1, "b"]])),
    }  # fmt: skip


ANY = ["i", "u", "f", "h", "t", "s", "v", "flag", "when", "vec", "point", "o"]
NUMBERS = ["i", "u", "f", "h", "on"]
KEYS = ["i", "t", "s", "v"]
LISTS = ["vec", "counts", "ol"]
INNER = [cdt_ctx.cdt_ctx_map_key("in")]


def operation(rng: random.Random) -> dict[str, Any]:
    def field(names: list[str]) -> Any:
        return Field(rng.choice(names))

    one, other, number, key, at = field(ANY), field(ANY), field(NUMBERS), field(KEYS), Field("at")
    make: list[Callable[[], dict[str, Any]]] = [
        lambda: plain.write("w", one),
        lambda: plain.increment(rng.choice(["n", "x", "new"]), number),
        lambda: plain.append(rng.choice("ty"), field(["t", "s", "v"])),
        lambda: plain.prepend(rng.choice("ty"), field(["t", "s", "v"])),
        lambda: lists.list_append("l", one),
        lambda: lists.list_append("l2", one, {"list_order": 1, "write_flags": 0}),
        lambda: lists.list_append_items("l", field(LISTS)),
        lambda: lists.list_insert("l", at, one),
        lambda: lists.list_set("l", rng.choice([at, 1]), one),
        lambda: lists.list_increment("l", rng.choice([at, 0]), number),
        lambda: lists.list_remove_by_value("l", one, 0),
        lambda: lists.list_remove_by_value_range("l", 0, one, other),
        lambda: lists.list_trim("l", at, rng.choice([at, Field("i")])),
        lambda: lists.list_remove_range("l", at, rng.choice([Field("on"), Field("i")])),
        lambda: maps.map_put("m", key, one),
        lambda: maps.map_put("m", "same", one),
        lambda: maps.map_put("m", key, one, ctx=INNER),
        lambda: maps.map_put_items("m", Field("point")),
        lambda: maps.map_increment("m", key, number),
        lambda: maps.map_remove_by_key("m", key, 0),
        lambda: maps.map_remove_by_value_range("m", one, other, 0),
        lambda: maps.map_remove_by_key_list("m", field(LISTS), 0),
        lambda: bits.bit_or("y", at, 16, 2, Field("v"), None),
        lambda: bits.bit_add("y", at, 8, Field("at"), False, 2, None),
        lambda: bits.bit_not("y", at, at),
        lambda: hll.hll_add("hll", field(LISTS), 8),
        lambda: plain.touch(1000),
    ]
    return rng.choice(make)()


NOTHING = object()


def value_of(data: dict[str, Any], field: Field, row: int, op: dict[str, Any], key: str) -> Any:
    """What a row's value is when it stands in the operation by itself; NOTHING: it is left out."""
    column = data[field.name]
    value = column[row]
    if column.dtype.kind == "O":
        return NOTHING if value is None else value
    if column.dtype.kind == "M":
        return NOTHING if np.isnat(value) else int(value.astype("i8"))
    if column.ndim > 1:
        wants_list = op["op"] in (1002, 1109, 2100) and key in ("val", "value_list")
        return value.tolist() if wants_list else value.tobytes()
    if column.dtype.kind in "SV" and column.dtype.names is None:
        return column[row : row + 1].tobytes()
    if column.dtype.names is not None:
        return {name: value[name].item() for name in column.dtype.names}
    return value.item()


def for_row(
    ops: list[dict[str, Any]], data: dict[str, Any], mask: dict[str, Any], row: int
) -> list[dict[str, Any]]:
    """The operations of one row, with its values in the places of fields."""
    made = []
    for op in ops:
        one = {
            key: value_of(data, value, row, op, key) if isinstance(value, Field) else value
            for key, value in op.items()
        }
        masked = any(
            isinstance(value, Field) and value.name in mask and mask[value.name][row]
            for value in op.values()
        )
        if not masked and NOTHING not in [v for v in one.values() if v is NOTHING]:
            made.append(one)
    return made


@pytest.mark.parametrize("example", range(40))
def test_rows_end_as_with_operate_one_by_one(
    client: aerospike.Client, where: str, example: int
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    rng = random.Random(seed)
    data = columns(rng)
    ops = [operation(rng) for _ in range(rng.randrange(1, 5))]
    names = rng.sample(sorted(set(data) - {"_key"}), 3) if rng.random() < 0.5 else []
    mask = {name: np.array([rng.random() < 0.3 for _ in range(N)]) for name in names}
    print("seed", seed, "operations", ops)
    twin = f"{where}b"
    for name in (where, twin):
        client.batch_write([((NAMESPACE, name, i), BEFORE) for i in range(0, N, 2)])
    got = client.batch_operate_numpy(data, NAMESPACE, where, ops, mask=mask, empty="skip")
    codes = []
    for i in range(N):
        code = 0
        if own := for_row(ops, data, mask, i):
            try:
                client.operate((NAMESPACE, twin, i), own)
            except exception.ServerError as error:
                code = error.code
        codes.append(code)
    assert got.result_codes.tolist() == codes
    assert bins_of(client, where) == bins_of(client, twin)
    same = client.batch_read(
        np.arange(N), _dtype=[("n", "i8")], errors="mask", namespace=NAMESPACE, set_name=where
    )
    other = client.batch_read(
        np.arange(N), _dtype=[("n", "i8")], errors="mask", namespace=NAMESPACE, set_name=twin
    )
    assert same.meta["gen"].tolist() == other.meta["gen"].tolist()


# ---- what goes in ----


def test_structured_rows_frames_and_columns_are_taken(client: aerospike.Client, where: str) -> None:
    rows = np.array([(1, 5), (2, 7)], [("id", "i8"), ("amount", "i4")])
    ops = [plain.increment("total", Field("amount")), lists.list_append("all", Field("id"))]
    pandas = pytest.importorskip("pandas")
    for data in (rows, rows[::-1], {"id": [1, 2], "amount": [5, 7]}, pandas.DataFrame(rows)):
        result = client.batch_operate_numpy(data, NAMESPACE, where, ops, key_field="id")
        assert result.result_codes.tolist() == [0, 0]
    assert bins_of(client, where, 3)[1:] == [
        {"total": 20, "all": [1] * 4},
        {"total": 28, "all": [2] * 4},
    ]


def test_a_frames_index_is_no_field_and_the_refusal_says_what_makes_it_one(
    client: aerospike.Client, where: str
) -> None:
    pandas = pytest.importorskip("pandas")
    totals = pandas.DataFrame({"user": ["a", "b", "a"], "n": [1, 2, 3]}).groupby("user").sum()
    ops = [plain.increment("n", Field("n"))]
    with pytest.raises(exception.InvalidArgError, match=r"no field 'user' .* reset_index\(\)"):
        client.batch_operate_numpy(totals, NAMESPACE, where, ops, key_field="user")
    done = client.batch_operate_numpy(totals.reset_index(), NAMESPACE, where, ops, key_field="user")
    assert done.result_codes.tolist() == [0, 0]


def test_several_texts_a_row_are_refused_by_their_fields_name(
    client: aerospike.Client, where: str
) -> None:
    words = np.array([["x", "y"], ["x", "z"]])
    ops = [hll.hll_add("seen", Field("words"), 12)]
    with pytest.raises(TypeError, match="field 'words' .* column of objects, each a list"):
        client.batch_operate_numpy({"_key": np.arange(2), "words": words}, NAMESPACE, where, ops)
    lists_of_them = np.empty(2, object)
    lists_of_them[:] = words.tolist()
    data = {"_key": np.arange(2), "words": lists_of_them}
    client.batch_operate_numpy(data, NAMESPACE, where, ops).raise_for_status()
    counted = client.batch_operate(
        Keys(NAMESPACE, where, range(2)), [hll.hll_get_count("seen")], _dtype=[("seen", "i4")]
    )
    assert counted["seen"].tolist() == [2, 2]


def test_fields_may_be_none_at_all(client: aerospike.Client, where: str) -> None:
    data = {"_key": np.arange(3)}
    client.batch_operate_numpy(data, NAMESPACE, where, [plain.increment("n", 2)]).raise_for_status()
    assert bins_of(client, where, 3) == [{"n": 2}] * 3
    empty = client.batch_operate_numpy(
        {"_key": np.arange(0)}, NAMESPACE, where, [plain.increment("n", 2)]
    )
    assert len(empty) == 0


def test_times_to_live_and_generations_are_the_rows_own(
    client: aerospike.Client, where: str
) -> None:
    data = {
        "_key": np.arange(3),
        "amount": np.arange(3),
        "ttl": np.array([100, -1, 300]),
        "gen": np.array([0, 0, 5]),
    }
    ops = [plain.increment("n", Field("amount"))]
    result = client.batch_operate_numpy(data, NAMESPACE, where, ops, ttl="ttl", generation="gen")
    assert result.result_codes.tolist() == [0, 0, 3]
    found = client.batch_read(
        np.arange(2), _dtype=[("n", "i8")], namespace=NAMESPACE, set_name=where
    )
    assert found.meta["ttl"][0] in (99, 100)
    assert found.meta["ttl"][1] == 2**32 - 1


def test_bytes_and_subarrays_become_what_is_asked(client: aerospike.Client, where: str) -> None:
    data = {"_key": np.arange(1), "s": np.array([b"ab"], "S4"), "v": np.array([[1, 2]], "i2")}
    ops = [
        lists.list_append("l", Field("s")),
        lists.list_append("l", Field("v")),
        plain.write("v", Field("v")),
    ]
    client.batch_operate_numpy(data, NAMESPACE, where, ops).raise_for_status()
    assert bins_of(client, where, 1) == [{"l": [b"ab\0\0", b"\1\0\2\0"], "v": b"\1\0\2\0"}]
    client.batch_operate_numpy(
        data, NAMESPACE, f"{where}b", ops, bytes_as="str", subarrays="list"
    ).raise_for_status()
    assert bins_of(client, f"{where}b", 1) == [{"l": ["ab", [1, 2]], "v": [1, 2]}]


def test_a_row_of_which_all_is_masked_is_refused_or_skipped(
    client: aerospike.Client, where: str
) -> None:
    data = {"_key": np.arange(3), "a": np.ma.array([1, 2, 3], mask=[False, True, False])}
    ops = [plain.increment("n", Field("a"))]
    with pytest.raises(Param, match='row 1 has nothing to do .*empty="skip"'):
        client.batch_operate_numpy(data, NAMESPACE, where, ops)
    assert bins_of(client, where, 3) == [None] * 3
    result = client.batch_operate_numpy(data, NAMESPACE, where, ops, empty="skip")
    assert (result.result_codes.tolist(), result.attempts.tolist()) == ([0, 0, 0], [1, 0, 1])
    assert bins_of(client, where, 3) == [{"n": 1}, None, {"n": 3}]


@pytest.mark.only_sync("looks at the requests themselves")
def test_what_is_sent_again_are_the_values_of_these_rows(
    client: aerospike.Client, where: str
) -> None:
    data = {"_key": np.arange(5), "a": np.ma.array(np.arange(5) * 10, mask=[0, 0, 1, 0, 0])}
    ops = [plain.write("a", Field("a")), plain.increment("n", 1)]
    work = BatchOperateOperations.batch_operate_numpy(
        client, data, NAMESPACE, where, ops, ttl=np.arange(5) + 100
    )
    request, _ = work.again(np.array([4, 2]))
    (codes, *_), failure = client._core.run(request)
    assert (codes.tolist(), failure) == ([0, 0], None)
    assert bins_of(client, where, 5) == [None, None, {"n": 1}, None, {"a": 40, "n": 1}]
    left = client.batch_read(
        [4, 2], _dtype=[("n", "i8")], namespace=NAMESPACE, set_name=where
    ).meta["ttl"]
    assert [104 - int(left[0]), 102 - int(left[1])] in ([0, 0], [1, 1], [0, 1], [1, 0])


def test_windows_of_many_rows(client: aerospike.Client, where: str) -> None:
    n = 12_000
    data = {
        "_key": np.arange(n),
        "name": np.array([f"name {i}" for i in range(n)]),
        "x": np.arange(n) / 8,
    }
    ops = [maps.map_put("m", Field("name"), Field("x")), plain.write("x", Field("x"))]
    client.batch_operate_numpy(data, NAMESPACE, where, ops).raise_for_status()
    found = client.batch_read(
        np.arange(n), _dtype=[("m", "O"), ("x", "f8")], namespace=NAMESPACE, set_name=where
    )
    assert found["x"].tolist() == data["x"].tolist()
    assert all(value == {f"name {i}": i / 8} for i, value in enumerate(found["m"]))


# ---- what does not ----

DATA = {
    "_key": np.arange(2), "i": np.arange(2), "f": np.ones(2), "t": np.array(["a", "b"]),
    "s": np.array([b"a", b"b"]),
    "u": np.array([1, 2**63], "u8"), "vec": np.ones((2, 3)), "o": np.array([1, "x"], object),
    "c": np.ones(2, "c8"), "cut": np.array([b"ok", b"\xff"]),
}  # fmt: skip

BAD: list[tuple[Any, Any, type[Exception], str]] = [
    ([plain.increment("n", Field("nope"))], {}, Param, "no field 'nope' in data; fields are '_key'"),
    ([plain.increment("n", Field("t"))], {}, Param, "operation 0: 'val' must be an int or a float, and field 't'"),
    ([plain.increment("n", 1), plain.append("n", Field("i"))], {}, Param, "operation 1: 'val' must be a str"),
    ([lists.list_append_items("l", Field("i"))], {}, Param, "'val' must be a list, and field 'i' is"),
    ([maps.map_put_items("m", Field("vec"))], {}, Param, "'val' must be a dict, and field 'vec'"),
    ([lists.list_insert("l", Field("f"), 1)], {}, Param, "'index' must be an integer, and field 'f'"),
    ([bits.bit_or("y", 0, 8, 1, Field("t"), None)], {}, Param, "'value' must be bytes, and field 't'"),
    ([bits.bit_or("y", 0, 8, 9, Field("s"), None)], {}, Param, "is 9, and field 's' has 1 bytes"),
    ([plain.increment("n", Field("u"))], {}, Param, "row 1, field 'u' .*range"),
    ([lists.list_append("l", Field("u"))], {}, Param, "row 1, field 'u' .*range"),
    ([plain.append("t", Field("cut"))], {"bytes_as": "str"}, Param, "row 1, field 'cut' .*valid"),
    ([plain.increment("n", Field("o"))], {}, Param, "row 1: field 'o' must be an int or a float .* not 'x'"),
    ([plain.write("n", Field("c"))], {}, TypeError, "complex64"),
    ([plain.read("n")], {}, Param, "one of the operations reads"),
    ([plain.write("n", [Field("i")])], {}, Exception, "Field"),
    ([plain.write(Field("t"), 1)], {}, Exception, "Field"),
    ([lists.list_get_by_index("l", 0, Field("i"))], {}, Param, "'return_type' must be the same for all rows"),
    ([], {}, Param, "0 operations"),
    ("no", {}, TypeError, "ops is a list of operations, not str"),
    ([5], {}, TypeError, "operation 0: an operation is a dict"),
    ([plain.increment("n", 1)], {"key_field": "id"}, Param, "there is no field 'id' for the keys"),
    ([plain.increment("n", 1)], {"empty": "keep"}, Param, "batch_operate_numpy: empty must be"),
    ([plain.increment("n", 1)], {"ttl": 2**40}, Param, "batch_operate_numpy: ttl of row 0"),
    ([plain.increment("a_name_too_long_", Field("i"))], {}, Exception, "16 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("ops", "options", "error", "words"), BAD)
def test_what_is_wrong_is_named_and_nothing_is_sent(
    client: aerospike.Client, where: str, ops: Any, options: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.batch_operate_numpy(DATA, NAMESPACE, where, ops, **options)
    assert bins_of(client, where, 2) == [None, None]


def test_a_field_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="a value of each row: neither"):
        lists.list_append("l", 1, Field("i"))  # type: ignore[arg-type]


def test_a_field_has_no_place_in_other_calls(client: aerospike.Client, where: str) -> None:
    for ops in ([plain.increment("n", Field("i"))], [lists.list_append("l", Field("i"))]):
        with pytest.raises((exception.AerospikeError, TypeError), match="Field"):
            client.operate((NAMESPACE, where, 1), ops)
    assert repr(Field("i")) == "Field('i')"
    assert {Field("i"), Field("i"), Field("j")} == {Field("i"), Field("j")}
    with pytest.raises(TypeError, match="name is a str"):
        Field(1)  # type: ignore[arg-type]
